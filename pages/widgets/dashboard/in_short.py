"""The first minute: six questions about a round, answered in plain words, with the way on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from core.evaluation.answers import Answer, Known, Question, Severity, SuspectCounts
from core.evaluation.belief import Belief, belief
from core.evaluation.counts import Floats
from core.evaluation.outputs import EvaluationOutputs
from core.evaluation.suspect_counts import suspects_by_label, suspects_measured
from core.evaluation.verdicts import answers, what_first
from core.services.diagnoses import SUSPECTS, read_cells
from core.services.operating_points import operating_point
from core.services.review_queue import expected_left, suspect_queue
from pages.widgets.context import PAGE_FILES, go_to
from pages.widgets.dashboard.view import View
from pages.widgets.errors import shown_errors
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
REVIEW, ARROW = "review", ":material/arrow_forward:"
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
                _draw_answer(answer, titles, view.project.id)


def what_is_known(view: View) -> Known:
    """Everything that the round left behind, as far as it is there."""
    outputs = view.outputs()
    of_round = (str(view.folder), str(view.round_.finished_at))
    return Known(
        evaluation=view.evaluation,
        exclusive=view.round_.is_exclusive,
        thresholds=None if outputs is None else outputs.thresholds,
        set_by_people=_set_by_people(view),
        suspects=None if outputs is None else _suspects(view, outputs),
        outlook=outlook_of(view.round_),
        belief=_belief(*of_round, outputs) if outputs is not None and len(outputs) else None,
    )


def _set_by_people(view: View) -> Floats | None:
    """Thresholds in force instead of the round's own, if any are."""
    with view.here.store.read() as session:
        point = operating_point(session, view.project.id, view.round_.id)
    if point.is_own_of_round or not point.thresholds:
        return None
    return np.array(list(point.thresholds.values()))


def _suspects(view: View, outputs: EvaluationOutputs) -> SuspectCounts | None:
    """What the round found in doubt; of the round in force, what nobody looked at again."""
    cells = None
    with shown_errors():
        cells = None if view.folder is None else read_cells(view.folder / SUSPECTS)
    if cells is None:
        return _measured(str(view.folder), str(view.round_.finished_at), outputs)
    names = dict(zip(outputs.label_ids, outputs.names, strict=False))
    found = suspects_by_label(cells.label_ids, cells.suspicion, names)
    if not view.round_.is_active:
        return found
    here = view.here
    with here.store.read() as session:
        queue = suspect_queue(session, here.settings, view.project.id, n=1)
        left = expected_left(session, here.settings, view.project.id)
    return replace(found, expected=left or 0.0, n_in_doubt=queue.n_left)


@st.cache_resource(max_entries=8, show_spinner=False)
def _measured(folder: str, finished_at: str, _outputs: EvaluationOutputs) -> SuspectCounts | None:
    """For rounds that looked for nothing; measured documents never change."""
    return suspects_measured(_outputs)


@st.cache_resource(max_entries=8, show_spinner=False)
def _belief(folder: str, finished_at: str, _outputs: EvaluationOutputs) -> Belief:
    """Of all labels together."""
    return belief(_outputs.proba, _outputs.truth, seed=_outputs.seed)


def _draw_answer(answer: Answer, titles: tuple[str, ...], project_id: int) -> None:
    word, icon, colour = SIGNS[answer.severity]
    with st.container(border=True, height="stretch", key=f"answer_{answer.question.name.lower()}"):
        st.markdown(f"#### {answer.question}")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(word, icon=icon, color=colour)
            if answer.of_what:
                st.markdown(f"**{escaped(answer.figure)}** {escaped(answer.of_what)}")
        st.markdown(escaped(answer.sentence))
        _draw_way_on(answer.question, titles, project_id)


def _draw_way_on(question: Question, titles: tuple[str, ...], project_id: int) -> None:
    """To the tab behind an answer, or to the page where judgements are looked at again."""
    tab = TAB_OF[question]
    if question is Question.SUSPECTS and REVIEW in PAGE_FILES:
        if st.button("Look at them", key="to_review", type="tertiary", icon=ARROW):
            go_to(REVIEW, project_id=project_id)
    elif tab in titles:
        st.button(
            f"See {tab}",
            key=f"to_{tab.lower()}",
            type="tertiary",
            icon=ARROW,
            on_click=_open,
            args=(tab,),
        )


def _open(tab: str) -> None:
    st.session_state["view"] = tab
