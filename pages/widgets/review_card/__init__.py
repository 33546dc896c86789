"""The review card: judgements in doubt, one after another, a key for each verdict.

It talks to the API by itself, as the annotation card does, with that card's way of
keeping in the browser what is not acknowledged yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

FOLDER = Path(__file__).parent
SHARED = FOLDER.parent / "annotation_card"
SHARED_SCRIPTS = ("keep", "identity", "server", "outbox")
SCRIPTS = ("reviewing", "words", "view", "keys", "card")  # later ones use earlier ones


@cache
def _component() -> Any:
    shared = [_read(SHARED / f"{name}.js") for name in SHARED_SCRIPTS]
    return st.components.v2.component(
        "review_card",
        html=_read(FOLDER / "card.html"),
        css=_read(SHARED / "card.css") + _read(FOLDER / "card.css"),
        js="\n".join([*shared, *(_read(FOLDER / f"{name}.js") for name in SCRIPTS)]),
    )


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def review_card(
    *,
    api_base: str,
    token: str,
    project: dict[str, Any],
    labels: Sequence[dict[str, Any]],
    annotator: str,
    kind: str,
    key: str,
) -> Any:
    """Draw the card for one kind of doubt."""
    return _component()(
        data={
            "api_base": api_base,
            "token": token,
            "project": project,
            "labels": list(labels),
            "annotator": annotator,
            "kind": kind,
        },
        key=key,
        on_token_needed_change=lambda: None,
    )
