"""The map of documents: a point each, near ones alike, coloured by what is asked of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.charts.style import FAINT, NEUTRAL, empty_figure, plain, short, styled

HEIGHT = 640
GL_FROM = 2_000  # points that are drawn by the graphics card; fewer are sharper without
WORDS, LINE = 120, 44  # characters of a text shown beside a point, and on one line
LOW_TO_HIGH = ((0.0, "rgba(128,128,128,0.4)"), (0.35, "#6FA8C9"), (1.0, "#0B5C94"))
HALF = "rgba(128,128,128,0.6)"
OLD_TO_NEW = ((0.0, "#DD6E2B"), (1.0, "#0077BB"))
OTHER_SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "x", "star")

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class MapPoints:
    """What is drawn: one row per document."""

    document_ids: NDArray[np.int64]  # (documents,)
    xy: NDArray[np.float32]  # (documents, 2)
    texts: Sequence[str]  # how each begins, as `beginning` gives it


@dataclass(frozen=True, eq=False)
class MapGroup:
    """Points of one colour, with a line in the legend."""

    name: str
    rows: Rows
    colour: str
    symbol: str = "circle"
    is_behind: bool = False  # small and faint, below the others


@dataclass(frozen=True, eq=False)
class MapValues:
    """Points coloured by a number."""

    title: str
    rows: Rows
    values: NDArray[np.float64]  # (rows,)
    colours: tuple[tuple[float, str], ...] = LOW_TO_HIGH
    low: float | None = None  # ends of the colours; None: the smallest and largest
    high: float | None = None
    is_counted: bool = False  # whole numbers


def map_of_documents(
    points: MapPoints,
    groups: Sequence[MapGroup],
    values: MapValues | None = None,
    *,
    key: str,
    chosen: NDArray[np.int64] | None = None,
) -> go.Figure:
    """Draw groups, and above them points coloured by a number where there are such.

    `chosen` are ids of documents that stand out from the start. Every point gives its document's
    id as customdata. Axes have the same scale and no meaning, so they are not drawn.
    """
    n_points = sum(len(group.rows) for group in groups) + (
        0 if values is None else len(values.rows)
    )
    if n_points == 0:
        return empty_figure("No document is left to draw; show others.", key=key, height=HEIGHT)
    figure = go.Figure()
    for group in sorted(groups, key=lambda group: not group.is_behind):
        if len(group.rows):
            marker: Mapping[str, object] = {"color": group.colour, "symbol": group.symbol}
            _add(
                figure, points, group.rows, group.name, marker, n_points, is_behind=group.is_behind
            )
    if values is not None and len(values.rows):
        marker = _scale(values)
        _add(figure, points, values.rows, values.title, marker, n_points, values=values)
    if chosen is not None and len(chosen):
        _stand_out(figure, chosen)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x", scaleratio=1)
    figure = styled(figure, key=key, height=HEIGHT)
    return figure.update_layout(dragmode="lasso", legend={"itemsizing": "constant"})


def beginning(text: str) -> str:
    """How a text begins, on short lines, as plotly draws it as it is."""
    words = " ".join(text.split())
    cut = words if len(words) <= WORDS else words[: WORDS - 1].rstrip() + "…"
    return "<br>".join(plain(line) for line in wrap(cut, LINE))


def _add(
    figure: go.Figure,
    points: MapPoints,
    rows: Rows,
    name: str,
    marker: Mapping[str, object],
    n_points: int,
    *,
    is_behind: bool = False,
    values: MapValues | None = None,
) -> None:
    told = [points.texts[row] for row in rows]
    if values is not None:
        form = "{:.0f}" if values.is_counted else "{:.2f}"
        told = [
            f"{text}<br>{plain(name)}: {form.format(value)}"
            for text, value in zip(told, values.values, strict=True)
        ]
    draw = figure.add_scattergl if n_points > GL_FROM else figure.add_scatter
    draw(
        x=points.xy[rows, 0],
        y=points.xy[rows, 1],
        mode="markers",
        name=f"{short(name)} · {len(rows):,}",
        marker={"size": _size(n_points) * (0.8 if is_behind else 1.0), **marker},
        customdata=points.document_ids[rows],
        text=told,
        hovertemplate="%{text}<extra></extra>",
        selected={"marker": {"opacity": 1.0}},
        unselected={"marker": {"opacity": 0.15}},
        showlegend=True,
    )


def _size(n_points: int) -> float:
    return 9.0 if n_points < 300 else 7.0 if n_points < 2_000 else 5.5 if n_points < 8_000 else 4.5


def _scale(values: MapValues) -> dict[str, object]:
    known = values.values
    low = float(known.min()) if values.low is None else values.low
    high = float(known.max()) if values.high is None else values.high
    return {
        "color": known,
        "colorscale": [list(stop) for stop in values.colours],
        "cmin": low,
        "cmax": max(high, low + 1e-9),
        "showscale": True,
        "colorbar": {
            "orientation": "h",
            "thickness": 8,
            "y": -0.02,
            "yanchor": "top",
            "tickformat": "d" if values.is_counted else ".2f",
            "nticks": 5,
        },
    }


def _stand_out(figure: go.Figure, chosen: NDArray[np.int64]) -> None:
    for trace in figure.data:
        trace.selectedpoints = np.flatnonzero(np.isin(trace.customdata, chosen))


# --- what the colours stand for -----------------------------------------------


def groups_by_state(
    is_judged: NDArray[np.bool_],
    is_complete: NDArray[np.bool_],
    is_audited: NDArray[np.bool_],
    rows: Rows,
) -> list[MapGroup]:
    """Whole, in part, or not at all; the audit set apart. Masks are of all documents."""
    audit, whole, judged = is_audited[rows], is_complete[rows], is_judged[rows]
    return [
        MapGroup("not judged", rows[~audit & ~judged], NEUTRAL, is_behind=True),
        MapGroup("judged in part", rows[~audit & judged & ~whole], "#DD6E2B", "diamond"),
        MapGroup("judged whole", rows[~audit & whole], "#0077BB"),
        MapGroup("audit, not judged", rows[audit & ~judged], "#AA4499", "x-thin-open"),
        MapGroup("audit, judged", rows[audit & judged], "#AA4499", "square"),
    ]


def groups_by_label(
    is_present: NDArray[np.bool_],
    is_judged: NDArray[np.bool_],
    named: Sequence[tuple[int, str, str]],
    rows: Rows,
) -> list[MapGroup]:
    """The documents that have one of the named labels, several of them, none, or no judgement.

    `is_present` has a column per label; `named` are (column, name, colour).
    """
    columns = np.array([column for column, _, _ in named], dtype=np.int64)
    has = is_present[np.ix_(rows, columns)]
    n_of_them, judged = has.sum(axis=1), is_judged[rows]
    groups = [
        MapGroup("not judged", rows[~judged], FAINT, is_behind=True),
        MapGroup("none of these", rows[judged & (n_of_them == 0)], HALF, is_behind=True),
    ]
    seen: list[str] = []
    for at, (_, name, colour) in enumerate(named):
        symbol = OTHER_SYMBOLS[seen.count(colour) % len(OTHER_SYMBOLS)]
        seen.append(colour)
        own = rows[has[:, at] & (n_of_them == 1)]
        groups.append(MapGroup(name, own, colour or NEUTRAL, symbol))
    groups.append(MapGroup("several of these", rows[n_of_them > 1], NEUTRAL, "star"))
    return groups
