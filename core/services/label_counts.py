"""How many labels the rows of a file have, before any of them is stored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.exchange.dialect import Dialect
from core.exchange.mapping import Mapping, Reading, apply
from core.exchange.read import Row, read_rows


@dataclass(frozen=True)
class LabelCounts:
    """How many labels the rows of a file have."""

    n_rows: int  # looked at, from the first one on
    is_all: bool  # whether those are the whole file
    n_labelled: int
    n_one: int  # with exactly one label
    n_labels: int  # different ones

    @property
    def speaks_for_one_each(self) -> bool:
        """Whether every labelled row has exactly one of several labels."""
        return self.n_one == self.n_labelled > 0 and 1 < self.n_labels < self.n_labelled


def count_labels(
    path: Path, dialect: Dialect, mapping: Mapping, *, most_rows: int = 20_000
) -> LabelCounts:
    """Look at how many labels each of the first rows has; rows that cannot be read are left out."""
    n_rows = n_labelled = n_one = 0
    names: set[str] = set()
    is_all = True
    for row in read_rows(path, dialect):
        if n_rows == most_rows:
            is_all = False
            break
        n_rows += 1
        reading = apply(mapping, row) if isinstance(row, Row) else row
        if isinstance(reading, Reading) and reading.labels is not None:
            n_labelled += 1
            n_one += len(reading.labels) == 1
            names.update(reading.labels)
    return LabelCounts(n_rows, is_all, n_labelled, n_one, len(names))
