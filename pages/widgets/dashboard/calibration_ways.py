"""Which way of calibrating each label was given, what else was tried, and why not that."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.charts import figures as charts
from core.errors import CorruptArtefact, InputError, NotReady
from core.evaluation import advice
from core.evaluation.outputs import EvaluationOutputs
from core.evaluation.recalibration import LabelChoice, Method, Recalibration
from core.rounds.chosen import read_calibration
from pages.widgets.chart import draw_chart
from pages.widgets.dashboard.view import View
from pages.widgets.text import escaped

LEFT_OUT = (
    "Judged documents that the model did not see, each mended by ways fitted on the others; the "
    "audit set chooses nothing."
)
TITLES = {
    Method.TEMPERATURE: "Shared temperature",
    Method.PLATT: "Platt",
    Method.BETA: "Beta",
    Method.ISOTONIC: "Isotonic",
}


def draw_ways(view: View, outputs: EvaluationOutputs) -> None:
    """The ways compared, as a figure and as a table; of earlier rounds the temperature alone."""
    found = _read(view)
    if found is None:
        return
    suggests = advice.what_it_suggests_methods_compared(found, outputs.names)
    if len(found.labels) != len(outputs.names):
        st.markdown(f":material/thermostat: {escaped(suggests)}")
        return
    draw_chart(
        "Ways to calibrate, compared",
        charts.methods_compared(found, outputs.names),
        how=advice.how_to_read_methods_compared(),
        suggests=suggests,
        key="methods_compared",
        measured=LEFT_OUT,
    )
    with st.expander("Which way each label has, and why"):
        st.dataframe(_table(found, outputs.names), hide_index=True)
        st.caption(
            "Log loss per judgement on documents left out; an empty cell was not tried. Every way "
            "keeps the order of documents; isotonic alone may make some equal."
        )


def _read(view: View) -> Recalibration | None:
    if view.folder is None:
        return None
    try:
        return read_calibration(view.folder)
    except (CorruptArtefact, FileNotFoundError, InputError, NotReady):
        return None


def _table(found: Recalibration, names: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame(
        [_row(choice, name) for choice, name in zip(found.labels, names, strict=True)]
    )


def _row(choice: LabelChoice, name: str) -> dict[str, str | float | None]:
    losses = {TITLES[method]: choice.losses.get(method) for method in TITLES}
    return {"Label": name, "Way": TITLES[choice.map.method], **losses, "Why": choice.reason}
