"""Every network of a deep round through a real worker, killed, begun with earlier weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from core.domain import EvaluationSource, JobStatus, RoundKind
from core.learners.text_learners import format_of
from core.learners.training_state import ABOUT
from core.model_export.source import open_source
from core.rounds import files
from core.rounds.train_deep import TRAINING
from core.services.predictions import folder_in_force
from core.services.rounds import RoundInfo, RoundRequest, active_round, request_round
from core.training.model import TextModel
from tests.integration.rounds.office import Office

CNN = {"kind": "cnn", "epochs": 2, "filters": 8, "embedding_width": 32}


@pytest.fixture(scope="module")
def project_id(served: Office) -> int:
    project_id = served.new_project("networks")
    served.judge(project_id, range(30))
    return project_id


def asked(office: Office, project_id: int, learner: dict[str, Any], seed: int = 5) -> int:
    request = RoundRequest(RoundKind.DEEP, query_size=3, seed=seed, learner=learner)
    info = request_round(office.store, office.settings, project_id, request)
    return office.job_of_round(info.id).id


def done(office: Office, project_id: int, job_id: int) -> tuple[RoundInfo, Path]:
    job = office.wait_until_finished(job_id)
    assert job.status is JobStatus.DONE, job.error
    with office.store.read() as session:
        folder = folder_in_force(session, office.settings, project_id)
        return active_round(session, project_id), folder


@pytest.mark.parametrize(
    ("learner", "form"),
    [
        (CNN, "marginalia-text-network-1"),
        ({"kind": "student", "student": "cnn", "epochs": 1}, "marginalia-student-1"),
        (
            {"kind": "transformer", "tuning": "lora", "epochs": 1, "max_tokens": 64},
            "marginalia-deep-learner-1",
        ),
    ],
    ids=["cnn", "student", "lora"],
)
def test_every_kind_is_trained_measured_and_kept(
    served: Office, project_id: int, learner: dict[str, Any], form: str
) -> None:
    info, folder = done(served, project_id, asked(served, project_id, learner))
    assert format_of(folder / files.TUNED) == form
    assert info.metrics["source"] == EvaluationSource.HELD_OUT
    assert info.metrics["n_documents"] == 10
    assert [entry["epoch"] for entry in info.history] == list(range(1, learner["epochs"] + 1))
    told = json.loads((folder / files.CHOICE).read_text())
    assert told["stopped_because"] == f"All {learner['epochs']} epochs were run."
    assert told["messages"] == []
    assert not (folder / TRAINING).exists()
    kept_for = open_source(folder, served.settings).encoder.max_tokens
    assert kept_for == learner.get("max_tokens", 256)
    proba = TextModel.load(folder, settings=served.settings).proba(["a text " * 100])
    assert proba.shape == (1, 3)


def test_killed_in_its_training_a_round_goes_on_from_the_last_epoch(
    served: Office, project_id: int
) -> None:
    learner = {"kind": "transformer", "tuning": "last", "epochs": 4}
    _, whole = done(served, project_id, asked(served, project_id, learner, seed=8))
    job_id = asked(served, project_id, learner, seed=8)
    served.wait_for(lambda: bool(epochs_kept(whole)), "an epoch to be kept")
    served.kill_worker()
    n_kept = max(epochs_kept(whole))
    served.start_worker()
    _, folder = done(served, project_id, job_id)
    assert folder != whole
    assert json.loads((folder / files.CHOICE).read_text())["resumed_from"] == n_kept
    weights = [
        load_file(where / files.TUNED_ENCODER / "model.safetensors") for where in (whole, folder)
    ]
    for name, values in weights[0].items():
        np.testing.assert_array_equal(values, weights[1][name])
    assert not epochs_kept(whole)


def epochs_kept(beside: Path) -> list[int]:
    found = []
    for path in beside.parent.glob(f"*/{TRAINING}/{ABOUT}"):
        epoch = json.loads(path.read_text())["epoch"]
        found += [epoch] if epoch else []
    return found


def test_documents_that_begun_with_weights_know_are_never_measured_on(
    served: Office, project_id: int
) -> None:
    first, folder = done(served, project_id, asked(served, project_id, {"epochs": 1}))
    seen = set(np.load(folder / files.TRAINED_ON).tolist())
    assert len(seen) == first.n_judged == 20
    served.judge(project_id, range(30, 38))
    learner = {"epochs": 1, "warm_start": True}
    second, folder = done(served, project_id, asked(served, project_id, learner, seed=9))
    measured = np.isfinite(np.load(folder / files.UNSEEN)["proba"]).all(axis=1)
    ids = np.load(folder / files.SNAPSHOT)["train_ids"]
    assert measured.sum() == second.metrics["n_held_out"] == 10
    assert not seen & set(ids[measured].tolist())
    assert second.n_judged == 28
    assert seen < set(np.load(folder / files.TRAINED_ON).tolist())
    statistics = json.loads((folder / files.STATISTICS).read_text())
    assert (statistics["n_trained_on"], statistics["n_held_out"]) == (28, 10)
