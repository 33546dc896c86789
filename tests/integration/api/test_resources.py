"""Projects, documents, labels, rounds and exports over HTTP, and the API's own description."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from core.api.tokens import issue_token
from core.settings import ROOT, Settings
from tests.integration.api.conftest import Desk, bearer


@pytest.fixture
def owner(api: FastAPI, settings: Settings) -> TestClient:
    """A client whose token covers all projects."""
    return TestClient(api, headers=bearer(issue_token(settings, annotator="ada", project_id=None)))


def test_a_project_is_made_once(owner: TestClient) -> None:
    made = owner.post("/v1/projects", json={"name": "News"})
    assert made.status_code == 201
    assert owner.get(f"/v1/projects/{made.json()['id']}").json()["name"] == "News"
    again = owner.post("/v1/projects", json={"name": "News"})
    assert again.status_code == 409
    assert "already a project called 'News'" in again.json()["error"]["message"]
    assert owner.get("/v1/projects/999").status_code == 404


def judge_some(client: TestClient, desk: Desk) -> None:
    red = desk.label_ids[0]
    submissions = [
        {
            "client_id": "tab",
            "sequence": number,
            "document_id": desk.document_ids[number],
            "kind": "complete",
            "schema_version": 2,
            "states": {red: "present"} if number % 2 else {},
        }
        for number in range(10)
    ]
    client.post(
        f"/v1/projects/{desk.project_id}/judgements", json={"submissions": submissions}
    ).raise_for_status()


def test_a_project_may_take_exactly_one_label_per_document(owner: TestClient) -> None:
    made = owner.post("/v1/projects", json={"name": "News", "exclusive": True}).json()
    assert made["exclusive"]
    assert owner.get(f"/v1/projects/{made['id']}").json() == made
    assert not owner.post("/v1/projects", json={"name": "Tags"}).json()["exclusive"]


def test_a_round_takes_a_learner_by_name_and_refuses_what_it_does_not_have(
    client: TestClient, desk: Desk
) -> None:
    judge_some(client, desk)
    path = f"/v1/projects/{desk.project_id}/rounds"
    refused = client.post(path, json={"learner": {"kind": "mlp", "epoch": 3}})
    assert refused.status_code == 422
    assert "did you mean 'epochs'" in refused.json()["error"]["message"]
    learner = {"kind": "mlp", "epochs": 3}
    asked = client.post(path, json={"learner": learner})
    assert asked.status_code == 202
    assert asked.json()["learner"] == learner


def test_documents_come_in_pages(client: TestClient, desk: Desk) -> None:
    path, found, cursor = f"/v1/projects/{desk.project_id}/documents", [], 0
    while cursor is not None:
        page = client.get(path, params={"after": cursor, "limit": 15}).json()
        assert len(page["documents"]) <= 15
        found += [document["id"] for document in page["documents"]]
        cursor = page["next_cursor"]
    assert found == list(desk.document_ids)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/projects/{huge}",
        "/v1/projects/{project}/documents/{huge}",
        "/v1/projects/{project}/documents?after={huge}",
        "/v1/projects/{project}/rounds/{huge}",
    ],
)
def test_an_address_with_a_number_that_no_database_holds_is_refused(
    owner: TestClient, desk: Desk, path: str
) -> None:
    answer = owner.get(path.format(project=desk.project_id, huge=2**64))
    assert (answer.status_code, answer.json()["error"]["kind"]) == (422, "input_error")


def test_labels_are_added_all_or_none(client: TestClient, desk: Desk) -> None:
    path = f"/v1/projects/{desk.project_id}/labels"
    refused = client.post(path, json=[{"name": "green"}, {"name": "red"}])
    assert refused.status_code == 409
    assert [label["name"] for label in client.get(path).json()["labels"]] == ["red", "blue", "x"]


def test_a_round_without_judgements_is_refused_with_the_way_out(
    client: TestClient, desk: Desk
) -> None:
    path = f"/v1/projects/{desk.project_id}/rounds"
    refused = client.post(path, json={})
    assert (refused.status_code, refused.json()["error"]["kind"]) == (409, "not_ready")
    assert client.get(path).json() == []


def test_a_round_is_started_looked_at_and_cancelled(client: TestClient, desk: Desk) -> None:
    judge_some(client, desk)
    path = f"/v1/projects/{desk.project_id}/rounds"
    started = client.post(path, json={"strategy": "random", "seed": 3})
    assert started.status_code == 202
    round_ = started.json()
    assert (round_["number"], round_["status"], round_["seed"]) == (1, "queued", 3)
    assert client.post(path, json={"n_passes": 1}).status_code == 422
    unknown = client.post(path, json={"strategy": "bald", "recipe": {"random_shares": 0.2}})
    assert unknown.status_code == 422
    assert "did you mean 'random_share'" in unknown.text
    cancelled = client.post(f"{path}/{round_['id']}/cancel")
    assert cancelled.json()["status"] == "cancelled"
    assert client.get(f"{path}/{round_['id']}").json()["status"] == "cancelled"
    assert client.get(f"{path}/999").status_code == 404


def test_exports_hold_what_was_judged(client: TestClient, desk: Desk) -> None:
    submission = {
        "client_id": "tab",
        "sequence": 1,
        "document_id": desk.document_ids[3],
        "kind": "complete",
        "schema_version": 2,
        "states": {desk.label_ids[0]: "present"},
    }
    client.post(
        f"/v1/projects/{desk.project_id}/judgements", json={"submissions": [submission]}
    ).raise_for_status()
    base = f"/v1/projects/{desk.project_id}/exports"
    table = client.get(f"{base}.csv")
    assert table.headers["content-disposition"].endswith(".csv")
    [row] = csv.DictReader(io.StringIO(table.text.removeprefix("\ufeff")))
    [line] = [json.loads(text) for text in client.get(f"{base}.jsonl").text.splitlines()]
    assert "desk 3" in row.values()
    assert "desk 3" in line.values()
    everything = client.get(f"{base}.jsonl", params={"include_unjudged": True})
    assert len(everything.text.splitlines()) == len(desk.document_ids)
    assert client.get(f"{base}.xls").status_code == 422


def test_the_health_of_the_app_needs_no_token(api: FastAPI) -> None:
    health = TestClient(api).get("/v1/health")
    assert health.status_code == 200
    assert health.json()["is_worker_alive"] is False


def test_an_app_that_is_still_starting_says_so() -> None:
    from core.api.app import build_api

    answer = TestClient(build_api()).get("/v1/health")
    assert (answer.status_code, answer.json()["error"]["kind"]) == (409, "not_ready")


def test_the_documentation_comes_from_this_server_alone(api: FastAPI) -> None:
    client = TestClient(api)
    page = client.get("/docs").text
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(sources) >= 3
    for source in sources:
        assert "//" not in source
        assert client.get(f"/{source}").status_code == 200


def test_every_endpoint_is_described_and_versioned(api: FastAPI) -> None:
    description = TestClient(api).get("/openapi.json").json()
    assert all(path.startswith("/v1/") for path in description["paths"])
    for operations in description["paths"].values():
        for operation in operations.values():
            assert operation["description"]


def test_the_written_guide_names_the_endpoints_there_are(api: FastAPI) -> None:
    paths = TestClient(api).get("/openapi.json").json()["paths"]
    described = {
        (method.upper(), re.sub(r"{\w+}", "{}", path.removeprefix("/v1")))
        for path, operations in paths.items()
        for method in operations
    }
    guide = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    written = {
        (method, re.sub(r"{\w}", "{}", path).replace("exports.csv", "exports.{}"))
        for methods, path in re.findall(r"^\| ([A-Z, ]+) \| `([^`?]+)", guide, re.MULTILINE)
        for method in methods.split(", ")
    }
    assert written == described


def test_an_address_that_does_not_exist_points_to_the_documentation(client: TestClient) -> None:
    answer = client.get("/v1/nothing")
    assert answer.status_code == 404
    assert "/api/docs" in answer.json()["error"]["message"]
