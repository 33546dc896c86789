"""Which labels go together, for people and for the model."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from core.charts import figures as charts
from core.charts.pairs import MOST_NAMED, Which
from core.evaluation import advice
from core.evaluation.behind import of_pair
from core.evaluation.cooccurrence import LabelPair, PairMeasure, clustered_order, list_pairs
from core.evaluation.report import Evaluation
from core.evaluation.wording import measured_on
from pages.widgets.chart import CONFIG, draw_chart
from pages.widgets.dashboard.view import NO_OUTPUTS, View
from pages.widgets.documents_behind import draw_behind
from pages.widgets.text import escaped

WIDE = 14  # labels up to which two heatmaps with names fit side by side
MOST_LISTED = 500
MEASURES: dict[PairMeasure, str] = {
    PairMeasure.COUNT: "documents",
    PairMeasure.CONDITIONAL: "share of the row's label",
    PairMeasure.LIFT: "lift",
    PairMeasure.PHI: "correlation (phi)",
}
TITLES: dict[Which, str] = {
    "judged": "Judged together",
    "predicted": "Predicted together",
    "difference": "Difference: predicted minus judged",
}


class Order(StrEnum):
    """How rows and columns are ordered."""

    GROUPS = "labels that go together"
    SCHEMA = "as in the schema"
    FREQUENCY = "most frequent first"


def draw(view: View) -> None:
    """Heatmaps, the pairs as a table, and one label's companions."""
    if len(view.evaluation.names) < 2:
        st.info("Two labels are needed before any can go together.")
        return
    _draw_heatmaps(view.evaluation)
    _draw_table(view)
    _draw_companions(view)


def _draw_heatmaps(evaluation: Evaluation) -> None:
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    chosen = left.segmented_control(
        "Show",
        list(MEASURES),
        format_func=MEASURES.__getitem__,
        default=PairMeasure.COUNT,
        required=True,
        wrap=True,
        key="pairs",
    )
    measure = chosen or PairMeasure.COUNT
    order = _order(
        evaluation,
        right.selectbox("Order", list(Order), format_func=str, key="pairs_order"),
    )
    judged, predicted = st.columns(2) if _fit_side_by_side(evaluation) else (st, st)
    for which, place in zip(TITLES, (judged, predicted, st), strict=True):
        with place.container(border=True, key=f"pairs_{which}"):
            st.markdown(f"#### {TITLES[which]}")
            st.caption(measured_on(evaluation))
            st.plotly_chart(
                charts.cooccurrence_heatmap(
                    evaluation,
                    which,
                    measure,
                    order=order,
                    dark=st.context.theme.type == "dark",
                ),
                key=f"pairs_{which}_chart",
                config=CONFIG,
                alt=TITLES[which],
            )
    suggests = advice.what_it_suggests_cooccurrence_heatmap(evaluation)
    st.markdown(f":material/lightbulb: {escaped(suggests)}")
    st.caption(advice.how_to_read_cooccurrence_heatmap(measure))


def _fit_side_by_side(evaluation: Evaluation) -> bool:
    """Few labels do, and so many that their names are left out."""
    return not WIDE < len(evaluation.names) <= MOST_NAMED


def _order(evaluation: Evaluation, order: Order) -> NDArray[np.int64]:
    if order is Order.SCHEMA:
        return np.arange(len(evaluation.names))
    if order is Order.FREQUENCY:
        return np.argsort(-np.asarray(evaluation.positives), kind="stable")
    return clustered_order(evaluation.judged_pairs)


def _draw_table(view: View) -> None:
    """Every pair that met, the most surprising difference first; a row leads to its documents."""
    evaluation = view.evaluation
    pairs = list_pairs(evaluation.judged_pairs, evaluation.predicted_pairs)
    with st.container(border=True, key="pairs_table"):
        st.markdown("#### The pairs as a table")
        if not pairs:
            st.caption("No two labels were judged or predicted together in these documents.")
            return
        wanted = st.multiselect(
            "Only pairs with", evaluation.names, key="pairs_labels", placeholder="any label"
        )
        asked = {evaluation.position_of(name) for name in wanted}
        kept = [pair for pair in pairs if not asked or asked & {pair.first, pair.second}]
        shown = kept[:MOST_LISTED]
        chosen = st.dataframe(
            pd.DataFrame([_row(evaluation, pair) for pair in shown]),
            hide_index=True,
            height=300,
            on_select="rerun",
            selection_mode="single-row",
            key="pairs_chosen",
            column_config={
                "Lift": st.column_config.NumberColumn(format="%.1f"),
                "Phi, judged": st.column_config.NumberColumn(format="%.2f"),
                "Phi, predicted": st.column_config.NumberColumn(format="%.2f"),
            },
        )
        if len(kept) > len(shown):
            st.caption(f"The first {len(shown):,} of {len(kept):,} pairs; name a label above.")
        st.caption(
            "The pairs that model and people see most differently come first. Choose a row to "
            "read its documents."
        )
        if rows := chosen["selection"]["rows"]:
            _draw_pair(view, shown[rows[0]].first, shown[rows[0]].second)


def _row(evaluation: Evaluation, pair: LabelPair) -> dict[str, object]:
    return {
        "Label": evaluation.names[pair.first],
        "with": evaluation.names[pair.second],
        "Judged together": pair.n_judged,
        "Predicted together": pair.n_predicted,
        "Difference": pair.n_too_many,
        "Of documents": pair.n_both_judged,
        "Lift": pair.lift_judged,
        "Phi, judged": pair.phi_judged,
        "Phi, predicted": pair.phi_predicted,
    }


def _draw_pair(view: View, first: int, second: int) -> None:
    outputs = view.outputs()
    if outputs is None:
        st.caption(NO_OUTPUTS)
        return
    by_people = of_pair(outputs, first, second)
    by_model = of_pair(outputs, first, second, predicted=True)
    sides = {
        f"Judged together ({len(by_people)})": by_people,
        f"Predicted together ({len(by_model)})": by_model,
    }
    side = st.segmented_control(
        "Documents",
        list(sides),
        default=next(iter(sides)),
        required=True,
        key=f"pair_side_{first}_{second}",
        label_visibility="collapsed",
    )
    draw_behind(view, sides[side or next(iter(sides))], key="pair")


def _draw_companions(view: View) -> None:
    """One label: what goes with it, for people and for the model."""
    evaluation = view.evaluation
    by_use = sorted(range(len(evaluation.names)), key=lambda i: -evaluation.positives[i])
    label = st.selectbox(
        "What goes with",
        by_use,
        format_func=lambda i: f"{evaluation.names[i]} ({evaluation.positives[i]:,})",
        key="companions_of",
    )
    outputs = view.outputs()
    colour = outputs.colours[label] if outputs is not None and outputs.colours else ""
    draw_chart(
        f"What goes with “{evaluation.names[label]}”",
        charts.companion_bars(evaluation, label, colour=colour),
        how=advice.how_to_read_companion_bars(),
        suggests=advice.what_it_suggests_companion_bars(evaluation, label),
        key="companions",
        measured=measured_on(evaluation, label),
    )
