"""Scoring a pool in chunks."""

import numpy as np
import pytest

from core.errors import Cancelled, InputError
from core.strategies import scores
from core.strategies.catalogue import STRATEGIES
from core.strategies.recipe import Recipe
from core.strategies.score_pool import score_pool


class Streamed:
    """Hands out given samples (documents, passes, labels) three at a time; proba is pass 0."""

    def __init__(self, samples):
        self.samples = np.asarray(samples, dtype=np.float32)
        self.n_labels = self.samples.shape[2]
        self.n_passes = []

    def score_stream(self, x, *, n_passes, chunk=None):
        self.n_passes.append(n_passes)
        for start in range(0, len(x), 3):
            rows = slice(start, min(start + 3, len(x)))
            yield rows, self.samples[rows, 0], self.samples[rows, :n_passes]


@pytest.fixture
def learner():
    return Streamed(np.random.default_rng(0).random((8, 4, 5)))


def test_chunks_give_what_the_whole_gives(learner):
    found = score_pool(learner, np.zeros(8), recipe=Recipe.of("bald", {"n_passes": 4}))
    assert found.score == pytest.approx(scores.bald_score(learner.samples))
    assert found.contributions == pytest.approx(scores.bald_contributions(learner.samples))
    assert (found.proba == learner.samples[:, 0]).all()


def test_entropy_uses_the_plain_probabilities_and_asks_for_no_passes(learner):
    found = score_pool(learner, np.zeros(8), recipe=Recipe.of("entropy", {"n_passes": 4}))
    assert found.score == pytest.approx(scores.entropy_score(learner.samples[:, 0]))
    assert learner.n_passes == [0]


def test_random_scores_follow_the_seed_and_probabilities_still_come(learner):
    first, again, other = (
        score_pool(learner, np.zeros(8), recipe=Recipe.of("random"), seed=seed)
        for seed in (1, 1, 2)
    )
    assert (first.score == again.score).all()
    assert (first.score != other.score).any()
    assert (first.proba == learner.samples[:, 0]).all()
    assert not first.contributions.any()


@pytest.mark.parametrize("strategy", [s.name for s in STRATEGIES if s.name != "random"])
def test_a_label_without_probabilities_adds_nothing_and_leaves_the_order_to_the_others(strategy):
    samples = np.random.default_rng(0).random((8, 4, 5)).astype(np.float32)
    without = score_pool(
        Streamed(samples[..., :4]), np.zeros(8), recipe=Recipe.of(strategy, {"n_passes": 4})
    )
    samples[..., 4] = np.nan
    found = score_pool(Streamed(samples), np.zeros(8), recipe=Recipe.of(strategy, {"n_passes": 4}))
    assert not found.contributions[:, 4].any()
    assert found.contributions[:, :4] == pytest.approx(without.contributions)
    assert (np.argsort(found.score) == np.argsort(without.score)).all()
    assert np.isnan(found.proba[:, 4]).all()


def test_an_empty_pool_gives_empty_scores(learner):
    assert score_pool(learner, np.zeros(0), recipe=Recipe.of("bald")).score.shape == (0,)


def test_progress_is_told_and_a_stop_is_heard(learner):
    told = []
    score_pool(learner, np.zeros(8), recipe=Recipe.of("bald"), on_progress=told.append)
    assert told == [3, 6, 8]
    with pytest.raises(Cancelled, match="after 3 of 8"):
        score_pool(
            learner, np.zeros(8), recipe=Recipe.of("bald"), should_stop=iter([False, True]).__next__
        )


def test_an_unknown_strategy_is_refused_before_scoring(learner):
    with pytest.raises(InputError, match="no strategy"):
        score_pool(learner, np.zeros(8), recipe=Recipe.of("nonsense"))
    assert learner.n_passes == []
