"""Finds out how a file is written, from its content and never from its name.

The delimiter comes from clevercsv and is then checked against the file: a
delimiter has to give the rows the same number of cells as the first one.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from clevercsv.detect import Detector

from core.errors import ImportRefused
from core.exchange.dialect import Dialect, FileKind
from core.exchange.encoding import HEAD_BYTES, UNDECODABLE, UNDECODABLE_MARK, find_encoding
from core.exchange.words import EXPORT_COLUMNS, KNOWN_COLUMNS

DELIMITERS = (",", ";", "\t", "|")
CLEVERCSV_CHARS = 8_000  # it needs about 20 ms for so many, and far more for longer samples
SAMPLE_LINES = 500
CONVINCING = 0.8  # share of rows as wide as the first
OUR_HEADER = ",".join(f'"{column}"' for column in EXPORT_COLUMNS)
SEP_LINE = re.compile(r"sep=(.)\s*$", re.IGNORECASE)
JSON_ARRAY = re.compile(r"\[\s*([\[{\"]|$)")
NUMBER = re.compile(r"[-+]?[\d.,]*\d[\d.,%]*")


def sniff(source: Path | bytes, file_name: str) -> Dialect:
    """How the file is written; `source` is its path, or its first bytes."""
    encoding, note = find_encoding(source, file_name)
    head = source[:HEAD_BYTES] if isinstance(source, bytes) else _head(source)
    text = codecs.getincrementaldecoder(encoding)(UNDECODABLE).decode(head)
    is_whole = len(head) < HEAD_BYTES
    lines, is_cut = _lines(text, is_whole=is_whole)
    notes = (note,) if note else ()
    if _is_jsonl(text, lines, file_name):
        return Dialect(encoding=encoding, kind=FileKind.JSONL, has_header=False, notes=notes)
    found = Dialect(encoding=encoding, notes=notes)
    return _sniff_table(lines, found, is_cut=is_cut, file_name=file_name)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _lines(text: str, *, is_whole: bool) -> tuple[list[str], bool]:
    """The first lines with their ends, and whether more follow; half lines are left out."""
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", text)
    if not is_whole and len(lines) > 1:
        del lines[-1]
    return lines[:SAMPLE_LINES], not is_whole or len(lines) > SAMPLE_LINES


def _is_jsonl(text: str, lines: Sequence[str], file_name: str) -> bool:
    written = [line for line in lines if line.strip()][:50]
    n_objects = sum(_is_object(line) for line in written)
    if n_objects * 2 >= len(written):
        return True
    start = text.lstrip("\ufeff \t\r\n")
    if JSON_ARRAY.match(start.split("\n", 1)[0].strip()) or start.startswith(("{\n", "{\r")):
        what = "a JSON array" if start.startswith("[") else "one JSON document"
        raise ImportRefused(
            f"'{file_name}' is {what} (line 1), not JSON Lines; "
            "write one object per line (jq -c '.[]' does it) or save it as CSV."
        )
    return start.startswith('{"') and len(written) == 1  # one object longer than the sample


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _sniff_table(lines: list[str], found: Dialect, *, is_cut: bool, file_name: str) -> Dialect:
    if lines[0].startswith(OUR_HEADER):
        return replace(found, is_guarded=True)
    n_skipped, delimiters = 0, list(DELIMITERS)
    if match := SEP_LINE.match(lines[0]):
        n_skipped, delimiters, lines = 1, [match[1]], lines[1:]
    if not any(line.strip() for line in lines):
        raise ImportRefused(f"'{file_name}' holds no rows after its first line; add some.")
    fit = _best_fit(lines, delimiters, is_cut=is_cut)
    if fit is None:
        has_header = lines[0].strip().strip('"').lower() in KNOWN_COLUMNS
        kind = FileKind.CSV if _looks_quoted(lines) else FileKind.LINES
        return replace(found, kind=kind, has_header=has_header, n_skipped=n_skipped)
    return replace(
        found,
        delimiter=fit.delimiter,
        quotechar=fit.quotechar,
        has_header=_has_header(fit.records),
        n_skipped=n_skipped,
    )


@dataclass(frozen=True)
class _Fit:
    """How well a delimiter and a quotation mark explain the sample."""

    delimiter: str
    quotechar: str
    records: list[list[str]]

    @property
    def width(self) -> int:
        """Cells in the first record."""
        return len(self.records[0]) if self.records else 0

    @property
    def n_good(self) -> int:
        """Records as wide as the first."""
        return sum(len(cells) == self.width for cells in self.records)

    @property
    def share(self) -> float:
        """Of good records, among all records and errors."""
        return self.n_good / max(len(self.records), 1)


def _best_fit(lines: list[str], delimiters: Sequence[str], *, is_cut: bool) -> _Fit | None:
    """The best reading as a table, or None when the lines do not make one."""
    suggested = _clevercsv_says(lines)
    fits = [
        _Fit(delimiter, quotechar, _records(lines, delimiter, quotechar, is_cut=is_cut))
        for delimiter in delimiters
        for quotechar in ('"', "")
    ]
    is_told = len(delimiters) == 1
    # A quotation mark that swallows rows explains fewer of them than none at all.
    return max(
        (
            fit
            for fit in fits
            if fit.width > 1
            and (is_told or fit.share >= CONVINCING or _has_known_name(fit.records[0]))
        ),
        key=lambda f: (round(f.share, 1), f.delimiter == suggested, f.width, f.n_good, f.quotechar),
        default=None,
    )


def _clevercsv_says(lines: Sequence[str]) -> str:
    sample: list[str] = []
    n_chars = 0
    for line in lines:
        n_chars += len(line)
        if n_chars > CLEVERCSV_CHARS and sample:
            break
        sample.append(line)
    # clevercsv stumbles over both; what they mean for a row is decided when it is read.
    text = "".join(sample)[:CLEVERCSV_CHARS].replace(UNDECODABLE_MARK, "?").replace("\0", "?")
    found = Detector().detect(text, delimiters=DELIMITERS)
    return "" if found is None else str(found.delimiter)


def _records(
    lines: Sequence[str], delimiter: str, quotechar: str, *, is_cut: bool
) -> list[list[str]]:
    """Cells by record; one that cannot be read stands as an empty record, blank lines do not."""
    reader = csv.reader(
        iter(lines),
        delimiter=delimiter,
        quotechar=quotechar or None,
        quoting=csv.QUOTE_MINIMAL if quotechar else csv.QUOTE_NONE,
        strict=True,
    )
    records: list[list[str]] = []
    while True:
        try:
            if cells := next(reader):
                records.append(cells)
        except StopIteration:
            return records
        except csv.Error as error:
            if is_cut and "end of data" in str(error):  # the cell goes on after the sample
                return records
            records.append([])


def _looks_quoted(lines: Sequence[str]) -> bool:
    """Whether cells of a one-column file are quoted, so that they may span lines."""
    return any(line.startswith('"') and line.rstrip().endswith('"') for line in lines[1:])


def _has_header(records: Sequence[Sequence[str]]) -> bool:
    """Names are short, unlike the cells below them, and no numbers where numbers follow."""
    first, below = records[0], [r for r in islice(records, 1, 200) if len(r) == len(records[0])]
    if _has_known_name(first):
        return True
    if any(len(cell) > 100 for cell in first) or len(set(first)) < len(first):
        return False
    score = 0
    for column, name in enumerate(first):
        cells = [record[column].strip() for record in below]
        if NUMBER.fullmatch(name.strip()) or name in cells:
            score -= 2
        elif cells and all(NUMBER.fullmatch(cell) for cell in cells):
            score += 2
        elif cells and sum(map(len, cells)) > 2 * len(name) * len(cells):
            score += 1
        elif cells and len(name) > 25:
            score -= 1
    return score >= 0


def _has_known_name(cells: Sequence[str]) -> bool:
    return any(cell.strip().lower() in KNOWN_COLUMNS for cell in cells)
