"""From dense probabilities to named labels, alike for every learner.

small-text's multi-label classifiers name labels above a fixed one half and hand
back nothing below it; these cut where they are told to and keep everything.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from small_text import Classifier

from core.domain import Proba

Threshold = float | NDArray[np.floating[Any]]  # one for all labels, or (labels,)
Named = csr_matrix | tuple[csr_matrix, Proba]


class DenseClassifier(Classifier):  # type: ignore[misc]
    """A small-text classifier whose `predict_proba` is dense, (documents, labels)."""

    def predict(
        self,
        data_set: Any,
        return_proba: bool = False,
        multi_label_threshold: Threshold = 0.5,
        **kwargs: Any,
    ) -> Named:
        """Name the labels at or above the threshold; with `return_proba`, their probabilities too.

        A label without a probability (NaN) is never named.
        """
        return named(self.predict_proba(data_set), multi_label_threshold, return_proba)


def named(proba: Proba, threshold: Threshold, return_proba: bool) -> Named:
    """What `predict` gives for these probabilities."""
    labels = csr_matrix((proba >= threshold).astype(np.int64))
    return (labels, proba) if return_proba else labels
