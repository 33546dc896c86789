"""Whether probabilities can be believed."""

from __future__ import annotations

import streamlit as st

from core.charts import figures as charts
from core.evaluation import advice
from pages.widgets.chart import draw_chart
from pages.widgets.dashboard.view import View
from pages.widgets.round_words import is_accuracy


def draw(view: View) -> None:
    """Predicted against observed."""
    if is_accuracy(view.round_):
        st.markdown(
            "Exactly one label applies to each document, so the most probable one is predicted, "
            "however probable it is: there is no threshold to choose."
        )
    draw_chart(
        "Reliability",
        charts.reliability_diagram(view.evaluation),
        how=advice.how_to_read_reliability_diagram(),
        suggests=advice.what_it_suggests_reliability_diagram(view.evaluation),
        key="reliability",
    )
