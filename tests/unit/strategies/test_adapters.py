"""Dense transformers and scikit-learn estimators, also inside small-text's loop."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array, csr_matrix, issparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC
from small_text import (
    PoolBasedActiveLearner,
    SklearnDataset,
)

from core.errors import InputError, NotReady
from core.learners.adapters import (
    DenseSklearnClassifier,
    DenseSklearnFactory,
    DenseTransformerClassification,
    DenseTransformerFactory,
)
from core.learners.dataset import JudgedVectors
from core.strategies.query import MultiLabelQuery


def fitted(arguments, dataset, n_labels=3, **options):
    classifier = DenseTransformerClassification(
        arguments(**options), n_labels, num_epochs=1, device="cpu"
    )
    return classifier.fit(dataset)


@pytest.mark.parametrize("n_labels", [1, 2, 3])
def test_a_transformer_answers_densely_for_any_number_of_labels(arguments, tokenised, n_labels):
    dataset = tokenised(n_labels=n_labels)
    classifier = fitted(arguments, dataset, n_labels)
    proba = classifier.predict_proba(dataset)
    assert type(proba) is np.ndarray
    assert proba.shape == (24, n_labels)
    assert proba.dtype == np.float32
    assert ((proba > 0) & (proba < 1)).all()
    samples = classifier.predict_proba(dataset, dropout_sampling=4)
    assert samples.shape == (24, 4, n_labels)
    assert (samples.std(axis=1) > 0).all()


def test_the_threshold_decides_what_is_predicted_and_erases_nothing(arguments, tokenised):
    dataset = tokenised()
    classifier = fitted(arguments, dataset)
    proba = classifier.predict_proba(dataset)
    for threshold in (0.0, 0.4, float(np.median(proba)), 1.0):
        predicted, again = classifier.predict(
            dataset, return_proba=True, multi_label_threshold=threshold
        )
        np.testing.assert_array_equal(predicted.toarray(), proba >= threshold)
        np.testing.assert_array_equal(again, proba)
    per_label = classifier.predict(dataset, multi_label_threshold=np.array([0.0, 1.0, 0.0]))
    assert per_label.toarray().sum(axis=0).tolist() == [24, 0, 24]


def test_passes_repeat_themselves_and_leave_dropout_off(arguments, tokenised):
    dataset = tokenised()
    classifier = fitted(arguments, dataset)
    before, state = classifier.predict_proba(dataset), torch.get_rng_state()
    first = classifier.predict_proba(dataset, dropout_sampling=3)
    torch.rand(5)
    torch.set_rng_state(state)
    np.testing.assert_array_equal(classifier.predict_proba(dataset, dropout_sampling=3), first)
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(classifier.predict_proba(dataset), before)


def test_a_transformer_without_dropout_is_refused_when_asked_for_passes(arguments, tokenised):
    off = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    dataset = tokenised()
    classifier = fitted(arguments, dataset, config_kwargs=off)
    with pytest.raises(InputError, match="passes would all agree"):
        classifier.predict_proba(dataset, dropout_sampling=3)


def test_attention_dropout_is_sampled_too(arguments, tokenised):
    off = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.5}
    dataset = tokenised()
    samples = fitted(arguments, dataset, config_kwargs=off).predict_proba(
        dataset, dropout_sampling=3
    )
    assert samples.std(axis=1).max() > 0


def test_padding_does_not_enter_embeddings(arguments, tokenised):
    classifier = fitted(arguments, tokenised())
    short, long = (tokenised(max_length=length) for length in (8, 16))
    vectors = classifier.embed(short)
    np.testing.assert_allclose(vectors, classifier.embed(long), atol=1e-5)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(24), abs=1e-5)
    again, proba = classifier.embed(short, return_proba=True, embedding_method="cls")
    assert again.shape == vectors.shape
    np.testing.assert_array_equal(proba, classifier.predict_proba(short))


def test_no_texts_give_no_probabilities(arguments, tokenised):
    dataset = tokenised()
    classifier = fitted(arguments, dataset)
    nothing = dataset[np.arange(0)]
    assert classifier.predict_proba(nothing).shape == (0, 3)
    assert classifier.predict_proba(nothing, dropout_sampling=2).shape == (0, 2, 3)
    assert classifier.predict(nothing).shape == (0, 3)


@pytest.mark.parametrize("strategy", ["entropy", "bald"])
def test_two_rounds_of_small_texts_loop_with_a_transformer(arguments, tokenised, strategy):
    dataset = tokenised()
    factory = DenseTransformerFactory(arguments(), 3, num_epochs=1, device="cpu")
    loop = PoolBasedActiveLearner(factory, MultiLabelQuery(strategy, seed=1), dataset)
    loop.initialize(np.arange(8))
    for _ in range(2):
        asked = loop.query(num_samples=4)
        assert len(set(asked.tolist())) == 4
        assert not set(loop.indices_labeled.tolist()) & set(asked.tolist())
        loop.update(dataset.y[asked])
    assert len(loop.indices_labeled) == 16
    scored = loop.query_strategy.scores_
    assert scored.contributions.shape == (12, 3)
    assert (scored.score > 0).all()


def test_untrained_classifiers_say_so(tfidf, arguments, tokenised):
    with pytest.raises(NotReady):
        DenseTransformerClassification(arguments(), 3).predict_proba(tokenised())
    with pytest.raises(NotReady):
        DenseSklearnClassifier(LogisticRegression(), 3).predict_proba(tfidf())


# --- scikit-learn -----------------------------------------------------------


@pytest.fixture
def tfidf(labelled_texts):
    def tfidf(n=40, n_labels=3):
        texts, y = labelled_texts(n, n_labels)
        x = TfidfVectorizer().fit_transform(texts)
        return SklearnDataset(x, y, target_labels=np.arange(n_labels))

    return tfidf


def test_an_estimator_per_label_answers_as_it_would_alone(tfidf):
    data = tfidf()
    proba = DenseSklearnClassifier(LogisticRegression(), 3).fit(data).predict_proba(data)
    assert proba.dtype == np.float32
    for label in range(3):
        alone = LogisticRegression().fit(data.x, data.y[:, [label]].toarray().ravel())
        np.testing.assert_allclose(proba[:, label], alone.predict_proba(data.x)[:, 1], rtol=1e-5)


def test_one_versus_rest_is_taken_apart(tfidf):
    data = tfidf()
    bare = DenseSklearnClassifier(LogisticRegression(), 3).fit(data)
    wrapped = DenseSklearnClassifier(OneVsRestClassifier(LogisticRegression()), 3).fit(data)
    np.testing.assert_array_equal(bare.predict_proba(data), wrapped.predict_proba(data))


def test_labels_judged_one_way_do_not_stop_the_training(tfidf):
    data = tfidf()
    y = data.y.toarray()
    y[:, 0], y[:, 1] = 0, 1
    lopsided = SklearnDataset(data.x, csr_matrix(y), target_labels=np.arange(3))
    proba = DenseSklearnClassifier(LogisticRegression(), 3).fit(lopsided).predict_proba(data)
    assert np.isfinite(proba).all()
    assert (proba[:, 0] < 0.05).all()
    assert (proba[:, 1] > 0.95).all()
    assert np.ptp(proba[:, 2]) > 0


def test_unjudged_cells_are_left_out_and_unjudged_labels_get_no_probability():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((30, 4)).astype(np.float32)
    truth = (x[:, :3] > 0).astype(np.int8)
    truth[20:, 0], truth[:, 2] = -1, -1
    data = JudgedVectors(x, truth)
    proba = DenseSklearnClassifier(LogisticRegression(), 3).fit(data).predict_proba(data)
    alone = LogisticRegression().fit(x[:20], truth[:20, 0]).predict_proba(x)[:, 1]
    np.testing.assert_allclose(proba[:, 0], alone, rtol=1e-5)
    assert np.isnan(proba[:, 2]).all()


@pytest.mark.parametrize("n_labels", [1, 2])
@pytest.mark.parametrize("kind", [csr_matrix, csr_array])
def test_one_and_two_labels_and_either_kind_of_y(tfidf, n_labels, kind):
    data = tfidf(n_labels=n_labels)
    data = type("Plain", (), {"x": data.x, "y": kind(data.y), "__len__": lambda self: 40})()
    classifier = DenseSklearnClassifier(LogisticRegression(), n_labels).fit(data)
    predicted, proba = classifier.predict(data, return_proba=True)
    assert not issparse(proba)
    np.testing.assert_array_equal(predicted.toarray(), proba >= 0.5)


def test_an_estimator_without_probabilities_is_refused_with_the_way_out():
    with pytest.raises(InputError, match="LinearSVC gives no probabilities; wrap it"):
        DenseSklearnClassifier(LinearSVC(), 3)


def test_two_rounds_of_small_texts_loop_from_labels_nobody_has_seen(tfidf):
    data = tfidf()
    order = np.argsort(data.y.toarray()[:, 0], kind="stable")[:6]  # none with the first label
    assert data.y[order].toarray()[:, 0].sum() == 0
    loop = PoolBasedActiveLearner(
        DenseSklearnFactory(LogisticRegression(), 3), MultiLabelQuery("entropy", seed=1), data
    )
    loop.initialize(order)
    for _ in range(2):
        loop.update(data.y[loop.query(num_samples=5)])
    assert len(loop.indices_labeled) == 16


def test_an_estimator_without_dropout_is_refused_by_bald(tfidf):
    data = tfidf()
    loop = PoolBasedActiveLearner(
        DenseSklearnFactory(LogisticRegression(), 3), MultiLabelQuery("bald", seed=1), data
    )
    loop.initialize(np.arange(20))
    with pytest.raises(InputError, match="needs Monte Carlo dropout"):
        loop.query(num_samples=5)
