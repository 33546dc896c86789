"""Every label on its own."""

from __future__ import annotations

import streamlit as st

from core.charts import figures as charts
from core.evaluation import advice
from core.evaluation.report import Evaluation
from pages.widgets.chart import draw_chart
from pages.widgets.dashboard.view import View
from pages.widgets.label_scores import draw_label_chooser, draw_scores_table


def draw(view: View) -> None:
    """Scores, curves and probabilities."""
    evaluation = view.evaluation
    draw_chart(
        "Precision, recall and F1 by label",
        charts.per_label_bars(evaluation),
        how=advice.how_to_read_per_label_bars(),
        suggests=advice.what_it_suggests_per_label_bars(evaluation),
        key="per_label",
    )
    draw_scores_table(evaluation)
    chosen = draw_label_chooser(evaluation)
    draw_chart(
        "Precision against recall",
        charts.precision_recall_curves(evaluation, chosen or None),
        how=advice.how_to_read_precision_recall_curves(),
        suggests=advice.what_it_suggests_precision_recall_curves(evaluation),
        key="pr_curves",
    )
    _draw_probabilities(evaluation)


def _draw_probabilities(evaluation: Evaluation) -> None:
    """How well present and absent are told apart."""
    label = st.selectbox(
        "Label", [None, *evaluation.names], format_func=lambda n: n or "All labels", key="histogram"
    )
    draw_chart(
        "Probabilities of what was judged",
        charts.probability_histograms(evaluation, label),
        how=advice.how_to_read_probability_histograms(),
        suggests=advice.what_it_suggests_probability_histograms(evaluation, label),
        key="histograms",
    )
