"""F1 of labels over rounds: a strip with a row for each, and lines for a chosen few."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from core.charts.history import SOURCE_SYMBOLS, SOURCE_WORDS, faded
from core.charts.style import HEIGHT, MICRO_F1, empty_figure, label_dash, plain, short, styled
from core.evaluation.label_progress import LabelOfRound, Progress, RoundOfLabels
from core.evaluation.wording import FEW_POSITIVES, counted
from core.palette import label_colour

ROW_PX, MARGIN_PX = 22, 90
NAME_LENGTH = 18  # so that rounds have room beside names on a chart 380 px wide
NAMED_ROUNDS = 12  # ticks that fit under a chart 380 px wide


def label_strip(rounds: Sequence[RoundOfLabels], labels: Sequence[Progress]) -> go.Figure:
    """A row per label, a column per round, strong in colour where F1 is high, empty where untold.

    The number on the right is the latest F1. Rounds measured on other documents
    than the latest stand apart, behind a gap.
    """
    if not rounds or not labels:
        return empty_figure("No round is measured yet.", key="label_strip")
    columns = _columns(rounds)
    values = [[_value(column, label.key) for column in columns] for label in labels]
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=list(range(len(columns))),
            y=list(range(len(labels))),
            zmin=0,
            zmax=1,
            colorscale=[[0.0, faded(MICRO_F1, 0.14)], [1.0, MICRO_F1]],  # F1 0 is no empty cell
            customdata=[[_told(column, label) for column in columns] for label in labels],
            hovertemplate="%{customdata}<extra></extra>",
            hoverongaps=False,
            xgap=2,
            ygap=2,
            showscale=False,
        )
    )
    shown = [i for i, column in enumerate(columns) if column is not None]
    step = max(1, -(-len(shown) // NAMED_ROUNDS))
    ticks = shown[::-1][::step][::-1]
    figure.update_xaxes(
        title="Round",
        showgrid=False,
        tickvals=ticks,
        ticktext=[str(columns[i].number) for i in ticks],  # type: ignore[union-attr]
        side="top",
    )
    figure.update_yaxes(
        showgrid=False,
        autorange="reversed",
        tickvals=list(range(len(labels))),
        ticktext=[short(label.name, NAME_LENGTH) for label in labels],
    )
    styled(figure, key="label_strip", height=ROW_PX * len(labels) + MARGIN_PX)
    figure.update_layout(
        margin={"r": 76},
        annotations=[  # all at once: one by one they take seconds for 300 labels
            {
                "x": 1,
                "xref": "paper",
                "xanchor": "left",
                "xshift": 6,
                "y": row,
                "text": _latest(label),
                "showarrow": False,
                "font": {"size": 12},
            }
            for row, label in enumerate(labels)
        ],
    )
    return figure


def _columns(rounds: Sequence[RoundOfLabels]) -> list[RoundOfLabels | None]:
    """The rounds, with a gap wherever the documents they are measured on change."""
    columns: list[RoundOfLabels | None] = []
    for before, round_ in zip([None, *rounds], rounds, strict=False):
        if before is not None and before.source != round_.source:
            columns.append(None)
        columns.append(round_)
    return columns


def _value(column: RoundOfLabels | None, key: str) -> float | None:
    label = None if column is None else column.labels.get(key)
    return label.f1 if label is not None and label.is_told else None


def _latest(label: Progress) -> str:
    if label.f1 is None:
        return f"{label.support} pos."
    arrow = ""
    if label.change is not None and abs(label.change) >= 0.005:
        arrow = f" {'▲' if label.change > 0 else '▼'}{abs(label.change):.2f}"
    return f"{label.f1:.2f}{arrow}"


def _told(column: RoundOfLabels | None, label: Progress) -> str:
    if column is None:
        return ""
    scores = column.labels.get(label.key)
    return "" if scores is None else _point(column, scores, label.name)


def _point(round_: RoundOfLabels, scores: LabelOfRound, name: str) -> str:
    positives = counted(scores.support, "positive")
    if not scores.is_told:
        score = f"{positives}, fewer than {FEW_POSITIVES}: no F1"
    else:
        between = "" if scores.low is None else f" ({scores.low:.2f} to {scores.high:.2f})"
        score = f"F1 {scores.f1:.2f}{between}, {positives}"
    return (
        f"{plain(name)}<br>round {round_.number}: {score}<br>"
        f"measured on the {SOURCE_WORDS[round_.source]}"
    )


def label_lines(
    rounds: Sequence[RoundOfLabels],
    labels: Sequence[Progress],
    *,
    colours: Mapping[str, str] | None = None,
) -> go.Figure:
    """F1 by round for a few labels, each in its own colour; only comparable rounds are joined."""
    if not rounds or not labels:
        return empty_figure("Choose labels to see how they went.", key="label_lines")
    figure = go.Figure()
    for position, label in enumerate(labels):
        colour = (colours or {}).get(label.name) or label_colour(position)
        for source in dict.fromkeys(round_.source for round_ in rounds):
            alike = [r for r in rounds if r.source == source and label.key in r.labels]
            figure.add_scatter(
                x=[round_.number for round_ in alike],
                y=[_value(round_, label.key) for round_ in alike],
                name=short(label.name),
                legendgroup=label.key,
                showlegend=source == rounds[-1].source,
                mode="lines+markers",
                line={"color": colour, "width": 2, "dash": label_dash(position)},
                marker={"size": 8, "symbol": SOURCE_SYMBOLS[source]},
                customdata=[_point(r, r.labels[label.key], label.name) for r in alike],
                hovertemplate="%{customdata}<extra></extra>",
            )
    figure.update_xaxes(title="Round", showgrid=False, dtick=max(1, len(rounds) // 10))
    figure.update_yaxes(title="F1", range=[0, 1.03])
    return styled(figure, key="label_lines", height=HEIGHT)
