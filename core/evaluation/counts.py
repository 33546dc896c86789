"""Which cells count, and the ratios made from them.

Every score in this package starts here, so that masking and "undefined" mean
the same everywhere. Undefined is NaN in arrays and None in dataclasses.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.domain import ABSENT, PRESENT, UNJUDGED, Proba, Truth
from core.errors import InputError

ENOUGH_TO_MEASURE = 10  # documents; below that no figure deserves to be shown

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]
AnyFloats = NDArray[np.floating[Any]]


def check_shapes(proba: AnyFloats, truth: Truth) -> None:
    """Raise InputError unless both are (documents, labels) of the same shape."""
    if proba.ndim != 2 or proba.shape != truth.shape:
        raise InputError(
            f"Probabilities of shape {proba.shape} do not fit judgements of shape {truth.shape}; "
            "both need one row per document and one column per label."
        )


def check_folds(folds: NDArray[np.integer], n_documents: int) -> None:
    """Raise InputError unless there is one fold number per document."""
    if folds.shape != (n_documents,):
        raise InputError(
            f"{folds.size} fold numbers were given for {n_documents} documents; "
            "give one per document."
        )


def usable_cells(proba: AnyFloats, truth: Truth) -> Mask:
    """(documents, labels): judged present or absent, and given a probability."""
    mask: Mask = (truth != UNJUDGED) & np.isfinite(proba)
    return mask


def masked_truth(proba: AnyFloats, truth: Truth) -> Truth:
    """The judgements, with every cell that cannot be scored set to unjudged."""
    return np.where(usable_cells(proba, truth), truth, UNJUDGED).astype(np.int8)


def predict(proba: Proba, threshold: ArrayLike) -> Mask:
    """(documents, labels): probability at or above the threshold; NaN never is.

    `threshold` is one number or one per label. It is compared in the
    probabilities' own precision, so 0.9 reaches a float32 0.9.
    """
    mask: Mask = proba >= np.asarray(threshold, dtype=proba.dtype)
    return mask


def outcome_cells(predicted: Mask, truth: Truth) -> tuple[Mask, Mask, Mask]:
    """True positives, false positives and false negatives, each (documents, labels)."""
    present, absent = truth == PRESENT, truth == ABSENT
    return predicted & present, predicted & absent, ~predicted & present


def ratio(numerator: ArrayLike, denominator: ArrayLike) -> Floats:
    """numerator / denominator, NaN where the denominator is 0."""
    top, bottom = np.broadcast_arrays(
        np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    )
    quotient: Floats = np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom != 0)
    return quotient


def f1_from_counts(
    true_positives: ArrayLike, false_positives: ArrayLike, false_negatives: ArrayLike
) -> Floats:
    """2tp / (2tp + fp + fn), NaN where there is no positive to find.

    Without a positive, F1 could only be 0 whatever the model does, so it would
    measure nothing. With positives and no prediction it is a true 0.
    """
    tp, fp, fn = (
        np.asarray(c, dtype=np.float64) for c in (true_positives, false_positives, false_negatives)
    )
    return np.where(tp + fn > 0, ratio(2 * tp, 2 * tp + fp + fn), np.nan)


def mean_of_defined(values: Floats, axis: int = -1) -> Floats:
    """Mean over the entries that are not NaN; NaN where there are none."""
    defined = ~np.isnan(values)
    return ratio(np.where(defined, values, 0.0).sum(axis=axis), defined.sum(axis=axis))


def defined(value: float) -> float | None:
    """A plain float, or None for NaN."""
    return None if np.isnan(value) else float(value)
