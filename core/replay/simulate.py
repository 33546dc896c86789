"""Plays the loop against gold labels: judge, train, measure on test, ask again.

The real strategies and the real quick learner run; the annotator is the gold
truth. Reading data is `core.replay.data`, printing `core.replay.report`.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from core.domain import UNJUDGED, Embeddings, Proba, Truth
from core.errors import InputError
from core.evaluation.counts import f1_from_counts, outcome_cells, predict
from core.learners.cross_validation import out_of_fold
from core.learners.dataset import JudgedVectors
from core.learners.quick import QuickConfig, QuickLearner
from core.strategies.catalogue import strategy_info
from core.strategies.score_pool import score_pool
from core.strategies.selection import choose_batch

THRESHOLDS = np.arange(0.02, 0.99, 0.02, dtype=np.float32)


@dataclass(frozen=True)
class ReplayConfig:
    """How one loop is played; the same for every strategy that is compared."""

    n_initial: int = 100  # drawn at random, the same documents for all strategies of a seed
    batch_size: int = 50
    n_rounds: int = 12
    n_passes: int = 20
    n_folds: int = 3  # for the threshold; each fold costs one training
    learner: QuickConfig = field(default_factory=QuickConfig)


@dataclass(frozen=True)
class RoundResult:
    """Test scores after one round's training."""

    n_judged: int
    threshold: float  # chosen out of fold on the judged documents, one for all labels
    micro_f1: float  # at that threshold
    macro_f1: float
    micro_f1_at_half: float
    macro_f1_at_half: float
    seconds: float


def replay(
    x: Embeddings,
    truth_gold: Truth,
    *,
    test_x: Embeddings,
    test_truth: Truth,
    strategy: str,
    seed: int,
    config: ReplayConfig | None = None,
    on_round: Callable[[RoundResult], None] | None = None,
) -> list[RoundResult]:
    """Play one loop and measure after every round.

    Parameters
    ----------
    x, truth_gold
        The pool: vectors (documents, width), truth (documents, labels).
    test_x, test_truth
        Never trained on, never used for the threshold.
    strategy, seed
        The seed draws the initial documents and everything the learner and
        the strategy draw.

    Returns
    -------
    results
        One per round, the initial documents' first; fewer rounds when the
        pool runs out.
    """
    config = config or ReplayConfig()
    strategy = strategy_info(strategy).name
    if len(x) < config.n_initial:
        raise InputError(
            f"The pool has {len(x)} documents, fewer than the {config.n_initial} to begin with; "
            "begin with fewer."
        )
    rng = np.random.default_rng(seed)
    judged = rng.permutation(len(x))[: config.n_initial]
    results = []
    for number in range(config.n_rounds + 1):
        started = time.perf_counter()
        round_seed = seed * 1000 + number
        seen = JudgedVectors(x[judged], truth_gold[judged])
        learner, threshold = _train(seen, config=config, seed=round_seed)
        proba = learner.predict_proba(_unlabelled(test_x, test_truth))
        result = _measure(proba, test_truth, threshold=threshold, n_judged=len(judged))
        pool = np.setdiff1d(np.arange(len(x)), judged)
        if number < config.n_rounds and len(pool):
            scored = score_pool(
                learner, x[pool], strategy=strategy, n_passes=config.n_passes, seed=round_seed
            )
            chosen = choose_batch(
                scored.score,
                config.batch_size,
                rng,
                strategy=strategy,
                read_vectors=partial(_rows_of, x, pool),
            )
            judged = np.concatenate([judged, pool[chosen]])
        result = dataclasses.replace(result, seconds=time.perf_counter() - started)
        results.append(result)
        if on_round is not None:
            on_round(result)
        if not len(pool):
            break
    return results


def area_under_curve(results: list[RoundResult]) -> float:
    """Average micro-F1 over the judged documents: the curve's area over its width."""
    n_judged = np.array([result.n_judged for result in results], dtype=np.float64)
    micro_f1 = np.array([result.micro_f1 for result in results])
    if len(results) == 1:
        return float(micro_f1[0])
    return float(np.trapezoid(micro_f1, n_judged) / (n_judged[-1] - n_judged[0]))


def micro_macro_f1(
    proba: Proba, truth: Truth, threshold: float | NDArray[np.float32]
) -> tuple[float, float]:
    """Give micro-F1 and macro-F1 of the positive class over judged cells.

    Macro-F1 averages the labels that are present somewhere in `truth`; with
    nothing present both are NaN, as in `core.evaluation`.
    """
    cells = outcome_cells(predict(proba, threshold), truth)
    tp, fp, fn = (outcome.sum(axis=0) for outcome in cells)
    per_label = f1_from_counts(tp, fp, fn)
    is_supported = np.isfinite(per_label)
    macro = float(per_label[is_supported].mean()) if is_supported.any() else float("nan")
    return float(f1_from_counts(tp.sum(), fp.sum(), fn.sum())), macro


def best_threshold(proba: Proba, truth: Truth) -> float:
    """Give the threshold of the highest micro-F1; 0.5 where none does any good."""
    known = ~np.isnan(proba).any(axis=1)
    scores = [micro_macro_f1(proba[known], truth[known], float(cut))[0] for cut in THRESHOLDS]
    return float(THRESHOLDS[int(np.argmax(scores))]) if max(scores) > 0 else 0.5


def _train(seen: JudgedVectors, *, config: ReplayConfig, seed: int) -> tuple[QuickLearner, float]:
    learner_config = dataclasses.replace(config.learner, seed=seed)

    def fit_predict(train: NDArray[np.int64], test: NDArray[np.int64]) -> Proba:
        fold_learner = QuickLearner(learner_config, seen.n_labels).fit(seen[train])
        return fold_learner.predict_proba(seen[test])

    proba, _ = out_of_fold(fit_predict, seen.truth, n_folds=config.n_folds, seed=seed)
    learner = QuickLearner(learner_config, seen.n_labels).fit(seen)
    return learner, best_threshold(proba, seen.truth)


def _rows_of(x: Embeddings, pool: NDArray[np.int64], rows: NDArray[np.int64]) -> Embeddings:
    return x[pool[rows]]


def _unlabelled(x: Embeddings, truth: Truth) -> JudgedVectors:
    return JudgedVectors(x, np.full_like(truth, UNJUDGED))


def _measure(proba: Proba, truth: Truth, *, threshold: float, n_judged: int) -> RoundResult:
    micro, macro = micro_macro_f1(proba, truth, threshold)
    micro_at_half, macro_at_half = micro_macro_f1(proba, truth, 0.5)
    return RoundResult(
        n_judged=n_judged,
        threshold=threshold,
        micro_f1=micro,
        macro_f1=macro,
        micro_f1_at_half=micro_at_half,
        macro_f1_at_half=macro_at_half,
        seconds=0.0,
    )
