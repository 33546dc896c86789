"""Which labels go together: counts, shares, lift and phi, and an order that shows groups.

Pairs are counted where both labels are judged. What rests on a handful of
documents is undefined rather than striking.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.domain import ABSENT, PRESENT
from core.evaluation.counts import Counts, Floats, ratio

FEW_TOGETHER = 5  # documents with the rarer label: below, lift and phi are chance
LARGEST_ORDERED_OPTIMALLY = 150  # labels; the time grows with their cube


class PairMeasure(StrEnum):
    """How strongly two labels go together."""

    COUNT = "count"
    CONDITIONAL = "conditional"  # share of the row's documents that have the column's label
    LIFT = "lift"  # log2 of how many times as often as if they were independent
    PHI = "phi"  # correlation, -1 to 1


@dataclass(frozen=True, eq=False)
class Cooccurrence:
    """How often labels meet, each array (labels, labels), counted where both are judged.

    counts : documents with both the row's and the column's label
    row_present : documents with the row's label
    both_judged : documents with a judgement of both
    """

    counts: Counts
    row_present: Counts
    both_judged: Counts

    @property
    def conditional(self) -> Floats:
        """Share of the row label's documents that also have the column's; NaN without any."""
        return ratio(self.counts, self.row_present)

    @property
    def lift(self) -> Floats:
        """How many times as often as if the labels were independent; NaN where one is unused."""
        return ratio(
            self.counts * self.both_judged.astype(np.float64),
            self.row_present * self.row_present.T.astype(np.float64),
        )

    @property
    def phi(self) -> Floats:
        """Pearson correlation of the two labels, -1 to 1; NaN where one does not vary."""
        n = self.both_judged.astype(np.float64)
        rows, columns = self.row_present.astype(np.float64), self.row_present.T.astype(np.float64)
        spread = np.sqrt(rows * (n - rows) * columns * (n - columns))
        return ratio(n * self.counts - rows * columns, spread)


def measured_pairs(pairs: Cooccurrence, measure: PairMeasure) -> Floats:
    """One measure of every pair, (labels, labels); NaN on the diagonal and where undefined.

    Lift is its logarithm to base 2, -inf where a pair never meets; lift and phi
    are undefined where the rarer label is in fewer than five documents.
    """
    if measure is PairMeasure.COUNT:
        values = pairs.counts.astype(np.float64)
    elif measure is PairMeasure.CONDITIONAL:
        values = pairs.conditional
    else:
        with np.errstate(divide="ignore"):
            values = np.log2(pairs.lift) if measure is PairMeasure.LIFT else pairs.phi
        values = np.where(_is_thin(pairs), np.nan, values)
    np.fill_diagonal(values, np.nan)
    return values


def pair_difference(judged: Cooccurrence, predicted: Cooccurrence, measure: PairMeasure) -> Floats:
    """Predicted minus judged, (labels, labels); of the lift, of its logarithm.

    A pair that never meets on one side is off by the whole of the other's lift,
    taken as if it had met half a time (both then have a logarithm).
    """
    if measure is PairMeasure.LIFT:
        difference = _smoothed_lift(predicted) - _smoothed_lift(judged)
        thin = _is_thin(judged) | _is_thin(predicted)
        difference = np.where(thin, np.nan, difference)
    else:
        difference = measured_pairs(predicted, measure) - measured_pairs(judged, measure)
    np.fill_diagonal(difference, np.nan)
    return difference


def clustered_order(pairs: Cooccurrence) -> NDArray[np.int64]:
    """The labels' positions, (labels,), so that those that go together stand together.

    Average-linkage clustering on 1 - phi, undefined pairs counted as unrelated;
    up to 150 labels with the best order of leaves (Bar-Joseph et al. 2001).
    """
    from scipy.cluster.hierarchy import leaves_list, linkage  # slow to import
    from scipy.spatial.distance import squareform

    n_labels = len(pairs.counts)
    if n_labels < 3:
        return np.arange(n_labels, dtype=np.int64)
    phi = np.nan_to_num(measured_pairs(pairs, PairMeasure.PHI))
    distance = 1.0 - (phi + phi.T) / 2
    np.fill_diagonal(distance, 0.0)
    tree = linkage(
        squareform(distance, checks=False),
        method="average",
        optimal_ordering=n_labels <= LARGEST_ORDERED_OPTIMALLY,
    )
    order: NDArray[np.int64] = leaves_list(tree).astype(np.int64)
    return order


@dataclass(frozen=True)
class LabelPair:
    """Two labels, as judged and as predicted; NaN is undefined."""

    first: int
    second: int
    n_judged: int
    n_predicted: int
    n_both_judged: int  # documents in which both labels are judged
    lift_judged: float
    phi_judged: float
    phi_predicted: float

    @property
    def n_too_many(self) -> int:
        """Documents predicted to have both beyond those judged so; negative: too few."""
        return self.n_predicted - self.n_judged


def list_pairs(judged: Cooccurrence, predicted: Cooccurrence) -> list[LabelPair]:
    """Every pair that was judged or predicted together at least once, the largest difference first.

    Differences are ordered by how surprising they are, (p - j)^2 / (p + j), so that
    3 against 13 comes before 103 against 113.
    """
    met = np.triu((judged.counts > 0) | (predicted.counts > 0), k=1)
    rows, columns = np.nonzero(met)
    n_judged, n_predicted = judged.counts[met], predicted.counts[met]
    surprise = (n_predicted - n_judged) ** 2 / (n_predicted + n_judged)
    lift, phi = judged.lift, measured_pairs(judged, PairMeasure.PHI)
    phi_predicted = measured_pairs(predicted, PairMeasure.PHI)
    return [
        LabelPair(
            first=int(rows[i]),
            second=int(columns[i]),
            n_judged=int(n_judged[i]),
            n_predicted=int(n_predicted[i]),
            n_both_judged=int(judged.both_judged[rows[i], columns[i]]),
            lift_judged=float(lift[rows[i], columns[i]]),
            phi_judged=float(phi[rows[i], columns[i]]),
            phi_predicted=float(phi_predicted[rows[i], columns[i]]),
        )
        for i in np.lexsort((-n_judged, -surprise))
    ]


@dataclass(frozen=True)
class Companion:
    """How often a label's documents also have another: as judged, as predicted."""

    label: int
    n_judged: int
    of_judged: int
    n_predicted: int
    of_predicted: int


def companions_of(
    label: int, judged: Cooccurrence, predicted: Cooccurrence, *, most: int = 20
) -> list[Companion]:
    """The labels that go with one label, the most frequent first, judged or predicted."""
    met = np.maximum(judged.counts[label], predicted.counts[label])
    order = [int(i) for i in np.argsort(-met, kind="stable") if i != label and met[i] > 0]
    return [
        Companion(
            label=other,
            n_judged=int(judged.counts[label, other]),
            of_judged=int(judged.row_present[label, other]),
            n_predicted=int(predicted.counts[label, other]),
            of_predicted=int(predicted.row_present[label, other]),
        )
        for other in order[:most]
    ]


def _smoothed_lift(pairs: Cooccurrence) -> Floats:
    met = (pairs.counts + 0.5) * (pairs.both_judged + 1.0)
    lift = ratio(met, (pairs.row_present + 0.5) * (pairs.row_present.T + 0.5))
    with np.errstate(divide="ignore"):
        logarithm: Floats = np.log2(lift)
    return logarithm


def _is_thin(pairs: Cooccurrence) -> NDArray[np.bool_]:
    rarer = np.minimum(pairs.row_present, pairs.row_present.T)
    thin: NDArray[np.bool_] = rarer < FEW_TOGETHER
    return thin


def cooccurrence(binary: NDArray[np.int8]) -> Cooccurrence:
    """Count label pairs.

    Parameters
    ----------
    binary : (documents, labels) of 1 present, 0 absent, -1 unjudged; predictions
        are given as 1 and 0, with -1 where the judgement to compare with is missing.
    """
    present = (binary == PRESENT).astype(np.float64)
    judged = present + (binary == ABSENT)
    return Cooccurrence(
        counts=(present.T @ present).astype(np.int64),
        row_present=(present.T @ judged).astype(np.int64),
        both_judged=(judged.T @ judged).astype(np.int64),
    )
