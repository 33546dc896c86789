"""The strategies as small-text query strategies, for any classifier with dense probabilities.

The maths is `scores` and `score_pool`; these classes fit it to small-text's
loops. What small-text's own multi-label strategies do differently, and why
that misranks, is told by the tests beside these.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from small_text import QueryStrategy

from core.errors import InputError
from core.strategies.catalogue import strategy_info
from core.strategies.diversity import ReadVectors
from core.strategies.score_pool import contributions_of, score_pool
from core.strategies.scores import Contributions, Scores, score_of
from core.strategies.selection import choose_batch


class ScoredQuery(QueryStrategy):  # type: ignore[misc]
    """Asks about the documents with the highest score; ties are drawn by lot.

    BALD asks about unlike ones among the high scores where the dataset's
    features are vectors.

    Attributes
    ----------
    scores_, contributions_
        Of the last query's pool, in the order of its `indices_unlabeled`:
        (documents,) and (documents, labels).
    """

    name: str

    def __init__(self, *, seed: int = 0, n_passes: int = 20) -> None:
        self.rng = np.random.default_rng(seed)
        self.n_passes = n_passes
        self.scores_: Scores | None = None
        self.contributions_: Contributions | None = None

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

        `y` is not looked at, so any kind of it will do. Raises small-text's
        EmptyPoolException or PoolExhaustedException when there are fewer.
        """
        self._validate_query_input(indices_unlabeled, n)
        pool = dataset[np.asarray(indices_unlabeled)]
        self.scores_, self.contributions_ = self._score(clf, pool, len(indices_unlabeled))
        chosen = choose_batch(
            self.scores_, n, self.rng, strategy=self.name, read_vectors=_vectors_of(pool)
        )
        return np.asarray(indices_unlabeled)[chosen]

    def _score(self, clf: Any, pool: Any, n_pool: int) -> tuple[Scores, Contributions]:
        if hasattr(clf, "score_stream"):
            scored = score_pool(clf, pool.x, strategy=self.name, n_passes=self.n_passes)
            return scored.score, scored.contributions
        proba, samples = self._predict(clf, pool)
        contributions = contributions_of(proba, samples, strategy=self.name)
        return score_of(contributions, strategy=self.name), contributions

    def _predict(self, clf: Any, pool: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        if not strategy_info(self.name).needs_samples:
            return _dense(clf.predict_proba(pool), clf), np.empty(0, dtype=np.float32)
        if "dropout_sampling" not in inspect.signature(clf.predict_proba).parameters:
            raise InputError(
                f"Strategy '{self.name}' needs Monte Carlo dropout, which {type(clf).__name__} "
                "does not offer; use 'entropy', or a learner with dropout."
            )
        samples = _dense(clf.predict_proba(pool, dropout_sampling=self.n_passes), clf)
        return samples.mean(axis=1), samples

    def __str__(self) -> str:
        return f"{type(self).__name__}({self.name})"


class RandomQuery(ScoredQuery):
    """Asks about documents drawn by lot; needs no trained classifier."""

    name = "random"

    def _score(self, clf: Any, pool: Any, n_pool: int) -> tuple[Scores, Contributions]:
        return self.rng.random(n_pool, dtype=np.float32), np.zeros((n_pool, 0), dtype=np.float32)


class EntropyQuery(ScoredQuery):
    """Asks where the average Bernoulli entropy over labels is highest."""

    name = "entropy"


class BaldQuery(ScoredQuery):
    """Asks where the passes disagree most, by Bernoulli entropies."""

    name = "bald"


class BealQuery(ScoredQuery):
    """Asks where expected confidence is lowest, in one of the four readings.

    Parameters
    ----------
    reading
        "mean" (a), "posterior" (b), "expected" (c) or "joint" (d).
    """

    def __init__(self, reading: str = "mean", *, seed: int = 0, n_passes: int = 20) -> None:
        super().__init__(seed=seed, n_passes=n_passes)
        self.name = strategy_info(f"beal-{reading}").name


def make_strategy(name: str, *, seed: int, n_passes: int = 20) -> ScoredQuery:
    """Build the strategy of that name; raises InputError for an unknown one."""
    name = strategy_info(name).name
    if name.startswith("beal-"):
        return BealQuery(name.removeprefix("beal-"), seed=seed, n_passes=n_passes)
    kinds: dict[str, type[ScoredQuery]] = {
        "random": RandomQuery,
        "entropy": EntropyQuery,
        "bald": BaldQuery,
    }
    return kinds[name](seed=seed, n_passes=n_passes)


def _vectors_of(pool: Any) -> ReadVectors | None:
    x = pool.x
    if isinstance(x, np.ndarray) and x.ndim == 2 and x.dtype.kind == "f":
        return lambda rows: x[rows]
    return None


def _dense(proba: Any, clf: Any) -> NDArray[np.float32]:
    if issparse(proba):
        raise InputError(
            f"{type(clf).__name__} returns sparse probabilities, from which everything under "
            "its threshold is missing; give a classifier whose predict_proba is dense."
        )
    return np.asarray(proba, dtype=np.float32)
