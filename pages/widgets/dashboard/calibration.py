"""Whether probabilities can be believed: of all labels, of one, and what mending did for it."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.charts import figures as charts
from core.charts.label_curves import colour_of, colours_of
from core.charts.style import MICRO_F1
from core.evaluation import advice
from core.evaluation.behind import in_bin
from core.evaluation.belief import Belief, Compared, beliefs_by_label, compared
from core.evaluation.outputs import EvaluationOutputs
from core.evaluation.reliability import BinKind
from core.evaluation.wording import measured_on
from pages.widgets.chart import draw_chart
from pages.widgets.dashboard.calibration_ways import draw_ways
from pages.widgets.dashboard.calibration_words import draw_parts
from pages.widgets.dashboard.view import NO_OUTPUTS, View
from pages.widgets.documents_behind import draw_behind
from pages.widgets.round_words import is_accuracy

BINS: dict[BinKind, str] = {"equal_width": "equally wide", "equal_mass": "equally full"}
ALL = "All labels"


def draw(view: View) -> None:
    """Predicted against observed, then every label's error, then the ways to mend it."""
    if is_accuracy(view.round_):
        st.markdown(
            "Exactly one label applies to each document, so the most probable one is predicted, "
            "however probable it is: there is no threshold to choose."
        )
    outputs = view.outputs()
    if outputs is None:
        _draw_stored(view)
        return
    label, kind, is_overlaid = _choose(view, outputs)
    found = _compared(*_which(view), label, kind, outputs)
    _draw_reliability(view, outputs, found if is_overlaid else Compared(found.after, None))
    draw_parts(found)
    _draw_labels(view, outputs)
    draw_ways(view, outputs)


def _draw_stored(view: View) -> None:
    """Of rounds whose measured documents were not kept."""
    draw_chart(
        "Reliability",
        charts.reliability_diagram(view.evaluation),
        how=advice.how_to_read_reliability_diagram(),
        suggests=advice.what_it_suggests_reliability_diagram(view.evaluation),
        key="reliability",
        measured=measured_on(view.evaluation),
    )
    st.info(NO_OUTPUTS)


def _choose(view: View, outputs: EvaluationOutputs) -> tuple[int | None, BinKind, bool]:
    """Which judgements, in which bins, and whether before calibration too."""
    which, bins, before = st.columns([3, 3, 2.4], vertical_alignment="bottom")
    name = which.selectbox("Judgements of", [ALL, *outputs.names], key="calibration_label")
    kind = bins.segmented_control(
        "Bins",
        list(BINS),
        format_func=BINS.__getitem__,
        default="equal_width",
        required=True,
        key="calibration_bins",
        help="Equally wide bins show the whole range; equally full ones hold as many "
        "judgements each, so none is thinner than the others.",
    )
    is_overlaid = outputs.raw is not None and before.toggle(
        "Before calibration too", value=True, key="calibration_before"
    )
    label = None if name == ALL and ALL not in outputs.names else outputs.names.index(name)
    return label, kind or "equal_width", is_overlaid


def _draw_reliability(view: View, outputs: EvaluationOutputs, found: Compared) -> None:
    label = found.after.label
    name = None if label is None else outputs.names[label]
    colour = MICRO_F1 if name is None else colour_of(name, label or 0, colours_of(outputs))
    points = draw_chart(
        "Reliability",
        charts.reliability_curves(found, name=name, colour=colour),
        how=advice.how_to_read_reliability_curves(),
        suggests=advice.what_it_suggests_reliability_curves(found, name),
        key="reliability",
        measured=measured_on(outputs, label),
        on_select=True,
    )
    for point in points[-1:]:
        if point.customdata is not None:
            lower, upper, _, is_raw = point.customdata
            behind = in_bin(outputs, label, lower=lower, upper=upper, raw=bool(is_raw))
            told = f"{behind.title}{', before calibration' if is_raw else ''}"
            draw_behind(view, replace(behind, title=told), key="reliability")


def _draw_labels(view: View, outputs: EvaluationOutputs) -> None:
    """Every label's error beside what chance gives."""
    if len(outputs.names) < 2:
        return
    beliefs = _by_label(*_which(view), outputs)
    draw_chart(
        "Calibration error by label",
        charts.calibration_errors(beliefs, outputs.names, colours=outputs.colours or None),
        how=advice.how_to_read_calibration_errors(),
        suggests=advice.what_it_suggests_calibration_errors(beliefs, outputs.names),
        key="calibration_errors",
        measured=measured_on(outputs),
    )


def _which(view: View) -> tuple[str, str]:
    """What the measured documents are known by: they never change."""
    return str(view.folder), str(view.round_.finished_at)


@st.cache_resource(max_entries=64, show_spinner=False)
def _compared(
    folder: str, finished_at: str, label: int | None, kind: BinKind, _outputs: EvaluationOutputs
) -> Compared:
    return compared(_outputs, label, kind=kind)


@st.cache_resource(max_entries=8, show_spinner="Looking at every label …")
def _by_label(folder: str, finished_at: str, _outputs: EvaluationOutputs) -> list[Belief]:
    return beliefs_by_label(_outputs.proba, _outputs.truth, seed=_outputs.seed)
