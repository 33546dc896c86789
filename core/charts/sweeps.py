"""Sweeps: what each threshold gives, over all labels or for one."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from core.charts.style import (
    HEIGHT,
    MACRO_F1,
    MICRO_F1,
    NEUTRAL,
    PRECISION,
    RECALL,
    empty_figure,
    plain,
    styled,
)
from core.domain import PRESENT
from core.evaluation.counts import Floats, masked_truth
from core.evaluation.outputs import EvaluationOutputs
from core.evaluation.report import Evaluation
from core.evaluation.thresholds import Sweep, best_threshold, sweep_interval, sweep_label
from core.evaluation.wording import FEW_POSITIVES, counted

NO_POSITIVES = "No judged document has a label yet, so no threshold can be scored."
BAND = "rgba(0,119,187,0.16)"  # MICRO_F1, thinned


def threshold_sweep(
    evaluation: Evaluation, *, interval: tuple[Floats, Floats] | None = None
) -> go.Figure:
    """Micro-F1, macro-F1, precision and recall over the threshold.

    `interval` is that of micro-F1 at each threshold, as `sweep_interval` gives it.
    """
    swept = evaluation.sweep
    if np.isnan(swept.micro_f1).all():
        return empty_figure(NO_POSITIVES, key="threshold_sweep")
    figure = go.Figure()
    _add_interval(figure, swept, interval)
    _add_scores(figure, swept, names=("micro-F1", "macro-F1", "precision", "recall"))
    _mark(figure, swept, best=evaluation.best_threshold, in_force=evaluation.threshold)
    return _finished(figure, key="threshold_sweep")


def label_sweep(outputs: EvaluationOutputs, label: int) -> go.Figure:
    """F1 with its interval, precision and recall of one label over the threshold."""
    key, name = f"label_sweep/{label}", outputs.names[label]
    judged = masked_truth(outputs.proba, outputs.truth)[:, label]
    n = int((judged == PRESENT).sum())
    if n < FEW_POSITIVES:
        return empty_figure(
            f"{counted(n, 'document')} judged to have “{name}” cannot show a sweep; from "
            f"{FEW_POSITIVES} on it is drawn.",
            key=plain(key),
        )
    swept = sweep_label(outputs.proba, outputs.truth, label)
    alone = outputs.only(np.array([label]))
    figure = go.Figure()
    _add_interval(figure, swept, sweep_interval(alone.proba, alone.truth, seed=outputs.seed))
    _add_scores(figure, swept, names=("F1", "precision", "recall"))
    _mark(figure, swept, best=best_threshold(swept), in_force=float(outputs.thresholds[label]))
    return _finished(figure, key=key)


def _add_scores(figure: go.Figure, swept: Sweep, *, names: tuple[str, ...]) -> None:
    looks = {
        "F1": (swept.micro_f1, MICRO_F1, "solid"),
        "micro-F1": (swept.micro_f1, MICRO_F1, "solid"),
        "macro-F1": (swept.macro_f1, MACRO_F1, "solid"),
        "precision": (swept.precision, PRECISION, "dash"),
        "recall": (swept.recall, RECALL, "dot"),
    }
    for name in names:
        values, colour, dash = looks[name]
        figure.add_scatter(
            x=swept.thresholds,
            y=values,
            name=name,
            mode="lines",
            line={"color": colour, "dash": dash, "width": 3 if colour == MICRO_F1 else 2},
            hovertemplate="%{y:.2f}",
        )


def _add_interval(figure: go.Figure, swept: Sweep, interval: tuple[Floats, Floats] | None) -> None:
    if interval is None:
        return
    low, high = interval
    known = ~(np.isnan(low) | np.isnan(high))
    at = swept.thresholds[known]
    figure.add_scatter(
        x=np.concatenate([at, at[::-1]]),
        y=np.concatenate([high[known], low[known][::-1]]),
        name="95 % interval",
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor=BAND,
        hoverinfo="skip",
    )


def _mark(figure: go.Figure, swept: Sweep, *, best: float, in_force: float) -> None:
    figure.add_scatter(
        x=[best],
        y=[swept.micro_f1[swept.at(best)]],
        name=f"best {best:.2f}",
        mode="markers",
        marker={"symbol": "star", "size": 15, "color": MICRO_F1},
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=[in_force] * 2,
        y=[0, 1.02],
        name=f"in force {in_force:.2f}",
        mode="lines",
        line={"color": NEUTRAL, "dash": "dash", "width": 1.5},
        hoverinfo="skip",
    )


def _finished(figure: go.Figure, *, key: str) -> go.Figure:
    figure.update_xaxes(title="Threshold (probability)", range=[0, 1], showgrid=False)
    figure.update_yaxes(title="Score", range=[0, 1.02], tickformat=".1f")
    styled(figure, key=key, height=HEIGHT)
    figure.update_layout(hovermode="x unified")
    figure.update_xaxes(unifiedhovertitle={"text": "threshold %{x:.2f}"})
    return figure
