"""Which labels go together, for people and for the model."""

from __future__ import annotations

import streamlit as st

from core.charts import figures as charts
from core.charts.pairs import Measure, Which
from core.evaluation import advice
from pages.widgets.chart import CONFIG
from pages.widgets.dashboard.view import View
from pages.widgets.text import escaped

WIDE = 14  # labels from which two heatmaps no longer fit side by side
PAIR_MEASURES: dict[Measure, str] = {
    "count": "documents",
    "conditional": "share of the row's label",
}
PAIR_TITLES: dict[Which, str] = {
    "judged": "Judged together",
    "predicted": "Predicted together",
    "difference": "Difference: predicted minus judged",
}


def draw(view: View) -> None:
    """Counts and shares, judged, predicted, and their difference."""
    evaluation = view.evaluation
    measure = st.segmented_control(
        "Show",
        list(PAIR_MEASURES),
        format_func=PAIR_MEASURES.__getitem__,
        default="count",
        key="pairs",
    )
    judged, predicted = st.columns(2) if len(evaluation.names) <= WIDE else (st, st)
    for which, place in zip(PAIR_TITLES, (judged, predicted, st), strict=True):
        with place.container(border=True, key=f"pairs_{which}"):
            st.markdown(f"#### {PAIR_TITLES[which]}")
            figure = charts.cooccurrence_heatmap(
                evaluation, which, measure or "count", dark=st.context.theme.type == "dark"
            )
            st.plotly_chart(
                figure, key=f"pairs_{which}_chart", config=CONFIG, alt=PAIR_TITLES[which]
            )
    suggests = advice.what_it_suggests_cooccurrence_heatmap(evaluation)
    st.markdown(f":material/lightbulb: {escaped(suggests)}")
    st.caption(advice.how_to_read_cooccurrence_heatmap())
