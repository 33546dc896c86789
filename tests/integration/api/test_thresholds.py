"""Thresholds over the API: what is set there decides what is suggested and exported."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from core.domain import JobStatus, RoundKind
from core.services.predictions import LABEL_IDS, POOL_IDS, POOL_PROBA
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Project, Round
from tests.integration.api.conftest import Desk
from tests.integration.api.test_because import judge, lease

ROUND = 1


@pytest.fixture
def scored(store: Store, settings: Settings, desk: Desk) -> Desk:
    """A finished round in force: each document red 0.7, blue 0.5, x 0.2; cut at 0.6."""
    folder = settings.checkpoints_dir / "1/round-1"
    folder.mkdir(parents=True)
    proba = np.tile(np.array([0.7, 0.5, 0.2], dtype=np.float16), (len(desk.document_ids), 1))
    np.save(folder / POOL_IDS, np.array(desk.document_ids))
    np.save(folder / POOL_PROBA, proba)
    (folder / LABEL_IDS).write_text(json.dumps(desk.label_ids))
    with store.write() as session:
        session.add(
            Round(
                id=ROUND,
                project_id=desk.project_id,
                number=1,
                kind=RoundKind.QUICK,
                status=JobStatus.DONE,
                strategy="margin",
                seed=0,
                label_ids=list(desk.label_ids),
                threshold=0.6,
                metrics={"cuts": {"shared": 0.6, "own": {}, "falls_short": [], "aim": {}}},
                checkpoint="1/round-1",
            )
        )
        session.flush()
        session.get_one(Project, desk.project_id).active_round_id = ROUND
    return desk


def path(desk: Desk, round_id: int = ROUND) -> str:
    return f"/v1/projects/{desk.project_id}/rounds/{round_id}/thresholds"


def exported(client: TestClient, desk: Desk) -> dict[str, str]:
    answer = client.get(f"/v1/projects/{desk.project_id}/exports.csv")
    text = io.StringIO(answer.content.decode("utf-8-sig"), newline="")
    return next(csv.DictReader(text))


def test_a_threshold_that_is_moved_changes_suggestions_and_export_at_once(
    client: TestClient, scored: Desk
) -> None:
    red, blue, x = scored.label_ids
    first = lease(client, scored)
    judge(client, scored, first["documents"][0]["document_id"], 0)
    assert first["documents"][0]["predicted"] == [red]
    assert first["thresholds"] == {"shared": 0.6, "own": {}}
    row = exported(client, scored)
    assert (row["predicted"], row["threshold"], row["thresholds"]) == ("red", "0.6", "")

    moved = client.put(path(scored), json={"shared": 0.45, "own": {str(red): 0.9}})
    assert moved.status_code == 200, moved.text
    assert moved.json()["thresholds"] == {str(red): 0.9, str(blue): 0.45, str(x): 0.45}
    assert (moved.json()["set_by"], moved.json()["is_own_of_round"]) == ("ada", False)

    body = {"client_id": "another", "n": 1}
    again = client.post(f"/v1/projects/{scored.project_id}/queries", json=body).json()
    assert again["documents"][0]["predicted"] == [blue]
    assert again["thresholds"] == {"shared": 0.45, "own": {str(red): 0.9}}
    opened = client.get(f"/v1/projects/{scored.project_id}/documents/{scored.document_ids[0]}")
    assert opened.json()["predicted"] == [blue]
    row = exported(client, scored)
    assert (row["predicted"], row["threshold"]) == ("blue", "0.45")
    assert json.loads(row["thresholds"]) == {"red": 0.9}

    assert client.delete(path(scored)).json()["is_own_of_round"] is True
    assert exported(client, scored)["predicted"] == "red"
    history = client.get(f"{path(scored)}/history").json()
    assert [one["shared"] for one in history] == [0.6, 0.45, 0.6]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"shared": 1.2}, "less than or equal to 1"),
        ({"shared": 0.5, "own": {"999": 0.5}}, "Label 999 is not in round 1"),
        ({"shared": 0.5, "aim": {"goal": "luck"}}, "goals are f1"),
        ({"shared": 0.5, "own": {"1": -0.1}}, "greater than or equal to 0"),
        ({"own": {}}, "shared"),
    ],
)
def test_thresholds_that_cannot_be_are_refused(
    client: TestClient, scored: Desk, body: dict[str, Any], words: str
) -> None:
    answer = client.put(path(scored), json=body)
    assert answer.status_code == 422
    assert words.lower() in answer.json()["error"]["message"].lower()
    assert client.get(path(scored)).json()["is_own_of_round"] is True


def test_a_round_under_way_or_of_another_project_has_none_to_set(
    client: TestClient, scored: Desk, store: Store
) -> None:
    assert client.get(path(scored, 99)).status_code == 404
    with store.write() as session:
        session.get_one(Round, ROUND).status = JobStatus.RUNNING
    answer = client.put(path(scored), json={"shared": 0.5})
    assert (answer.status_code, answer.json()["error"]["kind"]) == (409, "conflict")
