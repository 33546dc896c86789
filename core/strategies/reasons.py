"""Why a document was chosen: what decided, and the sentence that says so. Needs numpy alone.

`Because` is what is stored with a query; the card draws it. The sentence is made
of the same parts, so the two never disagree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from core.domain import Embeddings, QueryKind

MAX_NAMED = 3
N_NEIGHBOURS = 3
SHARE_TO_NAME = 0.5  # of the largest contribution: smaller ones did not decide
MAX_QUOTE = 80
UNLIKE = 0.5  # cosine to the nearest judged document below which a text is unlike all of them
ROWS_AT_ONCE = 1 << 16  # judged documents compared at a time: 100 MB at the usual width


@dataclass(frozen=True)
class DrivingLabel:
    """A label that decided, and how far."""

    label_id: int
    share: float  # of all that the labels contributed
    proba: float  # calibrated, as the card shows it


@dataclass(frozen=True)
class Neighbour:
    """A judged document that reads alike."""

    document_id: int
    similarity: float  # cosine


@dataclass(frozen=True)
class Because:
    """Everything that is known about why a document was chosen."""

    labels: tuple[DrivingLabel, ...] = ()  # the strongest first
    neighbours: tuple[Neighbour, ...] = ()  # the nearest first
    wanted_label_id: int | None = None  # the label that examples were sought of
    search: str | None = None  # the words somebody looked for

    def to_json(self) -> dict[str, Any]:
        """Plain values, as a query keeps them."""
        return {
            "labels": [asdict(label) for label in self.labels],
            "neighbours": [asdict(neighbour) for neighbour in self.neighbours],
            "wanted_label_id": self.wanted_label_id,
            "search": self.search,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(
            labels=tuple(DrivingLabel(**label) for label in stored.get("labels", ())),
            neighbours=tuple(Neighbour(**near) for near in stored.get("neighbours", ())),
            wanted_label_id=stored.get("wanted_label_id"),
            search=stored.get("search"),
        )

    def beside(self, neighbours: Sequence[Neighbour]) -> Self:
        """The same with these judged neighbours."""
        return replace(self, neighbours=tuple(neighbours))


def because_of_labels(
    contributions: NDArray[np.float32], proba: NDArray[np.float32], label_ids: Sequence[int]
) -> Because:
    """Find the labels that drive one document's score.

    Parameters
    ----------
    contributions
        What each label added to the score, shape (labels,); not negative. NaN
        counts as nothing.
    proba
        Its calibrated probabilities, shape (labels,).
    label_ids
        Of the same columns.

    Returns
    -------
    because
        At most three labels, each at least half as strong as the strongest;
        none where no label contributed.
    """
    contributions = np.nan_to_num(np.asarray(contributions, dtype=np.float64))
    total = float(contributions[contributions > 0].sum())
    return Because(
        labels=tuple(
            DrivingLabel(
                label_id=int(label_ids[label]),
                share=round(float(contributions[label]) / total, 4),
                proba=round(float(proba[label]), 4),
            )
            for label in _deciding(contributions)
        )
    )


def because_of_wanted(label_id: int, proba: float) -> Because:
    """A document sought as an example of one label, which it has with this probability."""
    driving = DrivingLabel(label_id=label_id, share=1.0, proba=round(float(proba), 4))
    return Because(labels=(driving,), wanted_label_id=label_id)


def because_of_search(text: str) -> Because:
    """A document found by somebody who looked for this."""
    return Because(search=text)


def sentence(
    because: Because,
    kind: QueryKind,
    names: Mapping[int, str],
    *,
    quote: str | None = None,
    n_present: int | None = None,
) -> str:
    """Say why in one line.

    Parameters
    ----------
    names
        Label names by id.
    quote
        The text of the nearest judged document, to be quoted in part where it
        tells something; for QueryKind.MODEL and RARE.
    n_present
        How many documents the wanted label has; for QueryKind.RARE.
    """
    match kind:
        case QueryKind.MODEL:
            return _with_nearest(_of_model(because, names), quote)
        case QueryKind.RARE:
            return _with_nearest(_of_rare(because, names, n_present), quote)
        case QueryKind.COVERAGE:
            return _of_coverage(because)
        case QueryKind.COLD_START:
            return _of_cold_start(because, names)
        case QueryKind.SEARCH:
            return f"like “{quoted(because.search or '')}”"
    return "drawn by lot, so that the model's own choices can be compared with chance"


def neighbours_of(
    query: Embeddings,
    judged: Embeddings,
    judged_ids: Sequence[int],
    *,
    query_ids: Sequence[int] | None = None,
    k: int = N_NEIGHBOURS,
) -> list[tuple[Neighbour, ...]]:
    """Find each document's most similar judged documents, the nearest first.

    Parameters
    ----------
    query, judged
        Unit vectors (queries, width) and (judged documents, width); mapped
        arrays are read a part at a time.
    judged_ids
        Document ids of the rows of `judged`.
    query_ids
        Document ids of the rows of `query`, where some of them may be judged in
        part: no document is its own neighbour.

    Returns
    -------
    neighbours
        For each query at most `k`; fewer where fewer are judged.
    """
    own_ids = [None] * len(query) if query_ids is None else query_ids
    index, similarity = k_nearest(query, judged, k if query_ids is None else k + 1)
    return [
        tuple(
            Neighbour(document_id=int(judged_ids[at]), similarity=round(float(cosine), 4))
            for at, cosine in zip(rows, cosines, strict=True)
            if at >= 0 and judged_ids[at] != own_id
        )[:k]
        for rows, cosines, own_id in zip(index, similarity, own_ids, strict=True)
    ]


def k_nearest(
    query: Embeddings, judged: Embeddings, k: int, *, rows_at_once: int = ROWS_AT_ONCE
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find rows of `judged` by cosine, the nearest first.

    Returns
    -------
    index, similarity
        Of shape (queries, k); -1 and 0 where fewer than `k` are judged.
    """
    query = np.asarray(query, dtype=np.float32)
    best = np.full((len(query), k), -np.inf, dtype=np.float32)
    index = np.full((len(query), k), -1, dtype=np.int64)
    for start in range(0, len(judged), rows_at_once):
        part = np.asarray(judged[start : start + rows_at_once], dtype=np.float32)
        rows = np.broadcast_to(np.arange(start, start + len(part)), (len(query), len(part)))
        cosine = np.concatenate([best, query @ part.T], axis=1)
        candidates = np.concatenate([index, rows], axis=1)
        order = np.argsort(-cosine, axis=1, kind="stable")[:, :k]
        best = np.take_along_axis(cosine, order, axis=1)
        index = np.take_along_axis(candidates, order, axis=1)
    return index, np.where(index >= 0, best, np.float32(0.0)).astype(np.float32)


def _of_model(because: Because, names: Mapping[int, str]) -> str:
    named = [
        f"“{names[label.label_id]}” {label.proba:.2f}"
        for label in because.labels
        if label.label_id in names
    ]
    return f"unsure about {_listed(named)}" if named else "no single label decided"


def _of_coverage(because: Because) -> str:
    typical = "from a region of texts that nobody has judged"
    if because.neighbours and because.neighbours[0].similarity < UNLIKE:
        return f"unlike anything judged so far; {typical}"
    return typical


def _of_rare(because: Because, names: Mapping[int, str], n_present: int | None) -> str:
    name = names.get(because.wanted_label_id or 0, "a label with few")
    if n_present is None:
        return f"a likely example of “{name}”, which has few"
    return f"a likely example of “{name}”, which has {n_present or 'none yet'}"


def _of_cold_start(because: Because, names: Mapping[int, str]) -> str:
    name = names.get(because.wanted_label_id or 0)
    if name is None:
        return "typical of texts that nobody has read"
    return f"reads like the description of “{name}”"


def quoted(text: str) -> str:
    """The beginning of a text on one line."""
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= MAX_QUOTE else one_line[: MAX_QUOTE - 1].rstrip() + "…"


def _deciding(contributions: NDArray[Any]) -> list[int]:
    if not len(contributions) or not contributions.max() > 0:
        return []
    order = np.argsort(-contributions, kind="stable")[:MAX_NAMED]
    enough = contributions[order] >= SHARE_TO_NAME * contributions[order[0]]
    return [int(label) for label in order[enough]]


def _listed(parts: list[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _with_nearest(told: str, nearest: str | None) -> str:
    return (
        told if nearest is None else f"{told}; most like a document you judged: “{quoted(nearest)}”"
    )
