"""The first minute: six questions about a round, answered in plain words, with the way on."""

from __future__ import annotations

import streamlit as st

from core.errors import MarginaliaError
from core.evaluation.answers import Answer, Known, Question, Severity, SuspectCounts
from core.evaluation.suspect_counts import count_suspects
from core.evaluation.verdicts import answers, what_first
from pages.widgets.dashboard.view import View
from pages.widgets.stopping import outlook_of
from pages.widgets.text import escaped

TAB_OF = {
    Question.LABELS: "Labels",
    Question.THRESHOLD: "Thresholds",
    Question.PROBABILITIES: "Calibration",
    Question.SUSPECTS: "Errors",
    Question.TOGETHER: "Together",
    Question.GOING_ON: "History",
}
SIGNS = {  # a word and a shape beside every colour
    Severity.FINE: ("Fine", ":material/check_circle:", "green"),
    Severity.LOOK: ("Worth a look", ":material/visibility:", "orange"),
    Severity.ACT: ("To act on", ":material/priority_high:", "red"),
    Severity.UNKNOWN: ("Not known yet", ":material/hourglass_empty:", "gray"),
}


def draw(view: View, titles: tuple[str, ...]) -> None:
    """Two answers side by side where there is room; `titles` are the tabs to lead to."""
    given = answers(what_is_known(view))
    st.markdown(f"**{escaped(what_first(given))}**")
    for start in range(0, len(given), 2):
        for answer, place in zip(given[start : start + 2], st.columns(2), strict=False):
            with place:
                _draw_answer(answer, titles)


def what_is_known(view: View) -> Known:
    """Everything that the round left behind, as far as it is there."""
    outputs = view.outputs()
    return Known(
        evaluation=view.evaluation,
        exclusive=view.round_.is_exclusive,
        thresholds=None if outputs is None else outputs.thresholds,
        suspects=_suspects(view),
        outlook=outlook_of(view.round_),
    )


def _suspects(view: View) -> SuspectCounts | None:
    try:
        return count_suspects(view.folder, view.outputs())
    except MarginaliaError as error:
        st.error(escaped(str(error)))
        return None


def _draw_answer(answer: Answer, titles: tuple[str, ...]) -> None:
    word, icon, colour = SIGNS[answer.severity]
    tab = TAB_OF[answer.question]
    with st.container(border=True, height="stretch", key=f"answer_{answer.question.name.lower()}"):
        st.markdown(f"#### {answer.question}")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(word, icon=icon, color=colour)
            if answer.of_what:
                st.markdown(f"**{escaped(answer.figure)}** {escaped(answer.of_what)}")
        st.markdown(escaped(answer.sentence))
        if tab in titles:
            st.button(
                f"See {tab}",
                key=f"to_{tab.lower()}",
                type="tertiary",
                icon=":material/arrow_forward:",
                on_click=_open,
                args=(tab,),
            )


def _open(tab: str) -> None:
    st.session_state["view"] = tab
