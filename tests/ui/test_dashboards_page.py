from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from core.domain import EvaluationSource, JobStatus, RoundKind
from core.evaluation.outputs import OUTPUTS
from core.services.operating_points import set_operating_point
from core.services.rounds import RoundInfo
from core.store.tables import Round, now
from pages.widgets.context import PAGE_FILES
from pages.widgets.round_words import history_entries, rounds_table, what_changed
from tests.measured_rounds import made_up, measured_round
from tests.ui.rooms import SHELL, Rooms

Said = Callable[[AppTest], str]
TABS = {
    "Thresholds": ["threshold_sweep"],
    "Calibration": ["reliability"],
    "Labels": ["per_label", "pr_curves", "histograms"],
    "Together": ["pairs_judged", "pairs_predicted", "pairs_difference", "companions"],
    "History": ["f1_by_round", "loss_by_epoch", "speed_by_day"],
}


def measured(rooms: Rooms) -> int:
    project = rooms.project("billing", "refund", n_documents=3)
    rooms.finished_round(project, micro_f1=0.62)
    return project


def open_tab(project: int, tab: str) -> AppTest:
    test = AppTest.from_file(SHELL, default_timeout=60)
    test.query_params["project"] = str(project)
    test.query_params["view"] = tab
    test.run()
    return test.switch_page(PAGE_FILES["dashboards"]).run()


def test_before_the_first_round_the_page_leads_to_training(rooms: Rooms, said: Said) -> None:
    test = rooms.open("dashboards", project=rooms.project("billing"))
    assert "before the first round" in said(test)
    assert "Go to Train" in [button.label for button in test.button]


def test_the_headline_says_what_was_measured_and_on_what(rooms: Rooms, said: Said) -> None:
    test = rooms.open("dashboards", project=measured(rooms))
    shown = {metric.label: metric.value for metric in test.metric}
    assert shown["Micro-F1"] == "0.62"
    assert shown["Macro-F1"] == "undefined"
    words = said(test)
    assert "Measured on 3 audit documents, never trained on." in words
    assert "95 %: 0.52 to 0.72" in words


def test_the_headline_says_that_other_thresholds_are_in_force(rooms: Rooms, said: Said) -> None:
    project = measured(rooms)
    assert "Other thresholds" not in said(rooms.open("dashboards", project=project))
    with rooms.store.write() as session:
        round_id = session.query(Round.id).scalar()
        set_operating_point(
            session, project, round_id, shared=0.3, own={}, aim=None, annotator="anna"
        )
    assert "Other thresholds were set by anna" in said(rooms.open("dashboards", project=project))


@pytest.mark.parametrize("tab", ["In short", "Thresholds", "Calibration", "Labels", "Errors"])
def test_a_damaged_file_is_told_once_and_leaves_what_is_stored_elsewhere(
    rooms: Rooms, tab: str
) -> None:
    project = measured_round(rooms.settings, rooms.store, made_up(40, 3))
    for path in rooms.settings.checkpoints_dir.rglob(OUTPUTS):
        path.write_bytes(path.read_bytes()[:500])
    test = open_tab(project, tab)
    assert not test.exception
    (error,) = test.error
    assert "is no file of evaluation outputs, or not whole" in error.value


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_draws_its_charts_with_their_sentences(
    rooms: Rooms, said: Said, tab: str
) -> None:
    test = open_tab(measured(rooms), tab)
    assert not test.error
    assert not test.exception
    assert len(test.get("plotly_chart")) == len(TABS[tab])
    assert said(test).count(":material/lightbulb:") == (2 if tab == "Together" else len(TABS[tab]))


def test_a_round_without_an_evaluation_says_so(rooms: Rooms, said: Said) -> None:
    project = measured(rooms)
    with rooms.store.write() as session:
        session.query(Round).update({"evaluation": None})
    assert "Round 1 was not measured" in said(rooms.open("dashboards", project=project))


def info(number: int, micro_f1: float | None, source: EvaluationSource) -> RoundInfo:
    return RoundInfo(
        id=number,
        project_id=1,
        number=number,
        kind=RoundKind.QUICK,
        status=JobStatus.DONE,
        strategy="bald",
        seed=1,
        n_judged=100,
        n_audited=0,
        threshold=0.5,
        temperature=1.0,
        is_active=True,
        error=None,
        created_at=now(),
        finished_at=now(),
        metrics={
            "source": source,
            "n_documents": 40,
            "micro_f1": micro_f1,
            "micro_f1_low": micro_f1,
            "micro_f1_high": micro_f1,
            "note": "Too few documents.",
        },
    )


def test_rounds_measured_on_different_documents_are_not_compared() -> None:
    audit, folds = EvaluationSource.AUDIT, EvaluationSource.OUT_OF_FOLD
    alike = [info(2, 0.7, audit), info(1, 0.6, audit)]
    assert "Round 1 had 0.60." in what_changed(alike, alike[0])
    mixed = [info(2, 0.7, audit), info(1, 0.6, folds)]
    assert "cannot be compared" in what_changed(mixed, mixed[0])
    both_folds = [info(2, 0.7, folds), info(1, 0.6, folds)]
    assert "different documents" in what_changed(both_folds, both_folds[0])
    unmeasured = [info(2, None, EvaluationSource.NONE), info(1, 0.6, folds)]
    assert "Too few documents." in what_changed(unmeasured, unmeasured[0])


def test_a_deep_round_is_said_to_have_learnt_from_what_it_trained_on() -> None:
    deep = info(1, 0.6, EvaluationSource.HELD_OUT)
    deep.metrics["n_held_out"] = 25
    assert "It learnt from 100 judged documents, 25 more were held out." in what_changed(
        [deep], deep
    )
    assert history_entries([deep])[0]["n_judged"] == 125
    assert rounds_table([deep])["Judged"].tolist() == ["125"]


SAME = {"precision": 0.62, "recall": 0.62}  # as they are where one label is predicted and judged


def test_where_one_label_applies_the_figure_is_called_accuracy(rooms: Rooms, said: Said) -> None:
    project = rooms.project("billing", "refund", n_documents=3)
    rooms.finished_round(project, micro_f1=0.62, config={"exclusive": True}, metrics=SAME)
    test = open_tab(project, "Calibration")
    assert [metric.label for metric in test.metric] == ["Accuracy", "Macro-F1"]
    assert not {"Thresholds", "Together"} & {tab.label for tab in test.tabs}
    assert "there is no threshold to choose" in said(test)
    assert "Accuracy is the share" in said(open_tab(project, "History"))
    assert not test.exception


def test_a_score_that_is_no_accuracy_is_not_called_so(rooms: Rooms) -> None:
    project = rooms.project("billing", "refund", n_documents=3)
    unlike = {"precision": 0.7, "recall": 0.55}
    rooms.finished_round(project, micro_f1=0.62, config={"exclusive": True}, metrics=unlike)
    test = rooms.open("dashboards", project=project)
    assert test.metric[0].label == "Micro-F1"


def test_the_history_tells_how_a_round_learnt(rooms: Rooms, said: Said) -> None:
    project = rooms.project("billing", "refund", n_documents=3)
    rooms.finished_round(
        project,
        micro_f1=0.62,
        config={"learner": {"kind": "transformer", "tuning": "lora", "epochs": 3}},
        metrics={
            "learner": {
                "chosen": "narrow",
                "scores": {"narrow": 0.6123, "wide": 0.5, "deep": None},
                "stopped_because": "Stopped after epoch 3 of 5: no gain.",
                "messages": ["The GPU was lost in epoch 2; training went on with the CPU."],
            },
        },
    )
    test = open_tab(project, "History")
    words = said(test).replace("\\", "")
    assert (
        "Learner: **Language model**; what is trained: small matrices beside it (LoRA); epochs: 3."
        in words
    )
    assert "Of 2 variants, *narrow* did best on judged documents left out: 0.612" in words
    assert "Stopped after epoch 3 of 5: no gain." in words
    assert "The GPU was lost" in test.warning[0].value
