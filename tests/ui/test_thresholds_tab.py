"""The Thresholds tab: what is in force, what an aim gives, and putting it in force."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.domain import EvaluationSource
from core.evaluation.operating_points import Aim, Goal, Scope
from core.evaluation.outputs import EvaluationOutputs, write_outputs
from core.evaluation.trying import CHOOSING, try_aim
from core.services.operating_points import operating_point, set_operating_point
from core.services.projects import ProjectSettings, get_project
from core.store.tables import Round
from pages.widgets.context import PAGE_FILES
from tests.measured_rounds import made_up, measured_round
from tests.ui.rooms import SHELL, Rooms

Said = Callable[[AppTest], str]


def too_low(n_documents: int = 160, n_labels: int = 3) -> EvaluationOutputs:
    """Documents out of fold, with probabilities that hardly reach one half."""
    made = made_up(n_documents, n_labels, seed=3)
    return replace(
        made,
        proba=(0.6 * made.proba).astype(np.float32),
        source=EvaluationSource.OUT_OF_FOLD,
        folds=np.arange(n_documents) % 5,
    )


def project_with(rooms: Rooms, outputs: EvaluationOutputs) -> int:
    return measured_round(rooms.settings, rooms.store, outputs)


def open_tab(project: int) -> AppTest:
    test = AppTest.from_file(SHELL, default_timeout=60)
    test.query_params["project"] = str(project)
    test.query_params["view"] = "Thresholds"
    test.run()
    return test.switch_page(PAGE_FILES["dashboards"]).run()


def round_of(rooms: Rooms, project: int) -> int:
    with rooms.store.read() as session:
        return int(get_project(session, project).active_round_id or 0)


def in_force(rooms: Rooms, project: int):
    with rooms.store.read() as session:
        return operating_point(session, project)


def aim_at(test: AppTest, round_id: int, goal: Goal, scope: Scope = Scope.SHARED) -> AppTest:
    test.selectbox(key=f"aim_{round_id}").select(goal).run()
    if scope is Scope.PER_LABEL:
        test.segmented_control(key=f"scope_{round_id}").set_value(scope).run()
    assert not test.exception
    return test


def table(test: AppTest):
    return test.dataframe[0].value


def has_editor(test: AppTest) -> bool:
    names = [element.proto.component_name for element in test.get("bidi_component")]
    return any("threshold_editor" in name for name in names)


def test_an_aim_other_than_f1_is_not_contradicted_by_the_sweep(rooms: Rooms, said: Said) -> None:
    project = project_with(rooms, too_low())
    test = open_tab(project)
    assert "goes by F1 alone" not in said(test)
    test = aim_at(test, round_of(rooms, project), Goal.RECALL)
    assert "The sweep goes by F1 alone, not by recall of at least" in said(test)


def test_the_tab_begins_with_what_is_in_force_and_a_sweep_to_move(rooms: Rooms, said: Said) -> None:
    test = open_tab(project_with(rooms, too_low()))
    words = said(test).replace("\\", "")
    assert "In force: **0.50** for all 3 labels. The round's own" in words
    assert "Out of fold: 159 documents" in words
    assert "probabilities are low, not wrong" in words
    assert "This is what is in force." in words
    assert test.button(key="thresholds_use").disabled
    assert not test.exception


def test_an_aim_is_tried_and_put_in_force(rooms: Rooms, said: Said) -> None:
    outputs = too_low()
    project = project_with(rooms, outputs)
    round_id = round_of(rooms, project)
    test = aim_at(open_tab(project), round_id, Goal.F1)
    words = said(test).replace("\\", "")
    trial = try_aim(outputs, Aim())
    assert f"**{trial.honest.micro_f1.value:.2f}** {trial.honest.micro_f1.low:.2f}" in words
    assert "each cut by thresholds that were chosen on the others" in words
    assert "more than chance explains: use these thresholds." in words

    test.button(key="thresholds_use").click().run()
    point = in_force(rooms, project)
    assert point.shared == pytest.approx(trial.cuts.shared)
    assert (point.aim, point.is_own_of_round) == (Aim(), False)
    words = said(test).replace("\\", "")
    assert f"In force: **{point.shared:.2f}** for all 3 labels. Set by" in words
    assert ", for F1." in words

    test.button(key="thresholds_back").click().run()
    assert in_force(rooms, project).is_own_of_round
    assert "went back to it" in said(test)
    assert test.selectbox(key=f"aim_{round_id}").value == "by-hand"


def test_one_threshold_per_label_is_held_against_one_for_all(rooms: Rooms, said: Said) -> None:
    project = project_with(rooms, too_low())
    test = aim_at(open_tab(project), round_of(rooms, project), Goal.F1, Scope.PER_LABEL)
    words = said(test)
    assert "One per label" in words
    assert table(test)["Has"].tolist() == ["its own"] * 3
    test.button(key="thresholds_use").click().run()
    assert len(in_force(rooms, project).own) == 3
    assert "one for each of 3 labels" in said(test)


def test_a_cost_has_its_row_and_a_floor_its_verdict(rooms: Rooms, said: Said) -> None:
    project = project_with(rooms, too_low())
    round_id = round_of(rooms, project)
    test = aim_at(open_tab(project), round_id, Goal.COST)
    test.number_input(key=f"cost_false_negative_{round_id}").set_value(5.0).run()
    assert "Cost is per 100 documents." in said(test)
    aim_at(test, round_id, Goal.PRECISION)
    assert "The floor of 0.80" in said(test).replace("\\", "")


def test_future_rounds_choose_by_the_aim_where_that_is_wanted(rooms: Rooms, said: Said) -> None:
    project = project_with(rooms, too_low())
    round_id = round_of(rooms, project)
    test = aim_at(open_tab(project), round_id, Goal.RECALL)
    assert "Future rounds choose their thresholds for F1." in said(test)
    test.checkbox(key=f"aim_for_future_{round_id}").check().run()
    test.button(key="thresholds_use").click().run()
    with rooms.store.read() as session:
        settings = ProjectSettings.of(get_project(session, project))
    assert settings.full_aim == Aim(goal=Goal.RECALL)
    assert "Future rounds choose their thresholds for recall of at least 0.80." in said(test)


def test_a_point_moved_by_hand_is_said_to_flatter_and_can_be_used(rooms: Rooms, said: Said) -> None:
    outputs = too_low()
    project = project_with(rooms, outputs)
    round_id = round_of(rooms, project)
    test = open_tab(project)
    label_id = next(iter(in_force(rooms, project).thresholds))
    test.session_state[f"thresholds_by_hand_{round_id}"] = {"shared": 0.2, "own": {label_id: 0.31}}
    test.run()
    assert table(test)["Threshold"].tolist() == [0.31, 0.2, 0.2]
    assert "moved while looking at these very documents" in said(test)
    test.button(key="thresholds_use").click().run()
    point = in_force(rooms, project)
    assert (point.shared, point.own, point.aim) == (0.2, {label_id: 0.31}, None)
    assert "by hand." in said(test)


def test_moves_can_be_undone(rooms: Rooms) -> None:
    project = project_with(rooms, too_low())
    test = open_tab(project)
    test.session_state[f"thresholds_by_hand_{round_of(rooms, project)}"] = {"shared": 0.2}
    test.run()
    test.button(key="thresholds_undo").click().run()
    assert table(test)["Threshold"].tolist() == [0.5, 0.5, 0.5]


def test_a_label_of_its_own_can_share_again(rooms: Rooms) -> None:
    project = project_with(rooms, too_low())
    round_id = round_of(rooms, project)
    own = dict.fromkeys(in_force(rooms, project).thresholds, 0.3)
    with rooms.store.write() as session:
        set_operating_point(
            session, project, round_id, shared=0.4, own=own, aim=None, annotator="ann"
        )
    test = open_tab(project)
    test.selectbox(key=f"threshold_of_{round_id}").select_index(1).run()
    test.button(key="threshold_share").click().run()
    assert table(test)["Threshold"].tolist() == [0.4, 0.3, 0.3]


def test_a_label_with_few_positives_says_so_and_shares(rooms: Rooms, said: Said) -> None:
    outputs = too_low()
    truth = outputs.truth.copy()
    truth[np.flatnonzero(truth[:, 2] == 1)[4:], 2] = 0
    project = project_with(rooms, replace(outputs, truth=truth))
    round_id = round_of(rooms, project)
    test = open_tab(project)
    assert has_editor(test)
    aim_at(test, round_id, Goal.F1, Scope.PER_LABEL)
    assert table(test)["Has"].tolist() == ["its own", "its own", "shared"]
    test.selectbox(key=f"threshold_of_{round_id}").select_index(3).run()
    assert "cannot show a sweep" in said(test)
    assert not has_editor(test)


def test_an_audit_set_measures_what_the_other_documents_chose(rooms: Rooms, said: Said) -> None:
    audit, choosing = made_up(120, 3, seed=6), too_low(300)
    project = project_with(rooms, audit)
    (folder,) = (rooms.settings.checkpoints_dir).glob(f"{project}-*/*")
    write_outputs(folder / CHOOSING, choosing)
    test = aim_at(open_tab(project), round_of(rooms, project), Goal.F1)
    words = said(test).replace("\\", "")
    trial = try_aim(audit, Aim(), chosen_on=choosing)
    assert "of the audit set, which chose none of these thresholds" in words
    assert f"**{trial.honest.micro_f1.value:.2f}**" in words
    assert table(test)["Threshold"].tolist() == [pytest.approx(trial.cuts.shared, abs=1e-4)] * 3
    assert "Out of fold: 299 documents" in words  # what the curves are drawn from


def test_nine_documents_choose_nothing(rooms: Rooms, said: Said) -> None:
    project = project_with(rooms, too_low(9))
    test = aim_at(open_tab(project), round_of(rooms, project), Goal.F1)
    assert "too few to choose thresholds on" in said(test)
    assert test.button(key="thresholds_use").disabled


def test_a_round_whose_files_are_gone_still_shows_its_sweep(rooms: Rooms, said: Said) -> None:
    project = project_with(rooms, too_low())
    (folder,) = (rooms.settings.checkpoints_dir).glob(f"{project}-*/*")
    (folder / "eval_outputs.npz").unlink()
    test = open_tab(project)
    assert len(test.get("plotly_chart")) == 1
    assert "Run a round again." in said(test)


def test_where_one_label_applies_there_is_no_threshold_to_choose(rooms: Rooms) -> None:
    project = project_with(rooms, too_low())
    with rooms.store.write() as session:
        session.query(Round).update({"config": {"exclusive": True}})
    assert "Thresholds" not in [tab.label for tab in open_tab(project).tabs]


@pytest.mark.parametrize("n_labels", [3, 54, 300])
def test_the_table_has_a_row_for_every_label(rooms: Rooms, n_labels: int) -> None:
    test = open_tab(project_with(rooms, too_low(200, n_labels)))
    assert not test.exception
    assert len(table(test)) == n_labels
