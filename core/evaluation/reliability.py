"""Predicted against observed frequency, in bins, and the scores of probabilities themselves.

One label's judged cells, or those of all labels together. What to make of the
scores is left to `belief`, mending them to `calibration` and `recalibration`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.domain import PRESENT, Proba, Truth
from core.errors import InputError
from core.evaluation.counts import (
    Counts,
    Floats,
    Mask,
    check_shapes,
    mean_of_defined,
    ratio,
    usable_cells,
)
from core.evaluation.intervals import effective_trials, wilson_interval

SMALLEST_PROBA = 1e-7  # about the distance of float32 below 1
N_BINS = 10
BinKind = Literal["equal_width", "equal_mass"]


@dataclass(frozen=True, eq=False)
class Reliability:
    """Predicted against observed frequency, each array (bins,); NaN where a bin is empty.

    A bin reaches from its lower end, which belongs to it, to its upper, which
    belongs to it only where it is 1.
    """

    bin_lower: Floats
    bin_upper: Floats
    mean_predicted: Floats
    observed: Floats
    count: Counts
    interval_low: Floats
    interval_high: Floats

    @property
    def edges(self) -> Floats:
        """(bins + 1,) ascending, from 0 to 1."""
        return np.append(self.bin_lower, self.bin_upper[-1:])


@dataclass(frozen=True, eq=False)
class JudgedCells:
    """The cells that are judged and have a probability, flat, each array (cells,)."""

    proba: Floats
    present: Mask
    document: NDArray[np.int64]
    label: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.proba)

    @property
    def n_documents(self) -> int:
        """Documents with at least one of the cells."""
        return int(np.count_nonzero(np.bincount(self.document)))

    def by_document(self, values: Floats, groups: NDArray[np.int64], n_groups: int) -> Floats:
        """(documents, groups): sums of the cells' values."""
        n = int(self.document.max(initial=-1)) + 1
        flat: Floats = np.bincount(
            self.document * n_groups + groups, values, minlength=n * n_groups
        ).astype(np.float64)
        return flat.reshape(n, n_groups)


def judged_cells(proba: Proba, truth: Truth, label: int | None = None) -> JudgedCells:
    """The cells that count, of one label or of all.

    Parameters
    ----------
    proba, truth : (documents, labels); cells unjudged or without a probability are left out.
    """
    check_shapes(proba, truth)
    first = 0 if label is None else label
    columns = slice(None) if label is None else slice(label, label + 1)
    said, judged = proba[:, columns], truth[:, columns]
    usable = usable_cells(said, judged)
    documents, labels = np.nonzero(usable)
    return JudgedCells(
        said[usable].astype(np.float64), judged[usable] == PRESENT, documents, labels + first
    )


def reliability(
    proba: Proba,
    truth: Truth,
    *,
    n_bins: int = N_BINS,
    kind: BinKind = "equal_width",
    label: int | None = None,
) -> Reliability:
    """How often labels were present, by the probability they were given.

    Parameters
    ----------
    proba, truth : (documents, labels); cells unjudged or without a probability are left out.
    n_bins : at least 1; equal-mass bins that would share an edge are merged.
    kind : bins of equal width, or holding equally many cells.
    label : this one alone

    The 95 % intervals are Wilson's, for as many independent cells as these tell
    as much as: the cells of a document go together (see `effective_trials`).
    """
    return binned_cells(judged_cells(proba, truth, label), n_bins=n_bins, kind=kind)


def binned_cells(
    cells: JudgedCells, *, n_bins: int = N_BINS, kind: BinKind = "equal_width"
) -> Reliability:
    """As `reliability`, of cells that are at hand."""
    if n_bins < 1:
        raise InputError(f"{n_bins} bins cannot hold anything; ask for at least 1.")
    edges = _edges(cells.proba, n_bins, kind)
    bins, width = bin_of(cells.proba, edges), len(edges) - 1
    count = np.bincount(bins, minlength=width)
    observed = ratio(np.bincount(bins, weights=cells.present, minlength=width), count)
    effective = effective_cells(cells, bins, width)
    low, high = wilson_interval(np.nan_to_num(observed) * effective, effective)
    return Reliability(
        bin_lower=edges[:-1],
        bin_upper=edges[1:],
        mean_predicted=ratio(np.bincount(bins, weights=cells.proba, minlength=width), count),
        observed=observed,
        count=count.astype(np.int64),
        interval_low=low,
        interval_high=high,
    )


def effective_cells(cells: JudgedCells, bins: NDArray[np.int64], n_bins: int) -> Floats:
    """(bins,) how many independent cells tell as much as each bin's do."""
    if len(cells) == cells.n_documents:  # one of each: they are independent
        return np.bincount(bins, minlength=n_bins).astype(np.float64)
    return effective_trials(
        cells.by_document(cells.present.astype(np.float64), bins, n_bins),
        cells.by_document(np.ones(len(cells)), bins, n_bins),
    )


def bin_of(values: Floats, edges: Floats) -> NDArray[np.int64]:
    """The bin of each value between ascending edges; the last bin holds its upper end too."""
    bins = np.searchsorted(edges, values, side="right") - 1
    return np.clip(bins, 0, len(edges) - 2).astype(np.int64)


def _edges(cells: Floats, n_bins: int, kind: BinKind) -> Floats:
    """Ascending bin edges from 0 to 1."""
    if kind == "equal_width" or cells.size == 0:
        return np.linspace(0, 1, n_bins + 1)
    inner = np.quantile(cells, np.arange(1, n_bins) / n_bins)
    return np.unique(np.concatenate([[0.0], inner, [1.0]]))


def expected_calibration_error(binned: Reliability) -> float:
    """Mean distance of observed from predicted frequency, bins weighted by their cells; or NaN.

    Naeini et al. (2015). It depends on the bins, so compare like with like.
    """
    gaps = np.abs(binned.observed - binned.mean_predicted)
    filled = binned.count > 0
    return float(ratio((gaps[filled] * binned.count[filled]).sum(), binned.count.sum()))


def maximum_calibration_error(binned: Reliability) -> float:
    """The largest distance of observed from predicted frequency in any bin; or NaN.

    Naeini et al. (2015). With bins of equal width it is mostly the chance of the
    thinnest one; bins of equal mass are fairer to it.
    """
    gaps = np.abs(binned.observed - binned.mean_predicted)[binned.count > 0]
    return float(gaps.max()) if gaps.size else float("nan")


def adaptive_calibration_error(proba: Proba, truth: Truth, *, n_bins: int = N_BINS) -> float:
    """Mean over labels of the mean gap over bins of equal mass; NaN where nothing was judged.

    Adaptive calibration error (Nixon et al. 2019): a label's bins hold equally
    many of its own cells, and every label counts the same. Of one label alone
    it is the expected calibration error with bins of equal mass.
    """
    per_label = [
        expected_calibration_error(
            reliability(proba, truth, n_bins=n_bins, kind="equal_mass", label=label)
        )
        for label in range(proba.shape[1])
    ]
    return float(mean_of_defined(np.array(per_label, dtype=np.float64)))


def brier(proba: Proba, truth: Truth) -> float:
    """Mean squared distance of probability from judgement over judged cells; or NaN."""
    cells = judged_cells(proba, truth)
    return float(ratio(((cells.proba - cells.present) ** 2).sum(), len(cells)))


def log_loss(proba: Proba, truth: Truth) -> float:
    """Mean binary cross-entropy over judged cells, in nats; or NaN."""
    return mean_log_loss(judged_cells(proba, truth))


def mean_log_loss(cells: JudgedCells) -> float:
    """As `log_loss`, of cells that are at hand."""
    p = np.clip(cells.proba, SMALLEST_PROBA, 1 - SMALLEST_PROBA)
    return float(ratio(-np.log(np.where(cells.present, p, 1 - p)).sum(), len(cells)))
