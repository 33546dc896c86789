"""The Errors tab: what it draws, and what it says where something is missing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.domain import EvaluationSource
from core.evaluation.outputs import OUTPUTS, EvaluationOutputs, write_outputs
from core.services.diagnoses import DRIFT
from pages.widgets.context import PAGE_FILES
from tests.ui.rooms import SHELL, Rooms

Said = Callable[[AppTest], str]

DRIFT_TOLD: dict[str, Any] = {
    "auc": 0.9,
    "low": 0.85,
    "high": 0.95,
    "n_judged": 40,
    "n_pool": 100,
    "n_waiting": 100,
    "n_suspects": 7,
    "expected_wrong": 2.6,
    "n_rare": 2,
    "n_rare_labels": 1,
    "error_rates": {"left_out": 0.05, "given": 0.01},
    "labels": [
        {
            "label_id": 1,
            "name": "billing",
            "n_judged": 40,
            "judged": 0.5,
            "low": 0.35,
            "high": 0.65,
            "expected": 0.2,
        }
    ],
    "findings": [
        {
            "kind": "renamed",
            "label_ids": [1, 2],
            "at": 20,
            "strength": 5.0,
            "sentence": "“billing” stops after about 20 judged documents and “refund” begins.",
        }
    ],
}


@pytest.fixture
def project(rooms: Rooms) -> int:
    """A measured round in force."""
    project = rooms.project("billing", "refund", n_documents=40)
    rooms.finished_round(project, micro_f1=0.62)
    return project


def folder(rooms: Rooms, project: int) -> Path:
    made = rooms.settings.checkpoints_dir / f"{project}-letters/bald_seed7_round1"
    made.mkdir(parents=True, exist_ok=True)
    return made


def keep_outputs(rooms: Rooms, project: int, *, n: int = 40, is_right: bool = False) -> None:
    rng = np.random.default_rng(0)
    proba = rng.random((n, 2)).astype(np.float32)
    truth = (rng.random((n, 2)) < 0.5).astype(np.int8)
    if is_right:
        truth = (proba >= 0.5).astype(np.int8)
    outputs = EvaluationOutputs(
        proba=proba,
        truth=truth,
        names=("billing", "refund"),
        thresholds=np.full(2, 0.5),
        source=EvaluationSource.OUT_OF_FOLD,
        document_ids=np.arange(1, n + 1),
        external_ids=tuple(f"d{i}" for i in range(n)),
        texts=tuple("Letter number " + "1 " * i for i in range(n)),
        label_ids=(1, 2),
        colours=("#0077BB", "#DD6E2B"),
    )
    write_outputs(folder(rooms, project) / OUTPUTS, outputs)


def keep_drift(rooms: Rooms, project: int, **changes: Any) -> None:
    (folder(rooms, project) / DRIFT).write_text(json.dumps(DRIFT_TOLD | changes))


def open_tab(project: int) -> AppTest:
    test = AppTest.from_file(SHELL, default_timeout=60)
    test.query_params["project"] = str(project)
    test.query_params["view"] = "Errors"
    test.run()
    return test.switch_page(PAGE_FILES["dashboards"]).run()


def test_errors_are_drawn_by_label_length_and_words_and_what_was_found_is_said(
    rooms: Rooms, project: int, said: Said
) -> None:
    keep_outputs(rooms, project)
    keep_drift(rooms, project)
    test = open_tab(project)
    assert not test.error
    assert not test.exception
    assert len(test.get("plotly_chart")) == 4
    words = said(test).replace("\\", "")
    assert "“billing” stops after about 20 judged documents" in words
    assert "7 judgements contradict what a model that did not see them expects" in words
    assert "very roughly 3 of them are wrong" in words
    assert "2 present judgements of 1 label could not be checked" in words
    assert "Judged documents are easily told from those that wait" in words
    assert "over-represented: “billing”" in words
    assert "Surest first" in words


def test_a_round_of_an_earlier_version_says_so(rooms: Rooms, project: int, said: Said) -> None:
    test = open_tab(project)
    assert not test.exception
    assert "are not kept with it" in said(test)
    assert len(test.get("plotly_chart")) == 0


def test_without_errors_nothing_is_listed(rooms: Rooms, project: int, said: Said) -> None:
    keep_outputs(rooms, project, is_right=True)
    keep_drift(rooms, project, findings=[], n_suspects=0, expected_wrong=0.0, auc=None, low=None)
    test = open_tab(project)
    assert not test.exception
    words = said(test)
    assert "Nothing measured was predicted wrongly" in words
    assert "No judgement is doubtful" in words
    assert "cannot be told" in words
    assert "There is none." in words


def test_a_torn_file_is_told_and_the_rest_is_drawn(rooms: Rooms, project: int) -> None:
    keep_outputs(rooms, project)
    (folder(rooms, project) / DRIFT).write_text("{")
    test = open_tab(project)
    assert "cannot be read" in test.error[0].value
    assert len(test.get("plotly_chart")) == 3
