"""Learning curves of a replay: one line per arm with a band of a standard deviation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from core.charts.style import NEUTRAL, empty_figure, label_dash, plain, styled
from core.palette import PALETTE

HEIGHT = 460
NAMES = {"micro_f1": "Micro-F1", "macro_f1": "Macro-F1"}


def replay_curves(
    statistics: Mapping[str, Any], *, measure: str = "micro_f1", height: int = HEIGHT
) -> go.Figure:
    """F1 by the number of judged documents, and the score with everything judged as a line.

    `statistics` has "seeds", "n_judged", "arms" and "full_data" as a replay's
    statistics.json. `measure` is "micro_f1" or "macro_f1". The baseline is grey.
    """
    key = f"replay_curves_{measure}"
    n_judged, arms = statistics["n_judged"], statistics["arms"]
    if not n_judged or not arms:
        sentence = "No seed has been played to its end yet."
        return empty_figure(sentence, key=key, height=height)
    figure = go.Figure()
    others = [name for name in arms if name != statistics["baseline"]]
    for name, told in arms.items():
        at = others.index(name) if name in others else None
        _add_arm(figure, n_judged, name, told[measure], _look(at))
    _add_whole(figure, n_judged, statistics["full_data"][measure]["mean"])
    n_seeds = len(statistics["seeds"])
    seeds = f"mean of {n_seeds} seeds, ± standard deviation" if n_seeds > 1 else "one seed"
    figure.update_xaxes(title="Documents judged", showgrid=False)
    figure.update_yaxes(title=f"{NAMES[measure]} ({seeds})", rangemode="normal")
    return styled(figure, key=key, height=height)


def _look(position: int | None) -> tuple[str, str]:
    if position is None:
        return NEUTRAL, "solid"
    return PALETTE[position % len(PALETTE)], label_dash(position)


def _add_arm(
    figure: go.Figure,
    n_judged: Sequence[int],
    name: str,
    told: Mapping[str, Any],
    look: tuple[str, str],
) -> None:
    colour, dash = look
    mean, sd = told["mean"], told["sd"]
    known = [at for at, value in enumerate(mean) if value is not None and sd[at] is not None]
    if known:
        upper = [(n_judged[at], mean[at] + sd[at]) for at in known]
        lower = [(n_judged[at], mean[at] - sd[at]) for at in reversed(known)]
        figure.add_scatter(
            x=[x for x, _ in upper + lower],
            y=[y for _, y in upper + lower],
            fill="toself",
            fillcolor=_faint(colour),
            line={"width": 0},
            mode="lines",
            legendgroup=name,
            showlegend=False,
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=list(n_judged),
        y=mean,
        name=plain(name),
        mode="lines+markers",
        line={"color": colour, "dash": dash, "width": 2},
        marker={"size": 5},
        legendgroup=name,
        hovertemplate=f"{plain(name)}, %{{x:,}} judged: %{{y:.4f}}<extra></extra>",
    )


def _add_whole(figure: go.Figure, n_judged: Sequence[int], score: float | None) -> None:
    if score is None:
        return
    figure.add_scatter(
        x=[n_judged[0], n_judged[-1]],
        y=[score, score],
        name="everything judged",
        mode="lines",
        line={"color": NEUTRAL, "dash": "dot", "width": 1.5},
        hovertemplate=f"everything judged: {score:.4f}<extra></extra>",
    )


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.15)"
