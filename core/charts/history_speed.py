"""How fast people judge, by day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import plotly.graph_objects as go

from core.charts.style import HEIGHT, empty_figure, label_dash, plain, short, styled
from core.evaluation.speed import Speed
from core.evaluation.wording import counted
from core.palette import PALETTE

MOST_LINES = 8  # people in colours of their own
FEW_DAYS = 6
What = Literal["documents", "labels"]


def speed_by_day(speeds: Sequence[Speed], what: What = "documents") -> go.Figure:
    """Documents, or labels found present, per active hour: a line per annotator.

    The size of a point grows with the documents behind it. Of many people those
    who judged most are drawn.
    """
    if not speeds:
        return empty_figure("Nobody has judged at the card yet.", key="speed_by_day")
    totals: dict[str, int] = {}
    for speed in speeds:
        totals[speed.annotator] = totals.get(speed.annotator, 0) + speed.n_documents
    drawn = sorted(totals, key=lambda name: -totals[name])[:MOST_LINES]
    most = max(speed.n_documents for speed in speeds)
    figure = go.Figure()
    for position, name in enumerate(drawn):
        days = [speed for speed in speeds if speed.annotator == name]
        figure.add_scatter(
            x=[speed.day for speed in days],
            y=[_rate(speed, what) for speed in days],
            name=short(name),
            mode="lines+markers",
            line={
                "color": PALETTE[position % len(PALETTE)],
                "width": 1.5,
                "dash": label_dash(position),
            },
            marker={"size": [6 + 10 * (speed.n_documents / most) ** 0.5 for speed in days]},
            customdata=[_told(speed) for speed in days],
            hovertemplate="%{customdata}<extra></extra>",
        )
    figure.update_xaxes(showgrid=False, tickformat="%-d %b", title="Day (UTC)", **_ticks(speeds))
    figure.update_yaxes(title=f"{what.capitalize()} per active hour", rangemode="tozero")
    styled(figure, key=f"speed_{what}", height=HEIGHT)
    figure.update_layout(showlegend=len(drawn) > 1)
    return figure


def _ticks(speeds: Sequence[Speed]) -> dict[str, object]:
    """A tick at each of a few days, so that none is named twice; of many, some."""
    days = sorted({speed.day for speed in speeds if speed.day is not None})
    return {"tickvals": days} if len(days) <= FEW_DAYS else {"nticks": FEW_DAYS}


def _rate(speed: Speed, what: What) -> float | None:
    return speed.documents_per_hour if what == "documents" else speed.labels_per_hour


def _told(speed: Speed) -> str:
    rates = [_rate(speed, what) for what in ("documents", "labels")]
    told = ["unknown" if rate is None else f"{rate:,.0f}" for rate in rates]
    return (
        f"{plain(speed.annotator)}, {speed.day}: {counted(speed.n_documents, 'document')}<br>"
        f"{told[0]} documents and {told[1]} labels per active hour<br>"
        f"half took under {speed.median_s:.0f} s"
    )
