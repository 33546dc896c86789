"""Figures about labels: their scores, their curves, and which go together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.charts.style import (
    DIVERGING,
    FAINT,
    MICRO_F1,
    NEUTRAL,
    PRECISION,
    RECALL,
    SEQUENTIAL,
    empty_figure,
    label_colour,
    label_dash,
    plain,
    short,
    styled,
    whiskers,
)
from core.evaluation.counts import Floats
from core.evaluation.per_label import LabelScores, PrecisionRecallCurve
from core.evaluation.report import Evaluation
from core.evaluation.summary import Cooccurrence

Which = Literal["judged", "predicted", "difference"]
Measure = Literal["count", "conditional"]

ROW_PX, MARGIN_PX = 32, 110
MAX_HIGHLIGHTED = 8  # one per colour
WHITE_FROM = 0.75  # of the strongest colour; below it, the page's background shines through
MAX_WRITTEN_CELLS = 14  # labels up to which a heatmap writes its numbers


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
        marker={"color": MICRO_F1, "opacity": 0.75},
        error_x=whiskers(
            [s.f1 or 0.0 for _, s in shown], [s.f1_interval for _, s in shown], NEUTRAL
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
    """One curve per label; of many labels, the lowest eight in colour and the rest in grey.

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
    by_worth = sorted(drawable, key=lambda i: evaluation.labels[i].average_precision or 0.0)
    coloured = set(drawable if labels is not None else by_worth[:MAX_HIGHLIGHTED])
    figure = go.Figure()
    _add_background(figure, evaluation, [i for i in drawable if i not in coloured])
    for position in sorted(coloured):
        _add_curve(figure, evaluation, position)
    figure.update_xaxes(title="Recall", range=[0, 1.02], showgrid=True)
    figure.update_yaxes(title="Precision", range=[0, 1.03])
    return styled(figure, key="precision_recall_curves", height=460)


def _add_background(figure: go.Figure, evaluation: Evaluation, positions: list[int]) -> None:
    for nth, position in enumerate(positions):
        curve, name = evaluation.curves[position], plain(evaluation.names[position])
        figure.add_scatter(
            **_steps(curve),
            name=f"{len(positions)} better labels",
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
        name=f"{short(scores.name)} {scores.average_precision or 0:.2f}",
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


def cooccurrence_heatmap(
    evaluation: Evaluation, which: Which = "judged", measure: Measure = "count"
) -> go.Figure:
    """Documents with the row's label that also have the column's; the diagonal stays empty."""
    key, names = f"cooccurrence_heatmap/{which}/{measure}", evaluation.names
    if len(names) < 2:
        return empty_figure("Two labels are needed before any can go together.", key=key)
    if evaluation.n_cells == 0:
        return empty_figure("No document is judged here yet.", key=key)
    values = _pair_values(evaluation, which, measure)
    np.fill_diagonal(values, np.nan)
    if np.isnan(values).all() or not np.nanmax(np.abs(values)):
        return empty_figure(_no_pairs(which), key=key)
    furthest = float(np.nanmax(np.abs(values)))
    shown = [plain(name) for name in names]
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=shown,
            y=shown,
            zmin=-furthest if which == "difference" else 0,
            zmax=furthest,
            colorscale=DIVERGING if which == "difference" else SEQUENTIAL,
            colorbar=_colour_bar(which, measure),
            xgap=1,
            ygap=1,
            hoverongaps=False,
            **_pair_hover(evaluation, which),
        )
    )
    if len(names) <= MAX_WRITTEN_CELLS:
        _write_cells(figure, values / furthest, _cell_texts(values, which, measure))
    ticks = {"type": "category", "tickvals": shown, "ticktext": [short(n, 16) for n in names]}
    figure.update_xaxes(title="also has", tickangle=-60 if len(names) > 4 else 0, **ticks)
    figure.update_yaxes(title="Documents with", autorange="reversed", **ticks)
    figure.update_xaxes(showgrid=False)
    figure.update_yaxes(showgrid=False)
    small = {"size": 10 if len(names) > 20 else 12}
    figure.update_xaxes(tickfont=small).update_yaxes(tickfont=small)
    per_row = 30 if len(names) <= 20 else 15
    return styled(figure, key=key, height=max(340, 210 + per_row * len(names)))


def _pair_values(evaluation: Evaluation, which: Which, measure: Measure) -> Floats:
    judged, predicted = (
        _measured(pairs, measure) for pairs in (evaluation.judged_pairs, evaluation.predicted_pairs)
    )
    if which == "difference":
        return predicted - judged
    return judged if which == "judged" else predicted


def _measured(pairs: Cooccurrence, measure: Measure) -> Floats:
    return pairs.conditional if measure == "conditional" else pairs.counts.astype(np.float64)


def _no_pairs(which: Which) -> str:
    if which == "difference":
        return "The model pairs labels exactly as people judged them."
    return f"No document here was {which} to have two labels."


def _colour_bar(which: Which, measure: Measure) -> dict[str, object]:
    unit = "documents" if measure == "count" else "share"
    title = f"predicted − judged<br>({unit})" if which == "difference" else unit
    return {
        "title": {"text": title, "side": "top"},
        "orientation": "h",
        "y": 1.02,
        "yanchor": "bottom",
        "x": 0.5,
        "thickness": 10,
        "len": 0.8,
        "tickformat": ".0%" if measure == "conditional" else "d",
        "nticks": 5,
    }


def _cell_texts(values: Floats, which: Which, measure: Measure) -> NDArray[np.object_]:
    """Counts, or percentages without their sign; nothing for 0 and for the diagonal."""
    sign = "+" if which == "difference" else ""
    whole = np.nan_to_num(np.round(values * 100 if measure == "conditional" else values))
    texts = [f"{n:{sign}.0f}" if n else "" for n in whole.ravel()]
    return np.array(texts, dtype=object).reshape(values.shape)


def _write_cells(figure: go.Figure, strength: Floats, texts: NDArray[np.object_]) -> None:
    """Write numbers in white on strong cells, in the theme's own colour on faint ones."""
    names = figure.data[0].x
    is_strong = np.abs(np.nan_to_num(strength)) >= WHITE_FROM
    for chosen, colour in ((is_strong, "white"), (~is_strong, None)):
        rows, columns = np.nonzero(chosen & (texts != ""))
        figure.add_scatter(
            x=[names[i] for i in columns],
            y=[names[i] for i in rows],
            text=texts[rows, columns],
            mode="text",
            textfont={"size": 12 if len(names) <= 8 else 10, "color": colour},
            hoverinfo="skip",
            showlegend=False,
        )


def _pair_hover(evaluation: Evaluation, which: Which) -> dict[str, object]:
    judged, predicted = evaluation.judged_pairs, evaluation.predicted_pairs
    customdata = np.stack(
        [judged.counts, judged.row_present, predicted.counts, predicted.row_present], axis=-1
    )
    by_people = "%{customdata[0]:,} of %{customdata[1]:,} judged “%{y}” also “%{x}”"
    by_model = "%{customdata[2]:,} of %{customdata[3]:,} predicted “%{y}” also “%{x}”"
    told = {"judged": by_people, "predicted": by_model, "difference": f"{by_people}<br>{by_model}"}
    return {"customdata": customdata, "hovertemplate": f"{told[which]}<extra></extra>"}
