"""How a file is written: the few facts that reading it needs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FileKind(StrEnum):
    """What a line of the file means."""

    CSV = "csv"  # also with tabs, semicolons or bars
    JSONL = "jsonl"  # one JSON object per line
    LINES = "lines"  # one text per line


@dataclass(frozen=True)
class Dialect:
    """What was found out about a file; change a field with dataclasses.replace to overrule it."""

    encoding: str = "utf-8"
    delimiter: str = ","
    quotechar: str = '"'  # empty: quotation marks are ordinary characters
    kind: FileKind = FileKind.CSV
    has_header: bool = True
    n_skipped: int = 0  # lines before the header, such as Excel's "sep=;"
    is_guarded: bool = False  # written by our export: cells may carry an apostrophe as a guard
    notes: tuple[str, ...] = ()  # what the person should know about the finding


TEXT_COLUMN = "text"  # the only column of a file of kind LINES
