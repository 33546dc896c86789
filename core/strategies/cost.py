"""How many seconds a document takes to judge, learned from logged times. Needs numpy alone.

Dividing a score by these seconds asks for the most worth per hour of reading,
as in Settles, Craven and Friedland (2008), "Active learning with real annotation
costs", who also found that a regression on logged times predicts them well enough.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.domain import Proba

SHORTEST_S, LONGEST_S = 0.5, 600.0  # what lies outside was not one sitting of reading
MIN_TIMES = 20  # with fewer, every document is taken to cost the same
UNKNOWN_S = 10.0  # where no time was logged at all
PENALTY = 1.0  # on standardised features: counts for as much as one logged time


@dataclass(frozen=True)
class CostModel:
    """Expected seconds by the length of a text and the number of labels it has."""

    intercept: float  # mean log of the seconds
    weights: NDArray[np.float64]  # (2,), per log(1 + characters) and per label
    centre: NDArray[np.float64]  # (2,), the mean of both features
    variance: float  # of the log of the seconds about the regression
    shortest_s: float  # observed
    longest_s: float
    n_times: int  # that it was fitted on

    def expected_seconds(
        self, n_chars: ArrayLike, n_expected_labels: ArrayLike
    ) -> NDArray[np.float32]:
        """Give the mean seconds of judging each document, (documents,).

        `n_chars` (documents,) are known beforehand; for the number of labels
        take the sum of their probabilities, see `expected_labels`. The times
        are taken as log-normal, so that their mean is exp(μ + σ²/2); no
        result lies outside the observed range.
        """
        logs = self.intercept + (_features(n_chars, n_expected_labels) - self.centre) @ self.weights
        means = np.exp(np.minimum(logs + self.variance / 2, np.log(self.longest_s)))
        return np.clip(means, self.shortest_s, self.longest_s).astype(np.float32)


def fit_cost(n_chars: ArrayLike, n_present: ArrayLike, seconds: ArrayLike) -> CostModel:
    """Fit log seconds on log(1 + characters) and labels present, by ridge regression.

    Parameters
    ----------
    n_chars, n_present, seconds
        Of each judged document, shape (documents,). Times under half a second
        and over ten minutes count as absences and are left out. With fewer than
        20 others, the model gives their mean for every document, and 10 seconds
        where there are none.
    """
    times = np.asarray(seconds, dtype=np.float64)
    is_read = (times >= SHORTEST_S) & (times <= LONGEST_S)
    times, features = times[is_read], _features(n_chars, n_present)[is_read]
    if len(times) < MIN_TIMES:
        return _constant(float(times.mean()) if len(times) else UNKNOWN_S, len(times))
    logs, centre, scale = np.log(times), features.mean(axis=0), features.std(axis=0)
    scale[scale < 1e-9] = 1.0  # a feature that never varies gets no weight
    x, y = (features - centre) / scale, logs - logs.mean()
    weights = np.linalg.solve(x.T @ x + PENALTY * np.eye(x.shape[1]), x.T @ y)
    return CostModel(
        intercept=float(logs.mean()),
        weights=weights / scale,
        centre=centre,
        variance=float(((y - x @ weights) ** 2).sum() / (len(y) - x.shape[1] - 1)),
        shortest_s=float(times.min()),
        longest_s=float(times.max()),
        n_times=len(times),
    )


def expected_labels(proba: Proba) -> NDArray[np.float32]:
    """Give the expected number of labels of each document, the sum of its probabilities.

    Labels without a probability (NaN) add nothing.
    """
    return np.asarray(np.sum(proba, axis=1, where=~np.isnan(proba)), dtype=np.float32)


def _features(n_chars: ArrayLike, n_labels: ArrayLike) -> NDArray[np.float64]:
    """Both features side by side, (documents, 2)."""
    return np.column_stack(
        [np.log1p(np.asarray(n_chars, dtype=np.float64)), np.asarray(n_labels, dtype=np.float64)]
    )


def _constant(seconds: float, n_times: int) -> CostModel:
    return CostModel(
        intercept=float(np.log(seconds)),
        weights=np.zeros(2),
        centre=np.zeros(2),
        variance=0.0,
        shortest_s=seconds,
        longest_s=seconds,
        n_times=n_times,
    )
