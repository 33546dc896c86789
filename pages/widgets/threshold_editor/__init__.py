"""A threshold sweep with a point that is dragged, or moved by keys.

The curves are drawn and the scores at the point are told in the browser; Python
hears of the point when it is let go. What the threshold is for, the page knows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from core.charts.style import MACRO_F1, MICRO_F1, PRECISION, RECALL
from core.evaluation.counts import Floats
from core.evaluation.thresholds import Sweep, best_threshold

FOLDER = Path(__file__).parent
SCRIPTS = ("plot", "handle", "editor")  # in this order: later ones use earlier ones
DASHED, DOTTED = "8 5", "2 4"


@dataclass(frozen=True, eq=False)
class Curves:
    """What is drawn: scores by threshold, and the interval of the first, or none."""

    sweep: Sweep
    interval: tuple[Floats, Floats] | None
    is_of_one_label: bool = False


@dataclass(frozen=True)
class Point:
    """The point on the curves: whose threshold it is, where it stands, and where it stood."""

    scope: str  # another one is another point, whatever its value
    what: str  # "Threshold of “billing”"
    value: float
    in_force: float | None
    hint: str
    is_free: bool = True


@cache
def _component() -> Any:
    return st.components.v2.component(
        "threshold_editor",
        html=_read("editor.html"),
        css=_read("editor.css"),
        js="\n".join(_read(f"{name}.js") for name in SCRIPTS),
    )


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def threshold_editor(
    curves: Curves, point: Point, *, key: str, on_moved: Callable[[], None]
) -> None:
    """Draw the curves; `on_moved` may read `moved_to(key)`."""
    _component()(
        data={
            "scope": point.scope,
            "what": point.what,
            "value": point.value,
            "in_force": point.in_force,
            "in_force_words": "" if point.in_force is None else f"in force {point.in_force:.2f}",
            "axis": "threshold (probability)",
            "hint": point.hint,
            "free": point.is_free,
            "grid": curves.sweep.thresholds.tolist(),
            "series": _series(curves),
            "band": _band(curves.interval),
            "best": _best(curves.sweep),
        },
        key=key,
        on_moved_change=on_moved,
    )


def moved_to(key: str) -> tuple[str, float] | None:
    """The point's scope and where it was let go in this run, if it was."""
    state = st.session_state.get(key)
    moved = None if state is None else state.get("moved")
    if not moved:
        return None
    return str(moved["scope"]), min(1.0, max(0.0, float(moved["threshold"])))


def _series(curves: Curves) -> list[dict[str, Any]]:
    swept = curves.sweep
    drawn: Sequence[tuple[str, Floats, str, str, float]] = (
        ("F1" if curves.is_of_one_label else "micro-F1", swept.micro_f1, MICRO_F1, "", 3),
        ("macro-F1", swept.macro_f1, MACRO_F1, "", 2),
        ("precision", swept.precision, PRECISION, DASHED, 2),
        ("recall", swept.recall, RECALL, DOTTED, 2),
    )
    return [
        {"name": name, "values": _plain(values), "colour": colour, "dash": dash, "width": width}
        for name, values, colour, dash, width in drawn
        if not (curves.is_of_one_label and name == "macro-F1")
    ]


def _best(swept: Sweep) -> dict[str, float] | None:
    at = best_threshold(swept)
    score = float(swept.micro_f1[swept.at(at)])
    return None if score != score else {"at": at, "score": score}


def _band(interval: tuple[Floats, Floats] | None) -> dict[str, Any] | None:
    if interval is None:
        return None
    return {"low": _plain(interval[0]), "high": _plain(interval[1])}


def _plain(values: Floats) -> list[float | None]:
    """Short numbers, None where undefined."""
    rounded = np.round(values, 4).tolist()
    return [None if value != value else value for value in rounded]
