"""Looking at judgements again over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from core.services.judgement_matrix import judgement_matrix
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Review
from tests.integration.api.conftest import Desk
from tests.integration.doubts import Doubt, round_in_doubt


def path(desk: Desk, more: str = "") -> str:
    return f"/v1/projects/{desk.project_id}/reviews{more}"


@pytest.fixture
def doubted(client: TestClient, desk: Desk, store: Store, settings: Settings) -> Desk:
    """Three documents judged red by Ada, all in doubt."""
    submissions = [
        {
            "client_id": "card",
            "sequence": number,
            "document_id": document_id,
            "kind": "complete",
            "schema_version": 2,
            "states": {desk.label_ids[0]: "present"},
        }
        for number, document_id in enumerate(desk.document_ids[:3])
    ]
    answer = client.post(
        f"/v1/projects/{desk.project_id}/judgements", json={"submissions": submissions}
    )
    assert answer.status_code == 200
    doubts = [Doubt(id_, desk.label_ids[0], True) for id_ in desk.document_ids[:3]]
    round_in_doubt(store, settings, desk.project_id, doubts)
    return desk


def verdict(desk: Desk, sequence: int, at: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "client_id": "tab",
        "sequence": sequence,
        "document_id": desk.document_ids[at],
        "label_id": desk.label_ids[0],
        "verdict": "flipped",
        "seen": "present",
        **more,
    }


def send(client: TestClient, desk: Desk, *verdicts: dict[str, Any]) -> Any:
    return client.post(path(desk), json={"source": "card", "verdicts": list(verdicts)})


def truth(store: Store, desk: Desk) -> list[int]:
    with store.read() as session:
        matrix = judgement_matrix(session, desk.project_id)
    return matrix.truth[:, 0].tolist()


def test_the_queue_is_read_a_page_at_a_time(client: TestClient, doubted: Desk) -> None:
    first = client.get(path(doubted, "?n=2")).json()
    assert (first["is_ready"], first["n_left"], len(first["items"])) == (True, 3, 2)
    item = first["items"][0]
    assert (item["state"], item["judged_by"], item["text"]) == ("present", "ada", "desk 0")
    assert item["proba"] == pytest.approx(0.03)
    after, round_id = first["next_after"], first["round_id"]
    last = client.get(path(doubted, f"?n=2&after={after}&round_id={round_id}")).json()
    assert [item["document_id"] for item in last["items"]] == [doubted.document_ids[2]]
    assert last["next_after"] is None


def test_a_pair_names_the_label_that_makes_it_doubtful(
    client: TestClient, doubted: Desk, store: Store, settings: Settings
) -> None:
    red, blue = doubted.label_ids[:2]
    pair = Doubt(doubted.document_ids[0], blue, False, 0.975, with_id=red)
    round_in_doubt(store, settings, doubted.project_id, companions=[pair])
    assert client.get(path(doubted)).json()["items"] == []
    (item,) = client.get(path(doubted, "?kind=companion")).json()["items"]
    assert (item["label_id"], item["with_id"], item["suspicion"]) == (blue, red, 0.975)


def test_before_a_round_the_queue_is_not_ready(client: TestClient, desk: Desk) -> None:
    answer = client.get(path(desk)).json()
    assert (answer["is_ready"], answer["items"]) == (False, [])
    assert client.get(path(desk, "/effect")).json()["expected_left"] is None


def test_verdicts_sent_again_are_stored_once(
    client: TestClient, doubted: Desk, store: Store
) -> None:
    batch = [verdict(doubted, 1), verdict(doubted, 2, at=1, verdict="confirmed")]
    first = send(client, doubted, *batch).json()["acknowledged"]
    again = send(client, doubted, *batch).json()["acknowledged"]
    assert [one["is_repeat"] for one in first] == [False, False]
    assert [one["is_repeat"] for one in again] == [True, True]
    assert truth(store, doubted) == [0, 1, 1]
    with store.read() as session:
        assert session.scalar(select(func.count()).select_from(Review)) == 2
    assert client.get(path(doubted)).json()["n_left"] == 1
    effect = client.get(path(doubted, "/effect?kind=suspect")).json()
    assert (effect["n_flipped"], effect["n_confirmed"], effect["precision"]) == (1, 1, 0.5)


def test_a_verdict_and_its_undo_may_travel_together(
    client: TestClient, doubted: Desk, store: Store
) -> None:
    undo = {
        "client_id": "tab",
        "sequence": 2,
        "document_id": doubted.document_ids[0],
        "undoes_sequence": 1,
        "undoes_client_id": "tab",
    }
    assert send(client, doubted, verdict(doubted, 1), undo).status_code == 200
    assert truth(store, doubted) == [1, 1, 1]
    assert client.get(path(doubted)).json()["n_left"] == 3
    late = {**undo, "sequence": 3}
    refused = send(client, doubted, late)
    assert (refused.status_code, refused.json()["error"]["kind"]) == (409, "already_undone")


def test_one_bad_verdict_stores_none(client: TestClient, doubted: Desk, store: Store) -> None:
    unknown = verdict(doubted, 2, label_id=999)
    answer = send(client, doubted, verdict(doubted, 1), unknown)
    assert answer.status_code == 404
    assert truth(store, doubted) == [1, 1, 1]


@pytest.mark.parametrize(
    "changes",
    [{"verdict": None}, {"undoes_sequence": 0}, {"verdict": "maybe"}, {"seen": "unsure"}],
    ids=["nothing said", "both", "no such verdict", "no such state"],
)
def test_a_verdict_is_one_thing_or_refused_in_words(
    client: TestClient, doubted: Desk, changes: dict[str, Any]
) -> None:
    answer = send(client, doubted, verdict(doubted, 1, **changes))
    assert answer.status_code == 422
    assert answer.json()["error"]["message"]


def test_another_projects_token_reads_and_says_nothing(
    client: TestClient, doubted: Desk, other_desk: Desk
) -> None:
    assert client.get(path(other_desk)).status_code == 403
    assert send(client, other_desk, verdict(doubted, 1)).status_code == 403
