"""The scores of labels side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import plotly.graph_objects as go

from core.charts.label_curves import Colours, colour_of
from core.charts.style import (
    MICRO_F1,
    NEUTRAL,
    PRECISION,
    RECALL,
    empty_figure,
    plain,
    short,
    styled,
    whiskers,
)
from core.evaluation.per_label import LabelScores
from core.evaluation.report import Evaluation
from core.evaluation.troubles import is_measurable

ROW_PX, MARGIN_PX = 32, 110
WORST, BEST = 30, 10  # drawn of labels too many for one chart
MOST_ROWS = 60
Measure = Literal["f1", "precision", "recall"]
MEASURES: tuple[Measure, ...] = ("f1", "precision", "recall")  # the traces, in order


def worst_first(evaluation: Evaluation) -> list[int]:
    """Positions of the labels by rising F1; those of too few positives last."""
    scores = evaluation.labels
    return sorted(
        range(len(scores)),
        key=lambda i: (not is_measurable(scores[i]), scores[i].f1 or 0.0, -scores[i].support),
    )


def labels_to_draw(evaluation: Evaluation) -> list[int]:
    """All labels in order; of very many, the 30 worst and the 10 best that can be measured."""
    n = len(evaluation.labels)
    if n <= MOST_ROWS:
        return list(range(n))
    ranked = worst_first(evaluation)
    measurable = [i for i in ranked if is_measurable(evaluation.labels[i])]
    if len(measurable) <= WORST + BEST:
        return ranked[: WORST + BEST]
    return [*measurable[:WORST], *measurable[-BEST:]]


def per_label_bars(
    evaluation: Evaluation,
    labels: Sequence[int] | None = None,
    *,
    colours: Colours | None = None,
    room_for: int = 4,
) -> go.Figure:
    """F1 as bars, precision and recall as points, each with its interval; labels top to bottom.

    `labels` are the positions to draw, in this order; `labels_to_draw` without
    them. The traces stand in the order of `MEASURES`, each mark's customdata is
    its label's position and words. `colours` give bars the colours of their labels.
    `room_for` rows there is height, even where fewer are drawn.
    """
    if not evaluation.labels or evaluation.n_cells == 0:
        return empty_figure("No label is measured yet.", key="per_label_bars")
    positions = labels_to_draw(evaluation) if labels is None else list(labels)
    scores = [evaluation.labels[i] for i in positions]
    figure = go.Figure()
    _add_f1_bars(figure, scores, positions, colours)
    looks: tuple[tuple[Literal["precision", "recall"], str, str, float], ...] = (
        ("precision", PRECISION, "diamond", -0.27),
        ("recall", RECALL, "circle-open" if colours else "circle", 0.27),
    )
    for measure, colour, symbol, offset in looks:
        _add_points(
            figure,
            scores,
            positions,
            measure,
            colour=NEUTRAL if colours else colour,
            look=(symbol, offset),
        )
    _add_undefined(figure, scores)
    figure.update_yaxes(
        tickvals=np.arange(len(scores)),
        ticktext=[f"{short(label.name)} · {label.support}" for label in scores],
        range=[len(scores) - 0.4, -0.6],
        showgrid=False,
    )
    figure.update_xaxes(title="Score", range=[0, 1.02], showgrid=True)
    return styled(
        figure, key="per_label_bars", height=MARGIN_PX + ROW_PX * max(len(scores), room_for)
    )


def _add_f1_bars(
    figure: go.Figure,
    scores: Sequence[LabelScores],
    positions: Sequence[int],
    colours: Colours | None,
) -> None:
    shown = [(row, s) for row, s in enumerate(scores) if s.f1 is not None]
    own = [colour_of(s.name, positions[row], colours) for row, s in shown]
    figure.add_bar(
        orientation="h",
        y=[row for row, _ in shown],
        x=[s.f1 for _, s in shown],
        width=0.3,
        name="F1",
        marker={"color": own if colours else MICRO_F1, "opacity": 0.45},
        error_x=whiskers(
            [s.f1 or 0.0 for _, s in shown],
            [s.f1_interval for _, s in shown],
            NEUTRAL if colours else MICRO_F1,
        ),
        customdata=[[positions[row], _told(s, "f1")] for row, s in shown],
        hovertemplate="%{customdata[1]}<extra></extra>",
    )


def _add_points(
    figure: go.Figure,
    scores: Sequence[LabelScores],
    positions: Sequence[int],
    measure: Literal["precision", "recall"],
    *,
    colour: str,
    look: tuple[str, float],
) -> None:
    symbol, offset = look
    shown = [(row, s) for row, s in enumerate(scores) if getattr(s, measure) is not None]
    values = [float(getattr(s, measure)) for _, s in shown]
    figure.add_scatter(
        y=[row + offset for row, _ in shown],
        x=values,
        name=measure,
        mode="markers",
        marker={"color": colour, "symbol": symbol, "size": 8},
        error_x=whiskers(values, [getattr(s, f"{measure}_interval") for _, s in shown], colour),
        customdata=[[positions[row], _told(s, measure)] for row, s in shown],
        hovertemplate="%{customdata[1]}<extra></extra>",
        cliponaxis=False,
    )


def _told(scores: LabelScores, measure: Measure) -> str:
    """One score in words."""
    value, ends = getattr(scores, measure), getattr(scores, f"{measure}_interval")
    between = f" ({ends[0]:.2f} to {ends[1]:.2f})" if ends else ""
    return (
        f"{plain(scores.name)}: {'F1' if measure == 'f1' else measure} {value:.2f}{between}<br>"
        f"{scores.support} judged present, {scores.n_predicted} predicted, "
        f"{scores.n_judged} judged"
    )


def _add_undefined(figure: go.Figure, scores: Sequence[LabelScores]) -> None:
    """Say in the row itself why a score is missing, or means little."""
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
