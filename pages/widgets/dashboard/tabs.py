"""Which tabs there are, in the order of the questions that a reviewer asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pages.widgets.dashboard import (
    calibration,
    errors,
    history,
    in_short,
    labels,
    map,
    report,
    thresholds,
    together,
)
from pages.widgets.dashboard.view import View


@dataclass(frozen=True)
class Tab:
    """A tab: its title, what it draws, and for which rounds."""

    title: str
    draw: Callable[[View], None]
    fits: Callable[[View], bool] = lambda view: True


def _in_short(view: View) -> None:
    """It leads to the others."""
    in_short.draw(view, tuple(tab.title for tab in TABS if tab.fits(view)))


TABS = (
    Tab("In short", _in_short),
    Tab("Thresholds", thresholds.draw, lambda view: not view.round_.is_exclusive),
    Tab("Calibration", calibration.draw),
    Tab("Labels", labels.draw),
    Tab("Together", together.draw, lambda view: not view.round_.is_exclusive),
    Tab("Errors", errors.draw),
    Tab("Map", map.draw),
    Tab("History", history.draw),
    Tab("Report", report.draw),
)
