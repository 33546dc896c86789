"""Texts that say the same and were judged differently: one of the two judgements is wrong."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.domain import PRESENT, Proba, Truth
from core.errors import InputError
from core.evaluation.counts import Floats, Mask
from core.evaluation.suspects import ErrorRates, chance_of_error, conflicting_copies

COSINE = 0.95
MOST_PAIRS = 50_000
BLOCK = 512  # rows compared with all others at a time
NOT_WORDS = re.compile(r"[\W_]+")

Pairs = NDArray[np.int64]  # (pairs, 2), rows, the smaller first


@dataclass(frozen=True, eq=False)
class Conflicts:
    """Judgements of copies that contradict each other, the clearest first; each (conflicts,).

    rows, others : of the judgement in doubt, and of the one it contradicts
    labels : which label
    suspicion : probability that it is the first of the two that is wrong
    is_present : what was judged of the first; of the other, the opposite
    cosine : 1 where the words are the same
    """

    rows: NDArray[np.int64]
    others: NDArray[np.int64]
    labels: NDArray[np.int64]
    suspicion: Floats
    is_present: Mask
    cosine: Floats

    def __len__(self) -> int:
        return len(self.rows)


def same_words(texts: Sequence[str]) -> Pairs:
    """Pairs of texts that are the same but for case, accents' form, punctuation and spaces.

    Of more than two each is paired with the first. Texts without words match nothing.
    """
    first: dict[str, int] = {}
    pairs = []
    for row, text in enumerate(texts):
        words = NOT_WORDS.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()
        if words and (before := first.setdefault(words, row)) != row:
            pairs.append((before, row))
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def near_copies(
    x: NDArray[np.floating],
    *,
    cosine: float = COSINE,
    most: int = MOST_PAIRS,
    should_stop: Callable[[], bool] = lambda: False,
) -> tuple[Pairs, Floats]:
    """Pairs of unit vectors (documents, width) with this cosine or more, and their cosines.

    Ends early, with what it has, when asked to stop or when there are too many: texts
    made from one template are no copies of each other.
    """
    x = np.asarray(x, dtype=np.float32)
    found: list[Pairs] = []
    cosines: list[NDArray[np.float32]] = []
    for start in range(0, len(x), BLOCK):
        if should_stop() or sum(map(len, found)) > most:
            break
        likeness = x[start : start + BLOCK] @ x[start:].T
        rows, others = np.nonzero(likeness >= cosine)
        is_after = others > rows
        rows, others = rows[is_after], others[is_after]
        found.append(np.column_stack([rows, others]).astype(np.int64) + start)
        cosines.append(likeness[rows, others])
    if not found:
        return np.empty((0, 2), dtype=np.int64), np.empty(0)
    return np.concatenate(found), np.concatenate(cosines).astype(np.float64)


def find_conflicts(
    pairs: Pairs,
    cosines: Floats,
    proba: Proba,
    truth: Truth,
    *,
    rates: ErrorRates | None = None,
    exclusive: bool = False,
    most: int | None = None,
) -> Conflicts:
    """The contradicting judgements of copies, each with which of the two is rather wrong.

    Where exactly one of two judgements is wrong, with probabilities a and b on
    their own, it is the first with a(1-b) / (a(1-b) + b(1-a)); one half where the
    model knows neither.

    Parameters
    ----------
    pairs, cosines : (pairs, 2) of rows, and (pairs,)
    proba, truth : (documents, labels), as for `find_suspects`
    exclusive : exactly one label applies to each document; of two copies that have
        different ones, the label that rather does not apply is in doubt, once.
    most : how many; texts most alike come first, then the clearest
    """
    if len(pairs) != len(cosines):
        raise InputError(
            f"{len(cosines)} cosines were given for {len(pairs)} pairs; give one each."
        )
    conflicting, _ = conflicting_copies(pairs, truth)
    of_pair = {(a, b): c for (a, b), c in zip(pairs.tolist(), cosines.tolist(), strict=True)}
    first, second = truth[conflicting[:, 0]], truth[conflicting[:, 1]]
    at, labels = np.nonzero((first >= 0) & (second >= 0) & (first != second))
    a, b = conflicting[at, 0], conflicting[at, 1]
    wrong = [_chance(proba, truth, rows, labels, rates or ErrorRates()) for rows in (a, b)]
    own, other = wrong[0] * (1 - wrong[1]), wrong[1] * (1 - wrong[0])
    is_first = own / (own + other)
    doubted = truth[a, labels] == PRESENT if exclusive else is_first >= 0.5
    rows, others = np.where(doubted, (a, b), (b, a))
    suspicion = np.where(doubted, is_first, 1 - is_first)
    cosine = np.array([of_pair[pair] for pair in zip(a.tolist(), b.tolist(), strict=True)])
    order = np.lexsort((rows, -suspicion, -np.round(cosine, 2)))
    if exclusive:
        order = order[_first_of_each(a[order], b[order])]
    order = order[:most]
    return Conflicts(
        rows=rows[order],
        others=others[order],
        labels=labels[order].astype(np.int64),
        suspicion=suspicion[order],
        is_present=truth[rows[order], labels[order]] == PRESENT,
        cosine=cosine[order] if len(order) else np.empty(0),
    )


def _first_of_each(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each pair stands for the first time."""
    _, first = np.unique(np.column_stack([a, b]), axis=0, return_index=True)
    places: NDArray[np.int64] = np.sort(first)
    return places


def _chance(
    proba: Proba, truth: Truth, rows: Pairs, labels: NDArray[np.int64], rates: ErrorRates
) -> Floats:
    cells = proba[rows, labels].astype(np.float64)
    chance = chance_of_error(
        np.where(np.isfinite(cells), cells, 0.5), truth[rows, labels] == PRESENT, rates
    )
    known: Floats = np.where(np.isfinite(cells), chance, 0.5)
    return np.clip(known, 1e-6, 1 - 1e-6)
