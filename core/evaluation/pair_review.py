"""Documents whose labels do not go together: implausible pairs, and missing companions.

Both come from the judgements alone, of all judged documents, and order a queue
in which people look again; nothing is changed by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom

from core.domain import ABSENT, PRESENT, Proba, Truth
from core.errors import InputError
from core.evaluation.cooccurrence import Cooccurrence, cooccurrence
from core.evaluation.counts import Floats, Mask
from core.evaluation.intervals import wilson_interval

FEWEST_DOCUMENTS = 10  # with a label, before anything is said of what goes with it
UNLIKELY = 0.01  # a pair met as seldom by chance, over all pairs looked at
SELDOM = 0.25  # of the meetings expected of independent labels
NEARLY_ALWAYS = 0.8  # lower 95 % end of the share that has the companion


@dataclass(frozen=True, eq=False)
class PairFindings:
    """Judged cells to look at again, the most surprising first; each array (findings,).

    rows, labels : the cell that is probably wrong
    others : the label that makes it so
    is_companion : the label is missing beside the other, rather than too many
    surprise : share of the other label's documents judged the other way
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    others: NDArray[np.int64]
    is_companion: Mask
    surprise: Floats

    def __len__(self) -> int:
        return len(self.rows)


def find_pairs(truth: Truth, proba: Proba | None = None, *, most: int = 2000) -> PairFindings:
    """Look for labels together that hardly ever are, and for missing companions.

    A pair is implausible where it met significantly less often than independent
    labels would (hypergeometric, one-sided, Bonferroni over the pairs of usable
    labels) and in at most a quarter as many documents; then of the two the label
    that the model doubts more is suspected, without probabilities the one with
    fewer documents. A companion is missing where nearly all documents with one
    label (lower Wilson end at least 0.8) have the other and this one was judged
    not to. Labels in fewer than ten documents say nothing.

    Parameters
    ----------
    truth : (documents, labels), -1 unjudged
    proba : (documents, labels) by models that did not see the document; NaN unknown
    most : how many findings at most
    """
    if proba is not None and proba.shape != truth.shape:
        raise InputError(
            f"Probabilities of shape {proba.shape} do not fit judgements of shape {truth.shape}."
        )
    pairs = cooccurrence(truth)
    found = [*_implausible(truth, proba, pairs), *_missing(truth, pairs)]
    if not found:
        none = np.empty(0, dtype=np.int64)
        return PairFindings(none, none, none, none.astype(np.bool_), none.astype(np.float64))
    rows, labels, others, kinds, surprise = (
        np.concatenate(part) for part in zip(*found, strict=True)
    )
    order = np.lexsort((rows, -surprise))[:most]
    return PairFindings(rows[order], labels[order], others[order], kinds[order], surprise[order])


_Found = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], Mask, Floats]


def _implausible(truth: Truth, proba: Proba | None, pairs: Cooccurrence) -> list[_Found]:
    enough = np.minimum(pairs.row_present, pairs.row_present.T) >= FEWEST_DOCUMENTS
    usable = np.triu(enough, k=1)
    n_tried = max(int(usable.sum()), 1)
    expected = pairs.row_present * pairs.row_present.T / np.maximum(pairs.both_judged, 1)
    seldom = usable & (pairs.counts > 0) & (pairs.counts <= SELDOM * expected)
    chance = hypergeom.cdf(
        pairs.counts[seldom],
        pairs.both_judged[seldom],
        pairs.row_present[seldom],
        pairs.row_present.T[seldom],
    )
    found = []
    for first, second in np.argwhere(seldom)[chance * n_tried <= UNLIKELY]:
        rows = np.flatnonzero((truth[:, first] == PRESENT) & (truth[:, second] == PRESENT))
        doubted = _doubted(rows, int(first), int(second), proba, pairs)
        others = first + second - doubted
        share = pairs.counts[first, second] / pairs.row_present[others, doubted]
        found.append(_as_found(rows, doubted, others, companion=False, surprise=1.0 - share))
    return found


def _doubted(
    rows: NDArray[np.int64], first: int, second: int, proba: Proba | None, pairs: Cooccurrence
) -> NDArray[np.int64]:
    """Which of the two labels is the likelier mistake, (rows,)."""
    rarer = first if pairs.row_present[first, second] < pairs.row_present[second, first] else second
    doubted = np.full(len(rows), rarer, dtype=np.int64)
    if proba is not None:
        a, b = proba[rows, first], proba[rows, second]
        known = np.isfinite(a) & np.isfinite(b)
        doubted[known] = np.where(a[known] < b[known], first, second)
    return doubted


def _missing(truth: Truth, pairs: Cooccurrence) -> list[_Found]:
    low, _ = wilson_interval(pairs.counts, pairs.row_present)
    always = (pairs.row_present >= FEWEST_DOCUMENTS) & (np.nan_to_num(low) >= NEARLY_ALWAYS)
    np.fill_diagonal(always, False)
    found = []
    for has, lacks in np.argwhere(always):
        rows = np.flatnonzero((truth[:, has] == PRESENT) & (truth[:, lacks] == ABSENT))
        if not len(rows):
            continue
        missing = np.full(len(rows), lacks)
        surprise = np.full(len(rows), pairs.conditional[has, lacks])
        found.append(
            _as_found(rows, missing, np.full(len(rows), has), companion=True, surprise=surprise)
        )
    return found


def _as_found(
    rows: NDArray[np.int64],
    labels: NDArray[np.int64],
    others: NDArray[np.int64],
    *,
    companion: bool,
    surprise: Floats,
) -> _Found:
    kinds = np.full(len(rows), companion, dtype=np.bool_)
    return (
        rows.astype(np.int64),
        labels.astype(np.int64),
        others.astype(np.int64),
        kinds,
        surprise,
    )
