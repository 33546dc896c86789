"""The strategies as small-text query strategies, for any classifier with dense probabilities.

The maths is `score_pool` and `selection`; these classes fit it to small-text's
loops. What small-text's own multi-label strategies do differently, and why
that misranks, is told by the tests beside these.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from small_text import QueryStrategy

from core.domain import ABSENT, PRESENT, Aggregation, Batching, Proba, Samples, Truth
from core.errors import InputError
from core.strategies.batches import Batch
from core.strategies.catalogue import DEFAULT_STRATEGY, STRATEGIES, Family, strategy_info
from core.strategies.diversity import ReadVectors
from core.strategies.judged import Judged
from core.strategies.recipe import Recipe
from core.strategies.score_pool import PoolScores, score_pool
from core.strategies.selection import LOOKS_AT_PREDICTIONS, choose_batch

LOOK_AT_VECTORS = {info.name for info in STRATEGIES if info.family is Family.BATCH}
NEED_NO_MODEL = {"random", *(LOOK_AT_VECTORS - LOOKS_AT_PREDICTIONS)}
ROWS_AT_ONCE = 4096
READ_OWN_PREDICTIONS = {"mmc", "contrastive"}  # of the judged documents
SPREADING = {Batching.GROUPS, Batching.SOFT_GROUPS, Batching.SPREAD, Batching.GREEDY}


class MultiLabelQuery(QueryStrategy):  # type: ignore[misc]
    """Answers small-text's question as a recipe says; ties are drawn by lot.

    Vectors are the dataset's features where those are dense numbers, else what
    the classifier's `embed` gives. Where there are neither, batches are not
    spread by likeness, and strategies that look at vectors are refused.

    BAIT trusts a model's doubt by predictions of documents it has not seen; a
    loop has none, so here it covers the pool.

    Parameters
    ----------
    recipe
        A strategy's name, or everything that decides.
    seed
        Of all that is drawn.

    Attributes
    ----------
    scores_, batch_
        Of the last query: the pool's scores in the order of its
        `indices_unlabeled`, and what was chosen of it, as what and how likely.
    """

    def __init__(self, recipe: Recipe | str = DEFAULT_STRATEGY, *, seed: int = 0) -> None:
        self.recipe = Recipe.of(recipe) if isinstance(recipe, str) else recipe
        self.rng = np.random.default_rng(seed)
        self.scores_: PoolScores | None = None
        self.batch_: Batch | None = None

    def query(
        self,
        clf: Any,
        dataset: Any,
        indices_unlabeled: NDArray[np.integer],
        indices_labeled: NDArray[np.integer],
        y: Any,
        n: int = 10,
    ) -> NDArray[np.integer]:
        """Choose `n` of `indices_unlabeled`, most worth asking first.

        `y` may be a csr_matrix, a csr_array or dense, of the labelled rows; a
        dataset with three-state truth is asked for that instead. Raises
        small-text's EmptyPoolException or PoolExhaustedException when there are
        fewer, and InputError for a classifier without what the strategy needs.
        """
        self._validate_query_input(indices_unlabeled, n)
        pool_rows = np.asarray(indices_unlabeled)
        pool, known = dataset[pool_rows], dataset[np.asarray(indices_labeled)]
        truth = _truth_of(known, y)
        streams = hasattr(clf, "score_stream")
        learner = clf if streams else _Dense(clf, pool, self.recipe, n_labels=truth.shape[1])
        vectors = self._vectors(clf, pool)
        judged = Judged(
            x=self._vectors(clf, known)(np.arange(len(known))),
            truth=truth,
            proba=self._own_predictions(clf, known, truth),
        )
        recipe = self._recipe_without_vectors(clf, pool)
        self.scores_ = score_pool(
            learner,
            pool.x if streams else np.arange(len(pool_rows)),
            recipe=recipe,
            judged=judged,
            read_vectors=vectors,
            seed=int(self.rng.integers(2**32)),
        )
        self.batch_ = choose_batch(
            self.scores_, n, self.rng, recipe=recipe, judged=judged, read_vectors=vectors
        )
        return pool_rows[self.batch_.positions]

    @property
    def _needs_vectors(self) -> bool:
        """Whether the strategy itself reads them, whatever the batch is made of."""
        is_batch = strategy_info(self.recipe.strategy).family is Family.BATCH
        return is_batch or self.recipe.strategy == "contrastive"

    @property
    def _wants_vectors(self) -> bool:
        recipe = self.recipe
        spreads = recipe.batching in SPREADING or recipe.near_copy < 1 or recipe.coverage_share > 0
        return self._needs_vectors or spreads

    def _vectors(self, clf: Any, dataset: Any) -> ReadVectors:
        """Unit vectors of some rows; of width 1 where none are wanted or to be had."""
        if not self._wants_vectors or not _has_vectors(clf, dataset):
            return lambda rows: np.ones((len(rows), 1), dtype=np.float32)
        x = dataset.x if _is_dense(dataset.x) else clf.embed(dataset)
        unit = _unit(np.asarray(x, dtype=np.float32))
        return lambda rows: unit[rows]

    def _recipe_without_vectors(self, clf: Any, pool: Any) -> Recipe:
        if _has_vectors(clf, pool):
            return self.recipe
        if self._needs_vectors:
            raise InputError(
                f"Strategy '{self.recipe.strategy}' compares documents as vectors, which neither "
                f"the dataset nor {type(clf).__name__} gives; use dense features, a classifier "
                "with 'embed', or a strategy such as 'entropy'."
            )
        soft = self.recipe.batching is Batching.SOFT_GROUPS
        batching = Batching.SOFT if soft else Batching.TOP
        if self.recipe.batching not in SPREADING:
            batching = self.recipe.batching
        return replace(self.recipe, batching=batching, near_copy=1.0, coverage_share=0.0)

    def _own_predictions(self, clf: Any, known: Any, truth: Truth) -> Proba:
        """Of the judged documents; a plain loop has none but the classifier's own."""
        wanted = self.recipe.strategy in READ_OWN_PREDICTIONS
        if not (wanted or self.recipe.aggregation is Aggregation.NEED) or not len(known):
            return np.full(truth.shape, np.nan, dtype=np.float32)
        return _dense(clf.predict_proba(known), clf)

    def __str__(self) -> str:
        return f"MultiLabelQuery({self.recipe.strategy})"


class _Dense:
    """A classifier with dense probabilities, asked for some rows of the pool at a time."""

    def __init__(self, clf: Any, pool: Any, recipe: Recipe, *, n_labels: int) -> None:
        self._clf, self._pool, self._recipe, self.n_labels = clf, pool, recipe, n_labels

    def score_stream(
        self, x: NDArray[np.int64], *, n_passes: int, chunk: int | None = None
    ) -> Iterator[tuple[slice, Proba, Samples]]:
        """Yield (rows, probabilities, samples) of the pool's rows `x`."""
        size = chunk or ROWS_AT_ONCE
        for start in range(0, len(x), size):
            rows = slice(start, min(start + size, len(x)))
            yield rows, *self._predict(x[rows], n_passes)

    def _predict(self, rows: NDArray[np.int64], n_passes: int) -> tuple[Proba, Samples]:
        nothing = np.zeros((len(rows), 0, self.n_labels), dtype=np.float32)
        if self._recipe.strategy in NEED_NO_MODEL:
            return np.full((len(rows), self.n_labels), np.nan, dtype=np.float32), nothing
        some = self._pool[rows]
        if not n_passes:
            return _dense(self._clf.predict_proba(some), self._clf), nothing
        if "dropout_sampling" not in inspect.signature(self._clf.predict_proba).parameters:
            raise InputError(
                f"Strategy '{self._recipe.strategy}' needs Monte Carlo dropout, which "
                f"{type(self._clf).__name__} does not offer; use 'entropy', or a learner with "
                "dropout."
            )
        samples = _dense(self._clf.predict_proba(some, dropout_sampling=n_passes), self._clf)
        return samples.mean(axis=1), samples


def _truth_of(known: Any, y: Any) -> Truth:
    if hasattr(known, "truth"):
        return np.asarray(known.truth, dtype=np.int8)
    dense: NDArray[Any] = y.toarray() if issparse(y) else np.asarray(y)  # type: ignore[attr-defined]
    return np.where(dense > 0, PRESENT, ABSENT).astype(np.int8)


def _has_vectors(clf: Any, dataset: Any) -> bool:
    return _is_dense(dataset.x) or hasattr(clf, "embed")


def _is_dense(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.ndim == 2 and x.dtype.kind == "f"


def _unit(x: NDArray[np.float32]) -> NDArray[np.float32]:
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return np.asarray(x / np.maximum(length, np.finfo(np.float32).tiny), dtype=np.float32)


def _dense(proba: Any, clf: Any) -> NDArray[np.float32]:
    if issparse(proba):
        raise InputError(
            f"{type(clf).__name__} returns sparse probabilities, from which everything under "
            "its threshold is missing; give a classifier whose predict_proba is dense."
        )
    return np.asarray(proba, dtype=np.float32)
