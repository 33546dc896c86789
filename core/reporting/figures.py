"""A figure of a report: its chart between its two sentences, and how it is made and written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from core.disk import write_whole
from core.evaluation.wording import measured_on
from core.reporting.material import Material

PLOTLY_JS = "plotly.min.js"  # beside the figures, which share it
CLICKS = re.compile(r"\s*Click [^.]*\.")  # what is said of charts in the app
INK, PAPER = "#30353b", "#ffffff"  # of what is drawn on white
CONFIG = {"displaylogo": False, "responsive": True, "toImageButtonOptions": {"scale": 2}}


@dataclass(frozen=True)
class Recipe:
    """How one figure is made of the material, and for which material it makes sense."""

    name: str  # of its files
    title: str
    section: str
    draw: Callable[[Material], go.Figure]
    how: Callable[[], str]
    suggests: Callable[[Material], str]
    fits: Callable[[Material], bool] = lambda material: True
    measured: Callable[[Material], str] = lambda material: measured_on(material.evaluation)
    in_page: Callable[[Material], bool] = lambda material: True  # else in its files alone


@dataclass(frozen=True, eq=False)
class Drawn:
    """A figure between its sentences."""

    name: str
    title: str
    section: str
    figure: go.Figure
    how: str
    suggests: str
    measured: str
    in_page: bool

    @property
    def height(self) -> int:
        """Pixels."""
        return int(self.figure.layout.height or 400)

    def spec(self) -> dict[str, Any]:
        """The figure as plain data, with the sentences that belong to it."""
        told: dict[str, Any] = json.loads(self.figure.to_json(engine="json"))
        told["layout"]["meta"] = {
            "title": self.title,
            "how_to_read": self.how,
            "what_it_suggests": self.suggests,
            "measured_on": self.measured,
        }
        return told


def draw_all(recipes: Iterable[Recipe], material: Material) -> Iterator[Drawn]:
    """Every figure, in the recipes' order."""
    for recipe in recipes:
        yield Drawn(
            recipe.name,
            recipe.title,
            recipe.section,
            recipe.draw(material),
            CLICKS.sub("", recipe.how()),
            recipe.suggests(material),
            recipe.measured(material),
            recipe.in_page(material),
        )


def write_json(folder: Path, drawn: Drawn) -> None:
    """`<name>.json`: what plotly of any language reads."""
    text = json.dumps(drawn.spec(), allow_nan=False)
    write_whole(folder / f"{drawn.name}.json", lambda file: file.write(text.encode("ascii")))


def write_plotly(folder: Path) -> None:
    """The library that the interactive figures of a folder share."""
    write_whole(folder / PLOTLY_JS, lambda file: file.write(get_plotlyjs().encode()))
