"""Linear heads from scikit-learn, as plain arrays: regression or support vectors per label.

Every head ends as weights and a bias, several of them where a posterior is
wanted, so that keeping one takes no pickle. What the features are is
`core.learners.baselines`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit, log_softmax, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.svm import LinearSVC

from core.domain import PRESENT, UNJUDGED, Proba, Samples, Truth
from core.errors import Cancelled
from core.learners.masking import prior_logits, taught_by

N_FOLDS = 5
MAX_ITER = 1000
C_OFFERED = (0.1, 1.0, 10.0, 100.0)
LABELS_TRIED, DOCUMENTS_TRIED, FOLDS_TRIED = 6, 3000, 3  # to choose C on

Weights = NDArray[np.float32]
Told = Callable[[int, int], None]


class Head(StrEnum):
    """What is fitted on the features."""

    LOGISTIC = "logistic"
    SVC = "svc"  # its distance from the hyperplane is made a probability by Platt's sigmoid


@dataclass(frozen=True)
class HeadConfig:
    """How a head is fitted; `C` is how little its weights are held back, None: tried out."""

    kind: Head = Head.LOGISTIC
    C: float | None = None
    n_members: int = 5  # beside the plain head, for a posterior
    exclusive: bool = False
    seed: int = 0


@dataclass(frozen=True)
class LinearHeads:
    """The plain head first, then the members of its posterior.

    `weights` is (heads, features, labels), `bias` (heads, labels); NaN there
    is a label that was never judged.
    """

    weights: Weights
    bias: Weights
    exclusive: bool = False

    def proba(self, x: Any, *, with_members: bool) -> tuple[Proba, Samples]:
        """Give plain probabilities (rows, labels) and those of members (rows, members, labels)."""
        n_heads = len(self.weights) if with_members else 1
        every = np.stack([self._of_head(x, at) for at in range(n_heads)], axis=1)
        return every[:, 0], every[:, 1:]

    def _of_head(self, x: Any, at: int) -> Proba:
        logits = np.asarray(x @ self.weights[at]) + self.bias[at]
        return np.asarray(to_proba(logits, exclusive=self.exclusive), dtype=np.float32)


def to_proba(logits: NDArray[Any], *, exclusive: bool) -> NDArray[Any]:
    """Each label's probability alone, or among the labels that were ever judged."""
    if not exclusive:
        return np.asarray(expit(logits))
    known = ~np.isnan(logits)
    shares = softmax(np.where(known, logits, -np.inf), axis=1) if known.any() else logits
    return np.where(known, shares, np.nan)


def fit_heads(
    x: Any,
    truth: Truth,
    config: HeadConfig,
    *,
    on_head: Told | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> LinearHeads:
    """Fit on judged cells: every label on the documents where it was judged.

    Parameters
    ----------
    x
        Features (documents, width), dense or sparse.
    truth
        Shape (documents, labels). A label judged one way only answers with its
        smoothed share, one never judged with NaN. An exclusive head learns
        from the documents whose label is known.
    on_head
        Told (heads fitted, heads in all).

    The members of the posterior are the same fit under random weights of the
    documents, after Rubin (1981), "The Bayesian bootstrap": unlike draws with
    replacement these never lose a label's only example.
    """
    taught = taught_by(truth)
    if config.exclusive:
        x, truth = _where_known(x, truth)
    C = config.C or choose_strength(x, truth, config)
    rng = np.random.default_rng(abs(config.seed))
    fit = _fit_at_once if config.exclusive and config.kind is Head.LOGISTIC else _fit_each
    weights, bias = [], []
    for number in range(n_heads := config.n_members + 1):
        if should_stop is not None and should_stop():
            raise Cancelled(f"Training stopped after {number} of {n_heads} heads.")
        of_documents = rng.exponential(size=len(truth)) if number else np.ones(len(truth))
        shares = _drawn_shares(truth, rng) if number else prior_logits(truth)
        fitted = fit(x, truth, config.kind, C=C, of_documents=of_documents, shares=shares)
        weights.append(fitted[0])
        bias.append(fitted[1] + taught)
        if on_head is not None:
            on_head(number + 1, n_heads)
    slope, offset = _calibration(x, truth, config, C=C)
    return LinearHeads(
        (np.stack(weights) * slope).astype(np.float32),
        (np.stack(bias) * slope + offset).astype(np.float32),
        config.exclusive,
    )


def choose_strength(x: Any, truth: Truth, config: HeadConfig) -> float:
    """Take the `C_OFFERED` that foretells left-out documents of the commonest labels best."""
    rows = np.random.default_rng(abs(config.seed)).permutation(len(truth))[:DOCUMENTS_TRIED]
    x, truth = x[rows], truth[rows]
    rarer = np.minimum((truth == PRESENT).sum(axis=0), (truth == 0).sum(axis=0))
    labels = [label for label in np.argsort(-rarer, kind="stable")[:LABELS_TRIED] if rarer[label]]
    surprise = {
        C: sum(_surprise(x, truth[:, label], config, C=C) for label in labels) for C in C_OFFERED
    }
    return min(C_OFFERED, key=lambda C: surprise[C]) if labels else 1.0


# --- fitting ---------------------------------------------------------------------------------


def _estimator(kind: Head, C: float) -> Any:
    if kind is Head.SVC:
        return LinearSVC(C=C, max_iter=10 * MAX_ITER, random_state=0)
    return LogisticRegression(C=C, max_iter=MAX_ITER)


def _fit_each(
    x: Any,
    truth: Truth,
    kind: Head,
    *,
    C: float,
    of_documents: NDArray[np.float64],
    shares: NDArray[Any],
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Fit label by label; gives weights (features, labels) and bias (labels)."""
    weights, bias = np.zeros((x.shape[1], truth.shape[1])), np.array(shares, dtype=np.float64)
    for label in range(truth.shape[1]):
        rows = np.flatnonzero(truth[:, label] != UNJUDGED)
        if len(np.unique(truth[rows, label])) == 2:
            fitted = _estimator(kind, C).fit(x[rows], truth[rows, label], of_documents[rows])
            weights[:, label], bias[label] = fitted.coef_[0], fitted.intercept_[0]
    return weights, bias


def _fit_at_once(
    x: Any,
    truth: Truth,
    kind: Head,
    *,
    C: float,
    of_documents: NDArray[np.float64],
    shares: NDArray[Any],
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Fit one multinomial regression over the labels that occur; the others keep their share."""
    weights, bias = np.zeros((x.shape[1], truth.shape[1])), np.array(shares, dtype=np.float64)
    label_of = truth.argmax(axis=1)
    present = np.unique(label_of)
    if len(present) < 2:
        return weights, bias
    fitted = _estimator(kind, C).fit(x, label_of, of_documents)
    if len(present) == 2:  # scikit-learn gives the second label's log-odds alone
        weights[:, present] = np.stack([-fitted.coef_[0], fitted.coef_[0]], axis=1) / 2
        bias[present] = np.array([-0.5, 0.5]) * fitted.intercept_[0]
    else:
        weights[:, present], bias[present] = fitted.coef_.T, fitted.intercept_
    return weights, bias


def _where_known(x: Any, truth: Truth) -> tuple[Any, Truth]:
    """Keep the documents whose one label is known; all their other labels are absent."""
    rows = np.flatnonzero((truth == PRESENT).any(axis=1))
    return x[rows], (truth[rows] == PRESENT).astype(np.int8)


def _drawn_shares(truth: Truth, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw each label's log-odds from what its judgements leave open (a Beta posterior)."""
    n_present = (truth == PRESENT).sum(axis=0)
    n_judged = (truth != UNJUDGED).sum(axis=0)
    overall = expit(prior_logits(truth)) * (n_judged + 1) - n_present
    share = rng.beta(n_present + overall, n_judged - n_present + 1 - overall)
    share = np.clip(share, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(share / (1 - share)))


# --- from distances to probabilities ---------------------------------------------------------


def _left_out(
    x: Any, y: NDArray[Any], config: HeadConfig, *, C: float, most_folds: int = N_FOLDS
) -> NDArray[np.float64]:
    """Distances (rows,) by fits that did not see the row; empty where there is too little."""
    n_folds = min(most_folds, int(np.bincount(y, minlength=2).min()))
    if n_folds < 2:
        return np.empty(0)
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=abs(config.seed) % 2**32)
    estimator = _estimator(config.kind, C)
    return np.asarray(cross_val_predict(estimator, x, y, cv=folds, method="decision_function"))


def _surprise(x: Any, truth: NDArray[np.int8], config: HeadConfig, *, C: float) -> float:
    """Mean log-loss on left-out rows of one label."""
    rows = np.flatnonzero(truth != UNJUDGED)
    y = truth[rows]
    distances = _left_out(x[rows], y, config, C=C, most_folds=FOLDS_TRIED)
    if not len(distances):
        return 0.0
    if config.kind is Head.SVC:
        slope, offset = _platt(distances, y)
        distances = distances * slope + offset
    return -float(np.where(y == PRESENT, log_expit(distances), log_expit(-distances)).mean())


def _calibration(
    x: Any, truth: Truth, config: HeadConfig, *, C: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Slope and offset (labels,) that make distances log-odds; 1 and 0 for a regression."""
    slope, offset = np.ones(truth.shape[1]), np.zeros(truth.shape[1])
    if config.kind is Head.LOGISTIC:
        return slope, offset
    distances = np.full(truth.shape, np.nan)
    for label in range(truth.shape[1]):
        rows = np.flatnonzero(truth[:, label] != UNJUDGED)
        left_out = _left_out(x[rows], truth[rows, label], config, C=C)
        if len(left_out):
            distances[rows, label] = left_out
            slope[label], offset[label] = _platt(left_out, truth[rows, label])
    if config.exclusive:
        return _shared_slope(distances, truth)
    return slope, offset


def _platt(distances: NDArray[np.float64], y: NDArray[Any]) -> tuple[float, float]:
    """Fit a rising sigmoid to left-out distances.

    After Platt (1999), "Probabilistic outputs for support vector machines",
    with his targets, which keep it finite where the distances part y. Slope
    and offset are held near 1 and 0 with the weight of a document, so that a
    handful of unlucky ones cannot turn the head round.
    """
    n_present = int((y == PRESENT).sum())
    n_absent = len(y) - n_present
    target = np.where(y == PRESENT, (n_present + 1) / (n_present + 2), 1 / (n_absent + 2))

    def loss(about: NDArray[np.float64]) -> float:
        logits = np.exp(about[0]) * distances + about[1]
        likelihood = target * log_expit(logits) + (1 - target) * log_expit(-logits)
        return float((about**2).sum() / 2 - likelihood.sum())

    log_slope, offset = minimize(loss, np.zeros(2), method="Nelder-Mead").x
    return float(np.exp(log_slope)), float(offset)


def _shared_slope(
    distances: NDArray[np.float64], truth: Truth
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The same for labels that exclude each other: one slope for all, so their order stays."""
    labels = np.flatnonzero(~np.isnan(distances).any(axis=0))
    target = truth[:, labels] == PRESENT
    rows = target.any(axis=1)
    slope, offset = np.ones(truth.shape[1]), np.zeros(truth.shape[1])
    if len(labels) < 2 or not rows.any():
        return slope, offset

    def loss(about: NDArray[np.float64]) -> float:
        logits = np.exp(about[0]) * distances[rows][:, labels]
        return float(about[0] ** 2 / 2 - log_softmax(logits, axis=1)[target[rows]].sum())

    found = minimize(loss, np.zeros(1), method="Nelder-Mead").x
    return slope * np.exp(found[0]), offset
