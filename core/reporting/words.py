"""Words that are in more of some texts than of others, by documents."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

WORD = re.compile(r"[^\W\d_](?:[\w'’-]*\w)?")
FEWEST_DOCUMENTS = 3  # with the word, among the wrong ones
LEAST_Z = 2.0


@dataclass(frozen=True)
class Word:
    """A word with the documents that have it on either side."""

    word: str
    z: float
    n_wrong: int
    n_right: int


def over_represented(texts_wrong: list[str], texts_right: list[str], n: int) -> list[Word]:
    """At most n words whose share of the wrong documents is above that of the right ones.

    z is that of two proportions with half a document added on either side.
    """
    wrong, right = _documents_with(texts_wrong), _documents_with(texts_right)
    words = [
        Word(word, _z(count, len(texts_wrong), right[word], len(texts_right)), count, right[word])
        for word, count in wrong.items()
        if count >= FEWEST_DOCUMENTS
    ]
    telling = [word for word in words if word.z >= LEAST_Z]
    return sorted(telling, key=lambda word: (-word.z, word.word))[:n]


def _documents_with(texts: Iterable[str]) -> Counter[str]:
    return Counter(word for text in texts for word in set(WORD.findall(text.casefold())))


def _z(a: int, n_a: int, b: int, n_b: int) -> float:
    p, q = (a + 0.5) / (n_a + 1), (b + 0.5) / (n_b + 1)
    pooled = (a + b + 1) / (n_a + n_b + 2)
    return (p - q) / sqrt(pooled * (1 - pooled) * (1 / (n_a + 1) + 1 / (n_b + 1)))
