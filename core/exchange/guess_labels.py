"""Which columns of a sample hold labels, and how they are written there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.exchange.cells import SEPARATOR, excerpt, split_labels
from core.exchange.mapping import LabelLayout, flag_value
from core.exchange.read import Row
from core.exchange.words import LABEL_NAMES, is_ours

LIST_SEPARATORS = ("|", ";", ",")


class Sample:
    """The cells of the first rows, by column."""

    def __init__(self, columns: Sequence[str], rows: Sequence[Row]) -> None:
        self.columns = tuple(columns)
        self.n_rows = len(rows)
        self.cells = {column: [row.values.get(column) for row in rows] for column in columns}

    def texts(self, column: str) -> list[str]:
        """The non-empty texts of a column."""
        return [c for c in self.cells[column] if isinstance(c, str) and c.strip()]

    def n_words(self, column: str) -> float:
        """The mean number of words, with the share of rows that have any at all."""
        return sum(len(cell.split()) for cell in self.texts(column)) / self.n_rows


@dataclass(frozen=True)
class LabelGuess:
    """How labels are written in a file, as far as its first rows show."""

    layout: LabelLayout
    columns: tuple[str, ...] = ()
    separator: str = SEPARATOR
    blank_cell_means: str = "absent"
    reason: str = "No column looks like labels."
    warnings: tuple[str, ...] = ()


def guess_labels(sample: Sample, text_column: str) -> LabelGuess:
    """A column named like labels, else flags, else a column that repeats few values."""
    if is_ours(sample.columns):
        reason = "The file was exported from here; its column 'labels' holds the labels."
        return LabelGuess(LabelLayout.SEPARATED, ("labels",), SEPARATOR, reason=reason)
    others = [column for column in sample.columns if column != text_column]
    named = [c for name in LABEL_NAMES for c in others if c.strip().lower() == name]
    for column in named:
        if any(flag_value(cell) is None for cell in sample.cells[column]):
            return guess_separator(sample, column, f"'{column}' is named like labels")
    flags = _flag_columns(sample, others)
    if len(flags) > 1 or (flags and not named):
        return _multi_hot(sample, flags)
    if named:
        return guess_separator(sample, named[0], f"'{named[0]}' is named like labels")
    if soft := [column for column in others if _is_soft(sample, column)]:
        return _soft(sample, soft)
    repeated = [column for column in others if _repeats(sample, column)]
    if len(repeated) == 1:
        return guess_separator(sample, repeated[0], f"'{repeated[0]}' repeats a few short values")
    return LabelGuess(LabelLayout.NONE)


def _flag_columns(sample: Sample, columns: Sequence[str]) -> tuple[str, ...]:
    """Columns of yes and no; empty ones count when flags stand on both sides."""
    flags = {c for c in columns if all(flag_value(cell) for cell in sample.cells[c])}
    filled = [c for c in columns if c in flags and any(_is_filled(x) for x in sample.cells[c])]
    if not filled:
        return ()
    first, last = columns.index(filled[0]), columns.index(filled[-1])
    return tuple(c for c in columns[first : last + 1] if c in flags)


def _is_filled(cell: Any) -> bool:
    return cell is not None and str(cell).strip() != ""


def _multi_hot(sample: Sample, columns: tuple[str, ...]) -> LabelGuess:
    said = {flag_value(cell) for column in columns for cell in sample.cells[column]}
    blank_means = "unjudged" if "no" in said else "absent"
    reason = f"{len(columns)} columns hold only yes, no or nothing: one label each."
    soft = [c for c in sample.columns if c not in columns and _is_soft(sample, c)]
    warnings = _soft(sample, soft).warnings if soft else ()
    if said == {"blank"}:
        reason += " None of them is filled, so every text is unjudged."
    return LabelGuess(
        LabelLayout.MULTI_HOT,
        columns,
        blank_cell_means=blank_means,
        reason=reason,
        warnings=warnings,
    )


def _number(cell: Any) -> float | None:
    try:
        return float(str(cell))
    except ValueError:
        return None


def _is_soft(sample: Sample, column: str) -> bool:
    """Shares of annotators or probabilities: between 0 and 1, and somewhere truly between."""
    numbers = [_number(cell) for cell in sample.cells[column]]
    return all(n is not None and 0 <= n <= 1 for n in numbers) and any(
        n not in (0.0, 1.0) for n in numbers
    )


def _soft(sample: Sample, columns: Sequence[str]) -> LabelGuess:
    names = ", ".join(f"'{excerpt(c, 30)}'" for c in columns[:8])
    return LabelGuess(
        LabelLayout.NONE,
        reason="The numeric columns are shares, which are neither yes nor no.",
        warnings=(
            f"{names} hold shares between 0 and 1. They are not imported as labels; "
            "to do so, write 1 for those over your limit and 0 for the others.",
        ),
    )


def _repeats(sample: Sample, column: str) -> bool:
    cells = [str(c).strip() for c in sample.cells[column] if _is_filled(c)]
    if not cells or any(len(cell) > 100 for cell in cells):
        return False
    names = {part for cell in cells for part in split_labels(cell, ",")}
    return len(names) <= 1 or len(names) * 2 <= len(cells)


def guess_separator(sample: Sample, column: str, because: str) -> LabelGuess:
    """How the labels in a known column are written."""
    cells = sample.cells[column]
    separator, how = _separator([c for c in cells if isinstance(c, str) and c.strip()])
    if any(isinstance(cell, list) for cell in cells):
        how = "as lists"
    numbers = [c for c in cells if _is_filled(c) and not isinstance(c, list)]
    warnings: tuple[str, ...] = ()
    if numbers and all(str(c).replace(separator or ",", "").strip().isdigit() for c in numbers):
        warnings = (
            f"The labels in '{column}' are numbers, and become labels called "
            f"'{excerpt(str(numbers[0]), 30)}' and so on; if the numbers have names, "
            "put the names in the file first.",
        )
    return LabelGuess(
        LabelLayout.SEPARATED, (column,), separator, reason=f"{because}, {how}.", warnings=warnings
    )


def _separator(cells: Sequence[str]) -> tuple[str, str]:
    """The separator whose pieces repeat more than the whole cells do."""
    cells = [cell for cell in cells if not cell.startswith("[")]
    whole = set(cells)
    for separator in LIST_SEPARATORS:
        if any(separator in cell for cell in cells):
            pieces = {part for cell in whole for part in split_labels(cell, separator)}
            if separator == SEPARATOR or len(pieces) <= len(whole) or len(cells) < 20:
                return separator, f"several in a cell joined by '{separator}'"
    pieces = {part for cell in whole for part in cell.split()}
    if len(cells) >= 20 and len(pieces) < 0.7 * len(whole):
        return " ", "several in a cell joined by spaces"
    return SEPARATOR, "one in a cell"
