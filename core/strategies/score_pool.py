"""Scores a whole pool by a recipe, chunk by chunk, whatever its size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.domain import Proba, Samples
from core.errors import Cancelled
from core.strategies.aggregation import aggregate, label_weights
from core.strategies.besra import besra_gains
from core.strategies.cardinality import adaptive_scores, audi_scores, lci_scores, mmc_scores
from core.strategies.catalogue import Family, strategy_info
from core.strategies.contrastive import contrastive_scores
from core.strategies.cvirs import cvirs_scores
from core.strategies.diversity import ReadVectors
from core.strategies.judged import Judged, nothing_judged
from core.strategies.recipe import Recipe
from core.strategies.scores import FROM_PROBA, FROM_SAMPLES, Contributions, Scores

BLOCK = 8192  # documents; a fixed size, so that the number of cores does not show in the result
N_REFERENCE = 50  # pool documents on which BESRA weighs an answer; its authors take 100

FromPool = Callable[[Proba, Judged, ArrayLike], tuple[Scores, Contributions]]
FROM_POOL: dict[str, FromPool] = {  # the last argument is the threshold
    "lci": lambda proba, judged, cut: lci_scores(proba, judged, threshold=cut),
    "adaptive": lambda proba, judged, cut: adaptive_scores(proba, judged, threshold=cut),
    "mmc": lambda proba, judged, _: mmc_scores(proba, judged),
    "cvirs": lambda proba, judged, cut: cvirs_scores(proba, judged, threshold=cut),
}


class StreamsSamples(Protocol):
    """What scoring asks of a learner."""

    n_labels: int

    def score_stream(
        self, x: Any, *, n_passes: int, chunk: int | None = None
    ) -> Iterator[tuple[slice, Proba, Samples]]:
        """Yield (rows, plain probabilities, samples)."""
        ...


@dataclass(frozen=True)
class PoolScores:
    """What a recipe makes of a pool.

    `proba` are the learner's plain probabilities, those that calibration is
    fitted on; the Monte Carlo samples feed the score alone.
    """

    proba: Proba  # (documents, labels)
    score: Scores  # (documents,), higher is more worth asking
    contributions: Contributions  # (documents, labels), what each label adds to the score
    gains: NDArray[np.float32] | None = None  # (documents, reference), BESRA's alone

    def take(self, rows: NDArray[np.int64]) -> Self:
        """The same of some documents."""
        gains = None if self.gains is None else self.gains[rows]
        return type(self)(self.proba[rows], self.score[rows], self.contributions[rows], gains)


def score_pool(
    learner: StreamsSamples,
    x: Any,
    *,
    recipe: Recipe,
    judged: Judged | None = None,
    candidates: NDArray[np.int64] | None = None,
    read_vectors: ReadVectors | None = None,
    n_asked: NDArray[np.int64] | None = None,
    threshold: ArrayLike = 0.5,
    seed: int = 0,
    n_threads: int = 1,
    should_stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[int], None] | None = None,
) -> PoolScores:
    """Score documents by a recipe.

    Parameters
    ----------
    learner
        Trained; gives probabilities and dropout samples in chunks.
    x
        What the learner reads: vectors (documents, width), or texts.
    judged
        What is known already; None is nothing.
    candidates
        Rows that may be asked about, all by default. Strategies that compare
        documents with each other compare these; the others score 0.
    threshold
        From which a label counts as predicted, for strategies that count them:
        one for all, or one per label.
    seed
        Draws the random strategy's scores and BESRA's reference documents.
    n_threads
        Blocks of documents scored at a time; the result is the same with any
        number. Above 1 the learner's `score_stream` must bear that.
    should_stop, on_progress
        Asked before each chunk; told how many documents are scored.

    Raises Cancelled when stopped.
    """
    if judged is None:
        judged = nothing_judged(1, learner.n_labels)
    if candidates is None:
        candidates = np.arange(len(x))
    info, rng = strategy_info(recipe.strategy), np.random.default_rng(seed)
    scorer = _Scorer(
        learner, x, recipe, judged, reference_rows=_draw(candidates, rng), threshold=threshold
    )
    vectors = read_vectors or x.__getitem__
    result = scorer.empty(rng)
    counting, n_scored = Lock(), 0

    def score_block(start: int) -> None:
        nonlocal n_scored
        block = x[start : start + BLOCK]
        n_passes = recipe.n_passes if info.needs_samples else 0
        for rows, proba, samples in learner.score_stream(block, n_passes=n_passes):
            if should_stop():
                raise Cancelled(f"Scoring stopped after {n_scored} of {len(x)} documents.")
            scorer.fill(result, slice(start + rows.start, start + rows.stop), proba, samples)
            with counting:
                n_scored += len(proba)
                if on_progress is not None:
                    on_progress(n_scored)

    with ThreadPoolExecutor(n_threads) as threads:
        list(threads.map(score_block, range(0, len(x), BLOCK)))
    if info.family is Family.POOL:
        scorer.compare(result, candidates, vectors, n_asked)
    return result


def rescore_samples(
    scores: PoolScores, samples: Samples, *, recipe: Recipe, judged: Judged
) -> PoolScores:
    """Give the same documents the score that these samples (documents, passes, labels) make."""
    contributions = contributions_of(scores.proba, samples, strategy=recipe.strategy)
    weights = label_weights(recipe.aggregation, judged)
    score = aggregate(contributions, recipe.aggregation, weights=weights)
    return PoolScores(scores.proba, score, _weighted(contributions, weights))


class _Scorer:
    """Turns probabilities and samples into scores, by one recipe."""

    def __init__(
        self,
        learner: StreamsSamples,
        x: Any,
        recipe: Recipe,
        judged: Judged,
        *,
        reference_rows: NDArray[np.int64],
        threshold: ArrayLike,
    ) -> None:
        self._recipe, self._judged, self._threshold = recipe, judged, threshold
        self._shape = (len(x), learner.n_labels)
        self._weights = label_weights(recipe.aggregation, judged)
        self._reference: Samples | None = None
        if recipe.strategy == "besra":
            stream = learner.score_stream(x[reference_rows], n_passes=recipe.n_passes)
            parts = [samples.copy() for _, _, samples in stream]
            nothing = np.empty((0, recipe.n_passes, learner.n_labels), dtype=np.float32)
            self._reference = np.concatenate(parts) if parts else nothing

    def empty(self, rng: np.random.Generator) -> PoolScores:
        """Room for the result; what is never filled in is a lot."""
        n_documents = self._shape[0]
        has_gains = self._reference is not None
        return PoolScores(
            proba=np.zeros(self._shape, dtype=np.float32),
            score=rng.random(n_documents, dtype=np.float32),
            contributions=np.zeros(self._shape, dtype=np.float32),
            gains=np.zeros((n_documents, len(self._reference)), np.float32)  # type: ignore[arg-type]
            if has_gains
            else None,
        )

    def fill(self, result: PoolScores, here: slice, proba: Proba, samples: Samples) -> None:
        """Score one chunk."""
        result.proba[here] = proba
        if self._recipe.strategy in FROM_PROBA or self._recipe.strategy in FROM_SAMPLES:
            contributions = contributions_of(proba, samples, strategy=self._recipe.strategy)
        elif self._reference is not None and result.gains is not None:
            result.gains[here], contributions = besra_gains(samples, self._reference)
        elif self._recipe.strategy in {"badge", "bait"}:  # what they weigh grows with these
            contributions = contributions_of(proba, samples, strategy="least-confidence")
        else:
            return
        how = self._recipe.aggregation
        result.score[here] = aggregate(contributions, how, weights=self._weights)
        result.contributions[here] = _weighted(contributions, self._weights)

    def compare(
        self,
        result: PoolScores,
        candidates: NDArray[np.int64],
        vectors: ReadVectors,
        n_asked: NDArray[np.int64] | None,
    ) -> None:
        """Score the candidates against each other and against what is judged."""
        result.score[:] = 0.0
        proba = result.proba[candidates]
        if self._recipe.strategy == "contrastive":
            score, contributions = contrastive_scores(
                vectors(candidates), proba, self._judged.x, self._judged.proba
            )
        elif self._recipe.strategy == "audi":
            asked = None if n_asked is None else n_asked[candidates]
            score, contributions = audi_scores(
                proba, self._judged, n_asked=asked, threshold=self._threshold
            )
        else:
            score, contributions = FROM_POOL[self._recipe.strategy](
                proba, self._judged, self._threshold
            )
        result.score[candidates] = score
        result.contributions[candidates] = contributions


def contributions_of(proba: Proba, samples: Samples, *, strategy: str) -> Contributions:
    """Give what each label adds to the score, (documents, labels).

    A label without a probability (NaN) adds nothing: no doubt was measured.
    """
    if strategy in FROM_PROBA:
        contributions = FROM_PROBA[strategy](proba)
    else:
        contributions = FROM_SAMPLES[strategy](samples)
    return np.nan_to_num(contributions, copy=False)


def _weighted(contributions: Contributions, weights: NDArray[np.float32] | None) -> Contributions:
    return contributions if weights is None else contributions * weights


def _draw(candidates: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    return np.sort(rng.permutation(candidates)[:N_REFERENCE])
