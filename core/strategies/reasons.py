"""Why a document was chosen, in words. Needs numpy alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.domain import Embeddings

MAX_NAMED = 3
SHARE_TO_NAME = 0.5  # of the largest contribution: smaller ones did not decide
MAX_QUOTE = 80


def explain(
    contributions: NDArray[np.float32],
    proba: NDArray[np.float32],
    label_names: Sequence[str],
    *,
    nearest: str | None = None,
) -> str:
    """Name the labels that made the score, with their probabilities.

    Parameters
    ----------
    contributions, proba
        One document's, shape (labels,).
    nearest
        The text of the most similar judged document, quoted in part.
    """
    named = _deciding(contributions)
    if not named:
        return _with_nearest("sure about every label", nearest)
    parts = [f"“{label_names[label]}” {proba[label]:.2f}" for label in named]
    return _with_nearest(f"unsure about {_listed(parts)}", nearest)


def explain_random() -> str:
    """Give the reason of a document drawn from the pool by lot."""
    return "drawn at random from the documents nobody has judged"


def explain_cold_start(
    similarity: NDArray[np.float32], score: float, label_names: Sequence[str]
) -> str:
    """Give the reason before any judgement: one document's similarities (labels,) and its score."""
    if not score or not len(similarity):
        return "unlike the documents chosen before it"
    label = int(np.abs(similarity - score).argmin())  # the one whose turn it was
    return f"reads like the description of “{label_names[label]}”"


def nearest_judged(
    query: Embeddings, judged: Embeddings
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find each document's most similar judged document.

    Parameters
    ----------
    query, judged
        Unit vectors (queries, width) and (judged documents, width).

    Returns
    -------
    index, similarity
        Of shape (queries,); -1 and 0 where nothing is judged.
    """
    if not len(judged):
        return np.full(len(query), -1, dtype=np.int64), np.zeros(len(query), dtype=np.float32)
    cosine = np.asarray(query, dtype=np.float32) @ np.asarray(judged, dtype=np.float32).T
    index = cosine.argmax(axis=1)
    return index.astype(np.int64), cosine[np.arange(len(query)), index]


def _deciding(contributions: NDArray[np.float32]) -> list[int]:
    if not len(contributions) or not contributions.max() > 0:
        return []
    order = np.argsort(-contributions, kind="stable")[:MAX_NAMED]
    enough = contributions[order] >= SHARE_TO_NAME * contributions[order[0]]
    return [int(label) for label in order[enough]]


def _listed(parts: list[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _with_nearest(sentence: str, nearest: str | None) -> str:
    if nearest is None:
        return sentence
    one_line = " ".join(nearest.split())
    cut = one_line if len(one_line) <= MAX_QUOTE else one_line[: MAX_QUOTE - 1].rstrip() + "…"
    return f"{sentence}; most like a document you judged: “{cut}”"
