"""What small-text 2.0.0.dev4 gets wrong with several labels, each beside ours getting it right.

Tests named `test_small_text_…` describe the library: one that fails tells that
it was mended, and that the pair it belongs to can go.
"""

import numpy as np
import pytest
import small_text
import torch
from scipy.sparse import csr_array, csr_matrix, issparse
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression
from small_text import (
    BALD,
    AdaptiveActiveLearning,
    AnchorSubsampling,
    BreakingTies,
    CategoryVectorInconsistencyAndRanking,
    ClassBalancer,
    ClassificationChange,
    Classifier,
    ContrastiveActiveLearning,
    DeltaFScore,
    DiscriminativeActiveLearning,
    KappaAverage,
    LabelCardinalityInconsistency,
    LeastConfidence,
    OverallUncertainty,
    PoolBasedActiveLearner,
    PredictionEntropy,
    RandomSampling,
    SklearnClassifierFactory,
    SklearnDataset,
    SubsamplingQueryStrategy,
    TransformerBasedClassification,
)
from small_text.integrations.pytorch.query_strategies import BADGE, ExpectedGradientLength
from small_text.integrations.transformers.classifiers.classification import transformers_collate_fn

from core.encoders.encoder import pad
from core.errors import InputError
from core.learners.adapters import (
    DenseSklearnFactory,
    DenseTransformerClassification,
    DenseTransformerFactory,
)
from core.learners.dataset import JudgedVectors, unjudged
from core.learners.quick import QuickConfig, QuickKind, new_quick
from core.strategies.cardinality import adaptive_scores
from core.strategies.cvirs import borda_points, cvirs_scores, entropy_distances
from core.strategies.judged import nothing_judged
from core.strategies.query import MultiLabelQuery
from core.strategies.stopping import (
    BernoulliUncertainty,
    FewChanges,
    FlattenedDeltaF,
    KappaPerLabel,
)

L = 3
SPARSE_WARNS = pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
DROPOUT_SAMPLING_WARNS = pytest.mark.filterwarnings("ignore:non-inplace resize is deprecated")


class Fixed(Classifier):
    """Answers with dense probabilities it is given: row i of the dataset's x names the answer."""

    def __init__(self, answers):
        self.answers = np.asarray(answers, dtype=np.float32)
        self.num_classes = self.answers.shape[-1]
        self.multi_label = True

    def fit(self, train_set, weights=None):
        return self

    def predict(self, data_set, return_proba=False, multi_label_threshold=0.5, **kwargs):
        return csr_matrix(self.predict_proba(data_set) > multi_label_threshold)

    def predict_proba(self, data_set, multi_label_threshold=0.5, dropout_sampling=1):
        return self.answers[data_set.x[:, 0].astype(int)]


def ask(strategy, answers, n, y=None):
    """Query a pool whose probabilities are known."""
    shape = np.shape(answers)
    dataset = JudgedVectors(
        np.arange(shape[0], dtype=np.float32)[:, None], unjudged(shape[0], shape[-1])
    )
    rows = np.arange(shape[0])
    y = csr_matrix((0, shape[-1])) if y is None else y
    return strategy.query(Fixed(answers), dataset, rows, rows[:0], y, n=n).tolist()


@pytest.fixture(scope="module")
def pair(arguments):
    """Make small-text's classifier and ours around one and the same network."""

    def pair(n_labels=L, of=None, **options):
        folder = {} if of is None else {"of": of}
        theirs = TransformerBasedClassification(
            arguments(**folder, **options), n_labels, multi_label=True, device="cpu"
        )
        theirs.initialize()
        ours = DenseTransformerClassification(theirs.transformer_model_args, n_labels, device="cpu")
        ours.model = theirs.model
        return theirs, ours

    return pair


def vectors(n=60, n_labels=L, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 8)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return JudgedVectors(x, (x[:, :n_labels] > 0).astype(np.int8))


def sklearn_loop(strategy, n=20):
    x = np.random.default_rng(0).standard_normal((n, 4))
    dataset = SklearnDataset(x, csr_matrix((x[:, :L] > 0).astype(int)), target_labels=np.arange(L))
    factory = SklearnClassifierFactory(LogisticRegression(), L, kwargs={"multi_label": True})
    return PoolBasedActiveLearner(factory, strategy, dataset)


def test_small_text_is_the_version_described_here():
    assert small_text.__version__ == "2.0.0.dev4"


# --- probabilities ------------------------------------------------------------


def test_small_text_erases_probabilities_up_to_one_half(pair, tokenised):
    theirs, ours = pair()
    left, dense = theirs.predict_proba(tokenised()), ours.predict_proba(tokenised())
    assert issparse(left)
    assert (dense < 0.5).any()
    np.testing.assert_allclose(left.toarray(), np.where(dense > 0.5, dense, 0), atol=1e-6)


def test_ours_keeps_every_probability(pair, tokenised):
    _, ours = pair()
    dense = ours.predict_proba(tokenised())
    assert type(dense) is np.ndarray
    assert (dense > 0).all()
    learner = new_quick(QuickConfig(kind=QuickKind.MLP, layers=(8,), epochs=1), L).fit(vectors())
    assert (learner.predict_proba(vectors()) > 0).all()


def test_small_text_takes_a_threshold_and_does_not_look_at_it(pair, tokenised):
    theirs, _ = pair()
    low, high = (theirs.predict(tokenised(), multi_label_threshold=t) for t in (0.01, 0.99))
    assert low.nnz > 0
    assert (low != high).nnz == 0
    low, high = (theirs.predict_proba(tokenised(), multi_label_threshold=t) for t in (0.01, 0.99))
    assert low.nnz == high.nnz


def test_ours_looks_at_the_threshold(pair, tokenised):
    _, ours = pair()
    assert ours.predict(tokenised(), multi_label_threshold=0.01).nnz == 24 * L
    assert ours.predict(tokenised(), multi_label_threshold=0.99).nnz == 0


def test_small_text_cannot_train_on_exactly_two_labels(arguments, tokenised):
    theirs = TransformerBasedClassification(
        arguments(), 2, multi_label=True, num_epochs=1, device="cpu"
    )
    with pytest.raises(RuntimeError, match="one_hot is only applicable"):
        theirs.fit(tokenised(n_labels=2))


def test_ours_trains_on_exactly_two_labels(arguments, tokenised):
    ours = DenseTransformerClassification(arguments(), 2, num_epochs=1, device="cpu")
    assert ours.fit(tokenised(n_labels=2)).predict_proba(tokenised(n_labels=2)).shape == (24, 2)


def test_small_text_makes_labels_that_apples_chips_cannot_hold(tokenised):
    batch = tokenised().data[:2]
    _, _, labels, _ = transformers_collate_fn(batch, multi_label=True, num_classes=L)
    assert labels.dtype == torch.float64


def test_ours_makes_labels_in_single_precision(pair, tokenised):
    _, ours = pair()
    _, _, labels, _ = ours._create_collate_fn()(tokenised().data[:2])
    assert labels.dtype == torch.float32


# --- embeddings and padding -----------------------------------------------------


def test_small_text_embeds_the_padding_too(pair, tokenised):
    theirs, _ = pair()
    short, long = (theirs.embed(tokenised(max_length=length)) for length in (8, 16))
    lengths = np.linalg.norm(short, axis=1) * np.linalg.norm(long, axis=1)
    assert ((short * long).sum(axis=1) / lengths).min() < 0.999


def test_ours_embeds_the_text_alone(pair, tokenised):
    _, ours = pair()
    short, long = (ours.embed(tokenised(max_length=length)) for length in (8, 16))
    assert (short * long).sum(axis=1) == pytest.approx(np.ones(24), abs=1e-5)


def say_yes_to_everything(network):
    with torch.no_grad():
        network.classifier.weight.zero_()
        network.classifier.bias.fill_(2.0)


def test_small_text_gives_shares_that_add_up_to_one_with_its_embeddings(pair, tokenised):
    """Three labels, each almost sure to be present, come out at a third each, and so as absent."""
    theirs, _ = pair()
    say_yes_to_everything(theirs.model)
    assert theirs.predict_proba(tokenised()).nnz == 24 * L
    assert theirs.embed(tokenised(), return_proba=True)[1].nnz == 0


def test_ours_gives_the_same_probabilities_with_its_embeddings(pair, tokenised):
    _, ours = pair()
    say_yes_to_everything(ours.model)
    proba = ours.embed(tokenised(), return_proba=True)[1]
    assert proba == pytest.approx(np.full((24, L), 1 / (1 + np.exp(-2))), rel=1e-5)


def test_small_text_pads_every_text_to_the_full_length(tokenised):
    assert {tuple(ids.shape) for ids in tokenised(max_length=16).x} == {(1, 16)}


def test_ours_pads_to_the_longest_text_of_a_batch():
    ids, _ = pad([[2, 5, 3], [2, 3]], pad_id=0, device=torch.device("cpu"))
    assert ids.shape == (2, 3)


# --- Monte Carlo dropout ----------------------------------------------------------


@DROPOUT_SAMPLING_WARNS
def test_small_text_finds_no_doubt_where_dropout_is_off_and_does_not_say_so(
    pair, tokenised, folder_without_dropout
):
    theirs, _ = pair(of=folder_without_dropout)
    samples = theirs.predict_proba(tokenised(), dropout_sampling=4)
    assert samples.std(axis=1).max() < 1e-6


def test_ours_refuses_to_sample_where_dropout_is_off(pair, tokenised, folder_without_dropout):
    _, ours = pair(of=folder_without_dropout)
    with pytest.raises(InputError, match="passes would all agree"):
        ours.predict_proba(tokenised(), dropout_sampling=4)


ATTENTION_ALONE = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.5}


@DROPOUT_SAMPLING_WARNS
def test_small_text_leaves_attention_dropout_off(pair, tokenised):
    theirs, _ = pair(config_kwargs=ATTENTION_ALONE)
    samples = theirs.predict_proba(tokenised(), dropout_sampling=4)
    assert samples.std(axis=1).max() < 1e-6


def test_ours_samples_attention_dropout(pair, tokenised):
    _, ours = pair(config_kwargs=ATTENTION_ALONE)
    assert ours.predict_proba(tokenised(), dropout_sampling=4).std(axis=1).max() > 1e-4


def rows_at_once(classifier, dataset):
    rows = []
    hook = classifier.model.bert.embeddings.register_forward_hook(
        lambda module, given, answer: rows.append(len(answer))
    )
    classifier.predict_proba(dataset, dropout_sampling=10)
    hook.remove()
    return max(rows)


@DROPOUT_SAMPLING_WARNS
def test_small_text_holds_all_passes_in_memory_at_once(pair, tokenised):
    theirs, _ = pair(predict_batch_size=6)
    assert rows_at_once(theirs, tokenised()) == 60


def test_ours_holds_one_pass_in_memory_at_a_time(pair, tokenised):
    _, ours = pair(predict_batch_size=6)
    assert rows_at_once(ours, tokenised()) == 6


# --- strategies that cannot read what its classifiers answer ------------------------

CRASHING = [
    (BreakingTies(), np.exceptions.AxisError),
    (PredictionEntropy(), np.exceptions.AxisError),
    (AdaptiveActiveLearning(), np.exceptions.AxisError),
    (LeastConfidence(), TypeError),
    (CategoryVectorInconsistencyAndRanking(pbar=None), ValueError),
    (ContrastiveActiveLearning(k=2, pbar=None), TypeError),
    (SubsamplingQueryStrategy(BreakingTies(), subsample_size=10), np.exceptions.AxisError),
    (AnchorSubsampling(BreakingTies(), subsample_size=10), ValueError),
]
SAME_IDEAS = ["margin", "entropy", "adaptive", "least-confidence", "cvirs", "contrastive"]


def query_texts(strategy, classifier, dataset, n=4):
    pool, labelled = np.arange(8, 24), np.arange(8)
    return strategy.query(classifier, dataset, pool, labelled, dataset.y[labelled], n=n)


@SPARSE_WARNS
@pytest.mark.parametrize(("strategy", "error"), CRASHING, ids=lambda value: str(value)[:20])
def test_small_text_crashes_on_its_own_classifiers_answers(pair, tokenised, strategy, error):
    theirs, _ = pair()
    with pytest.raises(error):
        query_texts(strategy, theirs, tokenised())


@pytest.mark.parametrize("name", SAME_IDEAS)
def test_ours_says_what_is_wrong_with_such_answers_and_runs_on_dense_ones(pair, tokenised, name):
    theirs, ours = pair()
    with pytest.raises(InputError, match="sparse probabilities"):
        query_texts(MultiLabelQuery(name), theirs, tokenised())
    asked = query_texts(MultiLabelQuery(name), ours, tokenised())
    assert len(set(asked.tolist())) == 4
    assert asked.min() >= 8


@pytest.mark.parametrize(
    "strategy",
    [BADGE(L), ExpectedGradientLength(L, device="cpu"), ClassBalancer(BreakingTies())],
    ids=lambda strategy: type(strategy).__mro__[1].__name__,
)
def test_small_text_refuses_several_labels(pair, tokenised, strategy):
    theirs, _ = pair()
    with pytest.raises(RuntimeError, match="requires classification_type=single-label"):
        query_texts(strategy, theirs, tokenised())


def test_small_text_cannot_tell_judged_from_unjudged_with_several_labels(pair, tokenised):
    theirs, _ = pair()
    two_pools = SklearnClassifierFactory(LogisticRegression(), 2)
    strategy = DiscriminativeActiveLearning(two_pools, 1, pbar=None)
    with pytest.raises(NotImplementedError, match="Only single-label datasets"):
        query_texts(strategy, theirs, tokenised())


@pytest.mark.parametrize("name", ["badge", "discriminative"])
def test_ours_takes_several_labels(pair, tokenised, name):
    _, ours = pair()
    asked = query_texts(MultiLabelQuery(name), ours, tokenised())
    assert len(set(asked.tolist())) == 4
    assert asked.min() >= 8


# --- strategies that misrank dense answers ---------------------------------------------


def test_small_text_scores_all_low_and_all_half_alike():
    theirs = PredictionEntropy()
    ask(theirs, [[0.01] * 6, [0.5] * 6], 1)
    assert theirs.last_scores == pytest.approx([np.log(6), np.log(6)])


def test_small_text_has_no_entropy_for_a_text_without_labels():
    theirs = PredictionEntropy()
    ask(theirs, [[0.0] * 6, [0.5] * 6], 1)
    assert np.isnan(theirs.last_scores[0])


def test_ours_tells_all_low_from_all_half_and_knows_zero():
    answers = [[0.0] * 6, [0.01] * 6, [0.5] * 6]
    ours = MultiLabelQuery("entropy")
    assert ask(ours, answers, 3) == [2, 1, 0]
    assert ours.scores_.score[[0, 2]] == pytest.approx([0, np.log(2)])


def test_small_text_asks_about_the_sure_text_before_the_unsure_one():
    assert ask(PredictionEntropy(), [[0.99, 0.99, 0.99], [0.5, 0.001, 0.001]], 1) == [0]


def test_ours_asks_about_the_unsure_text_first():
    assert ask(MultiLabelQuery("entropy"), [[0.99, 0.99, 0.99], [0.5, 0.001, 0.001]], 2) == [1, 0]


@pytest.mark.parametrize("strategy", [LeastConfidence(), BreakingTies()], ids=str)
def test_small_text_takes_a_text_surely_without_labels_for_the_least_sure(strategy):
    assert ask(strategy, [[0.01, 0.01, 0.01], [0.95, 0.5, 0.1]], 1) == [0]


@pytest.mark.parametrize("name", ["least-confidence", "margin"])
def test_ours_takes_it_for_sure(name):
    assert ask(MultiLabelQuery(name), [[0.01, 0.01, 0.01], [0.95, 0.5, 0.1]], 2) == [1, 0]


MIRRORED = [[[0.6], [0.9]], [[0.4], [0.1]]]  # two documents, two passes, one label


def test_small_text_leaves_absence_out_of_bald():
    theirs = BALD(dropout_samples=2)
    ask(theirs, MIRRORED, 1)
    assert theirs.last_scores[0] != pytest.approx(theirs.last_scores[1], rel=0.05)


def test_ours_counts_absence_in_bald():
    ours = MultiLabelQuery("bald")
    ask(ours, MIRRORED, 2)
    assert ours.scores_.score[0] == pytest.approx(ours.scores_.score[1], rel=1e-4)
    of_mean = -0.75 * np.log(0.75) - 0.25 * np.log(0.25)
    of_each = [-p * np.log(p) - (1 - p) * np.log(1 - p) for p in (0.6, 0.9)]
    assert ours.scores_.score[0] == pytest.approx(of_mean - np.mean(of_each), rel=1e-4)


def test_small_text_scores_what_is_labelled_already():
    pool, theirs = vectors(), BALD(dropout_samples=3)
    learner = new_quick(QuickConfig(kind=QuickKind.MLP, layers=(8,), epochs=1), L).fit(pool[:20])
    theirs.query(learner, pool, np.arange(55, 60), np.arange(55), pool.y[:55], n=2)
    assert len(theirs.last_scores) == 60


def test_ours_scores_the_pool_alone():
    pool, ours = vectors(), MultiLabelQuery("bald")
    learner = new_quick(QuickConfig(kind=QuickKind.MLP, layers=(8,), epochs=1), L).fit(pool[:20])
    ours.query(learner, pool, np.arange(55, 60), np.arange(55), pool.y[:55], n=2)
    assert len(ours.scores_.score) == 5


ONE_LABEL_EACH = csr_matrix(np.eye(L, dtype=np.int64))


def test_small_text_takes_the_first_of_equals():
    asked = ask(LabelCardinalityInconsistency(), [[0.9, 0.9, 0.1]] * 40, 5, ONE_LABEL_EACH)
    assert asked == [0, 1, 2, 3, 4]


def test_ours_draws_among_equals_by_lot():
    first, again, other = (
        ask(MultiLabelQuery("lci", seed=seed), [[0.9, 0.9, 0.1]] * 40, 5, ONE_LABEL_EACH)
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


UNLIKE = np.random.default_rng(0).random((30, 5)).astype(np.float32)


def test_small_text_does_not_look_at_the_threshold_of_adaptive_active_learning():
    y = csr_matrix(np.eye(5, dtype=np.int64))
    scores = []
    for threshold in (0.1, 0.9):
        theirs = AdaptiveActiveLearning(prediction_threshold=threshold)
        ask(theirs, UNLIKE, 3, y)
        scores.append(theirs.last_scores)
    np.testing.assert_array_equal(*scores)


def test_ours_looks_at_the_threshold_of_adaptive_active_learning():
    low, high = (
        adaptive_scores(UNLIKE, nothing_judged(1, 5), threshold=threshold)[0]
        for threshold in (0.1, 0.9)
    )
    assert (low != high).any()


# --- CVIRS ------------------------------------------------------------------------------


def their_cvirs(**options):
    return CategoryVectorInconsistencyAndRanking(pbar=None, **options)


def test_small_text_computes_the_entropy_distance_and_throws_it_away():
    predicted, judged = np.array([[1, 0, 0, 0]]), csr_matrix([[0, 1, 0, 0]])
    hamming = 2 / 4
    inconsistency = their_cvirs()._compute_vector_inconsistency(judged, predicted, 4)
    assert inconsistency == pytest.approx([hamming])


def test_ours_takes_the_entropy_distance():
    """Table 0, 1, 1, 2 of 4: entropies of 1/4 against 3/4, and of 1/4, 1/4, 1/2 together."""
    alone = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    joint = -(0.5 * np.log(0.25) + 0.5 * np.log(0.5))
    distance = entropy_distances(
        np.array([[1, 0, 0, 0]], np.int8), np.array([[0, 1, 0, 0]], np.int8)
    )
    assert distance[0, 0] == pytest.approx((2 * joint - 2 * alone) / joint, rel=1e-5)


def test_small_text_counts_labels_absent_from_both_as_at_most_one():
    theirs, tables = their_cvirs(), []

    def note(predicted, judged, n_labels, a, b, c, d, hamming):
        tables.append((a, b, c, d))
        return hamming

    theirs._distance = note
    theirs._compute_vector_inconsistency(csr_matrix((1, 4), dtype=int), np.zeros((1, 4), int), 4)
    assert [int(cell[0, 0]) for cell in tables[0]] == [0, 0, 0, 1]  # of four labels


def test_ours_counts_every_label_absent_from_both():
    """Two sets that differ in two labels are nearer the more labels are absent from both."""
    sets = [np.eye(n_labels, dtype=np.int8)[:2] for n_labels in (4, 8)]
    of_four, of_eight = (float(entropy_distances(both[:1], both[1:])[0, 0]) for both in sets)
    alone = -(np.log(1 / 8) + 7 * np.log(7 / 8)) / 8
    joint = -(2 * np.log(1 / 8) + 6 * np.log(6 / 8)) / 8
    assert of_eight == pytest.approx((2 * joint - 2 * alone) / joint, rel=1e-5)
    assert of_eight != pytest.approx(of_four, rel=0.01)


def test_small_text_divides_the_distance_by_the_batch_size():
    predicted, judged = np.eye(6, dtype=int), csr_matrix(np.eye(6, dtype=int))
    whole, halves = (
        their_cvirs(batch_size=size)._compute_vector_inconsistency(judged, predicted, 6)
        for size in (6, 3)
    )
    np.testing.assert_allclose(halves, 2 * whole)


def test_ours_does_not_depend_on_how_the_pool_is_cut():
    learnt = vectors(12)
    judged = nothing_judged(8, L)
    judged = type(judged)(learnt.x, learnt.truth, np.full((12, L), np.nan, np.float32))
    proba = np.random.default_rng(1).random((10, L)).astype(np.float32)
    twice = np.concatenate([proba, proba])
    whole, _ = cvirs_scores(twice, judged)
    np.testing.assert_allclose(whole[:10], whole[10:], rtol=1e-6)
    by_hand = entropy_distances((proba >= 0.5).astype(np.int8), learnt.truth).mean(axis=1)
    np.testing.assert_allclose(
        cvirs_scores(proba, judged)[0], borda_points(proba).sum(axis=1) * by_hand, rtol=1e-5
    )


THREE = np.array([[0.5, 0.3], [0.5, 0.1], [0.5, 0.2]], dtype=np.float32)


def test_small_text_takes_the_order_of_documents_for_their_ranks():
    """The first label's margins, by its reckoning the sum of the others, are .3, .1 and .2."""
    assert rankdata([0.3, 0.1, 0.2]).tolist() == [3, 1, 2]
    assert their_cvirs()._rank_by_margin(THREE)[0].tolist() == [1, 2, 0]


def test_small_text_measures_margins_against_the_sum_of_all_labels():
    """A label at one half is as unsure as can be, and yet its margin depends on the others."""
    ranks = their_cvirs()._rank_by_margin(np.array([[0.5, 0.9], [0.5, 0.1]]))
    assert ranks[0].tolist() == [1, 0]


def test_ours_ranks_each_labels_own_margin():
    points = borda_points(THREE)
    assert points[:, 0].tolist() == [0.5, 0.5, 0.5]  # all at one half
    assert points[:, 1].tolist() == [1.0, 0.0, 0.5]  # margins .4, .8 and .6


# --- stopping ----------------------------------------------------------------------------

PRESENT_NOW = csr_matrix([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1]])
FLIPPED_ONE_EACH = csr_matrix([[1, 1, 0], [0, 0, 0], [0, 1, 0], [0, 0, 0]])


@SPARSE_WARNS
def test_small_text_has_no_kappa_for_several_labels():
    theirs = KappaAverage(L)
    theirs.stop(predictions=PRESENT_NOW)
    with pytest.raises(ValueError, match="truth value of an array"):
        theirs.stop(predictions=FLIPPED_ONE_EACH)


@pytest.mark.parametrize("kind", [csr_matrix, csr_array, lambda sparse: sparse.toarray()])
def test_ours_takes_kappa_label_by_label(kind):
    ours = KappaPerLabel(L, window_size=2)
    assert [ours.stop(predictions=kind(PRESENT_NOW)) for _ in range(3)] == [False, False, True]
    assert not ours.stop(predictions=kind(FLIPPED_ONE_EACH))


def test_small_text_cannot_measure_uncertainty_of_its_own_answers():
    with pytest.raises(np.exceptions.AxisError):
        OverallUncertainty(L).stop(proba=PRESENT_NOW * 0.9, indices_stopping=np.arange(4))


def test_small_text_never_calls_texts_surely_without_labels_certain():
    sure = np.full((4, L), 1e-6)
    assert not OverallUncertainty(L, threshold=0.99).stop(proba=sure, indices_stopping=np.arange(4))


def test_ours_calls_them_certain():
    assert BernoulliUncertainty(L).stop(proba=np.full((4, L), 1e-6))
    assert not BernoulliUncertainty(L).stop(proba=np.full((4, L), 0.5))


def test_small_text_has_no_delta_f_for_several_labels():
    with pytest.raises(ValueError, match="only applicable for binary"):
        DeltaFScore(L)


def test_ours_flattens_positives_for_delta_f():
    ours = FlattenedDeltaF(L, window_size=1)
    assert [ours.stop(predictions=PRESENT_NOW) for _ in range(2)] == [False, True]
    assert not ours.stop(predictions=FLIPPED_ONE_EACH)
    assert ours.history == [pytest.approx(1 - 2 * 2 / (2 * 2 + 3 + 1))]


MANY = np.zeros((10, 100), dtype=int)
ONE_IN_A_HUNDRED = MANY.copy()
ONE_IN_A_HUNDRED[:, 0] = 1


def test_small_text_calls_a_document_changed_when_one_label_of_a_hundred_is():
    theirs = ClassificationChange(100, threshold=0.5)
    theirs.stop(predictions=csr_matrix(MANY))
    assert not theirs.stop(predictions=csr_matrix(ONE_IN_A_HUNDRED))


def test_ours_counts_the_cells_that_change():
    ours = FewChanges(100, threshold=0.01)
    ours.stop(predictions=csr_matrix(MANY))
    assert ours.stop(predictions=csr_matrix(ONE_IN_A_HUNDRED))
    assert ours.history == [pytest.approx(0.01)]


# --- data and bookkeeping ------------------------------------------------------------------


def test_small_text_takes_a_csr_array_for_single_labels():
    y = csr_array(np.eye(L, dtype=int))
    assert not SklearnDataset(np.eye(L), y, target_labels=np.arange(L)).is_multi_label


@pytest.mark.parametrize("kind", [csr_matrix, csr_array, lambda sparse: sparse.toarray()])
def test_ours_takes_any_kind_of_labels(kind):
    dataset = JudgedVectors(np.eye(L, dtype=np.float32), unjudged(L, L))
    dataset.y = kind(csr_matrix(np.eye(L, dtype=int)))
    assert dataset.is_multi_label
    np.testing.assert_array_equal(dataset.truth, np.eye(L))


@SPARSE_WARNS
@pytest.mark.parametrize("undo", ["remove_label_at", "ignore_sample_at"])
def test_small_text_edits_another_document_after_an_undo(undo):
    loop = sklearn_loop(RandomSampling())
    loop.initialize(np.arange(20))
    getattr(loop, undo)(10)
    before = loop.y.toarray()
    loop.update_label_at(15, csr_matrix(1 - before[loop.indices_labeled == 15]))
    changed = (loop.y.toarray() != before).any(axis=1)
    assert loop.indices_labeled[changed].tolist() == [16]


def test_ours_keeps_truth_by_document_so_that_an_undo_moves_nothing():
    dataset = vectors(20)
    before = dataset.truth.copy()
    dataset.truth[10] = -1
    dataset.truth[15] = 1 - before[15]
    changed = (dataset.truth != before).any(axis=1)
    assert np.flatnonzero(changed).tolist() == [10, 15]


def test_small_text_cannot_go_on_from_a_cold_start():
    loop = sklearn_loop(RandomSampling())
    loop.initialize(None)
    asked = loop.query(num_samples=5)
    with pytest.raises(ValueError, match="same number of dimensions"):
        loop.update(loop.dataset.y[asked])


def test_small_text_cannot_begin_with_texts_that_have_no_label(arguments, tokenised):
    dataset = tokenised()
    without = np.flatnonzero(dataset.y.toarray().sum(axis=1) == 0)[:4]
    assert len(without) >= 2
    factory = DenseTransformerFactory(arguments(), L, num_epochs=1, device="cpu")
    with pytest.raises(ValueError, match="zero-size array"):
        PoolBasedActiveLearner(factory, RandomSampling(), dataset).initialize(without)


def test_ours_begins_with_documents_that_have_no_label():
    dataset = vectors(20)
    dataset.truth[:5] = 0
    loop = PoolBasedActiveLearner(
        DenseSklearnFactory(LogisticRegression(), L), MultiLabelQuery("entropy"), dataset
    )
    loop.initialize(np.arange(5))
    loop.update(dataset.y[loop.query(num_samples=5)])
    assert len(loop.indices_labeled) == 10
