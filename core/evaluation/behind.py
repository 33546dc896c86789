"""Which measured documents a number counts: those behind a bar, a bin, a button or a pair.

Every function answers with a `Behind`, whose length is the number that was
clicked. Bins are cut by the same functions as the figures', so that nothing
falls between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.domain import ABSENT, PRESENT, UNJUDGED
from core.errors import InputError
from core.evaluation.counts import Floats, Mask, masked_truth
from core.evaluation.outputs import EvaluationOutputs
from core.evaluation.per_label import N_HISTOGRAM_BINS, histogram_bins

Ids = NDArray[np.int64]
STATES = {PRESENT: "judged present", ABSENT: "judged absent", UNJUDGED: "not judged"}


class Outcome(StrEnum):
    """What came of one (document, label)."""

    TRUE_POSITIVE = "true positives"
    FALSE_POSITIVE = "false positives"
    FALSE_NEGATIVE = "false negatives"
    TRUE_NEGATIVE = "true negatives"
    PRESENT = "judged present"
    PREDICTED = "predicted"
    WRONG = "wrong predictions"
    JUDGED = "judged"


@dataclass(frozen=True, eq=False)
class Behind:
    """Documents, or cells of documents, in the order to read them: the least expected first.

    title : what was asked for, in words
    rows : (items,) positions among the measured documents, -1 for others
    document_ids : (items,) or None where the outputs know none
    labels : (items,) positions among the labels; None: whole documents were counted
    """

    title: str
    rows: Ids
    document_ids: Ids | None
    labels: Ids | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def documents(self) -> Ids:
        """The ids of the documents, each once, in order."""
        if self.document_ids is None:
            return np.empty(0, dtype=np.int64)
        if not len(self) or (self.rows < 0).any():
            ids, first = np.unique(self.document_ids, return_index=True)
            return ids[np.argsort(first, kind="stable")]
        # a place for every row is quicker than sorting a million cells
        first_at = np.full(int(self.rows.max()) + 1, -1, dtype=np.int64)
        first_at[self.rows[::-1]] = np.arange(len(self))[::-1]
        in_order: Ids = self.document_ids[np.sort(first_at[first_at >= 0])]
        return in_order

    def labels_of(self, document_id: int) -> list[int]:
        """The positions of the labels that were counted of this document."""
        if self.labels is None or self.document_ids is None:
            return []
        return [int(label) for label in self.labels[self.document_ids == document_id]]


def of_outcome(outputs: EvaluationOutputs, label: int, outcome: Outcome) -> Behind:
    """One label's documents with this outcome, among those judged and scored."""
    mask = np.zeros(outputs.proba.shape, dtype=np.bool_)
    mask[:, label] = outcome_mask(outputs, outcome)[:, label]
    return _of_cells(outputs, mask, f"{outputs.names[label]}: {outcome}")


def outcome_mask(outputs: EvaluationOutputs, outcome: Outcome) -> Mask:
    """(documents, labels): the judged and scored cells with this outcome."""
    truth = masked_truth(outputs.proba, outputs.truth)
    guesses, present, absent = outputs.guesses, truth == PRESENT, truth == ABSENT
    mask: Mask = {
        Outcome.TRUE_POSITIVE: guesses & present,
        Outcome.FALSE_POSITIVE: guesses & absent,
        Outcome.FALSE_NEGATIVE: ~guesses & present,
        Outcome.TRUE_NEGATIVE: ~guesses & absent,
        Outcome.PRESENT: present,
        Outcome.PREDICTED: guesses & (present | absent),
        Outcome.WRONG: (guesses & absent) | (~guesses & present),
        Outcome.JUDGED: present | absent,
    }[outcome]
    return mask


def in_bin(
    outputs: EvaluationOutputs,
    label: int | None,
    *,
    lower: float,
    upper: float,
    raw: bool = False,
    state: int | None = None,
) -> Behind:
    """The judged cells of one label, or of all, in a bin of a reliability diagram.

    Parameters
    ----------
    lower, upper : the bin's ends; the lower belongs to it, the upper only where it is 1.
    raw : by the probabilities before calibration
    state : PRESENT or ABSENT alone; None: both
    """
    proba = outputs.raw if raw and outputs.raw is not None else outputs.proba
    truth = masked_truth(proba, outputs.truth)
    cells = proba.astype(np.float64)
    with np.errstate(invalid="ignore"):
        inside = (cells >= lower) & ((cells < upper) | ((upper >= 1.0) & (cells <= upper)))
    judged = truth != UNJUDGED if state is None else truth == state
    told = "" if state is None else f" {STATES[state]},"
    title = f"{_whose(outputs, label)}:{told} predicted {lower:.2f} to {upper:.2f}"
    return _of_cells(outputs, _only(inside & judged, label), title, proba=cells)


def in_histogram_bar(
    outputs: EvaluationOutputs,
    label: int | None,
    *,
    state: int,
    position: int,
    n_bins: int = N_HISTOGRAM_BINS,
) -> Behind:
    """The cells of a state in one bar of a probability histogram, of one label or of all."""
    if not 0 <= position < n_bins:
        raise InputError(f"Bin {position} is not among {n_bins} bins; count them from 0.")
    bins = histogram_bins(outputs.proba, n_bins=n_bins)
    mask = _only((bins == position) & (outputs.truth == state), label)
    lower, upper = position / n_bins, (position + 1) / n_bins
    title = f"{_whose(outputs, label)}: {STATES[state]}, predicted {lower:.2f} to {upper:.2f}"
    return _of_cells(outputs, mask, title)


def of_pair(
    outputs: EvaluationOutputs, first: int, second: int, *, predicted: bool = False
) -> Behind:
    """Documents with both labels, among those where both are judged: as judged, or as predicted.

    With the same label twice, the documents that have it.
    """
    truth = outputs.truth
    has = outputs.guesses if predicted else truth == PRESENT
    counted = masked_truth(outputs.proba, truth) != UNJUDGED
    both = (has & counted)[:, first] & (has & counted)[:, second]
    how = "predicted" if predicted else "judged"
    names = dict.fromkeys([outputs.names[first], outputs.names[second]])
    return of_rows(outputs, np.flatnonzero(both), f"{' and '.join(names)}: {how} together")


def of_rows(outputs: EvaluationOutputs, rows: ArrayLike, title: str) -> Behind:
    """These measured documents, in this order."""
    chosen = np.asarray(rows, dtype=np.int64)
    return Behind(title, chosen, _ids(outputs, chosen))


def of_documents(
    document_ids: Sequence[int] | Ids, title: str, *, outputs: EvaluationOutputs | None = None
) -> Behind:
    """These documents of the project, in this order, whether measured or not."""
    ids = np.asarray(document_ids, dtype=np.int64)
    return Behind(title, rows_of(outputs, ids), ids)


def rows_of(outputs: EvaluationOutputs | None, document_ids: Ids) -> Ids:
    """Where documents stand among the measured ones, -1 for those that do not."""
    nowhere = np.full(len(document_ids), -1, dtype=np.int64)
    if outputs is None or outputs.document_ids is None or not len(outputs):
        return nowhere
    order = np.argsort(outputs.document_ids, kind="stable")
    known = outputs.document_ids[order]
    at = np.minimum(np.searchsorted(known, document_ids), len(known) - 1)
    rows: Ids = np.where(known[at] == document_ids, order[at], nowhere)
    return rows


def _of_cells(
    outputs: EvaluationOutputs, mask: Mask, title: str, *, proba: Floats | None = None
) -> Behind:
    """The masked cells, those whose probability fits their judgement least first."""
    rows, labels = np.nonzero(mask)
    cells = (outputs.proba if proba is None else proba)[rows, labels].astype(np.float64)
    expected = np.where(outputs.truth[rows, labels] == PRESENT, cells, 1 - cells)
    order = np.argsort(expected, kind="stable")
    rows = rows[order].astype(np.int64)
    return Behind(title, rows, _ids(outputs, rows), labels[order].astype(np.int64))


def _only(mask: Mask, label: int | None) -> Mask:
    if label is None:
        return mask
    alone = np.zeros_like(mask)
    alone[:, label] = mask[:, label]
    return alone


def _ids(outputs: EvaluationOutputs, rows: Ids) -> Ids | None:
    return None if outputs.document_ids is None else outputs.document_ids[rows]


def _whose(outputs: EvaluationOutputs, label: int | None) -> str:
    return "All labels" if label is None else outputs.names[label]
