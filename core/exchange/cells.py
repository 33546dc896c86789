r"""Single cells: lists of labels in one cell, and cells that a spreadsheet would run.

A list is joined by a bar; bars and backslashes inside a name, and a bracket
that begins a list, are written after a backslash. A cell that begins like a
formula gets an apostrophe in front, which spreadsheets show as text (the remedy
OWASP describes under "CSV Injection"). A cell that already begins with
apostrophes before such a character gets one more, so taking one away on reading
gives the very cell back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

SEPARATOR = "|"
FORMULA = r"[=+\-@\t\r\n＝＋－＠]"  # the full-width ones run in Japanese spreadsheets
NEEDS_GUARD = re.compile(rf"'*{FORMULA}")
HAS_GUARD = re.compile(rf"'+{FORMULA}")


def guard(cell: str) -> str:
    """The cell, made harmless for spreadsheets."""
    return f"'{cell}" if NEEDS_GUARD.match(cell) else cell


def unguard(cell: str) -> str:
    """Takes back what `guard` did."""
    return cell[1:] if HAS_GUARD.match(cell) else cell


def join_labels(names: Iterable[str]) -> str:
    """Label names as one cell."""
    escaped = [name.replace("\\", "\\\\").replace(SEPARATOR, "\\" + SEPARATOR) for name in names]
    cell = SEPARATOR.join(escaped)
    return "\\" + cell if cell.startswith("[") else cell


def split_labels(cell: str, separator: str) -> list[str]:
    """Label names in a cell, stripped, without empty ones; no separator means one name."""
    if not separator:
        parts = [cell]
    elif "\\" in cell:
        parts = _split_escaped(cell, separator)
    else:
        parts = cell.split(separator)
    return [name for part in parts if (name := part.strip())]


def _split_escaped(cell: str, separator: str) -> list[str]:
    # A backslash before anything else is an ordinary character, as in LaTeX or Windows paths.
    token = re.compile(rf"\\(\\|{re.escape(separator)}|(?<=^\\)\[)|({re.escape(separator)})")
    parts, current, last = [], "", 0
    for match in token.finditer(cell):
        current += cell[last : match.start()]
        last = match.end()
        if match[2] is None:
            current += match[1]
        else:
            parts.append(current)
            current = ""
    return [*parts, current + cell[last:]]


def excerpt(text: str, length: int = 120) -> str:
    """The beginning of a text on one line, fit to be shown and stored."""
    head = "".join(c if c.isprintable() else " " for c in text[: length * 2])
    head = " ".join(head.split())
    return head if len(head) <= length else head[: length - 1] + "…"
