"""Gold-labelled data for replays: the demo, a CSV file, or a public set laid ready.

Also encodes it once and keeps the vectors under the data folder.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.domain import Truth
from core.encoders.cache import EmbeddingCache, encode_missing
from core.encoders.encoder import Encoder
from core.errors import InputError

TEST_SHARE = 0.3  # where the data bring no split of their own
SPLIT_SEED = 20240601

Row = tuple[str, tuple[str, ...]]  # text, labels


@dataclass(frozen=True)
class ReplayData:
    """Texts with gold truth (documents, labels), and a test split never trained on."""

    name: str
    labels: list[str]
    texts: list[str]
    truth: Truth
    test_texts: list[str]
    test_truth: Truth

    @property
    def sha256(self) -> str:
        """Identify texts, labels and split."""
        digest = hashlib.sha256()
        for part in (*self.labels, *self.texts, *self.test_texts):
            digest.update(part.encode() + b"\0")
        digest.update(self.truth.tobytes() + self.test_truth.tobytes())
        return digest.hexdigest()


def load_dataset(name_or_path: str, *, shared: Path | None = None) -> ReplayData:
    """Load "demo", a CSV file with columns text and labels, or a set under `shared`/data.

    Parameters
    ----------
    name_or_path
        A CSV (or .csv.gz) file is split at random, always alike; a set's
        folder brings train.csv.gz and test.csv.gz. Labels are joined with |.
    shared
        The folder of public data sets (setting MARGINALIA_SHARED).

    Raises InputError when nothing of that name is there.
    """
    if name_or_path == "demo":
        from core.demo.corpus import demo_rows

        return _split("demo", [(row.text, tuple(row.labels)) for row in demo_rows()])
    path = Path(name_or_path).expanduser()
    if path.is_file():
        return _split(path.name.split(".")[0], read_rows(path))
    folder = shared / "data" / name_or_path if shared is not None else None
    if folder is not None and (folder / "train.csv.gz").is_file():
        train, test = (read_rows(folder / f"{part}.csv.gz") for part in ("train", "test"))
        return _with_truth(name_or_path, train, test)
    where = f"or under '{shared}'" if shared is not None else "and MARGINALIA_SHARED is not set"
    raise InputError(
        f"No data '{name_or_path}': it is no file here {where}; "
        "give 'demo' or a CSV file with the columns text and labels."
    )


def read_rows(path: Path) -> list[Row]:
    """Read a CSV file with columns text and labels, perhaps gzipped."""
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            return _rows(file, path)
    with path.open(encoding="utf-8", newline="") as file:
        return _rows(file, path)


def embeddings(texts: Sequence[str], encoder: Encoder, *, folder: Path) -> NDArray[np.float32]:
    """Give the texts' vectors (texts, width), encoding only what `folder` does not hold."""
    ids = np.array([_text_id(text) for text in texts], dtype=np.int64)
    by_id = dict(zip(ids.tolist(), texts, strict=True))
    cache = EmbeddingCache(folder, fingerprint=encoder.fingerprint, width=encoder.width)
    encode_missing(encoder, cache, ids, lambda chunk: [by_id[i] for i in chunk.tolist()])
    return np.asarray(cache.rows(ids), dtype=np.float32)


def _rows(lines: Iterable[str], path: Path) -> list[Row]:
    reader = csv.DictReader(lines)
    missing = {"text", "labels"} - set(reader.fieldnames or ())
    if missing:
        raise InputError(
            f"'{path}' has no column {' and no column '.join(sorted(missing))}; "
            "a replay needs the columns text and labels."
        )
    return [(row["text"], tuple(filter(None, row["labels"].split("|")))) for row in reader]


def _split(name: str, rows: list[Row]) -> ReplayData:
    order = np.random.default_rng(SPLIT_SEED).permutation(len(rows)).tolist()
    n_test = round(len(rows) * TEST_SHARE)
    return _with_truth(name, [rows[i] for i in order[n_test:]], [rows[i] for i in order[:n_test]])


def _with_truth(name: str, train: list[Row], test: list[Row]) -> ReplayData:
    labels = sorted({label for _, names in train for label in names})
    if not labels or not test:
        raise InputError(f"'{name}' has {len(labels)} labels and {len(test)} test texts; too few.")
    return ReplayData(
        name=name,
        labels=labels,
        texts=[text for text, _ in train],
        truth=_truth(train, labels),
        test_texts=[text for text, _ in test],
        test_truth=_truth(test, labels),
    )


def _truth(rows: list[Row], labels: list[str]) -> Truth:
    column = {label: at for at, label in enumerate(labels)}
    truth = np.zeros((len(rows), len(labels)), dtype=np.int8)
    for at, (_, names) in enumerate(rows):
        truth[at, [column[name] for name in names if name in column]] = 1
    return truth


def _text_id(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)
