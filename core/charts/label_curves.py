"""The curves of labels: precision against recall with the operating point, and ROC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from core.charts.style import FAINT, NEUTRAL, empty_figure, label_dash, plain, short, styled
from core.evaluation.counts import Floats
from core.evaluation.outputs import EvaluationOutputs
from core.evaluation.per_label import LabelScores, PrecisionRecallCurve
from core.evaluation.report import Evaluation
from core.evaluation.roc import RocCurve
from core.evaluation.wording import FEW_POSITIVES, counted
from core.palette import label_colour

Colours = Mapping[str, str]  # a label's name → its colour in the schema
MAX_HIGHLIGHTED = 6  # as many names as fit above a chart 380 px wide
CURVE_HEIGHT = 460
POINT = {"symbol": "circle", "line": {"color": NEUTRAL, "width": 1}}


def colour_of(name: str, position: int, colours: Colours | None) -> str:
    """The label's own colour, else the palette's by position."""
    return (colours or {}).get(name) or label_colour(position)


def colours_of(outputs: EvaluationOutputs | None) -> Colours | None:
    """The labels' own colours; None where the outputs know none."""
    if outputs is None or not outputs.colours:
        return None
    return dict(zip(outputs.names, outputs.colours, strict=True))


def precision_recall_curves(
    evaluation: Evaluation,
    labels: Sequence[str | int] | None = None,
    *,
    colours: Colours | None = None,
) -> go.Figure:
    """One curve per label; of many labels, the lowest six in colour and the rest in grey.

    `labels` names the ones to draw, all in colour. A dot on a coloured curve is
    where its label is cut.
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
        scores = evaluation.labels[position]
        _add_curve(
            figure,
            evaluation.curves[position],
            scores,
            colour=colour_of(scores.name, position, colours),
            dash=label_dash(position),
        )
    _add_cuts(figure, evaluation, sorted(coloured), colours)
    return _on_unit_square(figure, "precision_recall_curves", x="Recall", y="Precision")


def precision_recall_curve(
    curve: PrecisionRecallCurve, scores: LabelScores, *, colour: str, threshold: float | None
) -> go.Figure:
    """One label's curve with its operating point; `threshold` None where none is chosen."""
    key = f"precision_recall_curve/{plain(scores.name)}"
    if silent := too_few(scores):
        return empty_figure(silent, key=key, height=CURVE_HEIGHT)
    figure = go.Figure()
    share = scores.support / scores.n_judged
    _add_chance(figure, [0, 1], [share, share], f"by chance {share:.2f}")
    _add_curve(figure, curve, scores, colour=colour, dash="solid")
    if scores.precision is not None:  # without a prediction there is none
        at = "" if threshold is None else f" at {threshold:.2f}"
        _add_points(
            figure,
            x=[scores.recall],
            y=[scores.precision],
            name=f"cut{at}",
            colours=[colour],
            size=13,
        )
    return _on_unit_square(figure, key, x="Recall", y="Precision")


def roc_curve(curve: RocCurve, scores: LabelScores, *, auc: float | None, colour: str) -> go.Figure:
    """One label's true against false positive rate, with its operating point."""
    key = f"roc_curve/{plain(scores.name)}"
    if (silent := too_few(scores)) or auc is None:
        return empty_figure(silent or "", key=key, height=CURVE_HEIGHT)
    figure = go.Figure()
    _add_chance(figure, [0, 1], [0, 1], "by chance 0.50")
    figure.add_scatter(
        x=curve.false_positive_rate,
        y=curve.true_positive_rate,
        name=f"{short(scores.name, 16)}, area {auc:.2f}",
        mode="lines",
        line={"color": colour, "width": 2, "shape": "vh"},
        customdata=np.where(np.isfinite(curve.thresholds), curve.thresholds, 1.0),
        hovertemplate=(
            "finds %{y:.0%} at %{x:.0%} of the others<br>threshold %{customdata:.2f}<extra></extra>"
        ),
    )
    n_absent = scores.n_judged - scores.support
    found = round((scores.recall or 0.0) * scores.support)
    _add_points(
        figure,
        x=[(scores.n_predicted - found) / n_absent],
        y=[scores.recall],
        name="as predicted",
        colours=[colour],
        size=13,
    )
    return _on_unit_square(figure, key, x="False positive rate", y="True positive rate (recall)")


def too_few(scores: LabelScores) -> str | None:
    """The sentence in place of a line, where a line would mean nothing."""
    if scores.support < FEW_POSITIVES:
        return (
            f"{counted(scores.support, 'positive')} of {scores.n_judged:,} judged: too few to draw "
            f"a curve, which takes {FEW_POSITIVES}."
        )
    if scores.support == scores.n_judged:
        return "Every judged document has this label, so there is nothing to tell apart."
    return None


def _worth_a_look(scores: LabelScores) -> tuple[bool, float]:
    """Ill-ranked labels first, but behind those whose few positives say nothing."""
    return scores.support < FEW_POSITIVES, scores.average_precision or 0.0


def _add_background(figure: go.Figure, evaluation: Evaluation, positions: list[int]) -> None:
    """All other curves as one trace with gaps: hundreds of traces would be slow to draw."""
    if not positions:
        return
    steps = [_steps(evaluation.curves[i]) for i in positions]
    gap = [np.nan]
    figure.add_scatter(
        x=np.concatenate([part for step in steps for part in (step["x"], gap)]),
        y=np.concatenate([part for step in steps for part in (step["y"], gap)]),
        text=[
            plain(evaluation.names[i])
            for i, step in zip(positions, steps, strict=True)
            for _ in range(len(step["x"]) + 1)
        ],
        name=f"{len(positions)} others",
        mode="lines",
        line={"color": FAINT, "width": 1.2, "shape": "vh"},
        opacity=max(0.25, min(1.0, 60 / len(positions))),  # hundreds would be a wall
        hovertemplate="%{text}: precision %{y:.2f} at recall %{x:.2f}<extra></extra>",
    )


def _add_curve(
    figure: go.Figure, curve: PrecisionRecallCurve, scores: LabelScores, *, colour: str, dash: str
) -> None:
    figure.add_scatter(
        **_steps(curve),
        name=f"{short(scores.name, 16)} {scores.average_precision or 0:.2f}",
        mode="lines+markers" if curve.recall.size < 12 else "lines",
        line={"color": colour, "dash": dash, "width": 2, "shape": "vh"},
        customdata=np.append(curve.thresholds[:1], curve.thresholds),
        hovertemplate=(
            f"{plain(scores.name)}: precision %{{y:.2f}} at recall %{{x:.2f}}, "
            "threshold %{customdata:.2f}<extra></extra>"
        ),
    )


def _add_cuts(
    figure: go.Figure, evaluation: Evaluation, positions: list[int], colours: Colours | None
) -> None:
    """Where labels are cut; nothing of those never predicted, which have no precision."""
    cut = [i for i in positions if evaluation.labels[i].precision is not None]
    labels = [evaluation.labels[i] for i in cut]
    _add_points(
        figure,
        x=[scores.recall for scores in labels],
        y=[scores.precision for scores in labels],
        name="cut here",
        colours=[colour_of(evaluation.names[i], i, colours) for i in cut],
        size=9,
    )


def _add_points(
    figure: go.Figure,
    *,
    x: Sequence[float | None],
    y: Sequence[float | None],
    name: str,
    colours: Sequence[str],
    size: int,
) -> None:
    if not x:
        return
    figure.add_scatter(
        x=list(x),
        y=list(y),
        name=name,
        mode="markers",
        showlegend=len(x) == 1,
        marker={**POINT, "color": list(colours), "size": size},
        hovertemplate=f"{plain(name)}: %{{y:.2f}} at %{{x:.2f}}<extra></extra>",
        cliponaxis=False,
    )


def _add_chance(figure: go.Figure, x: list[float], y: list[float], name: str) -> None:
    figure.add_scatter(
        x=x,
        y=y,
        name=name,
        mode="lines",
        line={"color": NEUTRAL, "dash": "dot", "width": 1.2},
        hoverinfo="skip",
    )


def _steps(curve: PrecisionRecallCurve) -> dict[str, Floats]:
    """The curve from recall 0 on, where it starts at its first precision."""
    return {
        "x": np.append(0.0, curve.recall),
        "y": np.append(curve.precision[:1], curve.precision),
    }


def _on_unit_square(figure: go.Figure, key: str, *, x: str, y: str) -> go.Figure:
    figure.update_xaxes(title=x, range=[0, 1.02], showgrid=True)
    figure.update_yaxes(title=y, range=[0, 1.03])
    return styled(figure, key=key, height=CURVE_HEIGHT)
