"""Streams a file's rows in constant memory. What cannot be read becomes a BadRow, never nothing.

Rows are numbered as a spreadsheet shows them: the header is row 1 and a record
counts once, however many lines its cells have. Where that differs from the line
a text editor shows, a reason names the line too.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from core.errors import ImportRefused
from core.exchange.cells import excerpt, unguard
from core.exchange.dialect import TEXT_COLUMN, Dialect, FileKind
from core.exchange.encoding import UNDECODABLE, UNDECODABLE_MARK

MAX_CHARS = 2**24  # of a line or cell: far over any text, far under any machine's memory
TOO_LONG = "\0"  # stands for a line over that limit
csv.field_size_limit(max(csv.field_size_limit(), MAX_CHARS))

REASONS = {
    "unexpected end of data": "A quotation mark opens a cell here and is never closed; close it, "
    "or double it if it belongs to the text.",
    "field larger than": "A quotation mark opens a cell here and is not closed within "
    f"{MAX_CHARS:,} characters; close it, or double it if it belongs to the text.",
    "expected after": "A quotation mark stands inside a quoted cell; double it.",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row that could be read. JSON Lines keep their values as they are."""

    number: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be used, and why."""

    number: int
    reason: str
    excerpt: str


@dataclass(frozen=True)
class Header:
    """The columns of a table."""

    columns: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def read_rows(source: Path | BinaryIO, dialect: Dialect) -> Iterator[Row | BadRow]:
    """All rows below the header, in order."""
    with _open_text(source, dialect) as text:
        if dialect.kind is FileKind.CSV:
            yield from _read_csv(text, dialect)
        else:
            yield from _read_lines(text, dialect)


def read_header(source: Path | BinaryIO, dialect: Dialect) -> Header:
    """The columns of a CSV file; made up when it has no header."""
    with _open_text(source, dialect) as text:
        for record in _records(text, dialect):
            if record.cells:
                return _header(record.cells, has_header=dialect.has_header)
    return Header(())


@contextmanager
def _open_text(source: Path | BinaryIO, dialect: Dialect) -> Iterator[TextIO]:
    with ExitStack() as stack:
        file = stack.enter_context(source.open("rb")) if isinstance(source, Path) else source
        file.seek(0)
        try:
            text = io.TextIOWrapper(file, encoding=dialect.encoding, errors=UNDECODABLE, newline="")
            stack.callback(text.detach)
            for _ in range(dialect.n_skipped):
                text.readline(MAX_CHARS)
            yield text
        except (UnicodeError, LookupError) as error:
            raise ImportRefused(
                f"The file cannot be read as '{dialect.encoding}' ({error}); "
                "choose another encoding."
            ) from error


class _Lines:
    """Lines of a text, none longer than the limit; lines can be put back."""

    def __init__(self, text: TextIO, n_read: int = 0) -> None:
        self._text = text
        self._returned: deque[str] = deque()
        self.taken: list[str] = []  # since the last record
        self.n_read = n_read

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else self._read()
        if not line:
            raise StopIteration
        self.taken.append(line)
        self.n_read += 1
        return line

    def _read(self) -> str:
        line = self._text.readline(MAX_CHARS)
        if len(line) < MAX_CHARS or line.endswith(("\r", "\n")):
            return line
        while line and not line.endswith(("\r", "\n")):
            line = self._text.readline(MAX_CHARS)
        return TOO_LONG

    def put_back(self) -> None:
        """Return all lines of this record but the first."""
        self._returned.extendleft(reversed(self.taken[1:]))
        self.n_read -= len(self.taken) - 1


@dataclass(frozen=True, slots=True)
class _Record:
    number: int
    line: int
    cells: list[str]  # empty: the line is blank or cannot be read
    problem: str
    raw: str  # its first line


def _records(text: TextIO, dialect: Dialect) -> Iterator[_Record]:
    """Records of a CSV file. After one that cannot be read, reading goes on at the next line."""
    lines = _Lines(text, n_read=dialect.n_skipped)
    quotechar = dialect.quotechar or None
    reader = csv.reader(
        lines,
        delimiter=dialect.delimiter,
        quotechar=quotechar,
        quoting=csv.QUOTE_MINIMAL if quotechar else csv.QUOTE_NONE,
        strict=True,
    )
    number = 0
    while True:
        lines.taken.clear()
        line, number, problem = lines.n_read + 1, number + 1, ""
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            cells, problem = [], _reason(str(error))
            lines.put_back()
        else:
            problem = _problem(lines.taken, is_blank=not cells)
        yield _Record(number, line, cells, problem, lines.taken[0])


def _reason(message: str) -> str:
    return next((ours for theirs, ours in REASONS.items() if theirs in message), message)


def _problem(lines: Sequence[str], *, is_blank: bool = False) -> str:
    if is_blank:
        return "The row is blank."
    for line in lines:
        if line == TOO_LONG:
            return f"The line is longer than {MAX_CHARS:,} characters; split or shorten it."
        if "\0" in line:
            return "The row holds a NUL character; remove it."
        if UNDECODABLE_MARK in line:
            return "Some bytes have no meaning in the file's encoding; save the file as UTF-8."
    return ""


def _read_csv(text: TextIO, dialect: Dialect) -> Iterator[Row | BadRow]:
    records = _records(text, dialect)
    columns: tuple[str, ...] = ()
    for record in records:
        if not columns and record.cells:
            columns = _header(record.cells, has_header=dialect.has_header).columns
            if dialect.has_header:
                continue
        problem = record.problem or _width_problem(record.cells, len(columns))
        if problem:
            place = f" (line {record.line})" if record.line != record.number else ""
            yield BadRow(record.number, problem + place, excerpt(record.raw))
            continue
        cells = map(unguard, record.cells) if dialect.is_guarded else record.cells
        yield Row(record.number, dict(zip(columns, cells, strict=False)))


def _width_problem(cells: Sequence[str], width: int) -> str:
    if len(cells) == width or (len(cells) > width and not any(cells[width:])):
        return ""
    fault = "a delimiter may stand unquoted in a text" if len(cells) > width else "some are missing"
    return f"The row has {len(cells)} cells and the header {width}; {fault}."


def _header(cells: Sequence[str], *, has_header: bool) -> Header:
    if not has_header:
        return Header(tuple(f"column {i}" for i in range(1, len(cells) + 1)))
    names = [cell.strip() or f"column {i}" for i, cell in enumerate(cells, 1)]
    columns: list[str] = []
    for name in names:
        n_before, unique = 1, name
        while unique in columns or (n_before > 1 and unique in names):
            n_before += 1
            unique = f"{name} ({n_before})"
        columns.append(unique)
    twins = [name for name, n in Counter(names).items() if n > 1]
    warnings = [
        f"Several columns are called '{name}'; the later ones are shown as '{name} (2)' and so on."
        for name in twins
    ]
    return Header(tuple(columns), tuple(warnings))


def _read_lines(text: TextIO, dialect: Dialect) -> Iterator[Row | BadRow]:
    """JSON Lines, or plain lines."""
    is_json = dialect.kind is FileKind.JSONL
    for number, line in enumerate(_Lines(text), 1 + dialect.n_skipped):
        if number == 1 and dialect.has_header and not is_json:
            continue
        values: dict[str, Any] = {TEXT_COLUMN: line.rstrip("\r\n")}
        problem = _problem([line], is_blank=not line.strip())
        if not problem and is_json:
            values, problem = _parse(line)
        yield BadRow(number, problem, excerpt(line)) if problem else Row(number, values)


def _parse(line: str) -> tuple[dict[str, Any], str]:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        return {}, f"The line is no valid JSON: {error.msg} at character {error.pos + 1}."
    except (ValueError, RecursionError):
        return {}, "The line is JSON that is too deep or holds a number that is too long."
    if not isinstance(value, dict):
        return {}, 'The line is JSON but no object; write {"text": …, "labels": […]}.'
    if "\\u" in line and not all(map(_is_storable, _strings(value))):
        return {}, "The line holds a NUL character or half of a surrogate pair; remove it."
    return value, ""


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _is_storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)
