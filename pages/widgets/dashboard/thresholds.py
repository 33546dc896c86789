"""Where to cut the probabilities, for what aim, and what that gives."""

from __future__ import annotations

from core.charts import figures as charts
from core.evaluation import advice
from pages.widgets.chart import draw_chart
from pages.widgets.dashboard.view import View


def draw(view: View) -> None:
    """The sweep, with the threshold in force."""
    draw_chart(
        "Threshold sweep",
        charts.threshold_sweep(view.evaluation),
        how=advice.how_to_read_threshold_sweep(),
        suggests=advice.what_it_suggests_threshold_sweep(view.evaluation),
        key="threshold_sweep",
    )
