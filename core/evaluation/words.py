"""Words that one group of texts has more of than another, frequent and rare ones weighed fairly."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

WORD = re.compile(r"[^\W\d_](?:[\w'’-]*\w)?")
PRIOR_SHARE, MOST_PRIOR = 0.1, 500.0  # of all words, as many as the prior knows beforehand
FEWEST_DOCUMENTS = 3  # with the word among the wrong ones: fewer are chance
LEAST_Z = 2.0  # standard errors


@dataclass(frozen=True)
class Word:
    """A word, how clearly it is over-represented, and in how many texts of either group it is."""

    word: str
    z: float
    n_wrong: int
    n_right: int


def words_in(text: str) -> set[str]:
    """The different words of a text: runs of letters, in small letters."""
    return set(WORD.findall(text.casefold()))


def over_represented(texts_wrong: Sequence[str], texts_right: Sequence[str], n: int) -> list[Word]:
    """At most `n` words that the wrong texts have more of than the right ones, the clearest first.

    Log-odds with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008),
    whose prior is the words of both groups together, so that neither the frequent
    nor the once-seen win by being so. A word counts once per text. Told are words
    in at least three wrong texts, two standard errors or more above the right ones.
    """
    wrong, right = _counts(texts_wrong), _counts(texts_right)
    if not wrong:
        return []
    words = sorted(word for word, n_texts in wrong.items() if n_texts >= FEWEST_DOCUMENTS)
    in_wrong = np.array([wrong[word] for word in words], dtype=np.float64)
    in_right = np.array([right[word] for word in words], dtype=np.float64)
    n_wrong, n_right = sum(wrong.values()), sum(right.values())
    n_known = min(PRIOR_SHARE * (n_wrong + n_right), MOST_PRIOR)
    prior = n_known * (in_wrong + in_right) / (n_wrong + n_right)
    odds = [
        np.log((count + prior) / np.maximum(total + n_known - count - prior, 1e-9))
        for count, total in ((in_wrong, n_wrong), (in_right, n_right))
    ]
    z = (odds[0] - odds[1]) / np.sqrt(1 / (in_wrong + prior) + 1 / (in_right + prior))
    found = [
        Word(word, float(score), wrong[word], right[word])
        for word, score in zip(words, z.tolist(), strict=True)
        if score >= LEAST_Z
    ]
    return sorted(found, key=lambda word: (-word.z, word.word))[:n]


def _counts(texts: Iterable[str]) -> Counter[str]:
    return Counter(word for text in texts for word in words_in(text))
