"""Figures about probabilities: whether to believe them, and what they tell apart."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.charts.style import (
    ABSENT_COLOUR,
    FAINT,
    MACRO_F1,
    MICRO_F1,
    NEUTRAL,
    PRESENT_COLOUR,
    empty_figure,
    plain,
    styled,
    whiskers,
)
from core.evaluation.calibration import Reliability
from core.evaluation.counts import Counts, Floats
from core.evaluation.report import Evaluation

NO_CELLS = "Nothing is measured yet: judge some documents and run a round."


def reliability_diagram(evaluation: Evaluation) -> go.Figure:
    """Observed against predicted frequency above, judgements per bin below."""
    if evaluation.n_cells == 0:
        return empty_figure(NO_CELLS, key="reliability_diagram", height=460)
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.72, 0.28], vertical_spacing=0.06
    )
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        name="exact",
        mode="lines",
        line={"color": NEUTRAL, "dash": "dot", "width": 1.5},
        hoverinfo="skip",
        row=1,
        col=1,
    )
    uncalibrated, calibrated = evaluation.uncalibrated, evaluation.calibration
    if uncalibrated is not None:
        name = f"before calibration (ECE {uncalibrated.ece:.3f})"
        _add_reliability(figure, uncalibrated.reliability, name, MACRO_F1)
    name = "after calibration" if uncalibrated is not None else "model"
    _add_reliability(figure, calibrated.reliability, f"{name} (ECE {calibrated.ece:.3f})", MICRO_F1)
    _add_bin_counts(figure, calibrated.reliability)
    figure.update_xaxes(range=[-0.02, 1.02], showgrid=False)
    figure.update_xaxes(title="Predicted probability", row=2, col=1)
    figure.update_yaxes(title="Observed share", range=[-0.02, 1.02], row=1, col=1)
    return styled(figure, key="reliability_diagram", height=460)


def _add_reliability(figure: go.Figure, binned: Reliability, name: str, colour: str) -> None:
    filled = binned.count > 0
    observed = binned.observed[filled]
    ends = list(zip(binned.interval_low[filled], binned.interval_high[filled], strict=True))
    figure.add_scatter(
        x=binned.mean_predicted[filled],
        y=observed,
        name=name,
        mode="lines+markers",
        line={"color": colour, "width": 2},
        marker={"size": 8, "symbol": "circle" if colour == MICRO_F1 else "diamond-open"},
        error_y=whiskers(list(observed), ends, colour),
        customdata=binned.count[filled],
        hovertemplate="predicted %{x:.2f}, present in %{y:.0%} of %{customdata:,} judgements",
        row=1,
        col=1,
    )


def _add_bin_counts(figure: go.Figure, binned: Reliability) -> None:
    filled = binned.count > 0
    counts, lower, upper = (
        values[filled] for values in (binned.count, binned.bin_lower, binned.bin_upper)
    )
    figure.add_bar(
        x=(lower + upper) / 2,
        y=counts,
        width=(upper - lower) * 0.92,
        name="judgements",
        marker={"color": FAINT},
        text=[_brief(int(count)) for count in counts],
        textposition="outside",
        cliponaxis=False,
        customdata=np.stack([lower, upper], axis=1),
        hovertemplate=(
            "%{y:,} judgements predicted %{customdata[0]:.2f} to %{customdata[1]:.2f}"
            "<extra></extra>"
        ),
        showlegend=False,
        row=2,
        col=1,
    )
    # room above the tallest bar for its number; one judgement still shows
    top = float(np.log10(counts.max())) * 1.25 + 0.35
    figure.update_yaxes(
        title="Judgements",
        type="log",
        range=[-0.3, top],
        dtick=max(1, round(top / 3)),
        row=2,
        col=1,
    )


def _brief(count: int) -> str:
    return (
        f"{count}"
        if count < 1000
        else f"{count / 1000:.0f}k"
        if count > 9999
        else f"{count / 1000:.1f}k"
    )


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
    figure.add_vline(x=evaluation.threshold, line={"color": NEUTRAL, "dash": "dash", "width": 1.5})
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
