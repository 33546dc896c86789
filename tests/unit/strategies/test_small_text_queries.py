"""Our strategies inside small-text's loop; its own defects are in `test_small_text_defects`."""

import numpy as np
import pytest
from scipy.sparse import csr_array, csr_matrix
from sklearn.linear_model import LogisticRegression
from small_text import (
    Classifier,
    EmptyPoolException,
    PoolBasedActiveLearner,
    PoolExhaustedException,
    SklearnClassifierFactory,
)
from small_text.classifiers.factories import AbstractClassifierFactory

from core.errors import InputError
from core.learners.dataset import JudgedVectors, unjudged
from core.learners.ensemble import QuickEnsemble
from core.learners.quick import QuickConfig, QuickKind, new_quick
from core.strategies.catalogue import STRATEGIES
from core.strategies.judged import nothing_judged
from core.strategies.query import MultiLabelQuery
from core.strategies.recipe import Recipe
from core.strategies.score_pool import score_pool

NAMES = [info.name for info in STRATEGIES]
N, L = 80, 3


def documents(n=N, n_labels=L, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 16)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return JudgedVectors(x, (x[:, :n_labels] > 0).astype(np.int8))


class QuickFactory(AbstractClassifierFactory):
    def __init__(self, n_labels=L):
        self.n_labels = n_labels

    def new(self):
        return new_quick(QuickConfig(kind=QuickKind.MLP, layers=(16,), epochs=3), self.n_labels)


class Fixed(Classifier):
    """Answers with the probabilities it is given: row i of the dataset's x names the answer."""

    def __init__(self, answers):
        self.answers = np.asarray(answers, dtype=np.float32)

    def fit(self, train_set, weights=None):
        return self

    def predict(self, data_set, return_proba=False, multi_label_threshold=0.5, **kwargs):
        return csr_matrix(self.predict_proba(data_set) > multi_label_threshold)

    def predict_proba(self, data_set, multi_label_threshold=0.5, **kwargs):
        return self.answers[data_set.x[:, 0].astype(int)]


class Sparse(Fixed):
    """As small-text's transformers answer: nothing under one half is left."""

    def predict_proba(self, data_set, multi_label_threshold=0.5, **kwargs):
        proba = super().predict_proba(data_set)
        return csr_matrix(np.where(proba > 0.5, proba, 0))


def numbered(answers):
    n, n_labels = len(answers), np.shape(answers)[-1]
    return JudgedVectors(np.arange(n, dtype=np.float32)[:, None], unjudged(n, n_labels))


def order_of(strategy, classifier, n=None):
    dataset = numbered(classifier.answers)
    rows = np.arange(len(dataset))
    return strategy.query(classifier, dataset, rows, rows[:0], csr_matrix((0, L)), n=n or len(rows))


@pytest.mark.parametrize("name", NAMES)
def test_three_rounds_of_small_texts_loop(name):
    pool = documents()
    loop = PoolBasedActiveLearner(QuickFactory(), MultiLabelQuery(name, seed=1), pool)
    loop.initialize(np.arange(10))
    for _ in range(3):
        before = set(loop.indices_labeled.tolist())
        asked = loop.query(num_samples=7)
        assert len(set(asked.tolist())) == 7
        assert not before & set(asked.tolist())
        loop.update(pool.y[asked])
    assert len(loop.indices_labeled) == 31
    assert len(loop.query_strategy.scores_.score) == N - 10 - 14


def test_the_loop_runs_with_any_dense_classifier():
    pool = documents()
    factory = SklearnClassifierFactory(LogisticRegression(), L, kwargs={"multi_label": True})
    loop = PoolBasedActiveLearner(factory, MultiLabelQuery("entropy", seed=1), pool)
    loop.initialize(np.arange(20))
    for _ in range(3):
        loop.update(pool.y[loop.query(num_samples=5)])
    assert loop.query_strategy.scores_.contributions.shape == (50, L)


@pytest.mark.parametrize("n_labels", [1, 2, 500])
def test_one_two_and_five_hundred_labels(n_labels):
    x = documents(30, 1).x
    truth = np.zeros((30, n_labels), dtype=np.int8)
    truth[::2] = 1
    pool = JudgedVectors(x, truth)
    loop = PoolBasedActiveLearner(QuickFactory(n_labels), MultiLabelQuery("bald", seed=0), pool)
    loop.initialize(np.arange(10))
    loop.update(pool.y[loop.query(num_samples=5)])
    assert len(loop.indices_labeled) == 15


def test_a_cold_start_without_any_labelled_document():
    pool = documents()
    loop = PoolBasedActiveLearner(QuickFactory(), MultiLabelQuery("random", seed=3), pool)
    loop.initialize(None)
    asked = loop.query(num_samples=80)
    assert sorted(asked.tolist()) == list(range(80))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", [csr_matrix, csr_array])
def test_the_kind_of_y_does_not_matter(name, kind):
    pool = documents()
    learner = QuickFactory().new().fit(pool[:20])
    asked = [
        MultiLabelQuery(name, seed=5).query(
            learner, pool, np.arange(20, N), np.arange(20), kind(pool.y[:20]), n=9
        )
        for _ in range(2)
    ]
    assert asked[0].tolist() == asked[1].tolist()
    assert min(asked[0]) >= 20


def test_ties_are_drawn_by_lot():
    tied = Fixed(np.full((40, L), 0.3))
    first, again, other = (
        order_of(MultiLabelQuery("entropy", seed=seed), tied, 5) for seed in (1, 1, 2)
    )
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_more_than_are_left_and_an_empty_pool_are_refused_as_small_text_refuses_them():
    classifier = Fixed(np.full((3, L), 0.3))
    with pytest.raises(PoolExhaustedException):
        order_of(MultiLabelQuery("entropy"), classifier, 4)
    nothing = np.arange(0)
    with pytest.raises(EmptyPoolException):
        MultiLabelQuery("entropy").query(
            classifier, numbered(classifier.answers), nothing, nothing, None, n=1
        )


def test_only_the_pool_is_scored():
    pool = documents()
    learner = QuickFactory().new().fit(pool[:20])
    strategy = MultiLabelQuery("bald", seed=0)
    strategy.query(learner, pool, np.arange(70, N), np.arange(20), pool.y[:20], n=3)
    assert strategy.scores_.score.shape == (10,)
    assert strategy.scores_.contributions.shape == (10, L)


@pytest.mark.parametrize("name", ["bald", "beal-mean"])
def test_a_classifier_without_dropout_is_refused_in_words(name):
    classifier = Fixed(np.full((3, L), 0.3))
    classifier.predict_proba = lambda data_set: classifier.answers
    with pytest.raises(InputError, match="needs Monte Carlo dropout, which Fixed does not offer"):
        order_of(MultiLabelQuery(name, seed=0), classifier)


def test_probabilities_with_everything_under_one_half_erased_are_refused():
    with pytest.raises(InputError, match="sparse probabilities"):
        order_of(MultiLabelQuery("entropy"), Sparse([[0.4, 0.6, 0.1]]))


def test_the_query_and_the_scored_pool_agree():
    pool, recipe = documents(), Recipe.of("beal-joint")
    learner = QuickFactory().new().fit(pool[:20])
    scored = score_pool(learner, pool.x[20:], recipe=recipe, judged=nothing_judged(16, L))
    strategy = MultiLabelQuery(recipe)
    asked = strategy.query(learner, pool, np.arange(20, N), np.arange(20), pool.y[:20], n=60)
    assert strategy.scores_.score == pytest.approx(scored.score)
    assert (np.diff(scored.score[asked - 20]) <= 0).all()


@pytest.mark.parametrize("name", ["entropy", "bald", "besra"])
def test_an_ensemble_answers_in_place_of_dropout(name):
    pool = documents()
    ensemble = QuickEnsemble(QuickConfig(kind=QuickKind.MLP, layers=(16,), epochs=3), L, 3).fit(
        pool[:20]
    )
    strategy = MultiLabelQuery(name, seed=0)
    asked = strategy.query(ensemble, pool, np.arange(20, N), np.arange(20), pool.y[:20], n=5)
    assert len(set(asked.tolist())) == 5
    assert (strategy.scores_.score > 0).all()


def test_an_unknown_strategy_is_refused():
    with pytest.raises(InputError, match="did you mean 'beal-joint'"):
        MultiLabelQuery("beal-joined", seed=0)
