"""A deep round changes the encoder, and nothing is measured on what an encoder saw."""

from __future__ import annotations

import json

import numpy as np
import pytest

from core.domain import EvaluationSource, JobStatus, RoundKind
from core.rounds import files
from core.services.predictions import folder_in_force
from core.services.rounds import RoundInfo, RoundRequest, active_round, request_round
from tests.integration.rounds.office import Office


@pytest.fixture(scope="module")
def project_id(served: Office) -> int:
    project_id = served.new_project("deep")
    served.judge(project_id, range(30))
    return project_id


def run(office: Office, project_id: int, request: RoundRequest) -> RoundInfo:
    info = request_round(office.store, office.settings, project_id, request)
    job = office.wait_until_finished(office.job_of_round(info.id).id)
    assert job.status is JobStatus.DONE, job.error
    with office.store.read() as session:
        return active_round(session, project_id)


@pytest.fixture(scope="module")
def deep(served: Office, project_id: int) -> RoundInfo:
    request = RoundRequest(RoundKind.DEEP, query_size=5, seed=5, learner={"epochs": 1})
    return run(served, project_id, request)


def test_a_deep_round_keeps_ten_out_and_is_measured_on_them(
    served: Office, project_id: int, deep: RoundInfo
) -> None:
    with served.store.read() as session:
        folder = folder_in_force(session, served.settings, project_id)
    unseen = np.load(folder / files.UNSEEN)
    assert np.isfinite(unseen["proba"]).all(axis=1).sum() == 10
    assert len(np.load(folder / files.TRAINED_ON)) == 20
    assert deep.metrics["source"] == EvaluationSource.HELD_OUT
    assert deep.metrics["n_documents"] == 10
    assert (deep.n_judged, deep.metrics["n_held_out"]) == (20, 10)
    assert [entry["epoch"] for entry in deep.history] == [1]


def test_a_quick_round_goes_on_from_the_tuned_encoder_and_measures_only_what_it_never_saw(
    served: Office, project_id: int, deep: RoundInfo
) -> None:
    with served.store.read() as session:
        folder = folder_in_force(session, served.settings, project_id)
    tuned = json.loads((folder / files.ENCODER).read_text())
    seen = set(np.load(folder / files.TRAINED_ON).tolist())
    served.judge(project_id, range(30, 38))

    quick = run(served, project_id, RoundRequest(query_size=2, seed=6))

    with served.store.read() as session:
        folder = folder_in_force(session, served.settings, project_id)
    assert json.loads((folder / files.ENCODER).read_text()) == tuned
    assert tuned["tuned_in"] == f"{project_id}-deep/{deep.strategy}_seed5_round{deep.number}"
    predicted = np.isfinite(np.load(folder / files.UNSEEN)["proba"]).all(axis=1)
    train_ids = np.load(folder / files.SNAPSHOT)["train_ids"]
    assert predicted.sum() == 38 - 20
    assert not seen & set(train_ids[predicted].tolist())
    assert quick.metrics["source"] == EvaluationSource.OUT_OF_FOLD
    assert quick.metrics["n_documents"] == 18
    assert quick.n_judged == 38
