"""What a file's columns probably mean, said in words, for a person to confirm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from core.errors import ImportRefused
from core.exchange.cells import excerpt
from core.exchange.dialect import Dialect, FileKind
from core.exchange.guess_labels import Sample, guess_labels, guess_separator
from core.exchange.mapping import LabelLayout, Mapping, Reading, apply, require_column
from core.exchange.read import BadRow, Header, Row, read_header, read_rows
from core.exchange.sniff import sniff
from core.exchange.words import ID_NAMES, TEXT_NAMES, is_ours

SAMPLE_ROWS = 500
SAMPLE_CHARS = 8_000_000
ID_SHARE = 0.8  # of rows with an id of their own, for a column of ids with mistakes in it
PREVIEW_ROWS = 20
DELIMITER_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
PREVIEW_CHARS = 300


@dataclass(frozen=True)
class Guess:
    """What was found in the first rows of a file."""

    dialect: Dialect
    columns: tuple[str, ...]
    text_column: str
    label_layout: LabelLayout
    label_columns: tuple[str, ...]
    separator: str
    id_column: str | None
    blank_cell_means: str  # beside filled multi-hot cells: "absent" or "unjudged"
    reasons: dict[str, str]  # by "format", "text", "labels", "id"
    preview: list[dict[str, Any]]  # the first rows, long cells shortened
    n_rows_seen: int
    warnings: tuple[str, ...]

    def mapping(self) -> Mapping:
        """The guess as a mapping; other columns are kept as details."""
        named = {self.text_column, self.id_column, *self.label_columns}
        return Mapping(
            text_column=self.text_column,
            id_column=self.id_column,
            label_layout=self.label_layout,
            label_columns=self.label_columns,
            separator=self.separator,
            blank_cell_means="unjudged" if self.blank_cell_means == "unjudged" else "absent",
            absent_column="absent" if is_ours(self.columns) else None,
            keep_columns=()
            if is_ours(self.columns)
            else tuple(c for c in self.columns if c not in named),
        )


def guess(
    path: Path,
    file_name: str,
    dialect: Dialect | None = None,
    *,
    text_column: str | None = None,
    label_column: str | None = None,
) -> Guess:
    """Look at the first rows; what is given is not guessed, but has to be in the file."""
    dialect = dialect or sniff(path, file_name)
    seen = list(_first_rows(path, dialect))
    rows = [row for row in seen if isinstance(row, Row)]
    header = _header(path, dialect, rows)
    _refuse_nothing(seen, rows, header, file_name)
    sample = Sample(header.columns, rows)
    for chosen in filter(None, (text_column, label_column)):
        require_column(chosen, header.columns, file_name)
    text_reason = f"'{text_column}' was chosen."
    if text_column is None:
        text_column, text_reason = _guess_text(sample, file_name)
    if label_column is None:
        labels = guess_labels(sample, text_column)
    else:
        labels = guess_separator(sample, label_column, f"'{label_column}' was chosen")
    others = [c for c in header.columns if c != text_column and c not in labels.columns]
    id_column, id_reason = _guess_id(sample, others)
    return Guess(
        dialect=dialect,
        columns=header.columns,
        text_column=text_column,
        label_layout=labels.layout,
        label_columns=labels.columns,
        separator=labels.separator,
        id_column=id_column,
        blank_cell_means=labels.blank_cell_means,
        reasons={
            "format": _format_reason(dialect),
            "text": text_reason,
            "labels": labels.reason,
            "id": id_reason,
        },
        preview=[_shortened(row) for row in rows[:PREVIEW_ROWS]],
        n_rows_seen=len(seen),
        warnings=(*dialect.notes, *header.warnings, *labels.warnings, *_bad_rows(seen)),
    )


def preview(
    path: Path, dialect: Dialect, mapping: Mapping, *, n: int = 10
) -> list[Reading | BadRow]:
    """How the first rows read under a mapping."""
    return [
        row if isinstance(row, BadRow) else apply(mapping, row)
        for row in islice(read_rows(path, dialect), n)
    ]


def known_columns(path: Path, dialect: Dialect) -> tuple[str, ...]:
    """All columns of a table; for JSON Lines the keys seen in the first rows."""
    rows = [] if dialect.kind is FileKind.CSV else _first_rows(path, dialect)
    return _header(path, dialect, [row for row in rows if isinstance(row, Row)]).columns


def _first_rows(path: Path, dialect: Dialect) -> Iterator[Row | BadRow]:
    n_chars = 0
    for row in islice(read_rows(path, dialect), SAMPLE_ROWS):
        yield row
        if isinstance(row, Row):
            n_chars += sum(len(value) for value in row.values.values() if isinstance(value, str))
        if n_chars > SAMPLE_CHARS:
            return


def _header(path: Path, dialect: Dialect, rows: Sequence[Row]) -> Header:
    if dialect.kind is FileKind.CSV:
        return read_header(path, dialect)
    return Header(tuple(dict.fromkeys(key for row in rows for key in row.values)))


def _refuse_nothing(
    seen: Sequence[Row | BadRow], rows: Sequence[Row], header: Header, file_name: str
) -> None:
    if not seen:
        names = ", ".join(f"'{excerpt(name, 40)}'" for name in header.columns[:5])
        raise ImportRefused(
            f"'{file_name}' has a header ({names}) but no rows below it; add rows and try again."
        )
    if not rows:
        bad = next(row for row in seen if isinstance(row, BadRow))
        raise ImportRefused(
            f"None of the first {len(seen)} rows of '{file_name}' can be read. "
            f"Row {bad.number}: {bad.reason}"
        )


def _guess_text(sample: Sample, file_name: str) -> tuple[str, str]:
    """The wordiest column that varies; a telling name counts as three times as many words."""
    if is_ours(sample.columns):
        return "text", "The file was exported from here; its column 'text' holds the texts."

    def score(column: str) -> float:
        texts = sample.texts(column)
        is_named = column.strip().lower() in TEXT_NAMES
        variety = len(set(texts)) / max(len(texts), 1)
        return sample.n_words(column) * variety * (3 if is_named else 1)

    best = max(sample.columns, key=score, default=None)
    if best is None or score(best) == 0:
        raise ImportRefused(
            f"No column of '{file_name}' holds text in its first {sample.n_rows} rows; "
            "choose another file."
        )
    reason = f"'{best}' has the most words: {sample.n_words(best):.0f} in a row on average."
    if also := [c for c in sample.columns if c != best and score(c) >= 3]:
        names = ", ".join(f"'{excerpt(c, 30)}'" for c in also[:3])
        reason += f" {names} could be text too and would be kept beside it."
    return best, reason


def _guess_id(sample: Sample, candidates: Sequence[str]) -> tuple[str | None, str]:
    if is_ours(sample.columns):
        return "id", "The file was exported from here; its column 'id' holds the ids."
    for column in candidates:
        distinct = {str(cell).strip() for cell in sample.cells[column] if cell is not None} - {""}
        is_named = column.strip().lower() in ID_NAMES
        if is_named and len(distinct) == sample.n_rows:
            return column, f"'{column}' is named like an id and differs in every row."
        if is_named and len(distinct) >= ID_SHARE * sample.n_rows:
            return column, f"'{column}' is named like an id; rows that repeat one are rejected."
    return None, "No column is an id, so texts are known by their content."


def _format_reason(dialect: Dialect) -> str:
    if dialect.kind is FileKind.JSONL:
        return f"JSON Lines in {dialect.encoding}."
    if dialect.kind is FileKind.LINES:
        return f"One text per line in {dialect.encoding}: the lines do not make a table."
    cells = DELIMITER_NAMES.get(dialect.delimiter, f"'{dialect.delimiter}'")
    header = "a header in row 1" if dialect.has_header else "no header"
    return f"A table with cells separated by {cells}, {header}, in {dialect.encoding}."


def _shortened(row: Row) -> dict[str, Any]:
    def short(value: Any) -> Any:
        is_long = isinstance(value, str) and len(value) > PREVIEW_CHARS
        return value[: PREVIEW_CHARS - 1] + "…" if is_long else value

    return {column: short(value) for column, value in row.values.items()}


def _bad_rows(seen: Sequence[Row | BadRow]) -> tuple[str, ...]:
    bad = [row for row in seen if isinstance(row, BadRow)]
    if not bad:
        return ()
    reasons = Counter(row.reason for row in bad)
    reason, n = reasons.most_common(1)[0]
    return (
        f"{len(bad)} of the first {len(seen)} rows cannot be read and will be listed; "
        f"{n} of them: {reason}",
    )
