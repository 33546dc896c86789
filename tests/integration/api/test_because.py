"""What a choice rests on, as the API serves it, and searches asked for over it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, update
from starlette.testclient import TestClient

from core.domain import JobStatus, QueryKind
from core.services.jobs import SEARCH, finish_job
from core.services.labels import retire_label
from core.services.seeding import put_first
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Document, Job, Project, Query
from core.strategies.reasons import Because, DrivingLabel, Neighbour
from tests.integration.api.conftest import Desk

LONG = "first line\nsecond line " + "word " * 60


def lease(client: TestClient, desk: Desk, *, n: int = 1) -> dict[str, Any]:
    path = f"/v1/projects/{desk.project_id}/queries"
    return client.post(path, json={"client_id": "tab", "n": n}).json()


def judge(client: TestClient, desk: Desk, document_id: int, sequence: int, **change: Any) -> None:
    submission = {
        "client_id": "judge",
        "sequence": sequence,
        "document_id": document_id,
        "kind": "complete",
        "states": {},
        "schema_version": 2,
        **change,
    }
    answer = client.post(
        f"/v1/projects/{desk.project_id}/judgements", json={"submissions": [submission]}
    )
    assert answer.status_code == 200, answer.text


def choose(store: Store, desk: Desk, at: int, *near: int, rank: int = 1) -> None:
    """A query about one document, with these as its judged neighbours."""
    because = Because(
        labels=(DrivingLabel(desk.label_ids[0], 0.75, 0.5),),
        neighbours=tuple(Neighbour(desk.document_ids[n], 0.9 - n / 100) for n in near),
    )
    with store.write() as session:
        session.add(
            Query(
                project_id=desk.project_id,
                document_id=desk.document_ids[at],
                kind=QueryKind.COLD_START,
                strategy="s",
                rank=rank,
                because=because.to_json(),
            )
        )


def test_neighbours_come_with_how_they_begin_and_what_they_are_judged_now(
    client: TestClient, desk: Desk, store: Store
) -> None:
    red, blue, _ = desk.label_ids
    near, other = desk.document_ids[1], desk.document_ids[2]
    with store.write() as session:
        session.execute(update(Document).where(Document.id == near).values(text=LONG))
    judge(client, desk, near, 1, states={blue: "present", red: "present"})
    judge(client, desk, near, 2, kind="partial", states={red: "absent"})
    judge(client, desk, other, 3)
    choose(store, desk, 0, 1, 2)
    because = lease(client, desk)["documents"][0]["because"]
    assert because["labels"] == [{"label_id": red, "share": 0.75, "proba": 0.5}]
    first, second = because["neighbours"]
    assert (first["document_id"], first["similarity"]) == (near, 0.89)
    assert first["excerpt"].startswith("first line second line word")
    assert len(first["excerpt"]) <= 160
    assert first["excerpt"].endswith("…")
    assert first["present"] == [blue]
    assert (second["excerpt"], second["present"]) == ("desk 2", [])


def test_a_neighbour_whose_judgement_was_taken_back_is_none(
    client: TestClient, desk: Desk, store: Store
) -> None:
    judge(client, desk, desk.document_ids[1], 1)
    judge(client, desk, desk.document_ids[1], 2, kind="undo", undoes_sequence=1)
    choose(store, desk, 0, 1)
    assert lease(client, desk)["documents"][0]["because"]["neighbours"] == []


def test_a_label_retired_since_is_not_said_of_a_neighbour(
    client: TestClient, desk: Desk, store: Store
) -> None:
    red, blue, _ = desk.label_ids
    judge(client, desk, desk.document_ids[1], 1, states={red: "present", blue: "present"})
    with store.write() as session:
        retire_label(session, red)
    choose(store, desk, 0, 1)
    (near,) = lease(client, desk)["documents"][0]["because"]["neighbours"]
    assert near["present"] == [blue]


def test_a_document_of_the_audit_set_is_judged_without_evidence(
    client: TestClient, desk: Desk, store: Store
) -> None:
    judge(client, desk, desk.document_ids[1], 1)
    choose(store, desk, 0, 1)
    with store.write() as session:
        session.execute(
            update(Document).where(Document.id == desk.document_ids[0]).values(is_audited=True)
        )
    assert lease(client, desk)["documents"][0]["because"] is None


def test_the_neighbours_of_many_documents_are_read_at_once(
    client: TestClient, desk: Desk, store: Store
) -> None:
    for at in range(20, 30):
        judge(client, desk, desk.document_ids[at], at)
    for at in range(20):
        choose(store, desk, at, 20 + at % 10, 20 + (at + 1) % 10, rank=at)
    backend = client.app.state.backend  # type: ignore[attr-defined]
    read: list[str] = []
    event.listen(
        backend.store.engine, "before_cursor_execute", lambda _c, _u, sql, *_: read.append(sql)
    )
    documents = lease(client, desk, n=15)["documents"]
    assert sum(len(doc["because"]["neighbours"]) for doc in documents) == 30
    assert len([sql for sql in read if "FROM judgement" in sql or "JOIN judgement" in sql]) == 1


def test_a_search_is_taken_and_told_of(
    client: TestClient, desk: Desk, store: Store, settings: Settings
) -> None:
    path = f"/v1/projects/{desk.project_id}/search"
    assert client.get(path).status_code == 404
    answer = client.post(path, json={"text": " late  parcels ", "n": 3})
    assert answer.status_code == 202
    told = answer.json()
    assert (told["text"], told["n_wanted"], told["status"]) == ("late parcels", 3, "queued")
    assert client.post(path, json={"text": "late parcels", "n": 3}).json() == told
    assert client.get(path).json() == told
    assert lease(client, desk)["newest_finds"] is None
    with store.write() as session:
        job = session.get_one(Job, told["job_id"])
        assert job.kind == SEARCH
        job.detail = {"n_found": 2, "n_with_words": 1, "n_unread": 0, "note": ""}
        finish_job(session, job, JobStatus.DONE)
    assert client.get(path).json()["n_found"] == 2
    assert lease(client, desk)["newest_finds"] == told["job_id"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"text": "…"}, "There is nothing to look for"),
        ({"text": "late", "n": 1000}, "ask for 1 to 100"),
        ({"n": 5}, "text"),
    ],
)
def test_a_search_for_nothing_is_refused(
    client: TestClient, desk: Desk, body: dict[str, Any], said: str
) -> None:
    answer = client.post(f"/v1/projects/{desk.project_id}/search", json=body)
    assert answer.status_code == 422
    assert said in answer.json()["error"]["message"]


def test_finds_are_dealt_before_all_else_and_audits_still_take_their_turns(
    client: TestClient, desk: Desk, store: Store
) -> None:
    ids = desk.document_ids
    with store.write() as session:
        project = session.get_one(Project, desk.project_id)
        session.execute(update(Document).where(Document.id == ids[39]).values(is_audited=True))
        project.settings = {**project.settings, "audit_every": 4}
        because = Because(search="x").to_json()
        finds = [
            {"document_id": ids[at], "score": 0.5, "reason": "like “x”", "because": because}
            for at in (30, 20, 10, 5)
        ]
        put_first(session, project, finds)
    dealt = lease(client, desk, n=6)["documents"]
    kinds = [(doc["document_id"], doc["kind"]) for doc in dealt[:5]]
    assert kinds == [
        (ids[30], "search"),
        (ids[20], "search"),
        (ids[10], "search"),
        (ids[39], "audit"),
        (ids[5], "search"),
    ]
    assert dealt[0]["because"]["search"] == "x"
