"""Who may call, and for which project."""

from __future__ import annotations

import os
import stat
from multiprocessing import get_context
from pathlib import Path

import pytest
from fastapi import FastAPI
from itsdangerous import URLSafeTimedSerializer
from starlette.testclient import TestClient

from core.api.tokens import SECRET_FILE, Caller, TokenRefused, issue_token, read_token
from core.settings import Settings
from tests.integration.api.conftest import Desk, bearer


def test_a_token_says_who_and_where(settings: Settings) -> None:
    token = issue_token(settings, annotator="ada", project_id=7)
    assert read_token(settings, token) == Caller("ada", 7)
    everywhere = read_token(settings, issue_token(settings, annotator="ada", project_id=None))
    assert everywhere.may_touch(1)
    assert not Caller("ada", 7).may_touch(1)


def test_a_forged_token_is_refused(settings: Settings) -> None:
    forged = URLSafeTimedSerializer("guess", salt="marginalia.api").dumps(
        {"annotator": "eve", "project": "*"}
    )
    with pytest.raises(TokenRefused, match="not made by this app"):
        read_token(settings, forged)


def test_an_old_token_is_refused(settings: Settings) -> None:
    token = issue_token(settings, annotator="ada", project_id=7)
    later = settings.model_copy(update={"token_ttl_s": -1})
    with pytest.raises(TokenRefused, match="run out"):
        read_token(later, token)


def make_token(folder: Path) -> str:
    settings = Settings(data_dir=folder)
    return issue_token(settings, annotator="ada", project_id=1)


def test_processes_that_start_together_agree_on_the_secret(tmp_path: Path) -> None:
    with get_context("spawn").Pool(3) as pool:
        tokens = pool.map(make_token, [tmp_path] * 6)
    settings = Settings(data_dir=tmp_path)
    assert {read_token(settings, token) for token in tokens} == {Caller("ada", 1)}
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / SECRET_FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("headers", "status", "sentence"),
    [
        ({}, 401, "No token was sent"),
        (bearer("nonsense"), 401, "not made by this app"),
        ({"Authorization": "Basic YTpi"}, 401, "No token was sent"),
    ],
)
def test_without_a_good_token_nothing_is_answered(
    api: FastAPI, desk: Desk, headers: dict[str, str], status: int, sentence: str
) -> None:
    client = TestClient(api, headers=headers)
    for method, path in [
        ("GET", "/v1/projects"),
        ("GET", f"/v1/projects/{desk.project_id}/documents"),
        ("POST", f"/v1/projects/{desk.project_id}/queries"),
        ("POST", f"/v1/projects/{desk.project_id}/judgements"),
        ("GET", f"/v1/projects/{desk.project_id}/exports.csv"),
    ]:
        answer = client.request(method, path)
        assert answer.status_code == status
        assert sentence in answer.json()["error"]["message"]


def test_a_token_for_one_project_opens_no_other(
    client: TestClient, desk: Desk, other_desk: Desk
) -> None:
    answer = client.get(f"/v1/projects/{other_desk.project_id}/documents")
    assert answer.status_code == 403
    assert answer.json()["error"]["kind"] == "not_allowed"
    assert [p["id"] for p in client.get("/v1/projects").json()] == [desk.project_id]
    assert client.post("/v1/projects", json={"name": "mine"}).status_code == 403
