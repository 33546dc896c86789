"""A chart between its sentences: what it is measured on, how to read it, what this one suggests.

A chart that can be clicked gives back what is selected in it. The selection is
the browser's, by the chart's key: it outlives reruns, a second click on the same
point takes it back, and it is gone when the figure itself is another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import plotly.graph_objects as go
import streamlit as st

from pages.widgets.text import escaped

SelectionMode = Literal["points", "box", "lasso"]
_MOVING = ("zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "autoScale2d", "resetScale2d")
_SELECTING = ("select2d", "lasso2d")
CONFIG = {
    "displaylogo": False,
    # Charts hold still under a finger; what is left is the picture and the full screen.
    "modeBarButtonsToRemove": [*_MOVING, *_SELECTING],
}
AREAS = CONFIG | {"modeBarButtonsToRemove": list(_MOVING)}


@dataclass(frozen=True)
class Point:
    """One selected mark, as the figure has it."""

    trace: int  # its position in the figure
    index: int  # the mark's position in the trace
    x: Any
    y: Any
    customdata: Any  # what the figure gives with it, or None


def draw_chart(
    title: str,
    figure: go.Figure,
    *,
    how: str,
    suggests: str,
    key: str,
    measured: str | None = None,
    on_select: bool | SelectionMode | Sequence[SelectionMode] = False,
) -> list[Point]:
    """Draw one chart in a frame of its own, and give back what is selected in it.

    `measured` says what the figures were measured on (`wording.measured_on`).
    `on_select` makes marks clickable: True for single ones, or the ways to select.
    """
    modes = _modes(on_select)
    with st.container(border=True, key=f"chart_{key}"):
        st.markdown(f"#### {title}")
        if measured:
            st.caption(f":material/straighten: {escaped(measured)}")
        selected = _draw(figure, modes, key=key, alt=f"{title}. {suggests}")
        st.markdown(f":material/lightbulb: {escaped(suggests)}")
        st.caption(how)
    return selected


def _modes(on_select: bool | SelectionMode | Sequence[SelectionMode]) -> tuple[SelectionMode, ...]:
    if isinstance(on_select, bool):
        return ("points",) if on_select else ()
    return (on_select,) if isinstance(on_select, str) else tuple(on_select)


def _draw(
    figure: go.Figure, modes: tuple[SelectionMode, ...], *, key: str, alt: str
) -> list[Point]:
    if not modes:
        st.plotly_chart(figure, theme="streamlit", config=CONFIG, key=key, alt=alt)
        return []
    by_area = modes != ("points",)
    if not by_area:
        # clickable charts would else be dragged: Streamlit replaces `dragmode=False`
        figure.update_xaxes(fixedrange=True).update_yaxes(fixedrange=True)
    event = st.plotly_chart(
        figure,
        theme="streamlit",
        config=AREAS if by_area else CONFIG,
        key=key,
        alt=alt,
        on_select="rerun",
        selection_mode=modes,
    )
    return list(_points(event, figure))


def _points(event: Any, figure: go.Figure) -> Iterable[Point]:
    """The marks of a selection, with the figure's own data; what it has not is left out."""
    for point in (event or {}).get("selection", {}).get("points", []):
        trace, index = _position(point, "curve_number"), _position(point, "point_index")
        if trace is None or index is None or trace >= len(figure.data):
            continue
        drawn = figure.data[trace]
        yield Point(
            trace=trace,
            index=index,
            x=point.get("x"),
            y=point.get("y"),
            customdata=_at(drawn.customdata, index),
        )


def _position(point: Mapping[str, Any], name: str) -> int | None:
    value = point.get(name)
    return value if isinstance(value, int) and value >= 0 else None


def _at(values: Any, index: int) -> Any:
    return None if values is None or index >= len(values) else values[index]
