from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.domain import EvaluationSource, JobStatus, RoundKind
from core.evaluation.forecast import Forecast, Range
from core.evaluation.outlook import LabelOutlook, Outlook
from core.evaluation.stopping import Predicted, stopping_state
from core.learners.catalogue import learners_of
from core.services.jobs import EXPORT_MODEL, ROUND, finish_job, latest_job
from core.services.model_exports import export_path
from core.services.projects import ProjectSettings, get_project
from core.services.rounds import active_round, list_rounds
from core.store.tables import Job, Round
from pages.widgets.job_watch import in_words
from tests.ui.rooms import Rooms

Said = Callable[[AppTest], str]


def judged(rooms: Rooms, *, times: int = 1) -> int:
    project = rooms.project("billing", "refund", n_documents=6 * times)
    rooms.judge(project, *(("billing",), ("refund",), (), ("billing", "refund")) * times)
    return project


def run_round(test: AppTest) -> AppTest:
    return test.button(key="run_round").click().run()


@pytest.mark.parametrize(
    ("labels", "reason"), [((), "no labels yet"), (("billing",), "Nothing to learn from yet")]
)
def test_a_round_that_cannot_be_run_is_not_offered_and_the_reason_is_said(
    rooms: Rooms, said: Said, labels: tuple[str, ...], reason: str
) -> None:
    test = rooms.open("train", project=rooms.project(*labels, n_documents=2))
    assert test.button(key="run_round").disabled
    assert reason in said(test)


def test_judgements_all_alike_are_told_and_no_round_is_begun(rooms: Rooms) -> None:
    project = rooms.project("billing", n_documents=3)
    rooms.judge(project, ("billing",), ("billing",))
    test = run_round(rooms.open("train", project=project))
    assert "judged alike" in test.error[0].value
    with rooms.store.read() as session:
        assert list_rounds(session, project) == []


def test_without_a_worker_the_page_says_how_to_start_one(rooms: Rooms) -> None:
    test = rooms.open("train", project=judged(rooms))
    assert "python -m core worker" in test.warning[0].value


def test_a_round_is_asked_for_with_the_choices_made_and_they_are_remembered(rooms: Rooms) -> None:
    project = judged(rooms, times=8)
    test = rooms.open("train", project=project)
    test.radio(key="kind").set_value(RoundKind.DEEP)
    test.selectbox(key=f"strategy_{project}").select("entropy")
    by_label = {number.label: number for number in test.number_input}
    by_label["Documents to ask about"].set_value(30)
    by_label["Seed"].set_value(11)
    run_round(test)
    with rooms.store.read() as session:
        (round_,) = list_rounds(session, project)
        usual = ProjectSettings.of(get_project(session, project))
        stored = session.get_one(Round, round_.id).config["query_size"]
    assert (round_.kind, round_.strategy, round_.seed) == (RoundKind.DEEP, "entropy", 11)
    assert stored == usual.query_size == 30
    assert usual.strategy == "entropy"


def test_while_a_round_waits_no_second_one_can_be_begun(rooms: Rooms, said: Said) -> None:
    project = judged(rooms)
    test = run_round(rooms.open("train", project=project))
    assert test.button(key="run_round").disabled
    words = said(test)
    assert "Round 1" in words
    assert "A round is under way" in words
    with rooms.store.read() as session:
        assert len(list_rounds(session, project)) == 1
    assert not test.dataframe  # the job's box tells how the round is doing


def set_job(rooms: Rooms, project: int, **values: object) -> int:
    with rooms.store.write() as session:
        info = latest_job(session, project, kind=ROUND)
        assert info is not None
        job = session.get_one(Job, info.id)
        for name, value in values.items():
            setattr(job, name, value)
        return job.id


def test_a_running_round_shows_its_step_and_figures(rooms: Rooms, said: Said) -> None:
    project = judged(rooms)
    run_round(rooms.open("train", project=project))
    set_job(
        rooms,
        project,
        status=JobStatus.RUNNING,
        step="train",
        fraction=0.5,
        detail={"epoch": 3, "n_epochs": 30, "loss": 0.1234, "seconds_left": 100.0},
    )
    test = rooms.open("train", project=project)
    (bar,) = test.get("progress")
    assert bar.proto.text == (
        "Learn from the judgements, epoch 3 of 30, loss 0.123, about 2 min left"
    )
    assert bar.proto.value == int((2 + 0.5) / 10 * 100)
    steps = said(test)
    assert ":green[:material/check_circle:] Freeze the judgements" in steps
    assert "**Learn from the judgements**" in steps


def test_cancelling_a_waiting_round_ends_it(rooms: Rooms, said: Said) -> None:
    project = judged(rooms)
    test = run_round(rooms.open("train", project=project))
    job_id = set_job(rooms, project)
    test.button(key=f"cancel_{job_id}").click().run()
    with rooms.store.read() as session:
        (round_,) = list_rounds(session, project)
    assert round_.status is JobStatus.CANCELLED
    assert "was cancelled" in said(test)
    assert not test.button(key="run_round").disabled


def test_a_failed_round_shows_why(rooms: Rooms, said: Said) -> None:
    project = judged(rooms)
    run_round(rooms.open("train", project=project))
    job_id = set_job(rooms, project)
    with rooms.store.write() as session:
        finish_job(
            session, session.get_one(Job, job_id), JobStatus.FAILED, error="The disk is full."
        )
    test = rooms.open("train", project=project)
    assert "Round 1 failed: The disk is full" in test.error[0].value.replace("\\", "")


def test_going_back_puts_the_earlier_round_in_force(rooms: Rooms) -> None:
    project = rooms.project("billing", "refund", n_documents=3)
    first = rooms.finished_round(project, micro_f1=0.5, number=1)
    rooms.finished_round(project, micro_f1=0.6, number=2)
    with rooms.store.read() as session:
        checkpoint = session.get_one(Round, first).checkpoint
    (rooms.settings.checkpoints_dir / checkpoint).mkdir(parents=True)
    test = rooms.open("train", project=project)
    assert test.dataframe[0].value["Round"].tolist() == [2, 1]
    assert test.dataframe[0].value["Micro-F1"].tolist() == ["0.60", "0.50"]
    test.button(key="roll_back").click().run()
    with rooms.store.read() as session:
        in_force = active_round(session, project)
    assert in_force is not None
    assert in_force.id == first


def look_ahead(rooms: Rooms, round_id: int, outlook: Outlook) -> None:
    """As the round's forecast step would have left it."""
    with rooms.store.write() as session:
        round_ = session.get_one(Round, round_id)
        round_.metrics = {**(round_.metrics or {}), "stopping": outlook.to_json()}


STEADY = Predicted(np.array([[True, False], [False, True]]), np.ones((2, 2), dtype=np.bool_))
OUTLOOK = Outlook(
    agreement=stopping_state(
        [STEADY] * 4, n_known=(10, 20, 30, 40), proba=np.full((2, 2), 0.5, dtype=np.float32)
    ),
    forecast=Forecast(
        n_judged=250,
        n_measured=150,
        n_trained=(50, 100, 200),
        micro_f1=(0.5, 0.55, 0.6),
        n_more=50,
        gain=Range(0.012, 0.004, 0.031),
        needed=Range(147.0, 92.0, 322.0),
        labels=(),
        source=EvaluationSource.OUT_OF_FOLD,
    ),
    note="",
    n_labels=2,
    n_few=1,
    labels=(LabelOutlook("*refund*", 4, None, None, Range(None, None, None)),),
)


def test_the_way_ahead_is_told_of_the_round_in_force(rooms: Rooms, said: Said) -> None:
    project = rooms.project("billing", "*refund*", n_documents=3)
    look_ahead(rooms, rooms.finished_round(project, micro_f1=0.5), OUTLOOK)
    test = rooms.open("train", project=project)
    words = said(test).replace("\\", "")
    assert "How far along, by round 1" in words
    assert "About 150 more judgements for +0.01 micro-F1 (90 to 300)." in words
    assert "agree on 100 % of the yes-or-no decisions about 2 documents" in words
    assert "Still at few positives: “*refund*” at 4" in words
    assert "F1 undefined" in words
    assert "Remaining uncertainty: 1.000" in words
    assert r"\*refund\*" in said(test)
    folds = [fold.label for fold in test.expander]
    assert "The rarest and the weakest labels (1 of 2)" in folds
    assert "What this rests on" in folds
    assert not test.exception


def test_a_round_of_an_earlier_version_has_no_way_ahead(rooms: Rooms, said: Said) -> None:
    project = rooms.project("billing", "refund", n_documents=3)
    rooms.finished_round(project, micro_f1=0.5)
    test = rooms.open("train", project=project)
    assert "How far along" not in said(test)
    assert not test.exception


def test_one_sentence_of_the_way_ahead_stands_above_the_card(rooms: Rooms, said: Said) -> None:
    project = rooms.project("billing", "refund", n_documents=3)
    round_id = rooms.finished_round(project, micro_f1=0.5)
    plain = said(rooms.open("annotate", project=project))
    look_ahead(rooms, round_id, OUTLOOK)
    told = said(rooms.open("annotate", project=project)).replace("\\", "")
    assert "Round 1 knows 0 judged documents." in plain
    assert (
        "Round 1 knows 0 judged documents. About 150 more judgements for +0.01 micro-F1 "
        "(90 to 300); “*refund*” is still at 4 positives."
    ) in told


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (89, "89 s"), (91, "2 min"), (7200, "2.0 h")]
)
def test_durations_are_rough(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def chosen(rooms: Rooms, project: int) -> list[tuple[RoundKind, dict[str, Any]]]:
    with rooms.store.read() as session:
        return [(round_.kind, round_.learner) for round_ in list_rounds(session, project)]


def test_of_a_learner_only_what_was_changed_goes_into_the_round_and_is_remembered(
    rooms: Rooms,
) -> None:
    project = judged(rooms, times=8)
    test = rooms.open("train", project=project)
    test.selectbox(key=f"learner_quick_{project}").select("mlp").run()
    test.text_input(key=f"option_mlp_layers_{project}").set_value("412-220-118")
    test.toggle(key=f"further_mlp_{project}").set_value(True).run()
    test.number_input(key=f"option_mlp_epochs_{project}").set_value(40)
    run_round(test)
    learner = {"kind": "mlp", "layers": [412, 220, 118], "epochs": 40}
    assert chosen(rooms, project) == [(RoundKind.QUICK, learner)]
    again = rooms.open("train", project=project)
    assert again.text_input(key=f"option_mlp_layers_{project}").value == "412-220-118"
    assert again.toggle(key=f"further_mlp_{project}").label == "Further options, 1 changed"
    assert again.number_input(key=f"option_mlp_epochs_{project}").value == 40
    assert not again.exception


def test_what_is_chosen_in_one_project_is_not_chosen_in_another(rooms: Rooms) -> None:
    one, other = (rooms.project("refund", n_documents=3, name=name) for name in ("One", "Other"))
    test = rooms.open("train", project=one)
    test.selectbox(key=f"learner_quick_{one}").select("mlp").run()
    test.selectbox(key=f"strategy_{one}").select("entropy").run()
    test.number_input(key=f"recipe_random_share_{one}").set_value(45).run()
    test.selectbox(key="project").select(other).run()
    assert test.selectbox(key=f"learner_quick_{other}").value == "auto"
    assert test.selectbox(key=f"strategy_{other}").value != "entropy"
    assert test.number_input(key=f"recipe_random_share_{other}").value != 45


def test_a_newcomer_sees_the_usual_learner_and_asks_for_nothing_else(rooms: Rooms) -> None:
    project = judged(rooms)
    test = rooms.open("train", project=project)
    assert test.selectbox(key=f"learner_quick_{project}").value == "auto"
    run_round(test)
    assert chosen(rooms, project) == [(RoundKind.QUICK, {"kind": "auto"})]


def test_every_learner_can_be_looked_at_with_all_its_options(rooms: Rooms) -> None:
    project = judged(rooms, times=8)
    for kind in RoundKind:
        test = rooms.open("train", project=project)
        test.radio(key="kind").set_value(kind).run()
        for info in learners_of(kind):
            test.selectbox(key=f"learner_{kind}_{project}").select(info.name).run()
            if any(toggle.key == f"further_{info.name}_{project}" for toggle in test.toggle):
                test.toggle(key=f"further_{info.name}_{project}").set_value(True).run()
            assert not test.exception
            assert not test.error


@pytest.mark.parametrize(
    ("kind", "learner", "reason"),
    [("quick", "mlp", "layers is 'wide'"), ("deep", "student", "taught by the round in force")],
)
def test_what_the_learner_cannot_take_is_said_before_the_button_is_pressed(
    rooms: Rooms, said: Said, kind: str, learner: str, reason: str
) -> None:
    project = judged(rooms, times=8)
    test = rooms.open("train", project=project)
    test.radio(key="kind").set_value(RoundKind(kind)).run()
    test.selectbox(key=f"learner_{kind}_{project}").select(learner).run()
    if learner == "mlp":
        test.text_input(key=f"option_mlp_layers_{project}").set_value("wide").run()
    assert reason in said(test).replace("\\", "")
    assert test.button(key="run_round").disabled


def weigh(rooms: Rooms, project: int, n_rounds: int) -> None:
    """Rounds whose folders hold a head of a megabyte each."""
    for number in range(1, n_rounds + 1):
        round_id = rooms.finished_round(project, micro_f1=0.5, number=number)
        with rooms.store.read() as session:
            checkpoint = session.get_one(Round, round_id).checkpoint
        folder = rooms.settings.checkpoints_dir / str(checkpoint) / "learner"
        folder.mkdir(parents=True)
        (folder / "weights.safetensors").write_bytes(bytes(1_000_000))


def test_weights_are_listed_pinned_and_let_go(rooms: Rooms, said: Said) -> None:
    project = rooms.project("billing", "refund", n_documents=3)
    weigh(rooms, project, 4)
    test = rooms.open("train", project=project)
    assert "All rounds together take" not in said(test)
    test.session_state["kept_weights"] = True
    test.run()
    assert "All rounds together take 4.0 MB" in said(test)
    test.number_input(key=f"keep_weights_{project}").set_value(1).run()
    assert test.button(key="prune").label == "Free 3.0 MB of 3 rounds"
    test.multiselect(key=f"pinned_{project}").set_value([2]).run()
    assert test.button(key="prune").label == "Free 2.0 MB of 2 rounds"
    test.button(key="prune").click().run()
    assert "nothing to clear" in said(test)
    weights = rooms.settings.checkpoints_dir.rglob("weights.safetensors")
    assert sorted(path.parts[-3][-1] for path in weights) == ["2", "4"]
    assert test.selectbox(key="earlier").options == ["Round 2"]
    assert not test.exception


def test_what_is_kept_of_one_project_says_nothing_of_another(rooms: Rooms) -> None:
    one, other = (rooms.project("refund", n_documents=3, name=name) for name in ("One", "Other"))
    for project in (one, other):
        weigh(rooms, project, 3)
    test = rooms.open("train", project=one)
    test.session_state["kept_weights"] = True
    test.run()
    test.number_input(key=f"keep_weights_{one}").set_value(1).run()
    test.multiselect(key=f"pinned_{one}").set_value([2]).run()
    test.selectbox(key="project").select(other).run()
    assert test.number_input(key=f"keep_weights_{other}").value != 1
    test.multiselect(key=f"pinned_{other}").set_value([3]).run()
    with rooms.store.read() as session:
        settings = [ProjectSettings.of(get_project(session, id_)) for id_ in (one, other)]
    assert [said.pinned_rounds for said in settings] == [[2], [3]]


def test_a_model_is_asked_for_and_downloaded_where_it_lies(rooms: Rooms, said: Said) -> None:
    project = rooms.project("billing", "refund", n_documents=3)
    weigh(rooms, project, 1)
    test = rooms.open("train", project=project)
    test.button(key="export_model").click().run()
    with rooms.store.read() as session:
        job = latest_job(session, project, kind=EXPORT_MODEL)
    assert job is not None
    assert [bar.proto.text for bar in test.get("progress")] == ["Waiting for the worker"]
    test.button(key="cancel_export").click().run()
    assert test.info[-1].value == r"Cancelled before it started\."
    assert not test.error
    test.button(key="export_model").click().run()
    with rooms.store.read() as session:
        job = latest_job(session, project, kind=EXPORT_MODEL)
    assert job is not None
    with rooms.store.write() as session:
        finish_job(session, session.get_one(Job, job.id), JobStatus.FAILED, error="No room.")
    test = rooms.open("train", project=project)
    assert test.error[0].value == r"No room\."
    with rooms.store.write() as session:
        round_ = session.query(Round).one()
        path = export_path(session, rooms.settings, round_)
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(2_000))
    test = rooms.open("train", project=project)
    assert test.get("download_button")[0].proto.label == "Download the model, 2.0 kB"
    assert not test.exception
