"""BESRA: how much an answer would raise the expected Beta score elsewhere in the pool.

Tan, Nguyen, Du, Buntine (2024), "Harnessing the power of Beta scoring in deep
active learning for multi-label text classification", AAAI 38(14):15240-15248.
Written from the formula; drawing the passes and the reference documents is left
to the caller.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import beta as beta_function
from scipy.special import betainc
from sklearn.cluster import KMeans

from core.domain import Samples
from core.errors import InputError
from core.strategies.scores import Contributions, Scores

Floats = NDArray[np.float32]
Gains = NDArray[np.float32]  # (documents, reference documents)
Positions = NDArray[np.int64]
GainOf = Callable[[Floats, Floats, Floats], Floats]

ROWS = 256  # documents at a time: a working copy that stays in cache
TOP_SHARE = 0.5  # of the documents, by score, from which a batch is made
MOST_STEPS = 50  # of k-means
GRID = 2**16  # steps of the tabulated score
TINY = np.float32(1e-7)


def besra_gains(
    samples: Samples, reference: Samples, *, alpha: float = 0.1, beta: float = 1.0
) -> tuple[Gains, Contributions]:
    """Expected rise of the Beta score at each reference document, were a document judged.

    For each label apart, an answer y to document x reweights the posterior
    passes by their likelihood p_t(x) or 1 - p_t(x); the reweighted mean is the
    new prediction at a reference document x'. With S(p) the expected Beta(α, β)
    score of a prediction p, of second derivative p^(α-1) (1-p)^(β-1), the gain is

        Σ over labels of  Σ over y of p(y|x) S(p(x'|y, x))  -  S(p(x')),

    never below zero, as S is convex. The paper subtracts the passes' own scores
    instead of S(p(x')): the same for every x, so the order of the documents is
    the same, and here a document that would change nothing has a gain of 0.

    Parameters
    ----------
    samples
        Shape (documents, passes, labels).
    reference
        Shape (reference documents, passes, labels), by the same passes.
    alpha, beta
        Above 0. The paper's .1 and 1 reward being right about rare labels; with
        β = 1 S has a closed form, others are read off a table in three times the time.

    Returns
    -------
    gains, contributions
        (documents, reference documents), summed over labels; and (documents,
        labels), averaged over reference documents. A document's score is the
        mean of its gains, which is the sum of its contributions.

    Raises InputError for passes or labels that do not match, and for parameters
    of no Beta score. The cost is documents × reference documents × labels, times
    the passes for multiplications, times two for powers.
    """
    _check(samples, reference, alpha, beta)
    gains = np.zeros((len(samples), len(reference)), dtype=np.float32)
    contributions = np.zeros((len(samples), samples.shape[2]), dtype=np.float32)
    if gains.size == 0:
        return gains, contributions
    gain_of = _closed_form(alpha) if beta == 1.0 else _tabulated(alpha, beta)
    means, changes = _relative(reference)
    share = np.full(len(reference), 1.0 / len(reference), dtype=np.float32)
    for start in range(0, len(samples), ROWS):
        rows = slice(start, start + ROWS)
        weights, shifts = _relative(samples[rows])
        shifts /= samples.shape[1]
        for label, weight in enumerate(weights):
            cells = gain_of(shifts[label] @ changes[label].T, weight[:, None], means[label])
            gains[rows] += cells
            contributions[rows, label] = cells @ share
    np.maximum(gains, 0.0, out=gains)
    np.maximum(contributions, 0.0, out=contributions)
    return gains, contributions


def besra_batch(scores: Scores, gains: Gains, n: int, rng: np.random.Generator) -> Positions:
    """Choose `n` documents: by k-means on their gains, the one nearest to each centre.

    As published: from the half with the highest scores, in as many groups as
    are asked for, on gains normalised to length 1. A document nearest to two
    centres is taken once and the next nearest for the other. Ties follow `rng`.

    Parameters
    ----------
    scores, gains
        Shapes (documents,) and (documents, reference documents).

    Returns
    -------
    positions
        `n` of them, or all there are, each once, the highest score first.
    """
    shuffled = rng.permutation(len(scores))
    best_first = shuffled[np.argsort(-scores[shuffled], kind="stable")]
    top = best_first[: max(round(TOP_SHARE * len(scores)), n)]
    if n <= 0 or len(top) <= n:
        return top[: max(n, 0)]
    directions = gains[top] / np.maximum(np.linalg.norm(gains[top], axis=1, keepdims=True), TINY)
    chosen = np.sort(_nearest_to_centres(directions, n, int(rng.integers(2**31))))
    return np.asarray(top[chosen], dtype=np.int64)


def _nearest_to_centres(x: Floats, n: int, seed: int) -> Positions:
    """The row nearest to each of `n` centres of (rows, width), each row at most once."""
    n_groups = min(n, len(np.unique(x, axis=0)))
    found = KMeans(n_groups, n_init=1, max_iter=MOST_STEPS, random_state=seed).fit(x)
    half_norms = 0.5 * (x**2).sum(axis=1)
    is_free = np.ones(len(x), dtype=bool)
    chosen = np.empty(n, dtype=np.int64)
    for place in range(n):
        centre = found.cluster_centers_[place % n_groups]
        distance = np.where(is_free, half_norms - x @ centre, np.inf)
        chosen[place] = distance.argmin()
        is_free[chosen[place]] = False
    return chosen


def _relative(samples: Samples) -> tuple[Floats, Floats]:
    """Each label's mean over passes, (labels, documents), and its passes relative to it.

    The latter, (labels, documents, passes), are p_t / mean - 1: 0 without a doubt
    and without a probability.
    """
    passes = np.ascontiguousarray(samples.transpose(2, 0, 1), dtype=np.float32)
    means = passes.mean(axis=2)
    passes -= means[:, :, None]
    passes /= np.maximum(means, TINY)[:, :, None]
    return np.nan_to_num(means, copy=False), np.nan_to_num(passes, copy=False)


def _after_each_answer(change: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """New prediction over old, if present and if absent, from the change if present."""
    if_absent = change * (-weight / np.maximum(1.0 - weight, TINY))
    for ratio in (change, if_absent):
        ratio += np.float32(1)
        np.maximum(ratio, TINY, out=ratio)
    return change, if_absent


def _closed_form(alpha: float) -> GainOf:
    """Gain for β = 1, where S(p) = p^(1+α) / (α (1+α)) but for a linear term."""
    power = np.float32(1.0 + alpha)

    def gain(change: Floats, weight: Floats, mean: Floats) -> Floats:
        if_present, if_absent = _after_each_answer(change, weight)
        for ratio, chance in ((if_present, weight), (if_absent, 1.0 - weight)):
            np.log(ratio, out=ratio)
            ratio *= power
            np.exp(ratio, out=ratio)
            ratio -= np.float32(1)
            ratio *= chance
        if_present += if_absent
        if_present *= mean**power / np.float32(alpha * (1.0 + alpha))
        return if_present

    return gain


def _tabulated(alpha: float, beta: float) -> GainOf:
    """Gain for any α, β above 0, with S read off a table between neighbours."""
    table = expected_score(np.linspace(0.0, 1.0, GRID + 1), alpha, beta)
    values, steps = table.astype(np.float32), np.append(np.diff(table), 0).astype(np.float32)

    def read(proba: Floats) -> Floats:
        place = np.clip(proba, 0.0, 1.0) * np.float32(GRID)
        below = place.astype(np.intp)
        return np.asarray(values[below] + steps[below] * (place - below), dtype=np.float32)

    def gain(change: Floats, weight: Floats, mean: Floats) -> Floats:
        if_present, if_absent = _after_each_answer(change, weight)
        now = read(mean)
        rise = weight * (read(if_present * mean) - now)
        rise += (1.0 - weight) * (read(if_absent * mean) - now)
        return np.asarray(rise, dtype=np.float32)

    return gain


def expected_score(proba: NDArray[np.float64], alpha: float, beta: float) -> NDArray[np.float64]:
    """S(p), the Beta(α, β) score expected of a prediction p that is right; at most 0.

    Present scores minus the integral of c^(α-1) (1-c)^β from p to 1, absent minus
    that of c^α (1-c)^(β-1) from 0 to p: Buja, Stuetzle, Shen (2005), "Loss
    functions for binary class probability estimation and classification".
    """
    if_present = beta_function(alpha, beta + 1) * (1.0 - betainc(alpha, beta + 1, proba))
    if_absent = beta_function(alpha + 1, beta) * betainc(alpha + 1, beta, proba)
    return np.asarray(-proba * if_present - (1.0 - proba) * if_absent, dtype=np.float64)


def _check(samples: Samples, reference: Samples, alpha: float, beta: float) -> None:
    if samples.shape[1:] != reference.shape[1:]:
        raise InputError(
            f"Samples of {samples.shape[1:]} passes and labels do not fit reference documents "
            f"of {reference.shape[1:]}; take both from the same passes of the same learner."
        )
    if not (alpha > 0 and beta > 0):
        raise InputError(
            f"A Beta score with α = {alpha:g}, β = {beta:g} is endless; give both above 0."
        )
