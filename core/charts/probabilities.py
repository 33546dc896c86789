"""Figures about probabilities: whether to believe them, and what they tell apart."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from core.charts.calibration import (
    CURVES_PX,
    NO_CELLS,
    add_bin_counts,
    add_reliability,
    reliability_frame,
)
from core.charts.style import (
    ABSENT_COLOUR,
    MICRO_F1,
    NEUTRAL,
    PRESENT_COLOUR,
    empty_figure,
    plain,
    styled,
)
from core.evaluation.counts import Counts, Floats
from core.evaluation.report import Evaluation


def reliability_diagram(evaluation: Evaluation) -> go.Figure:
    """Observed against predicted frequency above, judgements per bin below."""
    if evaluation.n_cells == 0:
        return empty_figure(NO_CELLS, key="reliability_diagram", height=CURVES_PX)
    figure = reliability_frame()
    uncalibrated, calibrated = evaluation.uncalibrated, evaluation.calibration
    if uncalibrated is not None:
        name = f"before calibration (ECE {uncalibrated.ece:.3f})"
        add_reliability(figure, uncalibrated.reliability, name, NEUTRAL, is_raw=True)
    name = "after calibration" if uncalibrated is not None else "model"
    add_reliability(figure, calibrated.reliability, f"{name} (ECE {calibrated.ece:.3f})", MICRO_F1)
    add_bin_counts(figure, calibrated.reliability)
    return styled(figure, key="reliability_diagram", height=CURVES_PX)


def probability_histograms(evaluation: Evaluation, label: str | int | None = None) -> go.Figure:
    """Probabilities of present cells upwards and of absent ones downwards; one label's or all."""
    key = f"probability_histograms/{label}"
    if label is None:
        chosen = evaluation.histogram
    else:
        chosen = evaluation.histograms[evaluation.position_of(label)]
    if chosen.present.sum() + chosen.absent.sum() == 0:
        whose = "" if label is None else f" for “{evaluation.names[evaluation.position_of(label)]}”"
        return empty_figure(f"Nothing is judged{whose} in these documents.", key=key)
    figure = go.Figure()
    tallest = max(
        _add_histogram(figure, chosen.present, "judged present", sign=1),
        _add_histogram(figure, chosen.absent, "judged absent", sign=-1),
    )
    if not evaluation.exclusive:
        line = {"color": NEUTRAL, "dash": "dash", "width": 1.5}
        figure.add_vline(x=evaluation.threshold, line=line)
    step = 0.25 if tallest > 0.5 else 0.1 if tallest > 0.2 else 0.05
    ticks = np.arange(-np.ceil(tallest / step), np.ceil(tallest / step) + 1) * step
    figure.update_yaxes(
        title="Share of its kind", tickvals=ticks, ticktext=[f"{abs(t):.0%}" for t in ticks]
    )
    figure.update_xaxes(title="Predicted probability", range=[0, 1], showgrid=False)
    styled(figure, key=plain(key))
    figure.update_layout(barmode="overlay", bargap=0.06)
    return figure


def _add_histogram(figure: go.Figure, counts: Counts, name: str, *, sign: int) -> float:
    """Add one kind's bars, and return the height of the tallest."""
    total = int(counts.sum())
    shares: Floats = counts / max(total, 1)
    n_bins = len(counts)
    lower = np.arange(n_bins) / n_bins
    figure.add_bar(
        x=lower + 0.5 / n_bins,
        y=sign * shares,
        width=0.94 / n_bins,
        name=f"{name} ({total:,})",
        marker={"color": PRESENT_COLOUR if sign > 0 else ABSENT_COLOUR},
        customdata=np.stack([counts, lower, lower + 1 / n_bins, shares], axis=1),
        hovertemplate=(
            f"%{{customdata[0]:,}} {name} (%{{customdata[3]:.0%}}) between "
            "%{customdata[1]:.2f} and %{customdata[2]:.2f}<extra></extra>"
        ),
    )
    return float(shares.max())
