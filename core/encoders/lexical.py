"""Turns texts into short vectors of the words they use, to lie beside those of their meaning.

TF-IDF of words and of how they begin, reduced by singular value decomposition (latent semantic
analysis, Deerwester and others 1990) and fitted on the texts of one pool. Needs no
torch; keeping the vectors is `core.encoders.cache`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from scipy.sparse import csr_matrix
from sklearn.utils.extmath import randomized_svd

from core.disk import flush_file, flush_folder, room_for
from core.errors import CorruptArtefact

WIDTH = 256
MOST_TERMS = 30_000  # those in most documents
MOST_DOCUMENTS = 20_000  # fitted on; drawn by lot from a larger pool
RARE_BELOW = 100  # documents; from there on a term of a single one teaches nothing
FORMAT = "marginalia-lexical-1"  # changes with how texts are split and weighed
WEIGHTS, VOCABULARY, ABOUT = "model.safetensors", "vocabulary.json", "lexical.json"
BEGINNING = 4  # letters; measured beside 5 and none
TEXTS_AT_ONCE = 1000
POWER_ITERATIONS = 4  # of the decomposition; more cost as much again and teach no learner more

# Scripts that put no space between words: a few characters at a time stand for words.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
_MARKS = "".join(  # vowel signs and the like, which a word of \w alone would break at
    character
    for character in map(chr, range(0x300, 0x10000))
    if unicodedata.category(character)[0] == "M"
)
_WORD = re.compile(rf"\w[\w{re.escape(_MARKS)}]*")
_RUN = re.compile(f"[{_UNSPACED}]+")


def terms_of(text: str) -> list[str]:
    """Words in lower case; of unspaced scripts, pairs and triples of characters."""
    lower = text.lower()
    if text.isascii():
        return _WORD.findall(lower)
    runs = _RUN.findall(lower)
    return [*_WORD.findall(_RUN.sub(" ", lower)), *(gram for run in runs for gram in _grams(run))]


def counted_terms(text: str) -> Counter[str]:
    """How often each word occurs, and each beginning: most inflections of a word share theirs."""
    words = terms_of(text)
    return Counter(words + [f"{word[:BEGINNING]}-" for word in words if len(word) > BEGINNING])


def _grams(run: str) -> list[str]:
    if len(run) == 1:
        return [run]
    return [run[at : at + n] for n in (2, 3) for at in range(len(run) - n + 1)]


class LexicalModel:
    """A fitted vocabulary with its weights; the same text always gets the same vector.

    Parameters
    ----------
    terms
        The vocabulary, one per row of `components`.
    idf
        Shape (terms,).
    components
        Shape (terms, width).
    n_documents
        How many the pool had when it was fitted.
    """

    def __init__(
        self,
        terms: Sequence[str],
        idf: NDArray[np.float32],
        components: NDArray[np.float32],
        *,
        n_documents: int,
    ) -> None:
        self.terms = list(terms)
        self.n_documents = n_documents
        self._idf, self._components = idf, components
        self._columns = {term: column for column, term in enumerate(self.terms)}
        self.width = int(components.shape[1])
        self.fingerprint = _fingerprint(self.terms, idf, components)

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        *,
        width: int = WIDTH,
        seed: int = 0,
        max_terms: int = MOST_TERMS,
        n_documents: int | None = None,
    ) -> Self:
        """Fit on the texts of a pool, or on the part of it that `sample` gave.

        Parameters
        ----------
        width
            Less comes out where the texts or their terms are fewer.
        seed
            Of the randomised decomposition (Halko, Martinsson and Tropp 2011).
        n_documents
            Of the whole pool, where `texts` are a part.
        """
        counted = [counted_terms(text) for text in texts]
        spread = Counter(term for counts in counted for term in counts)
        fewest = 2 if len(texts) >= RARE_BELOW else 1
        usual = sorted(
            ((n, term) for term, n in spread.items() if n >= fewest),
            key=lambda entry: (-entry[0], entry[1]),
        )
        kept = sorted(usual[:max_terms], key=lambda entry: entry[1])
        terms = [term for _, term in kept]
        frequency = np.array([n for n, _ in kept], dtype=np.float64)
        idf = np.asarray(np.log((1 + len(texts)) / (1 + frequency)) + 1, dtype=np.float32)
        columns = {term: column for column, term in enumerate(terms)}
        matrix = _weighed(
            [{columns[t]: n for t, n in counts.items() if t in columns} for counts in counted], idf
        )
        components = _components(matrix, width, seed)
        return cls(terms, idf, components, n_documents=n_documents or len(texts))

    def encode(
        self, texts: Sequence[str], *, on_progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """Give unit vectors (texts, width); a text without one known term is all zeros.

        `on_progress` is told now and then how many texts are done.
        """
        vectors = np.zeros((len(texts), self.width), dtype=np.float32)
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            part = texts[start : start + TEXTS_AT_ONCE]
            matrix = _weighed([self._known_terms(text) for text in part], self._idf)
            vectors[start : start + len(part)] = _unit(matrix @ self._components)
            if on_progress is not None:
                on_progress(start + len(part))
        return vectors

    def _known_terms(self, text: str) -> dict[int, int]:
        columns = self._columns
        return {columns[t]: n for t, n in counted_terms(text).items() if t in columns}

    # --- keeping ----------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write `path` as a folder, whole or not at all."""
        with room_for(path):
            self._save(path, path.with_name(f"{path.name}.{os.getpid()}.tmp"))

    def _save(self, path: Path, unfinished: Path) -> None:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        about = {
            "format": FORMAT,
            "fingerprint": self.fingerprint,
            "width": self.width,
            "n_documents": self.n_documents,
        }
        save_file({"idf": self._idf, "components": self._components}, unfinished / WEIGHTS)
        for name, value in ((VOCABULARY, self.terms), (ABOUT, about)):
            (unfinished / name).write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
        for file in unfinished.iterdir():
            flush_file(file)
        shutil.rmtree(path, ignore_errors=True)
        unfinished.rename(path)
        flush_folder(path.parent)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote; raises CorruptArtefact when it is not that."""
        about = read_about(path)
        try:
            terms = json.loads((path / VOCABULARY).read_text(encoding="utf-8"))
            weights = load_file(path / WEIGHTS)
            model = cls(
                terms, weights["idf"], weights["components"], n_documents=about["n_documents"]
            )
        except (OSError, ValueError, KeyError, TypeError, IndexError, SafetensorError) as error:
            raise CorruptArtefact(_unreadable(path, str(error))) from error
        if model.fingerprint != about["fingerprint"]:
            raise CorruptArtefact(_unreadable(path, "its contents are not what was written"))
        return model


def read_about(path: Path) -> dict[str, Any]:
    """What a saved model says of itself: fingerprint, width, documents; reads nothing large."""
    try:
        about: dict[str, Any] = json.loads((path / ABOUT).read_text(encoding="utf-8"))
        is_ours = about["format"] == FORMAT and set(about) >= {
            "fingerprint",
            "width",
            "n_documents",
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptArtefact(_unreadable(path, str(error))) from error
    if not is_ours:
        raise CorruptArtefact(_unreadable(path, f"it is of the kind {about['format']!r}"))
    return about


def sample(n_documents: int, *, seed: int = 0, most: int = MOST_DOCUMENTS) -> NDArray[np.int64]:
    """Rows of a pool to fit on, ascending: all, or so many drawn by lot."""
    if n_documents <= most:
        return np.arange(n_documents)
    drawn = np.random.default_rng(seed).permutation(n_documents)[:most]
    return np.sort(drawn)


def _weighed(counted: Sequence[dict[int, int]], idf: NDArray[np.float32]) -> csr_matrix:
    """Sublinear TF-IDF, unit rows: (texts, terms)."""
    ends = np.cumsum([0, *map(len, counted)])
    columns = np.fromiter((c for counts in counted for c in counts), np.int64, int(ends[-1]))
    counts = np.fromiter((n for row in counted for n in row.values()), np.float32, int(ends[-1]))
    values = (1 + np.log(counts)) * idf[columns]
    rows = np.repeat(np.arange(len(counted)), np.diff(ends))
    length = np.sqrt(np.bincount(rows, weights=values**2, minlength=len(counted)))
    unit = np.asarray(values / length[rows], dtype=np.float32)
    matrix = csr_matrix((unit, columns, ends), shape=(len(counted), len(idf)))
    matrix.sort_indices()
    return matrix


def _components(matrix: csr_matrix, width: int, seed: int) -> NDArray[np.float32]:
    n_components = min(width, *matrix.shape)
    if n_components == 0:
        return np.zeros((matrix.shape[1], 1), dtype=np.float32)
    _, _, rows = randomized_svd(matrix, n_components, n_iter=POWER_ITERATIONS, random_state=seed)
    return np.ascontiguousarray(rows.T, dtype=np.float32)


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1), dtype=np.float32)


def _fingerprint(
    terms: Sequence[str], idf: NDArray[np.float32], components: NDArray[np.float32]
) -> str:
    digest = hashlib.sha256(f"{FORMAT} {components.shape}\0".encode())
    digest.update("\0".join(terms).encode())
    for part in (idf, components):
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()


def _unreadable(path: Path, why: str) -> str:
    return f"The word vectors' model in '{path}' cannot be read ({why}); remove that folder."
