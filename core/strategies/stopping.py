"""Stopping criteria for several labels, as small-text's loops take them.

small-text's own crash on several labels or refuse them (`KappaAverage`,
`OverallUncertainty`, `DeltaFScore`), or count whole rows (`ClassificationChange`).
The maths is in `core.evaluation.stopping`; here are small-text's arguments and
the memory of earlier calls. Each takes predictions (documents, labels) as
`csr_matrix`, `csr_array` or dense, of the same documents at every call.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from small_text import StoppingCriterion

from core.domain import Proba
from core.errors import InputError
from core.evaluation.counts import mean_of_defined
from core.evaluation.stopping import (
    SETTLED_CHANGE,
    SETTLED_DELTA_F,
    SETTLED_KAPPA,
    SETTLED_UNCERTAINTY,
    WINDOW,
    Predicted,
    classification_change,
    delta_f,
    kappa_per_label,
    overall_uncertainty,
)


class _Compared(StoppingCriterion):  # type: ignore[misc]
    """Remembers the predictions of the last call, and what each step was worth.

    Parameters
    ----------
    num_classes
        How many labels there are.
    window_size
        Steps between successive calls that have to be settled.
    """

    def __init__(self, num_classes: int, *, window_size: int) -> None:
        self.num_classes = num_classes
        self.window_size = window_size
        self.last_predictions: Predicted | None = None
        self.history: list[float] = []

    def stop(
        self,
        active_learner: Any = None,
        predictions: Any = None,
        proba: Any = None,
        indices_stopping: NDArray[np.integer] | None = None,
    ) -> bool:
        """Whether the last steps are settled; a step of undefined value never is."""
        now = _predicted(predictions, self.num_classes, indices_stopping)
        before, self.last_predictions = self.last_predictions, now
        if before is None:
            return False
        self.history = [*self.history, self._step(before, now)][-self.window_size :]
        return len(self.history) == self.window_size and self._is_settled()

    @abstractmethod
    def _step(self, before: Predicted, now: Predicted) -> float:
        """Compare two successive predictions; NaN is undefined."""

    @abstractmethod
    def _is_settled(self) -> bool:
        """Judge a full window."""


class KappaPerLabel(_Compared):
    """Cohen's kappa label by label, averaged over labels and window.

    Bloodgood and Vijay-Shanker (2009). Labels whose kappa is undefined are left
    out of the average; with none defined nothing is settled.
    """

    def __init__(
        self, num_classes: int, window_size: int = WINDOW, kappa: float = SETTLED_KAPPA
    ) -> None:
        super().__init__(num_classes, window_size=window_size)
        self.kappa = kappa

    def _step(self, before: Predicted, now: Predicted) -> float:
        return float(mean_of_defined(kappa_per_label(before, now)))

    def _is_settled(self) -> bool:
        return bool(np.mean(self.history) >= self.kappa)


class FewChanges(_Compared):
    """Settled once hardly any (document, label) changes sides. Zhu et al. (2008).

    Where most labels are absent from most documents, changes are few from the
    start: use it beside one that looks at positives.
    """

    def __init__(
        self, num_classes: int, threshold: float = SETTLED_CHANGE, window_size: int = 1
    ) -> None:
        _check_share(threshold)
        super().__init__(num_classes, window_size=window_size)
        self.threshold = threshold

    def _step(self, before: Predicted, now: Predicted) -> float:
        return classification_change(before, now)

    def _is_settled(self) -> bool:
        return bool(np.max(self.history) <= self.threshold)


class FlattenedDeltaF(_Compared):
    """Settled once micro-F1 is predicted to change little. Altschuler and Bloodgood (2019).

    Where nothing is predicted present twice, the change is undefined and
    nothing is settled.
    """

    def __init__(
        self, num_classes: int, window_size: int = WINDOW, threshold: float = SETTLED_DELTA_F
    ) -> None:
        _check_share(threshold)
        super().__init__(num_classes, window_size=window_size)
        self.threshold = threshold

    def _step(self, before: Predicted, now: Predicted) -> float:
        return delta_f(before, now)

    def _is_settled(self) -> bool:
        return bool(np.max(self.history) < self.threshold)


class BernoulliUncertainty(StoppingCriterion):  # type: ignore[misc]
    """Settled once the mean entropy per (document, label) is small. Zhu et al. (2008).

    Needs dense probabilities: sparse ones with everything below one half left
    out have lost what is to be measured.
    """

    def __init__(self, num_classes: int, threshold: float = SETTLED_UNCERTAINTY) -> None:
        _check_share(threshold)
        self.num_classes = num_classes
        self.threshold = threshold

    def stop(
        self,
        active_learner: Any = None,
        predictions: Any = None,
        proba: Any = None,
        indices_stopping: NDArray[np.integer] | None = None,
    ) -> bool:
        """Whether the mean entropy, in bits, is below the threshold; undefined never is."""
        if proba is None:
            raise InputError("BernoulliUncertainty needs `proba`, (documents, labels); none came.")
        dense: Proba = _dense(proba, "Probabilities", self.num_classes).astype(np.float32)
        rows = dense if indices_stopping is None else dense[indices_stopping]
        return overall_uncertainty(rows) < self.threshold


def _predicted(predictions: Any, n_labels: int, indices: NDArray[np.integer] | None) -> Predicted:
    if predictions is None:
        raise InputError("This criterion needs `predictions`, (documents, labels); none came.")
    dense = _dense(predictions, "Predictions", n_labels)
    rows = dense if indices is None else dense[indices]
    return Predicted(present=rows > 0, known=np.ones(rows.shape, dtype=np.bool_))


def _dense(given: Any, what: str, n_labels: int) -> NDArray[Any]:
    matrix: Any = given
    dense = matrix.toarray() if issparse(given) else np.asarray(given)
    if dense.ndim != 2 or dense.shape[1] != n_labels:
        raise InputError(
            f"{what} of shape {dense.shape} do not fit {n_labels} labels; "
            "give one row per document and one column per label."
        )
    return dense


def _check_share(threshold: float) -> None:
    if not 0 <= threshold <= 1:
        raise InputError(f"A threshold of {threshold:g} is no share; give one from 0 to 1.")
