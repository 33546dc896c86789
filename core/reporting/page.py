"""The report as one page that needs nothing but itself: no network, no folder beside it."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from plotly.offline import get_plotlyjs

from core.reporting.figures import PLOTLY_JS, Drawn
from core.reporting.material import Material
from core.reporting.names import readable
from core.reporting.tables import Cell, Table

ASSETS = Path(__file__).resolve().parent / "assets"
ROWS_SHOWN = 60  # of each table; all are in its file
LONG_ARRAY = 4000  # characters
CELL_SHOWN = 240  # characters
COLUMN_WORDS = {
    "f1": "F1",
    "micro_f1": "micro-F1",
    "macro_f1": "macro-F1",
    "ece": "ECE",
    "ece_before": "ECE before",
    "adaptive_ece": "adaptive ECE",
    "adaptive_ece_before": "adaptive ECE before",
}
HEADLINES = (
    ("micro_f1", "Micro-F1"),
    ("macro_f1", "Macro-F1"),
    ("precision", "Precision"),
    ("recall", "Recall"),
    ("exact_match", "Exactly right"),
)


@dataclass(frozen=True)
class Picture:
    """A drawing that is no chart: where it lies, and what is on it."""

    path: Path
    title: str
    told: str
    section: str


@dataclass(frozen=True, eq=False)
class Content:
    """Everything that the page shows."""

    material: Material
    figures: Sequence[Drawn]
    tables: Sequence[Table]
    pictures: Sequence[Picture] = ()
    notes: Sequence[str] = ()
    answers: Sequence[tuple[str, str]] = ()  # a question and its answer
    made: str = ""  # when, and by which version
    sections: dict[str, str] = field(default_factory=dict)  # of tables, by name


def whole_page(content: Content) -> str:
    """The page as HTML."""
    sections = _sections(content)
    contents = "".join(f'<li><a href="#{_id(name)}">{_e(name)}</a></li>' for name, _ in sections)
    body = "".join(
        f'<section id="{_id(name)}"><h2>{_e(name)}</h2>{inner}</section>'
        for name, inner in sections
    )
    data = "".join(_data(drawn) for drawn in content.figures if drawn.in_page)
    title = content.material.title
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>{_e(title)}</title><style>{_asset('report.css')}</style></head><body>"
        f"<header><h1>{_e(title)}</h1>{_head(content)}"
        f'<nav aria-label="Contents"><ol>{contents}</ol></nav></header><main>{body}</main>'
        f"{data}<script>{_script(get_plotlyjs())}</script>"
        f"<script>{_asset('report.js')}</script></body></html>\n"
    )


def figure_page(drawn: Drawn) -> str:
    """One figure with its sentences; it finds plotly beside it."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>{_e(drawn.title)}</title><style>{_asset('report.css')}</style></head>"
        f"<body><main><h1>{_e(drawn.title)}</h1>{_figure(drawn, heading=False)}"
        f'</main>{_data(drawn)}<script src="{PLOTLY_JS}" charset="utf-8"></script>'
        f"<script>{_asset('report.js')}</script></body></html>\n"
    )


def _sections(content: Content) -> list[tuple[str, str]]:
    """Titles and their HTML: figures, pictures and tables by section, in their order."""
    parts: dict[str, list[str]] = {}
    shown_here = [drawn for drawn in content.figures if drawn.in_page]
    for section, group in groupby(shown_here, key=lambda drawn: drawn.section):
        shown = parts.setdefault(section, [])
        shown += [_figure(drawn) for drawn in group]
    for section, others in _in_files_alone(content.figures).items():
        parts.setdefault(section, []).append(others)
    for picture in content.pictures:
        parts.setdefault(picture.section, []).append(_picture(picture))
    for table in (table for table in content.tables if table.in_page):
        section = content.sections.get(table.name, "Tables")
        parts.setdefault(section, []).append(_table(table))
    return [(name, "".join(inner)) for name, inner in parts.items()]


def _in_files_alone(figures: Sequence[Drawn]) -> dict[str, str]:
    """By section, where to find the figures that the page has no room for."""
    told: dict[str, list[str]] = {}
    for drawn in figures:
        if not drawn.in_page:
            told.setdefault(drawn.section, []).append(f"<li>{_e(drawn.title)}</li>")
    return {
        section: f'<details class="soft"><summary>{_more(len(titles))} in '
        f"figures/</summary><ul>{''.join(titles)}</ul></details>"
        for section, titles in told.items()
    }


def _more(n: int) -> str:
    return "1 more figure, as files" if n == 1 else f"{n} more figures, as files"


def _head(content: Content) -> str:
    scores = "".join(_score(content.material, *headline) for headline in HEADLINES)
    notes = "".join(f"<li>{_e(note)}</li>" for note in content.notes)
    answers = "".join(
        f"<dt>{_e(question)}</dt><dd>{_e(answer)}</dd>" for question, answer in content.answers
    )
    return (
        f"<p>{_e(content.material.measured_on)}</p>"
        f'<p class="soft">{_e(content.made)}</p>'
        + (f'<div class="notes"><ul>{notes}</ul></div>' if notes else "")
        + f'<div class="scores">{scores}</div>'
        + (f"<dl>{answers}</dl>" if answers else "")
    )


def _score(material: Material, name: str, title: str) -> str:
    estimate = getattr(material.evaluation.summary, name)
    if estimate.value is None:
        return f'<div class="score">{title}<b>–</b><span class="soft">undefined</span></div>'
    between = (
        "" if estimate.low is None else f"95 %: {estimate.low:.2f} to {estimate.high or 0.0:.2f}"
    )
    return (
        f'<div class="score">{title}<b>{estimate.value:.2f}</b>'
        f'<span class="soft">{between}</span></div>'
    )


def _figure(drawn: Drawn, *, heading: bool = True) -> str:
    title = f"<h3>{_e(drawn.title)}</h3>" if heading else ""
    return (
        f'<figure id="figure-{drawn.name}">{title}'
        f'<div class="chart" data-figure="data-{drawn.name}" style="height:{drawn.height}px" '
        f'role="img" aria-label="{_e(drawn.title)}"></div>'
        f'<figcaption><p class="suggests">{_e(drawn.suggests)}</p>'
        f'<p class="soft">{_e(drawn.how)}</p>'
        f'<p class="soft">{_e(drawn.measured)}</p></figcaption></figure>'
    )


def _picture(picture: Picture) -> str:
    data = base64.b64encode(picture.path.read_bytes()).decode("ascii")
    return (
        f"<figure><h3>{_e(picture.title)}</h3>"
        f'<img alt="{_e(picture.title)}" src="data:image/png;base64,{data}">'
        f'<figcaption><p class="soft">{_e(picture.told)}</p></figcaption></figure>'
    )


def _table(table: Table) -> str:
    numeric = [_is_numeric(table, i) for i in range(len(table.columns))]
    head = "".join(
        f'<th{" class=n" if is_n else ""} scope="col">{_e(_in_words(column))}</th>'
        for column, is_n in zip(table.columns, numeric, strict=True)
    )
    rows = "".join(
        "<tr>" + "".join(_cell(cell, numeric[i]) for i, cell in enumerate(row)) + "</tr>"
        for row in table.rows[:ROWS_SHOWN]
    )
    n = len(table.rows)
    cut = f"The first {ROWS_SHOWN} of {n:,} rows; " if n > ROWS_SHOWN else ""
    shown = (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )
    return (
        f'<figure id="table-{table.name}"><h3>{_e(table.title)}</h3>{shown if n else ""}'
        f'<figcaption><p class="soft">{_e(table.note)} {cut}'
        f"{'all of them' if cut else 'Also'} in tables/{table.name}.csv.</p></figcaption></figure>"
    )


def _is_numeric(table: Table, column: int) -> bool:
    cells = [row[column] for row in table.rows[:ROWS_SHOWN] if row[column] is not None]
    return bool(cells) and all(isinstance(cell, int | float) for cell in cells)


def _cell(cell: Cell, is_number: bool) -> str:
    if isinstance(cell, str):
        cut = cell if len(cell) <= CELL_SHOWN else f"{cell[:CELL_SHOWN]}…"
        return f"<td{' class=long' if len(cut) > 60 else ''}>{_e(cut)}</td>"
    if cell is None or (isinstance(cell, float) and not math.isfinite(cell)):
        return f"<td{' class=n' if is_number else ''}>–</td>"
    written = f"{cell:.3f}" if isinstance(cell, float) else f"{cell:,}"
    return f"<td class=n>{written}</td>"


def _in_words(column: str) -> str:
    if column not in COLUMN_WORDS and not re.fullmatch("[a-z_]+", column):
        return column  # a label's name
    return COLUMN_WORDS.get(column, column.replace("_", " "))


def _data(drawn: Drawn) -> str:
    """The figure as JSON in which no tag can end the script."""
    text = json.dumps(_lighter(drawn.spec()), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return f'<script type="application/json" id="data-{drawn.name}">{text}</script>'


def _lighter(spec: Any) -> Any:
    """The same with long arrays of doubles as single floats: half the weight, finer than pixels."""
    if isinstance(spec, list):
        return [_lighter(part) for part in spec]
    if not isinstance(spec, dict):
        return spec
    if spec.get("dtype") != "f8" or len(spec.get("bdata", "")) < LONG_ARRAY:
        return {key: _lighter(part) for key, part in spec.items()}
    values = np.frombuffer(base64.b64decode(spec["bdata"]), dtype=np.float64).astype(np.float32)
    return {**spec, "dtype": "f4", "bdata": base64.b64encode(values.tobytes()).decode("ascii")}


def _script(code: str) -> str:
    """JavaScript that holds no end of a script; in its strings and patterns this is the same."""
    return code.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _id(section: str) -> str:
    return "section-" + "".join(c if c.isalnum() else "-" for c in section.lower())


def _e(text: str) -> str:
    """Text as HTML that only ever is text."""
    return escape(readable(text))
