"""How well texts answer a search: by meaning and by the very words. Needs numpy alone.

Meaning is the cosine of two vectors. It is blind to names, numbers and rare
words, which an encoder has never learnt, so the words themselves count as well:

    score = cosine + 0.5 · share of the sought words + 0.5 if all of it is there as typed

A word counts by its rarity among the candidates (the logarithm of how many of
them there are to each that has it), so "the" adds next to nothing and a surname
nearly everything. Words that no candidate has say nothing and are left out.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from core.domain import Embeddings

WORD_WEIGHT = 0.5  # unlike texts have a cosine near 0, alike ones of 0.4 to 0.8
PHRASE_WEIGHT = 0.5
SHORTEST_WORD = 3  # letters; shorter ones are sought where there are no others
MOST_WORDS = 12  # the longest ones of a long sentence
COPY = 0.97  # cosine from which a second find tells nothing new
DEPTH = 20  # times as many are looked at for finds that differ


def words_of(sought: str) -> list[str]:
    """The words to look for, without regard to case; each once, as they come."""
    words = list(dict.fromkeys(re.findall(r"\w+", sought.casefold())))
    long_enough = [word for word in words if len(word) >= SHORTEST_WORD] or words
    longest = sorted(long_enough, key=len, reverse=True)[:MOST_WORDS]
    return [word for word in long_enough if word in longest]


class Wording:
    """What is sought, ready to be found in texts."""

    def __init__(self, sought: str) -> None:
        self.words = words_of(sought)
        self._phrase = _beginning(" ".join(sought.casefold().split()))
        self._words = [_beginning(word) for word in self.words]

    def hits(self, text: str) -> list[bool]:
        """For each word whether the text has one that begins so; last, whether it has it all."""
        text = " ".join(text.casefold().split())
        found = [pattern.search(text) is not None for pattern in self._words]
        return [*found, self._phrase.search(text) is not None]


def _beginning(words: str) -> re.Pattern[str]:
    """Finds `refund` in "refunds" and not `art` in "party"; scripts without spaces, anywhere."""
    fence = r"(?<![a-z0-9])" if words[:1].isascii() and words[:1].isalnum() else ""
    return re.compile(fence + re.escape(words))


def word_scores(hits: NDArray[np.bool_], n_candidates: int) -> NDArray[np.float32]:
    """Score what texts have of the sought words.

    Parameters
    ----------
    hits
        Shape (texts, words + 1), the last column for all of it as typed; of
        those candidates that have any.
    n_candidates
        How many candidates there are.

    Returns
    -------
    scores
        Shape (texts,), from 0 to 1.
    """
    words, phrase = hits[:, :-1], hits[:, -1]
    n_having = words.sum(axis=0)
    rarity = np.log1p(n_candidates / np.maximum(n_having, 1)) * (n_having > 0)
    share = words @ rarity / max(float(rarity.sum()), 1e-9)
    return np.asarray(WORD_WEIGHT * share + PHRASE_WEIGHT * phrase, dtype=np.float32)


def that_differ(x: Embeddings, n: int) -> NDArray[np.int64]:
    """Positions of the first `n` that are no near copies of earlier ones; copies fill up the rest.

    Parameters
    ----------
    x
        Unit vectors (documents, width), the best answer first; rows of zeros
        are nobody's copy.
    """
    vectors = np.asarray(x, dtype=np.float32)
    kept: list[int] = []
    copies: list[int] = []
    for at in range(len(vectors)):
        if len(kept) == n:
            break
        is_copy = bool(kept) and float((vectors[kept] @ vectors[at]).max()) >= COPY
        (copies if is_copy else kept).append(at)
    return np.array(sorted((kept + copies)[:n]), dtype=np.int64)
