"""Every label: a table that opens one, and all of them side by side."""

from __future__ import annotations

import streamlit as st

from core.charts import figures as charts
from core.charts.label_curves import colours_of
from core.charts.labels import MEASURES, worst_first
from core.evaluation import advice
from core.evaluation.behind import Behind, Outcome, of_outcome
from core.evaluation.outputs import EvaluationOutputs
from core.evaluation.wording import measured_on
from pages.widgets.chart import Point, draw_chart
from pages.widgets.dashboard.one_label import CLICK_A_BAR, draw_behind_bar, draw_label
from pages.widgets.dashboard.view import View
from pages.widgets.documents_behind import draw_behind
from pages.widgets.label_scores import draw_scores_table

PER_CHART = 15
BEHIND = {"f1": Outcome.WRONG, "precision": Outcome.PREDICTED, "recall": Outcome.PRESENT}
CLICK_A_LABEL = (
    "Click a bar to read the documents that the label is wrong about, a diamond for those it is "
    "predicted for, a circle for those that have it; click again to close them."
)
CHOSEN = "label"  # the address's word for the label that is open


def draw(view: View) -> None:
    """Scores, curves and probabilities."""
    evaluation = view.evaluation
    order = worst_first(evaluation)
    draw_scores_table(view, order, on_choose=_open)
    opened = st.selectbox(
        "Open a label",
        [evaluation.names[i] for i in order],
        index=None,
        key=CHOSEN,
        bind="query-params",
        placeholder="None is open: choose one, or a row of the table",
    )
    if opened is not None:
        with st.container(border=True, key="opened_label"):
            draw_label(view, opened)
    _draw_bars(view, order)
    _draw_curves(view)
    _draw_probabilities(view)


def _open(name: str | None) -> None:
    st.session_state[CHOSEN] = name


def _draw_bars(view: View, order: list[int]) -> None:
    evaluation, outputs = view.evaluation, view.outputs()
    n_pages = -(-len(order) // PER_CHART)
    page = min(int(st.session_state.get("bars_page", 1)), n_pages)
    first = (page - 1) * PER_CHART
    shown = order[first : first + PER_CHART]
    which = f": {first + 1} to {first + len(shown)} of {len(order)}, the weakest first"
    points = draw_chart(
        f"Precision, recall and F1 by label{which if n_pages > 1 else ''}",
        charts.per_label_bars(
            evaluation,
            shown,
            colours=colours_of(outputs),
            room_for=PER_CHART if n_pages > 1 else 4,
        ),
        how=f"{advice.how_to_read_per_label_bars()} {CLICK_A_LABEL}",
        suggests=advice.what_it_suggests_per_label_bars(
            evaluation, exclusive=view.round_.is_exclusive
        ),
        key="per_label",
        measured=measured_on(evaluation),
        on_select=outputs is not None,
    )
    if n_pages > 1:
        st.pagination(n_pages, key="bars_page")
    for behind in _behind(outputs, points[-1:]):
        draw_behind(view, behind, key="per_label")


def _behind(outputs: EvaluationOutputs | None, points: list[Point]) -> list[Behind]:
    if outputs is None:
        return []
    return [
        of_outcome(outputs, int(point.customdata[0]), BEHIND[MEASURES[point.trace]])
        for point in points
        if point.trace < len(MEASURES)
    ]


def _draw_curves(view: View) -> None:
    evaluation = view.evaluation
    chosen = st.multiselect(
        "Labels to draw", evaluation.names, key="curves", placeholder="The weakest in colour"
    )
    draw_chart(
        "Precision against recall",
        charts.precision_recall_curves(
            evaluation, chosen or None, colours=colours_of(view.outputs())
        ),
        how=advice.how_to_read_precision_recall_curves(),
        suggests=advice.what_it_suggests_precision_recall_curves(evaluation),
        key="pr_curves",
        measured=measured_on(evaluation),
    )


def _draw_probabilities(view: View) -> None:
    """How well present and absent are told apart."""
    evaluation, outputs = view.evaluation, view.outputs()
    points = draw_chart(
        "Probabilities of what was judged, all labels",
        charts.probability_histograms(evaluation),
        how=f"{advice.how_to_read_probability_histograms()} {CLICK_A_BAR}",
        suggests=advice.what_it_suggests_probability_histograms(evaluation),
        key="histograms",
        measured=measured_on(evaluation),
        on_select=outputs is not None,
    )
    draw_behind_bar(view, outputs, None, points=points, key="histograms")
