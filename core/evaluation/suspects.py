"""Which judgements are probably wrong: those a model that did not see them finds unlikely.

A suspicion is per (document, label). It orders a queue in which people confirm or
flip; nothing is changed by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.domain import PRESENT, Proba, Truth
from core.errors import InputError
from core.evaluation.counts import Counts, Floats, Mask, check_shapes, usable_cells

USUAL_ERROR_RATE = 0.05  # of judgements: what careful annotators leave; it moves no cell's place


@dataclass(frozen=True, eq=False)
class Suspects:
    """Judged cells, the most suspect first; each array (cells,).

    rows, labels : where the cell stands in the matrices given
    suspicion : probability that the judgement is wrong
    is_present : what was judged
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    suspicion: Floats
    is_present: Mask

    def __len__(self) -> int:
        return len(self.rows)


def find_suspects(
    proba: Proba,
    truth: Truth,
    *,
    error_rate: float = USUAL_ERROR_RATE,
    most: int | None = None,
) -> Suspects:
    """Order judged cells by how probably they are wrong.

    Where a share ε of judgements was flipped by chance, and the label is present
    with probability p, a judgement "present" is wrong with probability
    ε(1-p) / (ε(1-p) + (1-ε)p), and likewise "absent". For any ε that rises with
    the probability of the state that was not judged, which therefore is the order.

    Parameters
    ----------
    proba : (documents, labels), calibrated, by models that did not see the
        document; cells without one are left out.
    truth : (documents, labels); unjudged cells are left out.
    error_rate : ε, above 0 and below 1
    most : how many cells, all unless given; ties stay in the order of documents
    """
    check_shapes(proba, truth)
    if not 0 < error_rate < 1:
        raise InputError(f"An error rate of {error_rate:g} is no share; give one between 0 and 1.")
    rows, labels = np.nonzero(usable_cells(proba, truth))
    present = truth[rows, labels] == PRESENT
    chance = proba[rows, labels].astype(np.float64)
    other = np.where(present, 1.0 - chance, chance)
    order = np.argsort(-other, kind="stable")[:most]
    wrong, right = error_rate * other[order], (1 - error_rate) * (1.0 - other[order])
    return Suspects(
        rows=rows[order],
        labels=labels[order],
        suspicion=wrong / (wrong + right),
        is_present=present[order],
    )


def expected_wrong(suspects: Suspects, n_labels: int) -> Floats:
    """How many judgements of each label are probably wrong, (labels,)."""
    return np.bincount(suspects.labels, weights=suspects.suspicion, minlength=n_labels).astype(
        np.float64
    )


def conflicting_copies(pairs: NDArray[np.int64], truth: Truth) -> tuple[NDArray[np.int64], Counts]:
    """Which pairs of near-copies were judged differently, and on how many labels.

    Parameters
    ----------
    pairs : (pairs, 2) of rows of `truth`
    truth : (documents, labels); only labels judged in both documents can conflict

    Returns
    -------
    conflicting, n_labels : the pairs that do, (conflicts, 2), the most labels first.
    """
    first, second = truth[pairs[:, 0]], truth[pairs[:, 1]]
    n_differing = ((first >= 0) & (second >= 0) & (first != second)).sum(axis=1)
    order = np.argsort(-n_differing, kind="stable")
    order = order[n_differing[order] > 0]
    return pairs[order], n_differing[order].astype(np.int64)
