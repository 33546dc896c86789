"""A table of a report, and how it is written as CSV that no spreadsheet runs."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.disk import write_whole
from core.exchange.cells import guard
from core.exchange.write import BYTE_ORDER_MARK

Cell = str | int | float | bool | None


@dataclass(frozen=True)
class Table:
    """Columns and rows; None and NaN are undefined and stay empty.

    `note` says what is left out and why, or stands in for rows where there are none.
    """

    name: str  # of its file
    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]
    note: str = ""
    in_page: bool = True  # else in its file alone, as a figure shows the same


def write_table(folder: Path, table: Table) -> None:
    """`<name>.csv`, whole or not at all; the header also where there is no row."""
    buffer = io.StringIO(newline="")
    buffer.write(BYTE_ORDER_MARK)
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerow(table.columns)
    writer.writerows([_written(cell) for cell in row] for row in table.rows)
    content = buffer.getvalue().encode("utf-8")
    write_whole(folder / f"{table.name}.csv", lambda file: file.write(content))


def _written(cell: Cell) -> str:
    if isinstance(cell, str):
        return guard(cell)
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if cell is None or (isinstance(cell, float) and not math.isfinite(cell)):
        return ""
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)
