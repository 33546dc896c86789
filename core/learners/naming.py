"""From dense probabilities to named labels, alike for every learner.

small-text's multi-label classifiers name labels above a fixed one half and hand
back nothing below it; these cut where they are told to and keep everything.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from small_text import Classifier

from core.domain import Proba, Samples

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


class StreamingClassifier(DenseClassifier):
    """One that scores chunk by chunk, so that a pool larger than memory can be scored."""

    n_labels: int

    @abstractmethod
    def score_stream(
        self, x: Any, *, n_passes: int, chunk: int | None = None
    ) -> Iterator[tuple[slice, Proba, Samples]]:
        """Yield (rows, probabilities (rows, labels), samples (rows, passes, labels))."""

    def predict_proba(
        self, data_set: Any, multi_label_threshold: float = 0.5, dropout_sampling: int = 1
    ) -> Proba | Samples:
        """Give every label's probability for every document, dense.

        Shape (documents, labels), or with `dropout_sampling` above 1 so many
        posterior draws, (documents, passes, labels); what has members instead
        of draws gives every member once, whatever the number. NaN for labels
        that were never judged. `multi_label_threshold` is small-text's and cuts
        nothing; the truth of `data_set` is not looked at. Raises InputError
        where draws are asked of what has none.
        """
        n_passes = dropout_sampling if dropout_sampling > 1 else 0
        result: Proba | Samples | None = None
        for rows, proba, samples in self.score_stream(data_set.x, n_passes=n_passes):
            part = samples if n_passes else proba
            if result is None:
                result = np.empty((len(data_set), *part.shape[1:]), dtype=np.float32)
            result[rows] = part
        if result is None:
            return np.empty((0, *([n_passes] if n_passes else []), self.n_labels), dtype=np.float32)
        return result


def named(proba: Proba, threshold: Threshold, return_proba: bool) -> Named:
    """What `predict` gives for these probabilities."""
    labels = csr_matrix((proba >= threshold).astype(np.int64))
    return (labels, proba) if return_proba else labels
