from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from core.evaluation.answers import Question
from pages.widgets.context import PAGE_FILES
from tests.ui.rooms import SHELL, Rooms

Said = Callable[[AppTest], str]


def open_dashboards(project: int) -> AppTest:
    test = AppTest.from_file(SHELL, default_timeout=60)
    test.query_params["project"] = str(project)
    test.run()
    return test.switch_page(PAGE_FILES["dashboards"]).run()


def measured(rooms: Rooms) -> int:
    project = rooms.project("billing", "refund", n_documents=3)
    rooms.finished_round(project, micro_f1=0.62)
    return project


def test_the_first_tab_asks_all_six_questions(rooms: Rooms, said: Said) -> None:
    test = open_dashboards(measured(rooms))
    assert not test.exception
    words = said(test)
    assert all(str(question) in words for question in Question)


def test_three_measured_documents_are_said_to_be_too_few(rooms: Rooms, said: Said) -> None:
    words = said(open_dashboards(measured(rooms))).replace("\\", "")
    assert words.count("Too early to say: 3 measured documents") == 4
    assert "too early for most answers" in words


@pytest.mark.parametrize("tab", ["Labels", "Thresholds", "Calibration", "Together", "History"])
def test_each_answer_leads_to_its_tab(rooms: Rooms, said: Said, tab: str) -> None:
    test = open_dashboards(measured(rooms))
    test.button(key=f"to_{tab.lower()}").click().run()
    assert not test.exception
    assert test.session_state["view"] == tab
    assert str(Question.LABELS) not in said(test)
    assert len(test.get("plotly_chart")) > 0


def test_judgements_in_doubt_lead_to_where_they_are_looked_at_again(rooms: Rooms) -> None:
    test = open_dashboards(measured(rooms))
    test.button(key="to_review").click().run()
    assert not test.exception
    assert [title.value for title in test.title] == ["Review"]
