from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from core.domain import SubmissionSource
from core.services.projects import get_project
from core.store.tables import Round, Submission
from pages.widgets.context import PAGE_FILES
from tests.ui.rooms import SHELL, Rooms

Said = Callable[[AppTest], str]
HISTORY = [{"epoch": i, "loss": 1 / i, "f1": 0.5 + 0.05 * i} for i in range(1, 6)]


def open_history(project: int) -> AppTest:
    test = AppTest.from_file(SHELL, default_timeout=60)
    test.query_params["project"] = str(project)
    test.query_params["view"] = "History"
    test.run()
    return test.switch_page(PAGE_FILES["dashboards"]).run()


def two_rounds(rooms: Rooms) -> int:
    project = rooms.project("billing", "refund", n_documents=3)
    first = rooms.finished_round(project, micro_f1=0.52)
    rooms.finished_round(project, micro_f1=0.62, number=2)
    with rooms.store.read() as session:
        checkpoint = session.get_one(Round, first).checkpoint
    (rooms.settings.checkpoints_dir / str(checkpoint)).mkdir(parents=True)
    return project


def charts(test: AppTest) -> set[str]:
    return {chart.key for chart in test.get("plotly_chart")}


def words(test: AppTest, said: Said) -> str:
    """Without what keeps Markdown from acting on it."""
    return said(test).replace("\\", "")


def test_going_back_says_what_would_change_before_it_does(rooms: Rooms, said: Said) -> None:
    project = two_rounds(rooms)
    test = open_history(project)
    told = words(test, said)
    assert "Suggestions and questions come from round 1 again, instead of round 2." in told
    assert "Micro-F1 **0.52** on 3 audit documents, instead of 0.62" in told
    assert "It knows **10 judged documents**, 10 fewer" in told
    assert "No judgement and no round is lost" in told
    test.button(key="roll_back").click().run()
    assert not test.exception
    with rooms.store.read() as session:
        active = get_project(session, project).active_round_id
        assert session.get_one(Round, active).number == 1


def test_labels_are_followed_over_rounds_as_a_strip_or_as_lines(rooms: Rooms, said: Said) -> None:
    test = open_history(two_rounds(rooms))
    assert "label_strip_2" in charts(test)
    assert "No label can be followed yet" in words(test, said)  # three documents measure nothing
    test.multiselect(key="label_lines_chosen").set_value(["refund"]).run()
    assert not test.exception
    assert "label_lines" in charts(test)
    assert "label_strip_2" not in charts(test)


def test_one_round_has_no_label_progress(rooms: Rooms) -> None:
    project = rooms.project("billing", "refund", n_documents=3)
    rooms.finished_round(project, micro_f1=0.52)
    test = open_history(project)
    assert charts(test) == {"f1_by_round", "loss_by_epoch", "speed_by_day"}
    assert not [button for button in test.button if button.key == "roll_back"]


def test_one_run_says_that_it_has_no_band_and_folds_say_how_many(rooms: Rooms, said: Said) -> None:
    project = two_rounds(rooms)
    assert "one run, so there is no band" in words(open_history(project), said)
    folds = [{"loss": 0.5, "f1": 0.4}, {"loss": 0.6, "f1": 0.5}]
    with rooms.store.write() as session:
        session.query(Round).update({"history": [{**e, "folds": folds} for e in HISTORY]})
    assert "the band is over 2 folds" in words(open_history(project), said)


def test_speed_is_told_person_by_person(rooms: Rooms, said: Said) -> None:
    project = two_rounds(rooms)
    assert "Nobody has judged at the card yet" in words(open_history(project), said)
    rooms.judge(project, ("billing",), ("refund",), ())
    with rooms.store.write() as session:
        session.query(Submission).update({"seconds": 20.0, "source": SubmissionSource.CARD})
    test = open_history(project)
    assert "3 documents in 1 minute of active time, 180 an hour" in words(test, said)
    (table,) = [t.value for t in test.dataframe if "Annotator" in t.value.columns]
    assert table["Documents per hour"].tolist() == [180]
