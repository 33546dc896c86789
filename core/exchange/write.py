"""Writes rows as CSV or JSON Lines, in chunks, for a file or a download.

CSV begins with a UTF-8 byte order mark: without it Excel reads UTF-8 as the
machine's old code page and spoils every accent; other programs skip it. Every
cell is quoted, ends with CR LF (RFC 4180) and is guarded against being run as
a formula (see cells.py).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, TextIO

from core.exchange.cells import guard, join_labels
from core.exchange.words import EXPORT_COLUMNS

BYTE_ORDER_MARK = "\ufeff"
PROBABILITIES = "probabilities"  # by label name; CSV spreads them over columns
LABEL = "label"  # the one that applies, in projects where exactly one does
PREDICTED = "predicted"  # labels at or above their thresholds, where there is a round
THRESHOLDS = "thresholds"  # by label name, of labels that have one of their own
PREFIX = "p:"  # of a CSV column of probabilities
ROWS_PER_CHUNK = 200


def csv_chunks(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The rows as CSV text, a few hundred at a time; the header also when there is no row."""
    iterator = iter(rows)
    first = next(iterator, None)
    names = () if first is None else tuple(first.get(PROBABILITIES) or ())
    more = [name for name in (LABEL, PREDICTED, THRESHOLDS) if name in (first or ())]
    columns = (*EXPORT_COLUMNS, *more)
    buffer = io.StringIO(newline="")
    buffer.write(BYTE_ORDER_MARK)
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerow(guard(name) for name in (*columns, *(PREFIX + name for name in names)))
    for n, row in enumerate(chain(() if first is None else (first,), iterator), 1):
        writer.writerow(_cells(row, columns, names))
        if n % ROWS_PER_CHUNK == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def jsonl_chunks(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The rows as JSON Lines, one at a time."""
    for row in rows:
        yield json.dumps(row, ensure_ascii=False) + "\n"


def write_csv(rows: Iterable[Mapping[str, Any]], file: TextIO) -> None:
    """Write CSV; open the file with encoding="utf-8" and newline=""."""
    file.writelines(csv_chunks(rows))


def write_jsonl(rows: Iterable[Mapping[str, Any]], file: TextIO) -> None:
    """Write JSON Lines; open the file with encoding="utf-8" and newline="\\n"."""
    file.writelines(jsonl_chunks(rows))


def _cells(row: Mapping[str, Any], columns: Iterable[str], names: Iterable[str]) -> Iterator[str]:
    for column in columns:
        yield guard(_cell(row[column]))
    proba = row.get(PROBABILITIES) or {}
    for name in names:
        yield _cell(proba.get(name))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return join_labels(value)
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False) if value else ""
    return str(value)
