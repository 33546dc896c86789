"""Figures over time: loss by epoch within a round, and F1 by round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.charts.style import (
    HEIGHT,
    MACRO_F1,
    MICRO_F1,
    empty_figure,
    styled,
    whiskers,
)
from core.domain import EvaluationSource
from core.evaluation.epochs import Band, band, runs_within
from core.palette import PALETTE

SOURCE_WORDS = {
    EvaluationSource.AUDIT: "audit set",
    EvaluationSource.OUT_OF_FOLD: "out-of-fold",
    EvaluationSource.HELD_OUT: "held-out part",
    EvaluationSource.NONE: "unknown documents",
}
SOURCE_SYMBOLS = {
    EvaluationSource.AUDIT: "circle",
    EvaluationSource.OUT_OF_FOLD: "diamond-open",
    EvaluationSource.HELD_OUT: "square-open",
    EvaluationSource.NONE: "x-thin-open",
}
LINE_COLOURS = {"loss": PALETTE[3], "F1": MICRO_F1, "validation score": MACRO_F1}


def loss_by_epoch(history: Sequence[Mapping[str, Any]], *, per: str = "cell") -> go.Figure:
    """Training loss, and below it F1 and the validation score where epochs were measured.

    Each entry has "epoch" and "loss", and perhaps "f1", on documents held out,
    and "score", average precision on those kept apart to stop by. `per` is what
    the loss is a mean over. Where the entries tell of several folds, a band lies
    between the lowest and the highest.
    """
    if not history:
        return empty_figure("No epoch has finished yet.", key="loss_by_epoch")
    epochs = [entry["epoch"] for entry in history]
    measured = {
        title: values
        for title, values in (
            ("F1", [entry.get("f1") for entry in history]),
            ("validation score", [entry.get("score") for entry in history]),
        )
        if any(value is not None for value in values)
    }
    n_rows = 2 if measured else 1
    figure = make_subplots(rows=n_rows, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    runs = runs_within(history)
    _add_band(figure, band(runs, "loss"), "loss", row=1)
    _add_line(figure, epochs, [entry["loss"] for entry in history], "loss", row=1)
    for title, measure in (("F1", "f1"), ("validation score", "score")):
        if title in measured:
            _add_band(figure, band(runs, measure), title, row=2)
    figure.update_yaxes(title=f"Loss (nats per {per})", rangemode="tozero", row=1, col=1)
    for title, values in measured.items():
        _add_line(figure, epochs, values, title, row=2)
    if measured:
        title = "Score" if len(measured) > 1 else next(iter(measured))
        figure.update_yaxes(title=title[0].upper() + title[1:], range=[0, 1.03], row=2, col=1)
    figure.update_xaxes(showgrid=False, dtick=max(1, round(len(epochs) / 10)))
    figure.update_xaxes(title="Epoch", row=n_rows, col=1)
    styled(figure, key="loss_by_epoch", height=HEIGHT)
    figure.update_layout(showlegend=len(measured) > 1 or len(runs) > 1)
    return figure


def _add_band(figure: go.Figure, between: Band, name: str, *, row: int) -> None:
    """The room between the lowest and the highest run."""
    if between.is_one_line:
        return
    colour = LINE_COLOURS[name]
    n_runs = max(between.n_runs)
    figure.add_scatter(
        x=[*between.epochs, *reversed(between.epochs)],
        y=[*between.high, *reversed(between.low)],
        name=f"{name}, lowest to highest of {n_runs} folds",
        mode="lines",
        line={"color": colour, "width": 0},
        fill="toself",
        fillcolor=faded(colour),
        hoverinfo="skip",
        showlegend=True,
        row=row,
        col=1,
    )


def faded(colour: str, share: float = 0.18) -> str:
    """A `#RRGGBB` colour so faint that lines stay readable over it."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share:g})"


def _add_line(
    figure: go.Figure, epochs: Sequence[int], values: Sequence[float | None], name: str, *, row: int
) -> None:
    figure.add_scatter(
        x=epochs,
        y=values,
        name=name,
        mode="lines+markers",
        line={"color": LINE_COLOURS[name], "width": 2},
        hovertemplate=f"epoch %{{x}}: {name} %{{y:.3f}}<extra></extra>",
        row=row,
        col=1,
    )


def f1_by_round(rounds: Sequence[Mapping[str, Any]], *, micro_name: str = "micro-F1") -> go.Figure:
    """Micro-F1 with its interval and macro-F1, by the number of documents judged.

    Each entry has "number", "n_judged", "micro_f1", "macro_f1" (None where
    undefined), "interval" of micro-F1 (low, high) or None, and "source".
    Rounds measured on different kinds of documents are not joined by a line. Where exactly one
    label is predicted of each document, `micro_name` is "accuracy". Marks give their
    round's number as the second of their custom data.
    """
    measured = [entry for entry in rounds if entry["micro_f1"] is not None]
    if not measured:
        return empty_figure("No round is measured yet: judge, then run one.", key="f1_by_round")
    figure = go.Figure()
    for source in dict.fromkeys(EvaluationSource(entry["source"]) for entry in measured):
        alike = [entry for entry in measured if entry["source"] == source]
        _add_rounds(figure, alike, "micro_f1", name=micro_name)
        _add_rounds(figure, alike, "macro_f1", name="macro-F1")
    figure.update_xaxes(title="Documents judged", rangemode="tozero", showgrid=False)
    title = "F1" if micro_name == "micro-F1" else "Score"
    figure.update_yaxes(title=title, range=[0, 1.03])
    return styled(figure, key="f1_by_round", height=HEIGHT)


def _add_rounds(
    figure: go.Figure, rounds: list[Mapping[str, Any]], measure: str, *, name: str
) -> None:
    source = EvaluationSource(rounds[0]["source"])
    is_micro = measure == "micro_f1"
    colour = MICRO_F1 if is_micro else MACRO_F1
    values = [entry[measure] for entry in rounds]
    intervals = [_ends(entry) if is_micro else None for entry in rounds]
    figure.add_scatter(
        x=[entry["n_judged"] for entry in rounds],
        y=values,
        name=f"{name}, {SOURCE_WORDS[source]}",
        mode="lines+markers",
        line={
            "color": colour,
            "width": 2.5 if is_micro else 1.5,
            "dash": None if is_micro else "dot",
        },
        marker={"size": 9, "symbol": SOURCE_SYMBOLS[source]},
        error_y=whiskers([value or 0.0 for value in values], intervals, colour),
        customdata=[[_told(entry, name, measure), entry["number"]] for entry in rounds],
        hovertemplate="%{customdata[0]}<extra></extra>",
    )


def _ends(entry: Mapping[str, Any]) -> tuple[float, float] | None:
    interval = entry["interval"]
    if interval is None or interval[0] is None or interval[1] is None:
        return None
    return float(interval[0]), float(interval[1])


def _told(entry: Mapping[str, Any], name: str, measure: str) -> str:
    """One point in words."""
    value, ends = entry[measure], _ends(entry)
    score = "undefined" if value is None else f"{value:.2f}"
    between = f" ({ends[0]:.2f} to {ends[1]:.2f})" if ends and measure == "micro_f1" else ""
    return (
        f"Round {entry['number']}, {entry['n_judged']:,} documents judged<br>{name} {score}"
        f"{between}, measured on the {SOURCE_WORDS[EvaluationSource(entry['source'])]}"
    )
