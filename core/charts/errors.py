"""Figures about errors: by label, by length, by words; and judged against expected shares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from core.charts.style import (
    FAINT,
    MICRO_F1,
    NEUTRAL,
    PRECISION,
    empty_figure,
    plain,
    short,
    styled,
    whiskers,
)
from core.evaluation.advice_errors import Share, has_few
from core.evaluation.errors import LabelErrors, LengthGroups
from core.evaluation.words import Word
from core.palette import label_colour

MOST_LABELS = 20  # rows that can be read at once
MOST_WORDS = 20
ROW_PX, MARGIN_PX = 26, 100


def labels_with_most_errors(by_label: LabelErrors) -> list[int]:
    """The positions of labels with errors, those with the most first, as many as are drawn."""
    order = np.argsort(-by_label.total, kind="stable")[:MOST_LABELS]
    return [int(i) for i in order if by_label.total[i]]


def errors_by_label(
    names: Sequence[str], by_label: LabelErrors, colours: Sequence[str] = ()
) -> go.Figure:
    """Missed to the left, false alarms to the right; a bar's customdata is the label's position."""
    shown = labels_with_most_errors(by_label)
    height = MARGIN_PX + ROW_PX * max(min(len(names), MOST_LABELS), 4)
    if not shown:
        return empty_figure("Nothing is predicted wrongly.", key="errors_by_label", height=height)
    fills = [colours[i] if colours else label_colour(i) for i in shown]
    figure = go.Figure()
    for name, counts, sign, pattern in (
        ("missed", by_label.n_missed, -1, "/"),
        ("false alarms", by_label.n_false, 1, ""),
    ):
        figure.add_bar(
            orientation="h",
            name=name,
            y=list(range(len(shown))),
            x=[sign * int(counts[i]) for i in shown],
            marker={"color": fills, "pattern": {"shape": pattern, "fgcolor": "white", "size": 6}},
            customdata=shown,
            text=[f"{int(counts[i])}" if counts[i] else "" for i in shown],
            textposition="outside",
            textfont={"color": NEUTRAL},
            hovertext=[
                f"{plain(names[i])}: {int(counts[i])} {name} of {int(by_label.n_judged[i])} judged"
                for i in shown
            ],
            hovertemplate="%{hovertext}<extra></extra>",
            cliponaxis=False,
        )
    left, right = (int(counts[shown].max()) for counts in (by_label.n_missed, by_label.n_false))
    least = 0.15 * max(left, right)  # room for the numbers of the smaller side
    figure.update_layout(barmode="relative", bargap=0.25, showlegend=False)
    figure.update_yaxes(
        tickvals=list(range(len(shown))),
        ticktext=[short(names[i]) for i in shown],
        range=[len(shown) - 0.4, -0.6],
        showgrid=False,
    )
    figure.update_xaxes(
        title="missed ← documents → false alarms",
        range=[-1.2 * max(left, least), 1.2 * max(right, least)],
        zeroline=True,
        showticklabels=False,
    )
    return styled(figure, key="errors_by_label", height=height)


def errors_by_length(groups: LengthGroups) -> go.Figure:
    """The share of documents with an error by length; customdata is the group."""
    if not len(groups):
        return empty_figure("No texts were kept with this round.", key="errors_by_length")
    share = groups.share.tolist()
    figure = go.Figure()
    figure.add_scatter(
        x=[groups.name(i) for i in range(len(groups))],
        y=share,
        mode="markers",
        marker={"color": MICRO_F1, "size": 11},
        error_y=whiskers(share, list(zip(groups.low, groups.high, strict=True)), MICRO_F1),
        customdata=list(range(len(groups))),
        hovertext=[
            f"{groups.name(i)} characters: {int(groups.n_wrong[i])} of "
            f"{int(groups.n_documents[i])} documents with an error"
            for i in range(len(groups))
        ],
        hovertemplate="%{hovertext}<extra></extra>",
        showlegend=False,
    )
    figure.update_xaxes(title="Length in characters", type="category", showgrid=False)
    figure.update_yaxes(
        title="Documents with an error", tickformat=".0%", range=[0, min(1.0, _top(groups)) + 0.03]
    )
    return styled(figure, key="errors_by_length", height=320)


def _top(groups: LengthGroups) -> float:
    return float(np.nanmax(groups.high)) * 1.05


def words_in_errors(words: Sequence[Word]) -> go.Figure:
    """The words that stand out, the clearest first; customdata is the word."""
    shown = list(words[:MOST_WORDS])
    height = MARGIN_PX + 24 * max(len(shown), 4)
    if not shown:
        return empty_figure("No word stands out.", key="words_in_errors", height=200)
    figure = go.Figure()
    figure.add_bar(
        orientation="h",
        y=list(range(len(shown))),
        x=[word.z for word in shown],
        marker={"color": PRECISION, "opacity": 0.75},
        customdata=[word.word for word in shown],
        text=[f"{word.n_wrong} with, {word.n_right} without an error" for word in shown],
        textposition="auto",
        hovertext=[
            f"“{plain(word.word)}”: in {word.n_wrong} documents with an error, {word.n_right} "
            f"without; {word.z:.1f} standard errors"
            for word in shown
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    figure.update_yaxes(
        tickvals=list(range(len(shown))),
        ticktext=[short(word.word) for word in shown],
        range=[max(len(shown), 4) - 0.4, -0.6],
        showgrid=False,
    )
    figure.update_xaxes(title="Standard errors", rangemode="tozero")
    return styled(figure, key="words_in_errors", height=height)


def shares_judged_expected(
    shares: Sequence[Share], colours: Sequence[str] = (), *, most: int = MOST_LABELS
) -> go.Figure:
    """Judged and expected shares, the labels that differ most first."""
    known = [
        (i, one)
        for i, one in enumerate(shares)
        if one.judged is not None and one.expected is not None and not has_few(one)
    ]
    shown = sorted(known, key=lambda pair: -abs(pair[1].gap))[:most]
    height = MARGIN_PX + ROW_PX * max(min(len(shares), most), 4)
    if not shown:
        return empty_figure(
            "Too little is judged, or nothing waits.", key="shares_judged_expected", height=height
        )
    fills = [colours[i] if colours else label_colour(i) for i, _ in shown]
    figure = go.Figure()
    rows = list(range(len(shown)))
    for row, (_, one) in zip(rows, shown, strict=True):
        figure.add_scatter(
            x=[one.judged, one.expected],
            y=[row, row],
            mode="lines",
            line={"color": FAINT, "width": 3},
            hoverinfo="skip",
            showlegend=False,
        )
    judged = [float(one.judged or 0.0) for _, one in shown]
    ends = [(float(one.low or 0.0), float(one.high or 0.0)) for _, one in shown]
    figure.add_scatter(
        x=judged,
        y=rows,
        name="judged",
        mode="markers",
        marker={"color": fills, "size": 10},
        error_x=whiskers(judged, ends, NEUTRAL),
        hovertext=[_told(one) for _, one in shown],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    figure.add_scatter(
        x=[one.expected for _, one in shown],
        y=rows,
        name="expected in what waits",
        mode="markers",
        marker={"color": fills, "size": 11, "symbol": "diamond-open", "line": {"width": 2}},
        hovertext=[_told(one) for _, one in shown],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    figure.update_yaxes(
        tickvals=rows,
        ticktext=[short(one.name) for _, one in shown],
        range=[len(shown) - 0.4, -0.6],
        showgrid=False,
    )
    figure.update_xaxes(title="Share of documents", tickformat=".0%", rangemode="tozero")
    return styled(figure, key="shares_judged_expected", height=height)


def _told(one: Share) -> str:
    return (
        f"{plain(one.name)}: {one.judged or 0:.1%} of {one.n_judged} judged "
        f"({one.low or 0:.1%} to {one.high or 0:.1%}), expected {one.expected or 0:.1%}"
    )
