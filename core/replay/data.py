"""Gold-labelled data for replays: the demo, a CSV file, a public set, one's own project.

Also encodes it once and keeps the vectors under the data folder. Reading a
project is `core.replay.project`.
"""

from __future__ import annotations

import csv
import dataclasses
import gzip
import hashlib
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.domain import Truth
from core.encoders.cache import EmbeddingCache, encode_missing
from core.encoders.encoder import Encoder
from core.errors import InputError
from core.settings import Settings, get_settings
from core.store.store import Store
from core.strategies.plan import PROJECT

TEST_SHARE = 0.3  # where the data bring no split of their own
SPLIT_SEED = 20240601

Row = tuple[str, tuple[str, ...]]  # text, labels


@dataclass(frozen=True)
class VectorsOfDocuments:
    """A folder of vectors by document id, and the ids of pool and test."""

    folder: Path
    ids: NDArray[np.int64]
    test_ids: NDArray[np.int64]


@dataclass(frozen=True)
class ReplayData:
    """Texts with gold truth (documents, labels), and a test split never trained on."""

    name: str
    labels: list[str]
    texts: list[str]
    truth: Truth
    test_texts: list[str]
    test_truth: Truth
    label_texts: list[str] | None = None  # names with descriptions, where there are some
    note: str = ""  # how pool and test were parted, where that needs a word
    vectors: VectorsOfDocuments | None = None  # where a project keeps them

    @property
    def sha256(self) -> str:
        """Identify texts, labels and split."""
        digest = hashlib.sha256()
        for part in (*self.labels, *self.texts, *self.test_texts):
            digest.update(part.encode() + b"\0")
        digest.update(self.truth.tobytes() + self.test_truth.tobytes())
        return digest.hexdigest()


def load_dataset(
    given: str, settings: Settings | None = None, store: Store | None = None
) -> ReplayData:
    """Load "demo", a CSV file with columns text and labels, a public set, or a project.

    Parameters
    ----------
    given
        A CSV (or .csv.gz) file is split at random, always alike; a public set
        is a folder data/<name> with train.csv.gz and test.csv.gz under the
        setting MARGINALIA_SHARED. Labels are joined with |. "project:3" is a
        project's completely judged documents. With ":8000" after any of them,
        the pool is a random choice of so many, always alike.
    store
        Of the projects; by default the settings' one.

    Raises InputError when nothing of that name is there.
    """
    settings = settings or get_settings()
    shared = settings.shared
    if Path(given).expanduser().is_file():
        return _load_file(Path(given).expanduser())
    match = re.fullmatch(r"(.+?):(\d+)", given)
    if match and not (given.startswith(PROJECT) and given.count(":") == 1):
        whole = load_dataset(match[1], settings, store)
        return capped(whole, int(match[2]))
    if given == "demo":
        from core.demo.corpus import demo_rows

        return _split("demo", [(row.text, tuple(row.labels)) for row in demo_rows()])
    if given.startswith(PROJECT):
        return _load_project(given, settings, store)
    folder = shared / "data" / given if shared is not None else None
    if folder is not None and (folder / "train.csv.gz").is_file():
        train, test = (read_rows(folder / f"{part}.csv.gz") for part in ("train", "test"))
        return _with_truth(given, train, test)
    where = f"or under '{shared}'" if shared is not None else "and MARGINALIA_SHARED is not set"
    raise InputError(
        f"No data '{given}': it is no file here {where}; "
        "give 'demo', a CSV file with the columns text and labels, or project:<id>."
    )


def capped(data: ReplayData, n_pool: int) -> ReplayData:
    """The same data with a pool of at most `n_pool` documents, drawn at random, always alike."""
    if n_pool >= len(data.texts):
        return data
    rows = np.sort(np.random.default_rng(SPLIT_SEED).permutation(len(data.texts))[:n_pool])
    vectors = data.vectors
    return dataclasses.replace(
        data,
        texts=[data.texts[row] for row in rows],
        truth=data.truth[rows],
        vectors=vectors and dataclasses.replace(vectors, ids=vectors.ids[rows]),
    )


def _load_file(path: Path) -> ReplayData:
    return _split(path.name.split(".")[0], read_rows(path))


def _load_project(given: str, settings: Settings, store: Store | None) -> ReplayData:
    from core.replay.project import project_data

    number = given.removeprefix(PROJECT)
    if not number.isdecimal():
        raise InputError(f"'{given}' is no project; give project:<id> with a number, as in links.")
    return project_data(store or Store.open(settings), settings, int(number))


def read_rows(path: Path) -> list[Row]:
    """Read a CSV file with columns text and labels, perhaps gzipped."""
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            return _rows(file, path)
    with path.open(encoding="utf-8", newline="") as file:
        return _rows(file, path)


def vectors_of(
    data: ReplayData,
    encoder: Encoder,
    *,
    folder: Path,
    should_stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[int], None] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give the vectors of pool and test, encoding only what is kept nowhere.

    A project's are kept where rounds keep them, all others under `folder`.
    Raises Cancelled when stopped.
    """
    texts = [*data.texts, *data.test_texts]
    if data.vectors is None:
        ids = text_ids(texts)
    else:
        folder = data.vectors.folder
        ids = np.concatenate([data.vectors.ids, data.vectors.test_ids])
    by_id = dict(zip(ids.tolist(), texts, strict=True))
    cache = EmbeddingCache(folder, fingerprint=encoder.fingerprint, width=encoder.width)
    encode_missing(
        encoder,
        cache,
        ids,
        lambda chunk: [by_id[i] for i in chunk.tolist()],
        should_stop=should_stop,
        on_progress=on_progress,
    )
    x = np.asarray(cache.rows(ids), dtype=np.float32)
    return x[: len(data.texts)], x[len(data.texts) :]


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


def text_ids(texts: Iterable[str]) -> NDArray[np.int64]:
    """A number for each text, from its content alone."""
    return np.array([_text_id(text) for text in texts], dtype=np.int64)


def _text_id(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)
