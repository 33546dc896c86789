"""Signed, expiring tokens: who is calling, and for which project.

A page makes one for its annotator and hands it to the card; scripts get theirs
from the command line. Nothing is stored: whoever knows the secret can check one.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from core.errors import InputError
from core.settings import Settings

SECRET_FILE = "token.secret"
ALL_PROJECTS = "*"


class TokenRefused(InputError):
    """The token is missing, forged or too old (HTTP 401)."""


@dataclass(frozen=True)
class Caller:
    """Who calls, and the one project they may touch; None means all."""

    annotator: str
    project_id: int | None

    def may_touch(self, project_id: int) -> bool:
        """Whether the token covers this project."""
        return self.project_id in (None, project_id)


def issue_token(settings: Settings, *, annotator: str, project_id: int | None) -> str:
    """A token for this annotator, good for one project or, with None, for all."""
    if not annotator.strip():
        raise InputError("A token needs an annotator's name; type yours and try again.")
    project = ALL_PROJECTS if project_id is None else project_id
    return _signer(settings).dumps({"annotator": annotator.strip(), "project": project})


def read_token(settings: Settings, token: str) -> Caller:
    """Who the token speaks for; raises TokenRefused when it is forged or has run out."""
    try:
        claims = _signer(settings).loads(token, max_age=settings.token_ttl_s)
    except SignatureExpired as error:
        raise TokenRefused("The token has run out; reload the page or make a new one.") from error
    except BadSignature as error:
        raise TokenRefused(
            "The token was not made by this app or is damaged; make a new one."
        ) from error
    project = claims["project"]
    return Caller(claims["annotator"], None if project == ALL_PROJECTS else int(project))


def _signer(settings: Settings) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(_secret(settings), salt="marginalia.api")


def _secret(settings: Settings) -> str:
    if settings.token_secret:
        return settings.token_secret
    path = settings.data_dir / SECRET_FILE
    return path.read_text() if path.exists() else _make_secret(path)


def _make_secret(path: Path) -> str:
    """Make the secret, or read the one that another process has just made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        if not path.exists():
            draft = path.with_suffix(".new")
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_urlsafe(32))
            draft.replace(path)
        return path.read_text()
