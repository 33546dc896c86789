"""The one look of all figures: colours, fonts, heights, and what an empty one says.

Neutral colours sit in the figure's template, where Streamlit's theme replaces
them; coloured marks keep at least 3:1 contrast on white and on near-black.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

import plotly.graph_objects as go

from core.palette import PALETTE

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "5px 2px 1px 2px")
NEUTRAL = "#808080"  # readable on white and on near-black
FAINT = "rgba(128,128,128,0.28)"
CLEAR = "rgba(0,0,0,0)"

MICRO_F1, MACRO_F1, PRECISION, RECALL = PALETTE[0], PALETTE[1], PALETTE[2], PALETTE[5]
PRESENT_COLOUR, ABSENT_COLOUR = PALETTE[0], PALETTE[1]
SEQUENTIAL = ((0.0, "rgba(0,119,187,0.04)"), (1.0, "rgba(0,119,187,1)"))
DIVERGING = ((0.0, "#DD6E2B"), (0.5, "rgba(128,128,128,0.08)"), (1.0, "#0077BB"))

HEIGHT = 380
SHORT_NAME = 22  # characters that fit beside a chart 380 px wide

_AXIS = {
    "gridcolor": FAINT,
    "linecolor": FAINT,
    "zerolinecolor": FAINT,
    "zeroline": False,
    "automargin": True,
    "title": {"standoff": 8},
}
_TEMPLATE = go.layout.Template(
    layout={
        "font": {"color": NEUTRAL, "size": 13},
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "colorway": PALETTE,
    }
)


def label_dash(position: int) -> str:
    """Tells apart the labels that share a colour."""
    return DASHES[position // len(PALETTE) % len(DASHES)]


def plain(name: str) -> str:
    """A name that plotly draws as it is, without reading tags or placeholders in it."""
    escaped = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("%{", "% {")


def short(name: str, limit: int = SHORT_NAME) -> str:
    """A name cut to fit beside an axis."""
    return plain(name if len(name) <= limit else name[: limit - 1].rstrip() + "…")


def styled(figure: go.Figure, *, key: str, height: int = HEIGHT) -> go.Figure:
    """Give a figure the common look; `key` keeps zoom and hidden traces over a refresh."""
    figure.update_layout(
        template=_TEMPLATE,
        height=height,
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        margin={"l": 8, "r": 12, "t": 8, "b": 8},
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        hoverlabel={"align": "left"},
        dragmode=False,  # a finger on the chart scrolls the page
        uirevision=key,
    )
    return figure


def empty_figure(sentence: str, *, key: str, height: int = HEIGHT) -> go.Figure:
    """A sentence where a chart would be."""
    figure = styled(go.Figure(), key=key, height=height)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.add_annotation(
        text="<br>".join(wrap(plain(sentence), 40)),
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        showarrow=False,
        font={"size": 15},
    )
    return figure


def whiskers(
    values: Sequence[float], intervals: Sequence[tuple[float, float] | None], colour: str
) -> dict[str, object]:
    """Plotly error bars from intervals; none where the interval is None."""
    pairs = list(zip(values, intervals, strict=True))
    return {
        "type": "data",
        "symmetric": False,
        "array": [None if ends is None else ends[1] - value for value, ends in pairs],
        "arrayminus": [None if ends is None else value - ends[0] for value, ends in pairs],
        "color": colour,
        "thickness": 1.2,
        "width": 3,
    }
