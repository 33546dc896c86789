"""Puts a batch together: its shares, and within each share unlike documents of worth.

A recipe tells the shares. What to ask for coverage is `typiclust`'s to say, how
documents are drawn and spread `diversity`'s, and what a copy is `near_copies`'s.
Needs numpy, and scikit-learn for coverage.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.domain import Batching, Proba, QueryKind
from core.strategies import diversity
from core.strategies.diversity import Positions, ReadVectors, Vectors, Weights
from core.strategies.judged import Judged
from core.strategies.near_copies import NearCopies
from core.strategies.recipe import Recipe
from core.strategies.scores import Scores
from core.strategies.typiclust import typiclust_batch

SHORTLIST = {  # per document of the batch
    Batching.GROUPS: 10,
    Batching.SOFT_GROUPS: diversity.CANDIDATES_PER_CHOICE,
    Batching.SPREAD: 20,
    Batching.GREEDY: 20,
}
RARE_SHORTLIST = 10  # the likeliest examples of a label, of which one is drawn
COVERAGE_SAMPLE = 10_000  # candidates looked at for coverage: twice as many take twice as long
MAX_PICKS = 3  # times a strategy is asked again because what it picked were copies
MIN_SECONDS = 0.01

Pick = Callable[[int, NDArray[np.bool_], np.random.Generator], Positions]


@dataclass(frozen=True)
class Candidates:
    """The documents that may be asked about, by position."""

    score: Scores  # (candidates,), higher is more worth asking; finite, may be negative
    proba: Proba  # (candidates, labels), NaN columns where nothing is known
    read_vectors: ReadVectors  # positions → unit vectors (positions, width)
    expected_seconds: NDArray[np.float32] | None = None  # (candidates,), of judging each

    def __len__(self) -> int:
        return len(self.score)


@dataclass(frozen=True)
class Batch:
    """What to ask, in this order; broken off early it still holds every share."""

    positions: Positions  # (chosen,), each once
    kinds: tuple[QueryKind, ...]  # MODEL, COVERAGE, RARE or RANDOM
    probabilities: NDArray[np.float64]  # (chosen,), chance of selection; NaN: not known
    labels: Positions  # (chosen,), the label a RARE document is wanted for, else -1


def compose(
    candidates: Candidates,
    judged: Judged,
    recipe: Recipe,
    n: int,
    rng: np.random.Generator,
    *,
    pick: Pick | None = None,
) -> Batch:
    """Choose `n` documents as the recipe says; all of them where fewer are left.

    First the random share is drawn from all candidates, then likely examples
    of labels with few, then documents typical of unjudged regions; what is
    left of `n` goes to the model: to `pick` where the strategy composes its
    own batches, else by `recipe.batching` on the score, and shares that found
    too few fall to it as well. The random strategy draws all but the rare and
    coverage shares by lot.

    Scores weigh draws and likeness as they are where none is negative, else
    less the lowest one. `recipe.per_second` divides those weights by the
    expected seconds, where they are known; it does not touch `pick`.

    Below a `near_copy` of 1, no document is chosen whose cosine to a judged or
    chosen one reaches it, while others are left. The random share alone is
    drawn without looking, so that it speaks for all candidates.

    Probabilities: for RANDOM documents, that of being in the share, k/N. For
    MODEL documents of a soft draw in which copies may pass, the chance q of
    `diversity.draw_with_chances`, given what the other shares took before: in
    a sum over all candidates those count with weight 1 and these with 1/q.
    NaN for all others.

    Parameters
    ----------
    pick
        Called with how many are wanted, a mask (candidates,) of those that are
        free, and the generator; gives positions, best first.
    """
    desk = _Desk(candidates, judged, recipe, rng)
    n = min(max(n, 0), len(candidates))
    n_random, n_rare, n_coverage = _share_sizes(recipe, n)
    desk.draw_random(n_random)
    desk.take_rare(n_rare)
    desk.take_coverage(n_coverage)
    if pick is None:
        desk.take_by_score(n - desk.n_taken)
    else:
        desk.take_picked(n - desk.n_taken, pick)
    desk.fill(n - desk.n_taken)
    return desk.batch()


def _share_sizes(recipe: Recipe, n: int) -> tuple[int, int, int]:
    """Random, rare and coverage documents in a batch of `n`; never more than `n` together."""
    rare, coverage = recipe.rare_share, recipe.coverage_share
    random = 1.0 - rare - coverage if recipe.strategy == "random" else recipe.random_share
    ends = np.floor(np.cumsum([random, rare, coverage]) * n + 0.5 + 1e-9).astype(int)
    n_random, n_rare, n_coverage = np.diff(np.minimum(ends, n), prepend=0).tolist()
    return n_random, n_rare, n_coverage


@dataclass(frozen=True)
class _Row:
    position: int
    chance: float
    label: int


class _Desk:
    """A batch in the making."""

    def __init__(
        self, candidates: Candidates, judged: Judged, recipe: Recipe, rng: np.random.Generator
    ) -> None:
        self._candidates, self._judged, self._recipe, self._rng = candidates, judged, recipe, rng
        settled = judged.x if judged.is_open is None else judged.x[~judged.is_open]
        self._copies = NearCopies(candidates.read_vectors, settled, recipe.near_copy)
        self._is_free = np.ones(len(candidates), dtype=bool)
        self._worth = _worth(candidates, recipe)
        self._rows: dict[QueryKind, list[_Row]] = {}

    @property
    def n_taken(self) -> int:
        """Documents chosen so far."""
        return sum(map(len, self._rows.values()))

    def draw_random(self, n: int) -> None:
        """Draw from all candidates, each as likely as the next."""
        if n > 0:
            drawn = self._rng.choice(len(self._is_free), size=n, replace=False)
            self._take(QueryKind.RANDOM, drawn, chances=np.full(n, n / len(self._is_free)))

    def take_rare(self, n: int) -> None:
        """Labels with few positives take turns; each gets one of its likeliest examples."""
        turns = self._rare_labels() if n > 0 else []
        while n > 0 and turns:
            label = turns.pop(0)
            proba = self._candidates.proba[:, label]
            found = self._best(proba, RARE_SHORTLIST, among=~np.isnan(proba))
            if len(found):
                weights = proba[found].astype(np.float64) + diversity.TINY
                drawn = self._rng.choice(found, size=1, p=weights / weights.sum())
                self._take(QueryKind.RARE, drawn, label=label)
                turns.append(label)
                n -= 1

    def take_coverage(self, n: int) -> None:
        """Documents typical of regions that nobody has judged, among some drawn by lot."""
        free = np.flatnonzero(self._is_free)
        if n > 0 and len(free):
            some = self._rng.permutation(free)[:COVERAGE_SAMPLE]
            known = np.concatenate([self._judged.x, self._chosen()], dtype=np.float32)
            found, _ = typiclust_batch(self._read(some), known, n, self._rng)
            self._take(QueryKind.COVERAGE, self._copies.passed(some[found], n))

    def take_by_score(self, n: int) -> None:
        """Choose among the free by worth, as the recipe's batching says."""
        batching, chances = self._recipe.batching, None
        if n <= 0:
            return
        if batching is Batching.SOFT and self._copies.is_idle:
            free = np.flatnonzero(self._is_free)
            drawn, chances = diversity.draw_with_chances(self._worth[free], n, self._rng)
            found = free[drawn]
        elif batching in (Batching.SOFT, Batching.SOFT_GROUPS):
            keys = diversity.draw_keys(self._worth, self._rng)
            found = self._best(keys, SHORTLIST.get(batching, 1) * n)
        else:
            found = self._best(self._worth, SHORTLIST.get(batching, 1) * n)
        if len(found) > n:
            found = found[self._spread(found, n)]
        order = np.argsort(-self._worth[found], kind="stable")
        self._take(
            QueryKind.MODEL, found[order], chances=None if chances is None else chances[order]
        )

    def take_picked(self, n: int, pick: Pick) -> None:
        """Take what the strategy picks; where copies are passed over, it is asked again."""
        is_open = self._is_free.copy()
        for _ in range(MAX_PICKS):
            if n <= 0 or not is_open.any():
                return
            picked = np.asarray(pick(n, is_open.copy(), self._rng), dtype=np.int64)
            picked = _each_once(picked[np.isin(picked, np.flatnonzero(is_open))])
            is_open[picked] = False
            found = self._copies.passed(picked, n)
            self._take(QueryKind.MODEL, found)
            n -= len(found)

    def fill(self, n: int) -> None:
        """Take the best of what is left, copies only when nothing else is."""
        if n > 0:
            others = self._best(self._worth, n)
            self._take(QueryKind.MODEL, others)
            free = np.flatnonzero(self._is_free)
            copies = diversity.highest(self._worth[free], n - len(others), self._rng)
            self._take(QueryKind.MODEL, free[copies])

    def batch(self) -> Batch:
        """All that was taken, the kinds in turn by the stride of their shares."""
        places = [
            ((i + 0.5) / len(rows), kind, row)
            for kind, rows in self._rows.items()
            for i, row in enumerate(rows)
        ]
        places.sort(key=lambda place: place[0])
        return Batch(
            positions=np.array([row.position for _, _, row in places], dtype=np.int64),
            kinds=tuple(kind for _, kind, _ in places),
            probabilities=np.array([row.chance for _, _, row in places], dtype=np.float64),
            labels=np.array([row.label for _, _, row in places], dtype=np.int64),
        )

    def _take(
        self,
        kind: QueryKind,
        positions: Positions,
        *,
        chances: NDArray[np.float64] | None = None,
        label: int = -1,
    ) -> None:
        if chances is None:
            chances = np.full(len(positions), np.nan)
        self._rows.setdefault(kind, []).extend(
            _Row(position, chance, label)
            for position, chance in zip(positions.tolist(), chances.tolist(), strict=True)
        )
        self._is_free[positions] = False
        self._copies.add(positions)

    def _best(
        self, values: Weights, n: int, *, among: NDArray[np.bool_] | None = None
    ) -> Positions:
        """The `n` highest of the free that are no copies, of what is taken or of each other."""
        where = np.flatnonzero(self._is_free if among is None else self._is_free & among)
        n_looked_at = n
        while True:
            best = where[diversity.highest(values[where], n_looked_at, self._rng)]
            found = self._copies.passed(best, n)
            if len(found) == n or n_looked_at >= len(where):
                return found
            n_looked_at *= 4

    def _spread(self, found: Positions, n: int) -> Positions:
        x, worth = self._read(found), self._worth[found]
        if self._recipe.batching is Batching.SPREAD:
            return diversity.spread_out(x, worth, n, self._rng, taken=self._chosen())
        if self._recipe.batching is Batching.GREEDY:
            return diversity.least_redundant(x, worth, n, taken=self._chosen())
        return diversity.best_of_groups(x, worth, n, self._rng)

    def _rare_labels(self) -> list[int]:
        """Labels with no more positives than the average one, fewest first."""
        n_present = self._judged.n_present
        order = self._rng.permutation(len(n_present))
        order = order[np.argsort(n_present[order], kind="stable")]
        is_rare = n_present[order] * len(order) <= n_present.sum()
        return [int(label) for label in order[is_rare]]

    def _chosen(self) -> Vectors:
        """Vectors of what is taken so far."""
        taken = [row.position for rows in self._rows.values() for row in rows]
        if not taken:
            return np.empty((0, self._judged.x.shape[1]), dtype=np.float32)
        return self._read(np.array(taken, dtype=np.int64))

    def _read(self, positions: Positions) -> Vectors:
        return np.asarray(self._candidates.read_vectors(positions), dtype=np.float32)


def _worth(candidates: Candidates, recipe: Recipe) -> NDArray[np.float64]:
    """What asking each is worth, not negative; by the second where that is asked and known."""
    worth = diversity.not_negative(candidates.score)
    if recipe.per_second and candidates.expected_seconds is not None:
        worth /= np.maximum(candidates.expected_seconds, MIN_SECONDS)
    return worth


def _each_once(positions: Positions) -> Positions:
    _, first = np.unique(positions, return_index=True)
    return positions[np.sort(first)]
