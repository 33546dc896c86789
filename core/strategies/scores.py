"""How much each answer would be worth: per-label contributions from probabilities.

Every label is its own Bernoulli variable: nothing is normalised over labels,
cut or argmaxed. All scores are higher where asking is worth more, and finite
at exactly 0, 0.5 and 1 in float32. Needs numpy alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.domain import Proba, Samples

Contributions = NDArray[np.float32]  # (documents, labels)
Scores = NDArray[np.float32]  # (documents,)

TINY = np.float32(np.finfo(np.float32).tiny)


def bernoulli_entropy(proba: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give -p ln p - (1-p) ln(1-p) for each cell, in nats: 0 at 0 and 1, ln 2 at one half."""
    absent = 1.0 - proba
    present_part: NDArray[np.float32] = np.log(np.maximum(proba, TINY))
    present_part *= proba
    absent_part: NDArray[np.float32] = np.log(np.maximum(absent, TINY))
    absent_part *= absent
    present_part += absent_part
    np.negative(present_part, out=present_part)
    return present_part


def entropy_contributions(proba: Proba) -> Contributions:
    """Per label, the Bernoulli entropy of (documents, labels), in nats.

    Shannon (1948), "A mathematical theory of communication", for each label.
    """
    return bernoulli_entropy(proba)


def margin_contributions(proba: Proba) -> Contributions:
    """Per label, one less the margin |p - (1-p)| between its two answers, within [0, 1].

    Margin sampling of Scheffer, Decomain, Wrobel (2001), "Active hidden Markov
    models for information extraction", with each label a choice of its own.
    """
    margin = np.abs(2.0 * proba - 1.0)
    np.subtract(np.float32(1.0), margin, out=margin)
    return _floats(margin)


def least_confidence_contributions(proba: Proba) -> Contributions:
    """Per label, one less the confidence max(p, 1-p) in its likelier answer, within [0, ½].

    Uncertainty sampling of Lewis, Gale (1994), "A sequential algorithm for
    training text classifiers", in the form of Culotta, McCallum (2005),
    "Reducing labeling effort for structured prediction tasks". For two answers
    it is half of `margin_contributions`: means and sums give the same order.
    """
    return _floats(np.minimum(proba, 1.0 - proba))


def variance_contributions(samples: Samples) -> Contributions:
    """Per label, the variance over the passes of (documents, passes, labels), within [0, ¼].

    The spread that Gal, Islam, Ghahramani (2017), "Deep Bayesian active learning
    with image data", average over classes as mean standard deviation; squared
    here, so that it is a Bernoulli's posterior variance of p.
    """
    return _floats(samples.var(axis=1))


def bald_contributions(samples: Samples) -> Contributions:
    """Per label, what an answer would tell about the model, in nats.

    The entropy of the mean less the mean of the entropies over the passes of
    (documents, passes, labels): Houlsby et al. (2011), by Monte Carlo dropout
    as in Gal et al. (2017), with Bernoulli entropies. Never below zero.
    """
    of_mean = bernoulli_entropy(_mean(samples))
    return _floats(np.maximum(of_mean - _mean(bernoulli_entropy(samples)), 0.0))


def beal_mean_contributions(samples: Samples) -> Contributions:
    """Reading (a) of BEAL: one less the confidence max(p̄, 1-p̄) of the mean over passes."""
    mean = _mean(samples)
    return _floats(np.minimum(mean, 1.0 - mean))


def beal_posterior_contributions(samples: Samples) -> Contributions:
    """Reading (b) of BEAL: one less the mean over passes of the confidence max(p, 1-p)."""
    return _mean(np.minimum(samples, 1.0 - samples))


def beal_expected_contributions(samples: Samples) -> Contributions:
    """Reading (c) of BEAL: one less the expected probability of the answer, p̄² + (1-p̄)²."""
    mean = _mean(samples)
    return 2.0 * mean * (1.0 - mean)


def beal_joint_contributions(samples: Samples) -> Contributions:
    """Reading (d) of BEAL: minus the log of the confidence max(p̄, 1-p̄).

    Their sum over labels is minus the log of the likeliest label set's
    probability, in nats.
    """
    mean = _mean(samples)
    return _floats(-np.log(np.maximum(mean, 1.0 - mean)))


FROM_PROBA: dict[str, Callable[[Proba], Contributions]] = {
    "entropy": entropy_contributions,
    "margin": margin_contributions,
    "least-confidence": least_confidence_contributions,
}
FROM_SAMPLES: dict[str, Callable[[Samples], Contributions]] = {
    "bald": bald_contributions,
    "variance": variance_contributions,
    "beal-mean": beal_mean_contributions,
    "beal-posterior": beal_posterior_contributions,
    "beal-expected": beal_expected_contributions,
    "beal-joint": beal_joint_contributions,
}
SUMMED = {"beal-joint"}  # the others are means over labels


def score_of(contributions: Contributions, *, strategy: str) -> Scores:
    """Reduce contributions (documents, labels) to one score per document."""
    reduce = np.sum if strategy in SUMMED else np.mean
    return _floats(reduce(contributions, axis=1, dtype=np.float64))


def entropy_score(proba: Proba) -> Scores:
    """Average Bernoulli entropy over labels, in nats, of (documents, labels)."""
    return score_of(entropy_contributions(proba), strategy="entropy")


def margin_score(proba: Proba) -> Scores:
    """Average over labels of `margin_contributions`, within [0, 1], of (documents, labels)."""
    return score_of(margin_contributions(proba), strategy="margin")


def least_confidence_score(proba: Proba) -> Scores:
    """Average over labels of `least_confidence_contributions`, within [0, ½]."""
    return score_of(least_confidence_contributions(proba), strategy="least-confidence")


def variance_score(samples: Samples) -> Scores:
    """Average over labels of `variance_contributions`, within [0, ¼]."""
    return score_of(variance_contributions(samples), strategy="variance")


def bald_score(samples: Samples) -> Scores:
    """Average over labels of `bald_contributions`, in nats, of (documents, passes, labels)."""
    return score_of(bald_contributions(samples), strategy="bald")


def beal_mean_score(samples: Samples) -> Scores:
    """BEAL by reading (a): one less the average confidence of the mean, within [0, ½]."""
    return score_of(beal_mean_contributions(samples), strategy="beal-mean")


def beal_posterior_score(samples: Samples) -> Scores:
    """BEAL by reading (b): one less the average of all confidences, within [0, ½]."""
    return score_of(beal_posterior_contributions(samples), strategy="beal-posterior")


def beal_expected_score(samples: Samples) -> Scores:
    """BEAL by reading (c): one less the average expected confidence, within [0, ½]."""
    return score_of(beal_expected_contributions(samples), strategy="beal-expected")


def beal_joint_score(samples: Samples) -> Scores:
    """BEAL by reading (d): minus the log of the joint confidence, in nats, within [0, L ln 2]."""
    return score_of(beal_joint_contributions(samples), strategy="beal-joint")


def _mean(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    return _floats(samples.mean(axis=1))


def _floats(values: Any) -> NDArray[np.float32]:
    return np.asarray(values, dtype=np.float32)
