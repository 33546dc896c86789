"""One label opened: why it fails, its curves, its probabilities, and the documents behind each."""

from __future__ import annotations

import streamlit as st

from core.charts import figures as charts
from core.charts.label_curves import colour_of, colours_of
from core.domain import ABSENT, PRESENT
from core.evaluation import advice
from core.evaluation.advice_labels import best_on_curve
from core.evaluation.behind import Outcome, in_histogram_bar, of_outcome, outcome_mask
from core.evaluation.outputs import EvaluationOutputs
from core.evaluation.per_label import LabelScores, precision_recall_curve_points
from core.evaluation.roc import roc_auc, roc_curve_points
from core.evaluation.troubles import what_stands_out
from core.evaluation.wording import measured_on
from pages.widgets.chart import Point, draw_chart
from pages.widgets.dashboard.view import NO_OUTPUTS, View
from pages.widgets.documents_behind import draw_behind
from pages.widgets.text import escaped

CLICK_A_BAR = "Click a bar to read its documents, and again to close them."
CONFUSION = {
    Outcome.FALSE_NEGATIVE: "missed",
    Outcome.FALSE_POSITIVE: "false alarms",
    Outcome.TRUE_POSITIVE: "found",
    Outcome.TRUE_NEGATIVE: "rightly left out",
}


def draw_label(view: View, name: str) -> None:
    """Everything about one label."""
    evaluation, outputs = view.evaluation, view.outputs()
    label = evaluation.position_of(name)
    scores = evaluation.labels[label]
    st.markdown(f"### {escaped(name)}")
    st.caption(f":material/straighten: {escaped(measured_on(evaluation, label))}")
    _draw_scores(view, label)
    if outputs is None:
        st.info(NO_OUTPUTS)
    else:
        _draw_confusion(view, outputs, label)
    _draw_curves(view, outputs, label, scores)
    _draw_probabilities(view, outputs, label)


def _draw_scores(view: View, label: int) -> None:
    scores, curve = view.evaluation.labels[label], view.evaluation.curves[label]
    better = best_on_curve(curve) if curve.recall.size else None
    trouble = what_stands_out(scores, better=better, exclusive=view.round_.is_exclusive)
    if trouble:
        st.markdown(f":material/error: **{escaped(trouble)}**")
    with st.container(horizontal=True, gap="medium"):
        for title, value, ends in (
            ("F1", scores.f1, scores.f1_interval),
            ("Precision", scores.precision, scores.precision_interval),
            ("Recall", scores.recall, scores.recall_interval),
            ("Average precision", scores.average_precision, None),
        ):
            with st.container(width=150, gap=None):
                st.metric(title, "undefined" if value is None else f"{value:.2f}")
                if ends is not None:
                    st.caption(f"95 %: {ends[0]:.2f} to {ends[1]:.2f}")


def _draw_confusion(view: View, outputs: EvaluationOutputs, label: int) -> None:
    """The four counts; each opens its documents, and closes them again."""
    counts = {outcome: int(outcome_mask(outputs, outcome)[:, label].sum()) for outcome in CONFUSION}
    asked = st.pills(
        "Documents by what was judged and predicted",
        list(CONFUSION),
        format_func=lambda outcome: f"{counts[outcome]:,} {CONFUSION[outcome]} ({outcome})",
        key=f"confusion_{view.round_.id}_{label}",
        help="Choose one to read its documents.",
    )
    if asked is not None:
        draw_behind(view, of_outcome(outputs, label, asked), key=f"confusion_{label}")


def _draw_curves(
    view: View, outputs: EvaluationOutputs | None, label: int, scores: LabelScores
) -> None:
    evaluation, exclusive = view.evaluation, view.round_.is_exclusive
    colour = colour_of(scores.name, label, colours_of(outputs))
    curve, threshold = evaluation.curves[label], evaluation.threshold
    if outputs is not None:
        curve = precision_recall_curve_points(outputs.proba, outputs.truth, label)
        threshold = float(outputs.thresholds[label])
    draw_chart(
        "Precision against recall",
        charts.precision_recall_curve(
            curve, scores, colour=colour, threshold=None if exclusive else threshold
        ),
        how=advice.how_to_read_precision_recall_curve(),
        suggests=advice.what_it_suggests_precision_recall_curve(scores, curve, exclusive=exclusive),
        key=f"pr_curve_{label}",
    )
    if outputs is None or not st.toggle("Show the ROC curve", key="label_roc"):
        return
    area = roc_auc(outputs.proba, outputs.truth, label)
    draw_chart(
        "True against false positives (ROC)",
        charts.roc_curve(
            roc_curve_points(outputs.proba, outputs.truth, label), scores, auc=area, colour=colour
        ),
        how=advice.how_to_read_roc_curve(),
        suggests=advice.what_it_suggests_roc_curve(scores, area),
        key=f"roc_{label}",
    )


def _draw_probabilities(view: View, outputs: EvaluationOutputs | None, label: int) -> None:
    points = draw_chart(
        "Probabilities of what was judged",
        charts.probability_histograms(view.evaluation, label),
        how=f"{advice.how_to_read_probability_histograms()} {CLICK_A_BAR}",
        suggests=advice.what_it_suggests_probability_histograms(view.evaluation, label),
        key=f"histogram_{label}",
        on_select=outputs is not None,
    )
    draw_behind_bar(view, outputs, label, points=points, key=f"histogram_{label}")


def draw_behind_bar(
    view: View,
    outputs: EvaluationOutputs | None,
    label: int | None,
    *,
    points: list[Point],
    key: str,
) -> None:
    """The documents of the histogram's bar that was clicked."""
    if outputs is None:
        return
    for point in points[-1:]:
        state = (PRESENT, ABSENT)[point.trace]
        behind = in_histogram_bar(outputs, label, state=state, position=point.index)
        draw_behind(view, behind, key=key)
