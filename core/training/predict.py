"""A file of any size through a model into a CSV file, in bounded memory.

Every column of the input passes through; beside them stand the labels and each
label's probability. What could not be read is counted and kept in a file of its own.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from core.disk import UNFINISHED, flush_folder, room_for
from core.errors import Cancelled, InputError
from core.exchange.cells import guard, join_labels
from core.exchange.dialect import Dialect, FileKind
from core.exchange.guess import guess
from core.exchange.mapping import LabelLayout, Mapping, apply
from core.exchange.read import BadRow, Row, read_rows
from core.exchange.write import BYTE_ORDER_MARK, PREFIX
from core.training.data import STANDARD_INPUT, local_file
from core.training.model import TextModel

ROWS_AT_ONCE = 1000
CHARS_AT_ONCE = 4_000_000  # whichever comes first
PREDICTED = "predicted"
REJECTED_COLUMNS = ("row", "reason", "excerpt")
SHOWN = 5  # rejected rows told of

OnRows = Callable[[int, float], None]  # rows done, share of the file


@dataclass(frozen=True)
class Predicted:
    """What became of a file's rows."""

    n_rows: int
    n_predicted: int
    n_rejected: int
    first_rejected: tuple[BadRow, ...]
    rejected_file: Path | None


def predict_file(
    model: TextModel,
    source: str,
    target: str,
    *,
    text_column: str | None = None,
    on_rows: OnRows = lambda n_rows, share: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Predicted:
    """Predict every text of a CSV or JSON Lines file ('-' is standard input or output).

    The output appears under its name when it is whole. Raises InputError for a
    file that cannot be read, and where the output would take the input's place,
    which rows that cannot be used would be lost by; Cancelled when stopped, leaving no output.
    """
    _refuse_same(source, target)
    with local_file(source) as path, _output(target) as output:
        work = _Work(model, path, source, text_column)
        output.write(BYTE_ORDER_MARK if target != STANDARD_INPUT else "")
        writer = csv.writer(output, quoting=csv.QUOTE_ALL)
        writer.writerow(guard(name) for name in work.header)
        with _Rejections(target) as rejections:
            n_rows = 0
            for rows in work.chunks():
                if should_stop():
                    raise Cancelled(f"Stopped after {n_rows} rows; nothing was written.")
                n_rows += len(rows)
                rejections.add([row for row in rows if isinstance(row, BadRow)])
                writer.writerows(work.cells([row for row in rows if isinstance(row, Row)]))
                on_rows(n_rows, work.share)
        return Predicted(
            n_rows=n_rows,
            n_predicted=n_rows - rejections.n,
            n_rejected=rejections.n,
            first_rejected=tuple(rejections.first),
            rejected_file=rejections.path if rejections.n else None,
        )


def _refuse_same(source: str, target: str) -> None:
    if STANDARD_INPUT in (source, target):
        return
    given, wanted = Path(source).expanduser(), Path(target).expanduser()
    if given.exists() and wanted.exists() and given.samefile(wanted):
        raise InputError(
            f"The output would take the place of the input '{source}'; give another file by --out."
        )


class _Work:
    """One file's rows on their way through a model."""

    def __init__(
        self, model: TextModel, path: Path, shown_as: str, text_column: str | None
    ) -> None:
        self.model, self.path = model, path
        found = guess(path, Path(shown_as).name, text_column=text_column)
        self.dialect: Dialect = found.dialect
        self.mapping = Mapping(text_column=found.text_column, label_layout=LabelLayout.NONE)
        self.columns = _columns(path, found.dialect, found.columns)
        self.share = 0.0

    @property
    def header(self) -> Iterator[str]:
        """The input's columns, then ours, under names that are free."""
        taken = list(self.columns)
        for name in (PREDICTED, *(PREFIX + name for name in self.model.label_names)):
            taken.append(_free(name, taken))
        return iter(taken)

    def chunks(self) -> Iterator[list[Row | BadRow]]:
        """The file's rows, some at a time."""
        size = max(self.path.stat().st_size, 1)
        with self.path.open("rb") as file:
            chunk: list[Row | BadRow] = []
            n_chars = 0
            for row in read_rows(file, self.dialect):
                read = apply(self.mapping, row) if isinstance(row, Row) else row
                chunk.append(read if isinstance(read, BadRow) else row)
                n_chars += 0 if isinstance(read, BadRow) else len(read.text)
                if len(chunk) == ROWS_AT_ONCE or n_chars > CHARS_AT_ONCE:
                    self.share = min(file.tell() / size, 1.0)
                    yield chunk
                    chunk, n_chars = [], 0
            self.share = 1.0
            if chunk:
                yield chunk

    def cells(self, rows: Sequence[Row]) -> Iterator[list[str]]:
        """The output's rows."""
        proba = self.model.proba([row.values[self.mapping.text_column] for row in rows])
        for row, labels, shares in zip(rows, self.model.named(proba), proba, strict=True):
            yield [
                *(guard(_cell(row.values.get(column))) for column in self.columns),
                guard(join_labels(labels)),
                *("" if share != share else f"{share:.6f}" for share in shares.tolist()),
            ]


class _Rejections:
    """Rows that could not be used, in a file beside the output that is made with the first."""

    def __init__(self, target: str) -> None:
        is_file = target != STANDARD_INPUT
        self.path = Path(f"{target}.rejected.csv").expanduser() if is_file else None
        if self.path is not None:
            self.path.unlink(missing_ok=True)  # of an earlier run: it would tell of other rows
        self.first: list[BadRow] = []
        self.n = 0
        self._stack = ExitStack()
        self._file: TextIO | None = None

    def __enter__(self) -> _Rejections:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, rows: Sequence[BadRow]) -> None:
        """Count them and write them down."""
        self.n += len(rows)
        self.first += rows[: SHOWN - len(self.first)]
        if rows and self.path is not None:
            csv.writer(self._opened(self.path), quoting=csv.QUOTE_ALL).writerows(
                (row.number, guard(row.reason), guard(row.excerpt)) for row in rows
            )

    def _opened(self, path: Path) -> TextIO:
        if self._file is None:
            self._file = self._stack.enter_context(path.open("w", encoding="utf-8", newline=""))
            csv.writer(self._file, quoting=csv.QUOTE_ALL).writerow(REJECTED_COLUMNS)
        return self._file


@contextmanager
def _output(target: str) -> Iterator[TextIO]:
    """A file that gets its name when it is whole, or standard output."""
    if target == STANDARD_INPUT:
        yield sys.stdout
        sys.stdout.flush()
        return
    path = Path(target).expanduser()
    if path.is_dir():
        raise InputError(f"'{path}' is a folder; name a file in it by --out.")
    if not path.parent.is_dir():
        raise InputError(f"There is no folder '{path.parent}' to write '{path.name}' into.")
    unfinished = path.with_name(f"{path.name}.{os.getpid()}{UNFINISHED}")
    try:
        with room_for(path), unfinished.open("w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        flush_folder(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def _columns(path: Path, dialect: Dialect, first: Sequence[str]) -> list[str]:
    """Every column; of JSON Lines, whose later objects may have keys of their own, all keys."""
    columns = dict.fromkeys(first)
    if dialect.kind is FileKind.JSONL:
        for row in read_rows(path, dialect):
            if isinstance(row, Row):
                columns.update(dict.fromkeys(row.values))
    return list(columns)


def _free(name: str, taken: Sequence[str]) -> str:
    unique, n = name, 1
    while unique in taken:
        n += 1
        unique = f"{name} ({n})"
    return unique


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
