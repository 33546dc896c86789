"""Figures about single labels: their scores and their curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import plotly.graph_objects as go

from core.charts.style import (
    FAINT,
    MICRO_F1,
    NEUTRAL,
    PRECISION,
    RECALL,
    empty_figure,
    label_dash,
    plain,
    short,
    styled,
    whiskers,
)
from core.evaluation.counts import Floats
from core.evaluation.per_label import LabelScores, PrecisionRecallCurve
from core.evaluation.report import Evaluation
from core.evaluation.wording import FEW_POSITIVES
from core.palette import label_colour

ROW_PX, MARGIN_PX = 32, 110
MAX_HIGHLIGHTED = 6  # as many names as fit above a chart 380 px wide


def per_label_bars(evaluation: Evaluation) -> go.Figure:
    """F1 as bars, precision and recall as points, each with its interval; labels top to bottom."""
    scores = evaluation.labels
    if not scores or evaluation.n_cells == 0:
        return empty_figure("No label is measured yet.", key="per_label_bars")
    figure = go.Figure()
    _add_f1_bars(figure, scores)
    _add_points(figure, scores, "precision", colour=PRECISION, symbol="diamond", offset=-0.27)
    _add_points(figure, scores, "recall", colour=RECALL, symbol="circle", offset=0.27)
    _add_undefined(figure, scores)
    rows = np.arange(len(scores))
    figure.update_yaxes(
        tickvals=rows,
        ticktext=[f"{short(label.name)} · {label.support}" for label in scores],
        range=[len(scores) - 0.4, -0.6],
        showgrid=False,
    )
    figure.update_xaxes(title="Score", range=[0, 1.02], showgrid=True)
    return styled(figure, key="per_label_bars", height=MARGIN_PX + ROW_PX * max(len(scores), 4))


def _add_f1_bars(figure: go.Figure, scores: Sequence[LabelScores]) -> None:
    shown = [(row, s) for row, s in enumerate(scores) if s.f1 is not None]
    figure.add_bar(
        orientation="h",
        y=[row for row, _ in shown],
        x=[s.f1 for _, s in shown],
        width=0.3,
        name="F1",
        marker={"color": MICRO_F1, "opacity": 0.45},
        error_x=whiskers(
            [s.f1 or 0.0 for _, s in shown], [s.f1_interval for _, s in shown], MICRO_F1
        ),
        customdata=[_told(s, "f1") for _, s in shown],
        hovertemplate="%{customdata}<extra></extra>",
    )


def _add_points(
    figure: go.Figure,
    scores: Sequence[LabelScores],
    measure: Literal["precision", "recall"],
    *,
    colour: str,
    symbol: str,
    offset: float,
) -> None:
    shown = [(row, s) for row, s in enumerate(scores) if getattr(s, measure) is not None]
    values = [float(getattr(s, measure)) for _, s in shown]
    figure.add_scatter(
        y=[row + offset for row, _ in shown],
        x=values,
        name=measure,
        mode="markers",
        marker={"color": colour, "symbol": symbol, "size": 8},
        error_x=whiskers(values, [getattr(s, f"{measure}_interval") for _, s in shown], colour),
        customdata=[_told(s, measure) for _, s in shown],
        hovertemplate="%{customdata}<extra></extra>",
        cliponaxis=False,
    )


def _told(scores: LabelScores, measure: str) -> str:
    """One score in words."""
    value, ends = getattr(scores, measure), getattr(scores, f"{measure}_interval")
    between = f" ({ends[0]:.2f} to {ends[1]:.2f})" if ends else ""
    return (
        f"{plain(scores.name)}: {'F1' if measure == 'f1' else measure} {value:.2f}{between}<br>"
        f"{scores.support} judged present, {scores.n_predicted} predicted, "
        f"{scores.n_judged} judged"
    )


def _add_undefined(figure: go.Figure, scores: Sequence[LabelScores]) -> None:
    """Say in the row itself why a score is missing."""
    reasons = [(row, _why_undefined(s)) for row, s in enumerate(scores)]
    shown = [(row, reason) for row, reason in reasons if reason]
    figure.add_scatter(
        y=[row for row, _ in shown],
        x=[1.0] * len(shown),  # a score of 0 leaves the right end free
        text=[reason for _, reason in shown],
        mode="text",
        textposition="middle left",
        textfont={"size": 12, "color": NEUTRAL},
        hoverinfo="skip",
        showlegend=False,
        cliponaxis=False,
    )


def _why_undefined(scores: LabelScores) -> str | None:
    if scores.n_judged == 0:
        return "not judged"
    if scores.support == 0:
        return "never judged present"
    if scores.n_predicted == 0:
        return "never predicted"
    return None


def precision_recall_curves(
    evaluation: Evaluation, labels: Sequence[str | int] | None = None
) -> go.Figure:
    """One curve per label; of many labels, the lowest six in colour and the rest in grey.

    `labels` names the ones to draw, all in colour.
    """
    drawable = [i for i, curve in enumerate(evaluation.curves) if curve.recall.size]
    if labels is not None:
        wanted = {evaluation.position_of(label) for label in labels}
        drawable = [i for i in drawable if i in wanted]
    if not drawable:
        return empty_figure(
            "A curve needs documents with and without the label; none is there yet.",
            key="precision_recall_curves",
        )
    by_worth = sorted(drawable, key=lambda i: _worth_a_look(evaluation.labels[i]))
    coloured = set(drawable if labels is not None else by_worth[:MAX_HIGHLIGHTED])
    figure = go.Figure()
    _add_background(figure, evaluation, [i for i in drawable if i not in coloured])
    for position in sorted(coloured):
        _add_curve(figure, evaluation, position)
    figure.update_xaxes(title="Recall", range=[0, 1.02], showgrid=True)
    figure.update_yaxes(title="Precision", range=[0, 1.03])
    return styled(figure, key="precision_recall_curves", height=460)


def _worth_a_look(scores: LabelScores) -> tuple[bool, float]:
    """Ill-ranked labels first, but behind those whose few positives say nothing."""
    return scores.support < FEW_POSITIVES, scores.average_precision or 0.0


def _add_background(figure: go.Figure, evaluation: Evaluation, positions: list[int]) -> None:
    for nth, position in enumerate(positions):
        curve, name = evaluation.curves[position], plain(evaluation.names[position])
        figure.add_scatter(
            **_steps(curve),
            name=f"{len(positions)} others",
            legendgroup="others",
            showlegend=nth == 0,
            mode="lines",
            line={"color": FAINT, "width": 1.2, "shape": "vh"},
            hovertemplate=f"{name}: precision %{{y:.2f}} at recall %{{x:.2f}}<extra></extra>",
        )


def _add_curve(figure: go.Figure, evaluation: Evaluation, position: int) -> None:
    curve, scores = evaluation.curves[position], evaluation.labels[position]
    figure.add_scatter(
        **_steps(curve),
        name=f"{short(scores.name, 16)} {scores.average_precision or 0:.2f}",
        mode="lines+markers" if curve.recall.size < 12 else "lines",
        line={
            "color": label_colour(position),
            "dash": label_dash(position),
            "width": 2,
            "shape": "vh",
        },
        customdata=np.append(curve.thresholds[:1], curve.thresholds),
        hovertemplate=(
            f"{plain(scores.name)}: precision %{{y:.2f}} at recall %{{x:.2f}}, "
            "threshold %{customdata:.2f}<extra></extra>"
        ),
    )


def _steps(curve: PrecisionRecallCurve) -> dict[str, Floats]:
    """The curve from recall 0 on, where it starts at its first precision."""
    return {
        "x": np.append(0.0, curve.recall),
        "y": np.append(curve.precision[:1], curve.precision),
    }
