"""The tab about labels that go together, on a stored evaluation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.domain import EvaluationSource
from core.evaluation.report import Evaluation, evaluate
from core.store.tables import Round
from pages.widgets.context import PAGE_FILES
from tests.ui.rooms import SHELL, Rooms

Said = Callable[[AppTest], str]


def opened(rooms: Rooms, evaluation: Evaluation) -> AppTest:
    project = rooms.project(*evaluation.names, n_documents=3)
    rooms.finished_round(project, micro_f1=0.62)
    with rooms.store.write() as session:
        session.query(Round).update({"evaluation": evaluation.to_json()})
    test = AppTest.from_file(SHELL, default_timeout=60)
    test.query_params["project"] = str(project)
    test.query_params["view"] = "Together"
    test.run()
    return test.switch_page(PAGE_FILES["dashboards"]).run()


def measured(n_labels: int, n_documents: int = 120) -> Evaluation:
    rng = np.random.default_rng(0)
    truth = (rng.random((n_documents, n_labels)) < 0.1).astype(np.int8)
    truth[:40, :2] = 1  # the first two go together
    proba = np.where(truth == 1, 0.9, 0.1).astype(np.float32)
    proba[:40, 1:2] = 0.1  # and the model never says so
    return evaluate(
        proba,
        truth,
        names=[f"label {i}" for i in range(n_labels)],
        source=EvaluationSource.AUDIT,
        threshold=0.5,
        seed=0,
    )


@pytest.mark.parametrize("n_labels", [3, 54, 300])
def test_every_measure_is_drawn_with_few_and_with_many_labels(
    rooms: Rooms, said: Said, n_labels: int
) -> None:
    test = opened(rooms, measured(n_labels))
    assert not test.exception
    for measure in ("conditional", "lift", "phi", "count"):
        test.button_group(key="pairs").set_value(measure).run()
        assert not test.exception
    assert "label 0" in said(test)


def test_the_pair_that_the_model_misses_stands_first_in_the_table(rooms: Rooms) -> None:
    table = opened(rooms, measured(5)).dataframe[0].value
    first = table.iloc[0]
    assert {first["Label"], first["with"]} == {"label 0", "label 1"}
    assert first["Predicted together"] < 5 < first["Judged together"]


def test_the_table_can_be_narrowed_to_a_label(rooms: Rooms) -> None:
    test = opened(rooms, measured(6))
    test.multiselect(key="pairs_labels").set_value(["label 4"]).run()
    table = test.dataframe[0].value
    assert len(table)
    assert ((table["Label"] == "label 4") | (table["with"] == "label 4")).all()


def test_a_project_with_one_label_has_no_pairs(rooms: Rooms, said: Said) -> None:
    assert "Two labels are needed" in said(opened(rooms, measured(1)))
