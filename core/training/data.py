"""Texts with labels from a file, and who is trained on and who is measured on.

Files are read as imports read them (`core.exchange`), without a database.
What could not be used is counted and kept with its reason.
"""

from __future__ import annotations

import gzip
import hashlib
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from core.demo.corpus import demo_corpus_path
from core.domain import ABSENT, PRESENT, UNJUDGED, Truth
from core.errors import InputError, NotReady
from core.exchange.dialect import Dialect
from core.exchange.guess import guess
from core.exchange.mapping import LabelLayout, Mapping, Reading, apply
from core.exchange.read import BadRow, Row, read_rows
from core.known_texts import text_ids
from core.training.config import DEMO, TrainConfig

STANDARD_INPUT = "-"
GZIP = b"\x1f\x8b"
FEWEST = 4  # judged texts: fewer cannot be parted into three


@dataclass(frozen=True)
class LabelledTexts:
    """Texts with three-state truth (texts, labels)."""

    texts: list[str]
    truth: Truth
    label_names: tuple[str, ...]
    n_rows: int = 0
    unjudged: tuple[str, ...] = ()  # texts whose label cells say nothing
    rejected: tuple[BadRow, ...] = ()
    notes: tuple[str, ...] = ()  # how the file was read
    strangers: tuple[str, ...] = ()  # of labels that the model does not know

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: NDArray[np.int64]) -> LabelledTexts:
        """Some of them."""
        return replace(self, texts=[self.texts[row] for row in rows], truth=self.truth[rows])

    @property
    def n_unjudged(self) -> int:
        """Rows that were left out for want of labels."""
        return len(self.unjudged)

    @property
    def left_out(self) -> tuple[str, ...]:
        """What of the file is not used, in sentences."""
        counted = (
            (len(self.rejected), "rows could not be read."),
            (self.n_unjudged, "rows have no labels and are left out."),
        )
        return (*(f"{n} {told}" for n, told in counted if n), *self.strangers)

    @property
    def ids(self) -> NDArray[np.int64]:
        """A number for each text, the same for the same text."""
        return text_ids(self.texts)

    @property
    def sha256(self) -> str:
        """Identify texts, labels and judgements."""
        digest = hashlib.sha256("\0".join(self.label_names).encode())
        for text in self.texts:
            digest.update(text.encode() + b"\0")
        digest.update(np.ascontiguousarray(self.truth).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class Split:
    """Rows to fit on, rows kept to choose by, and texts to measure on; none is in two of them."""

    fit: LabelledTexts
    validation: LabelledTexts  # empty where folds serve
    test: LabelledTexts
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class _Columns:
    """What of a file's reading is said rather than guessed."""

    text: str | None = None
    labels: str | None = None
    separator: str | None = None
    empty_means: str = "unjudged"


def read_training_data(config: TrainConfig) -> LabelledTexts:
    """Read the file that a configuration names."""
    if config.data == DEMO:
        # In the demo corpus every text was judged on every label.
        columns = _Columns("text", "labels", "|", "no_label_applies")
        return _read(demo_corpus_path(), columns, None)
    return read_labelled(config.data, config)


def read_labelled(
    path: str, config: TrainConfig, label_names: Sequence[str] | None = None
) -> LabelledTexts:
    """Read a file with the columns of `config`; `label_names` fixes the labels and their order."""
    columns = _Columns(config.text, config.labels, config.separator, config.empty_means)
    with local_file(path) as file:
        return _read(file, columns, label_names)


@contextmanager
def local_file(path: str) -> Iterator[Path]:
    """The file as one that can be read twice; standard input and gzip are laid on the disk."""
    if path == STANDARD_INPUT:
        with _spooled(sys.stdin.buffer) as spooled:
            yield spooled
        return
    file = Path(path).expanduser()
    if not file.is_file():
        raise InputError(f"There is no file '{path}'; give a CSV or JSON Lines file.")
    with file.open("rb") as opened:
        is_packed = opened.read(2) == GZIP
    if not is_packed:
        yield file
        return
    with gzip.open(file) as packed, ExitStack() as stack:
        try:
            unpacked = stack.enter_context(_spooled(packed))
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(
                f"'{path}' is a gzip file that is damaged ({error}); fetch or pack it again."
            ) from None
        yield unpacked


@contextmanager
def _spooled(source: IO[bytes] | gzip.GzipFile) -> Iterator[Path]:
    """A copy on the disk; closed before it is read, as not every system opens a file twice."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spooled.csv"
        with path.open("wb") as copy:
            shutil.copyfileobj(source, copy)
        yield path


def _read(path: Path, columns: _Columns, label_names: Sequence[str] | None) -> LabelledTexts:
    found = guess(path, path.name, text_column=columns.text, label_column=columns.labels)
    mapping = _said(found.mapping(), columns)
    if mapping.label_layout is LabelLayout.NONE:
        raise InputError(
            f"No column of '{path.name}' looks like labels; name one with --labels. "
            f"It has {', '.join(found.columns[:20])}."
        )
    readings, rejected, n_rows = _readings(path, found.dialect, mapping)
    judged = [reading for reading in readings if reading.labels is not None]
    there = _names(judged, mapping)
    wanted = there if label_names is None else list(label_names)
    truth = _truth(judged, wanted, known=set(there), mapping=mapping)
    return LabelledTexts(
        texts=[reading.text for reading in judged],
        truth=truth,
        label_names=tuple(wanted),
        n_rows=n_rows,
        unjudged=tuple(reading.text for reading in readings if reading.labels is None),
        rejected=tuple(rejected),
        notes=(*found.reasons.values(), *found.warnings),
        strangers=tuple(_strangers(there, wanted)),
    )


def _said(mapping: Mapping, columns: _Columns) -> Mapping:
    separator = mapping.separator if columns.separator is None else columns.separator
    empty_means = mapping.empty_means
    if columns.empty_means == "no_label_applies":
        empty_means = "no_label_applies"
    return replace(mapping, separator=separator, empty_means=empty_means)


def _readings(
    path: Path, dialect: Dialect, mapping: Mapping
) -> tuple[list[Reading], list[BadRow], int]:
    readings: list[Reading] = []
    rejected: list[BadRow] = []
    n_rows = 0
    for row in read_rows(path, dialect):
        n_rows += 1
        read = apply(mapping, row) if isinstance(row, Row) else row
        if isinstance(read, BadRow):
            rejected.append(read)
        else:
            readings.append(read)
    return readings, rejected, n_rows


def _names(judged: Sequence[Reading], mapping: Mapping) -> list[str]:
    """Labels in order of their first appearance."""
    if mapping.label_layout is LabelLayout.MULTI_HOT:
        return list(dict.fromkeys(column.strip() for column in mapping.label_columns))
    names: dict[str, None] = {}
    for reading in judged:
        names.update(dict.fromkeys((*(reading.labels or ()), *(reading.absent or ()))))
    return list(names)


def _truth(
    judged: Sequence[Reading], wanted: Sequence[str], *, known: set[str], mapping: Mapping
) -> Truth:
    """A list of labels says of all others that they are absent; flags say nothing of others."""
    column = {name: at for at, name in enumerate(wanted)}
    is_list = mapping.label_layout is LabelLayout.SEPARATED
    unnamed = [at for name, at in column.items() if is_list or name in known]
    truth = np.full((len(judged), len(wanted)), UNJUDGED, dtype=np.int8)
    for at, reading in enumerate(judged):
        absent = unnamed
        if reading.absent is not None:
            absent = [column[name] for name in reading.absent if name in column]
        truth[at, absent] = ABSENT
        truth[at, [column[name] for name in reading.labels or () if name in column]] = PRESENT
    return truth


def _strangers(there: Sequence[str], wanted: Sequence[str]) -> Iterator[str]:
    if unknown := [name for name in there if name not in wanted]:
        shown = ", ".join(f"'{name}'" for name in unknown[:5])
        yield f"{len(unknown)} labels of the file are unknown to the model and left out: {shown}."


def split(data: LabelledTexts, config: TrainConfig, *, n_folds: int) -> Split:
    """Part the data by the seed; copies of a text are never on both sides.

    Raises NotReady where too little is left to train on.
    """
    if len(data) < FEWEST:
        raise NotReady(
            f"{len(data)} texts with labels are too few to train on and to measure; "
            f"give at least {FEWEST}, better a hundred."
        )
    rng = np.random.default_rng(config.seed)
    notes: list[str] = []
    if config.test is not None:
        test = read_labelled(config.test, config, data.label_names)
        notes += [f"Of the test file, {told}" for told in test.left_out]
        rest = np.flatnonzero(~np.isin(data.ids, test.ids))
        if n_same := len(data) - len(rest):
            notes.append(f"{n_same} texts stand in the test file too and are not trained on.")
        rest = rng.permutation(rest)
    else:
        test_rows, rest = _draw(data.ids, np.arange(len(data)), config.test_share, rng)
        test = data.take(np.sort(test_rows))
    if config.subsample < 1.0:
        n_kept = max(FEWEST, round(config.subsample * len(rest)))
        notes.append(f"{min(n_kept, len(rest))} of {len(rest)} texts are trained on (subsample).")
        rest = rest[:n_kept]
    share = 0.0 if n_folds else config.validation_share
    validation, fit = _draw(data.ids, rest, share, rng)
    _refuse_too_little(data, fit)
    return Split(
        fit=data.take(np.sort(fit)),
        validation=data.take(np.sort(validation)),
        test=test,
        notes=tuple(notes),
    )


def _draw(
    ids: NDArray[np.int64], rows: NDArray[np.int64], share: float, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """About a share of the rows, all rows of a text together, and the others; both shuffled."""
    _, group = np.unique(ids[rows], return_inverse=True)
    n_groups = int(group.max(initial=-1)) + 1
    place = rng.permutation(n_groups)[group]
    shuffled = rows[np.argsort(place, kind="stable")]
    is_drawn = np.sort(place) < round(share * n_groups)
    return shuffled[is_drawn], shuffled[~is_drawn]


def _refuse_too_little(data: LabelledTexts, fit: NDArray[np.int64]) -> None:
    truth = data.truth[fit]
    varies = (truth == PRESENT).any(axis=0) & (truth == ABSENT).any(axis=0)
    if not varies.any():
        raise NotReady(
            f"The {len(fit)} texts to train on are all labelled alike, so there is nothing to tell "
            "apart; give texts that differ (and see whether empty cells mean that no label "
            "applies: --empty-means no_label_applies)."
        )
