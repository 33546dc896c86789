"""Leasing and judging over HTTP: idempotent, all or nothing, nobody's neighbour."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from sqlalchemy import delete, func, select, update
from starlette.testclient import TestClient

from core.api.tokens import issue_token
from core.services.judgement_matrix import judgement_matrix
from core.services.projects import change_settings
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Document, Judgement, Project, Query, Round, Submission
from tests.integration.api.conftest import Desk, bearer

SEEN = 2  # the schema version that every desk begins with


def said(document_id: int, sequence: int, **more: Any) -> dict[str, Any]:
    """A submission of client 'tab'."""
    return {
        "client_id": "tab",
        "sequence": sequence,
        "document_id": document_id,
        "kind": "complete",
        "schema_version": SEEN,
        **more,
    }


def judge(client: TestClient, desk: Desk, *submissions: dict[str, Any]) -> Any:
    path = f"/v1/projects/{desk.project_id}/judgements"
    return client.post(path, json={"submissions": list(submissions)})


def lease(
    client: TestClient, desk: Desk, *, client_id: str = "tab", n: int = 5, **more: Any
) -> Any:
    body = {"client_id": client_id, "n": n, **more}
    return client.post(f"/v1/projects/{desk.project_id}/queries", json=body).json()


def n_stored(store: Store) -> int:
    with store.read() as session:
        return session.scalar(select(func.count(Submission.id))) or 0


def test_a_batch_sent_again_is_acknowledged_again_and_stored_once(
    client: TestClient, desk: Desk, store: Store
) -> None:
    red = desk.label_ids[0]
    batch = [
        said(desk.document_ids[0], 1, states={red: "present"}),
        said(desk.document_ids[1], 2, states={red: "unsure"}),
    ]
    first, again = judge(client, desk, *batch), judge(client, desk, *batch)
    assert (first.status_code, again.status_code) == (200, 200)
    assert [a["is_repeat"] for a in first.json()["acknowledged"]] == [False, False]
    assert [a["is_repeat"] for a in again.json()["acknowledged"]] == [True, True]
    assert n_stored(store) == 2


def test_the_same_number_with_other_content_is_a_conflict(
    client: TestClient, desk: Desk, store: Store
) -> None:
    judge(client, desk, said(desk.document_ids[0], 1))
    answer = judge(client, desk, said(desk.document_ids[1], 2), said(desk.document_ids[1], 1))
    assert answer.status_code == 409
    assert answer.json()["error"]["kind"] == "conflict"
    assert n_stored(store) == 1  # nothing of the second batch


def test_an_undo_of_what_is_undone_already_is_told_apart_from_a_clash(
    client: TestClient, desk: Desk, store: Store
) -> None:
    document = desk.document_ids[0]
    undo = {"kind": "undo", "undoes_client_id": "tab", "undoes_sequence": 1}
    judge(client, desk, said(document, 1), said(document, 2, **undo))
    again = judge(client, desk, said(document, 1, client_id="other tab", **undo))
    assert (again.status_code, again.json()["error"]["kind"]) == (409, "already_undone")
    assert n_stored(store) == 2


def test_a_document_of_another_project_is_refused_and_nothing_is_stored(
    client: TestClient, desk: Desk, other_desk: Desk, store: Store
) -> None:
    foreign = other_desk.document_ids[0]
    answer = judge(client, desk, said(desk.document_ids[0], 1), said(foreign, 2))
    assert answer.status_code == 404
    assert f"Document {foreign} is not in project 'desk'" in answer.json()["error"]["message"]
    assert n_stored(store) == 0


def test_an_unknown_label_is_refused(client: TestClient, desk: Desk, store: Store) -> None:
    answer = judge(client, desk, said(desk.document_ids[0], 1, states={9999: "present"}))
    assert answer.status_code == 404
    assert "Label 9999" in answer.json()["error"]["message"]
    assert n_stored(store) == 0


def test_malformed_bodies_get_a_sentence_that_names_the_place(
    client: TestClient, desk: Desk
) -> None:
    answer = judge(client, desk, said(desk.document_ids[0], -1))
    assert answer.status_code == 422
    assert answer.json()["error"]["message"].startswith("body.submissions.0.sequence:")
    assert judge(client, desk).status_code == 422  # an empty batch


@pytest.mark.parametrize("number", [2**31, 2**63, 2**64, 10**30, -1])
@pytest.mark.parametrize("name", ["document_id", "sequence", "query_id", "undoes_sequence"])
def test_a_number_that_no_database_holds_is_refused(
    client: TestClient, desk: Desk, name: str, number: int
) -> None:
    answer = judge(client, desk, {**said(desk.document_ids[0], 1, kind="undo"), name: number})
    assert answer.status_code == 422
    assert answer.json()["error"]["message"].startswith(f"body.submissions.0.{name}:")


def test_label_and_document_ids_in_lists_are_bounded_too(client: TestClient, desk: Desk) -> None:
    document, huge = desk.document_ids[0], 2**64
    assert judge(client, desk, said(document, 1, states={huge: "present"})).status_code == 422
    for name in ("have", "release"):
        assert "2147483647" in lease(client, desk, **{name: [huge]})["error"]["message"]


@pytest.mark.parametrize("bad", ["a\0b", "a\n", "\x7f", "", "x" * 65])
def test_a_client_id_is_short_and_without_control_characters(
    client: TestClient, desk: Desk, bad: str
) -> None:
    document = desk.document_ids[0]
    undo = {"kind": "undo", "undoes_sequence": 1, "undoes_client_id": bad}
    assert judge(client, desk, said(document, 1, client_id=bad)).status_code == 422
    assert judge(client, desk, said(document, 1, **undo)).status_code == 422
    assert "client_id" in lease(client, desk, client_id=bad)["error"]["message"]
    assert judge(client, desk, said(document, 1, client_id="Zoë's 2nd")).status_code == 200


def test_a_label_that_was_not_on_the_screen_stays_unjudged(
    client: TestClient, desk: Desk, store: Store
) -> None:
    path = f"/v1/projects/{desk.project_id}/labels"
    seen = client.get(path).json()["schema_version"]
    assert client.post(path, json=[{"name": "new"}]).json()["schema_version"] == seen + 1
    judge(client, desk, said(desk.document_ids[0], 1, schema_version=seen))
    judge(client, desk, said(desk.document_ids[1], 2, schema_version=seen + 1))
    with store.read() as session:
        truth = judgement_matrix(session, desk.project_id).truth
    np.testing.assert_array_equal(truth, [[0, 0, 0, -1], [0, 0, 0, 0]])
    assert judge(client, desk, said(desk.document_ids[2], 3, schema_version=99)).status_code == 422


def test_a_complete_submission_says_which_labels_were_seen(
    client: TestClient, desk: Desk, store: Store
) -> None:
    document, red = desk.document_ids[0], desk.label_ids[0]
    answer = judge(client, desk, said(document, 1, schema_version=None))
    assert (answer.status_code, n_stored(store)) == (422, 0)
    assert "names the schema_version you looked at" in answer.json()["error"]["message"]
    marked = {"kind": "partial", "states": {red: "present"}, "schema_version": None}
    assert judge(client, desk, said(document, 1, **marked)).status_code == 200
    assert lease(client, desk)["schema_version"] == SEEN


def test_a_lease_keeps_others_away_and_is_renewed_by_asking_again(
    client: TestClient, desk: Desk
) -> None:
    mine = lease(client, desk, client_id="one")
    theirs = lease(client, desk, client_id="two")
    assert len(mine["in_hand"]) == 5
    assert not set(mine["in_hand"]) & set(theirs["in_hand"])
    again = lease(client, desk, client_id="one", n=7, have=mine["in_hand"])
    assert again["in_hand"][:5] == mine["in_hand"]
    assert [doc["document_id"] for doc in again["documents"]] == again["in_hand"][5:]


def test_a_lease_says_whether_documents_come_in_an_order_yet(
    client: TestClient, desk: Desk, store: Store, settings: Settings
) -> None:
    assert lease(client, desk)["is_ordered"] is False
    with store.write() as session:
        query = Query(
            project_id=desk.project_id,
            document_id=desk.document_ids[0],
            kind="cold_start",
            strategy="label_similarity",
            rank=1,
        )
        session.add(query)
    assert lease(client, desk)["is_ordered"] is True
    with store.write() as session:
        session.execute(delete(Query))
    put_round_in_force(store, settings, desk)
    assert lease(client, desk)["is_ordered"] is True


def test_what_is_let_go_is_there_for_everybody(client: TestClient, desk: Desk) -> None:
    n = len(desk.document_ids)
    mine = lease(client, desk, client_id="one", n=n)["in_hand"]
    assert lease(client, desk, client_id="two")["in_hand"] == []
    lease(client, desk, client_id="one", n=1, release=mine[1:])
    assert len(lease(client, desk, client_id="two", n=n)["in_hand"]) == n - 1


def test_a_document_says_why_it_was_chosen_and_is_judged_blind_when_audited(
    client: TestClient, desk: Desk, store: Store, settings: Settings
) -> None:
    seen, audited = desk.document_ids[:2]
    put_round_in_force(store, settings, desk)
    with store.write() as session:
        session.execute(update(Document).where(Document.id == audited).values(is_audited=True))
    served = {doc["document_id"]: doc for doc in lease(client, desk, n=40)["documents"]}
    assert served[seen]["suggestions"] == {
        str(label_id): proba
        for label_id, proba in zip(desk.label_ids, (0.25, 0.5, 0.75), strict=True)
    }
    assert served[seen]["reason"] == "unsure about red"
    assert (served[seen]["kind"], served[seen]["score"]) == ("model", 0.5)
    assert served[audited]["kind"] == "audit"
    assert served[audited]["suggestions"] == {}
    path = f"/v1/projects/{desk.project_id}/documents/{audited}"
    assert client.get(path).json()["suggestions"] == {}
    with store.write() as session:
        session.execute(update(Document).where(Document.id == seen).values(is_audited=True))
    served = {doc["document_id"]: doc for doc in lease(client, desk, n=40)["documents"]}
    assert (served[seen]["kind"], served[seen]["suggestions"]) == ("model", {})


def put_round_in_force(store: Store, settings: Settings, desk: Desk) -> None:
    """A finished round with its files, and one query of it."""
    folder = settings.checkpoints_dir / "round"
    folder.mkdir(parents=True)
    np.save(folder / "pool_ids.npy", np.array(desk.document_ids, dtype=np.int64))
    proba = np.tile(np.array([0.25, 0.5, 0.75], dtype=np.float32), (len(desk.document_ids), 1))
    np.save(folder / "pool_proba.npy", proba)
    (folder / "label_ids.json").write_text(str(list(desk.label_ids)))
    with store.write() as session:
        round_ = Round(
            project_id=desk.project_id,
            number=1,
            kind="quick",
            status="done",
            strategy="bald",
            seed=1,
            checkpoint="round",
        )
        session.add(round_)
        session.flush()
        session.add(
            Query(
                project_id=desk.project_id,
                round_id=round_.id,
                document_id=desk.document_ids[0],
                kind="model",
                strategy="bald",
                rank=1,
                score=0.5,
                reason="unsure about red",
            )
        )
        session.execute(update(Project).values(active_round_id=round_.id))


def test_a_document_opened_again_shows_what_was_said_of_it(client: TestClient, desk: Desk) -> None:
    document, red = desk.document_ids[0], desk.label_ids[0]
    path = f"/v1/projects/{desk.project_id}/documents/{document}"
    assert client.get(path).json()["said_kind"] is None
    judge(client, desk, said(document, 1, states={red: "present"}))
    opened = client.get(path).json()
    assert (opened["said_kind"], opened["said"]) == ("complete", {str(red): "present"})
    judge(client, desk, said(document, 2, kind="undo", undoes_sequence=1))
    assert client.get(path).json()["said_kind"] is None


def test_eight_people_at_once_lose_nothing_double_nothing_and_share_no_document(
    api: FastAPI, settings: Settings, store: Store, desk: Desk
) -> None:
    def work(person: int) -> list[int]:
        token = issue_token(settings, annotator=f"p{person}", project_id=desk.project_id)
        done: list[int] = []
        with TestClient(api, headers=bearer(token)) as client:
            while True:
                found = lease(client, desk, client_id=f"tab {person}", n=2)["documents"]
                if not found:
                    return done
                for doc in found:
                    states = {desk.label_ids[doc["document_id"] % 3]: "present"}
                    submission = said(
                        doc["document_id"], len(done), client_id=f"tab {person}", states=states
                    )
                    for _ in range(2):  # every message twice, as after a lost answer
                        assert judge(client, desk, submission).status_code == 200
                    done.append(doc["document_id"])

    with ThreadPoolExecutor(8) as pool:
        done = [id_ for ids in pool.map(work, range(8)) for id_ in ids]
    assert Counter(done) == Counter(desk.document_ids)
    with store.read() as session:
        stored = session.execute(
            select(Submission.document_id, Judgement.label_id).join(
                Judgement, Judgement.submission_id == Submission.id
            )
        ).all()
    assert Counter(row.document_id for row in stored) == Counter(desk.document_ids)
    assert all(row.label_id == desk.label_ids[row.document_id % 3] for row in stored)


def test_a_bad_batch_does_not_fail_the_good_ones_beside_it(
    api: FastAPI, settings: Settings, store: Store, desk: Desk
) -> None:
    token = issue_token(settings, annotator="ada", project_id=desk.project_id)

    def send(number: int) -> int:
        document = 9999 if number % 3 == 0 else desk.document_ids[number]
        with TestClient(api, headers=bearer(token)) as client:
            submission = said(document, number, client_id=f"tab {number}")
            return int(judge(client, desk, submission).status_code)

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(send, range(24)))
    assert codes == [404 if number % 3 == 0 else 200 for number in range(24)]
    assert n_stored(store) == 16


def test_where_one_label_applies_a_batch_without_it_is_refused_whole(
    client: TestClient, desk: Desk, store: Store
) -> None:
    with store.write() as session:
        change_settings(session, desk.project_id, exclusive=True)
    red, blue, _ = desk.label_ids
    good = said(desk.document_ids[0], 1, states={red: "present"})
    for states in ({}, {red: "present", blue: "present"}):
        answer = judge(client, desk, good, said(desk.document_ids[1], 2, states=states))
        assert answer.status_code == 422
        assert "exactly one label applies to each document" in answer.json()["error"]["message"]
        assert n_stored(store) == 0
    ruled_out = said(desk.document_ids[1], 2, kind="partial", states={red: "absent"})
    assert judge(client, desk, good, ruled_out).status_code == 200
    schema = client.get(f"/v1/projects/{desk.project_id}/labels").json()
    assert (schema["exclusive"], schema["schema_version"]) == (True, SEEN + 1)
