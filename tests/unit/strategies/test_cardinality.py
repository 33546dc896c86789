"""How many labels a document seems to have, worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.strategies.cardinality import (
    BETAS,
    adaptive_scores,
    audi_labels,
    audi_scores,
    choose_beta,
    lci_scores,
    mean_cardinality,
    mmc_scores,
)
from core.strategies.judged import Judged, nothing_judged

STRATEGIES = {
    "lci": lci_scores,
    "adaptive": adaptive_scores,
    "mmc": mmc_scores,
    "audi": audi_scores,
}


def floats(*rows):
    return np.array(rows, dtype=np.float32)


def judged(truth, proba=None):
    truth = np.asarray(truth, dtype=np.int8)
    proba = np.full(truth.shape, np.nan) if proba is None else np.asarray(proba)
    return Judged(x=np.zeros((len(truth), 2), np.float32), truth=truth, proba=proba.astype("f4"))


def logit(p):
    return math.log(p / (1 - p))


ONE_EACH = judged(np.eye(3))


def test_mean_cardinality_counts_unjudged_cells_neither_as_present_nor_as_absent():
    assert mean_cardinality(judged([[1, 1, 0], [1, 0, 0]])) == pytest.approx(1.5)
    assert mean_cardinality(judged([[1, -1], [1, -1], [1, 1], [0, 1]])) == pytest.approx(1.75)
    assert mean_cardinality(nothing_judged(2, 3)) == 0


def test_inconsistency_is_the_distance_from_the_usual_number_of_labels():
    proba = floats([0.9, 0.1, 0.1], [0.9, 0.9, 0.9], [0.1, 0.1, 0.1])
    found, _ = lci_scores(proba, ONE_EACH)
    assert found == pytest.approx([0, 2, 1])


def test_before_the_first_judgement_the_pool_says_what_is_usual():
    proba = floats([0.9, 0.1, 0.1], [0.9, 0.9, 0.9], [0.9, 0.9, 0.1])
    found, _ = lci_scores(proba, nothing_judged(2, 3))
    assert found == pytest.approx([1, 1, 0])


def test_every_label_has_its_own_threshold():
    found, contributions = lci_scores(floats([0.3, 0.3]), judged([[0, 0]]), threshold=[0.2, 0.4])
    assert found == pytest.approx([1])
    assert contributions == pytest.approx(floats([1 - 0.1 / 0.8, 1 - 0.1 / 0.6]))


def test_contributions_are_one_at_the_threshold_and_zero_farthest_from_it():
    _, contributions = lci_scores(floats([0.5, 0.0, 1.0, 0.75]), judged([[1, 0, 0, 0]]))
    assert contributions == pytest.approx(floats([1, 0, 0, 0.5]))


def test_adaptive_multiplies_uncertainty_and_inconsistency_by_hand():
    proba = floats([0.8, 0.7, 0.4])
    margin = logit(0.7) - logit(0.4)
    for beta in (0.0, 0.3, 1.0):
        found, _ = adaptive_scores(proba, ONE_EACH, beta=beta)
        assert found == pytest.approx([(1 / margin) ** beta * 1 ** (1 - beta)], rel=1e-4)


def test_adaptive_at_its_ends_is_inconsistency_or_uncertainty_alone():
    proba = np.random.default_rng(0).random((20, 3), dtype=np.float32)
    inconsistent, _ = lci_scores(proba, ONE_EACH)
    assert adaptive_scores(proba, ONE_EACH, beta=0.0)[0] == pytest.approx(inconsistent)
    sure, unsure = floats([0.99, 0.01, 0.01]), floats([0.55, 0.45, 0.01])
    found, _ = adaptive_scores(np.vstack([sure, unsure]), ONE_EACH, beta=1.0)
    assert found[1] > found[0]


def test_where_nothing_or_all_is_predicted_the_missing_side_mirrors_the_other():
    proba = floats([0.4, 0.1], [0.9, 0.7], [0.6, 0.4])
    found, _ = adaptive_scores(proba, judged([[1, 0]]), beta=1.0)
    assert found == pytest.approx([0.5 / logit(0.6), 0.5 / logit(0.7), 0.5 / logit(0.6)], rel=1e-4)


def test_by_uncertainty_alone_a_sure_document_never_outranks_an_unsure_one():
    proba = floats([0.5, 0.001, 0.001], [0.99, 0.99, 0.99], [0.01, 0.01, 0.01], [0.5, 0.5, 0.5])
    found, _ = adaptive_scores(proba, ONE_EACH, beta=1.0)
    assert min(found[0], found[3]) > max(found[1], found[2])


def test_a_document_without_a_probability_is_not_uncertain():
    found, _ = adaptive_scores(floats([np.nan] * 3, [0.9, 0.1, 0.1]), ONE_EACH, beta=1.0)
    assert found[0] == 0 < found[1]


class Retrained:
    """Gives, for each position asked about, the pool's probabilities that were laid down."""

    def __init__(self, after):
        self.after, self.asked = after, {}

    def __call__(self, position, labels):
        self.asked[position] = labels.tolist()
        return self.after[position]


POOL = floats([0.55, 0.05, 0.05], [0.9, 0.9, 0.9], [0.9, 0.1, 0.1])
SHARP, BLURRED = floats([0.999, 0.001, 0.001]), floats([0.6, 0.4, 0.4])


@pytest.mark.parametrize(("best", "lowest", "highest"), [(0, 0.5, 1.0), (1, 0.0, 0.5)])
def test_beta_is_chosen_by_the_candidate_that_leaves_the_widest_margins(best, lowest, highest):
    """Uncertainty names document 0, cardinality document 1; nothing names document 2."""
    retrain = Retrained({0: BLURRED, 1: BLURRED, best: SHARP})
    chosen = choose_beta(POOL, ONE_EACH, retrain=retrain, rng=np.random.default_rng(0))
    assert set(retrain.asked) == {0, 1}
    assert lowest <= chosen <= highest
    scores, _ = adaptive_scores(POOL, ONE_EACH, beta=chosen)
    assert scores.argmax() == best


def test_candidates_are_retrained_with_the_labels_predicted_for_them():
    retrain = Retrained({0: SHARP, 1: SHARP})
    choose_beta(POOL, ONE_EACH, retrain=retrain, rng=np.random.default_rng(0))
    assert retrain.asked == {0: [True, False, False], 1: [True, True, True]}


def test_where_every_beta_names_one_document_nothing_is_retrained():
    retrain = Retrained({})
    chosen = choose_beta(POOL[:1], ONE_EACH, retrain=retrain, rng=np.random.default_rng(0))
    assert chosen == BETAS[5]
    assert not retrain.asked


def test_an_empty_pool_names_no_document():
    empty = np.empty((0, 3), dtype=np.float32)
    assert choose_beta(empty, ONE_EACH, retrain=Retrained({}), rng=np.random.default_rng(0)) == 0.5


def test_mmc_by_hand_where_every_judged_document_has_one_label():
    known = judged(np.eye(3), np.eye(3))
    found, contributions = mmc_scores(floats([0.8, 0.6, 0.1]), known)
    assert contributions == pytest.approx(floats([0.2, 0.6, 0.1]))  # ŷ = (1, -1, -1)
    assert found == pytest.approx([0.9])


def test_mmc_with_nothing_to_learn_from_expects_what_reaches_one_half():
    for known in (nothing_judged(2, 3), judged(np.eye(3))):
        found, contributions = mmc_scores(floats([0.8, 0.6, 0.1]), known)
        assert contributions == pytest.approx(floats([0.2, 0.4, 0.1]))
        assert found == pytest.approx([0.7])


def one_or_two(n=60):
    """Documents of one label when a single probability stands out, of two when two do."""
    rng = np.random.default_rng(0)
    truth = np.zeros((n, 4), dtype=np.int8)
    for row, count in enumerate(np.arange(n) % 2 + 1):
        truth[row, rng.permutation(4)[:count]] = 1
    return judged(truth, np.clip(0.9 * truth + rng.random((n, 4)) * 0.05, 0, 1))


def test_mmc_learns_from_sorted_probabilities_how_many_labels_to_expect():
    found, contributions = mmc_scores(
        floats([0.9, 0.02, 0.01, 0.02], [0.9, 0.01, 0.9, 0.02], [0.4, 0.01, 0.4, 0.02]),
        one_or_two(),
    )
    assert contributions[0] == pytest.approx([0.1, 0.02, 0.01, 0.02])
    assert contributions[1] == pytest.approx([0.1, 0.01, 0.1, 0.02])
    assert contributions[2] == pytest.approx([0.6, 0.01, 0.6, 0.02])  # two, though under one half
    assert found == pytest.approx(contributions.sum(axis=1))


@pytest.mark.parametrize("known", [nothing_judged(2, 4), one_or_two()], ids=["none", "some"])
def test_mmc_ranks_no_sure_document_of_the_expected_size_above_an_unsure_one(known):
    proba = floats([0.5, 0.5, 0.001, 0.001], [0.99, 0.99, 0.01, 0.01], [0.5] * 4, [0.99, 0, 0, 0])
    found, _ = mmc_scores(proba, known)
    assert min(found[0], found[2]) > max(found[1], found[3])


def test_mmc_counts_an_unjudged_label_neither_in_the_sum_nor_in_the_shares():
    known = one_or_two()
    truth, proba = np.insert(known.truth, 4, -1, axis=1), np.insert(known.proba, 4, 0.7, axis=1)
    pool = floats([0.9, 0.02, 0.01, 0.02, 0.0], [0.4, 0.01, 0.4, 0.02, 0.0])
    found, _ = mmc_scores(pool, judged(truth, proba))
    assert found == pytest.approx(mmc_scores(pool[:, :4], known)[0], abs=1e-5)


def test_audi_divides_by_the_labels_already_judged():
    proba = floats([0.9, 0.9, 0.9], [0.9, 0.9, 0.9], [0.9, 0.9, 0.9])
    found, _ = audi_scores(proba, ONE_EACH, n_asked=np.array([0, 1, 2]))
    assert found == pytest.approx([4, 2, 1])


def test_audi_of_documents_without_a_judgement_has_the_order_of_inconsistency():
    proba = np.random.default_rng(0).random((20, 3), dtype=np.float32)
    found, _ = audi_scores(proba, ONE_EACH)
    assert found == pytest.approx(2 * lci_scores(proba, ONE_EACH)[0])


def test_audi_asks_about_the_open_label_closest_to_its_threshold():
    proba = floats([0.45, 0.7, 0.1], [0.45, 0.7, 0.1], [0.45, 0.7, 0.1], [np.nan, 0.9, 0.1])
    is_judged = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 1], [0, 1, 0]], dtype=bool)
    assert audi_labels(proba, is_judged=is_judged).tolist() == [0, 1, -1, 2]
    assert audi_labels(proba[:1], threshold=[0.9, 0.7, 0.9]).tolist() == [1]
    assert audi_labels(np.empty((2, 0), np.float32)).tolist() == [-1, -1]


PROBA = arrays(np.float32, (6, 4), elements=st.sampled_from([0.0, 0.2, 0.5, 0.8, 1.0, np.nan]))
TRUTH = arrays(np.int8, (5, 4), elements=st.integers(-1, 1))


@pytest.mark.parametrize("name", STRATEGIES)
@settings(max_examples=25, deadline=None)
@given(proba=PROBA, known=PROBA, truth=TRUTH, seed=st.integers(0, 100))
def test_neither_the_order_of_labels_nor_of_documents_matters(name, proba, known, truth, seed):
    rng = np.random.default_rng(seed)
    labels, documents = rng.permutation(4), rng.permutation(6)
    found, contributions = STRATEGIES[name](proba, judged(truth, known[:5]))
    moved, parts = STRATEGIES[name](
        proba[documents][:, labels], judged(truth[:, labels], known[:5, labels])
    )
    assert np.isfinite(found).all()
    assert np.isfinite(contributions).all()
    assert not contributions[np.isnan(proba)].any()
    assert moved == pytest.approx(found[documents], rel=1e-5, abs=1e-5)
    if name != "mmc":  # of equal probabilities at the cut either may be the one expected
        assert parts == pytest.approx(contributions[documents][:, labels], abs=1e-5)


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("n_labels", [1, 2, 500])
@pytest.mark.parametrize("n_documents", [0, 3])
def test_scores_are_finite_for_any_shape(name, value, n_labels, n_documents):
    proba = np.full((n_documents, n_labels), value, dtype=np.float32)
    truth = np.tril(np.ones((4, n_labels)))
    for known in (nothing_judged(2, n_labels), judged(truth), judged(truth, 0.5 * truth)):
        found, contributions = STRATEGIES[name](proba, known)
        assert found.shape == (n_documents,)
        assert contributions.shape == proba.shape
        assert found.dtype == contributions.dtype == np.float32
        assert np.isfinite(found).all()
        assert np.isfinite(contributions).all()


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_label_without_a_probability_leaves_scores_to_the_others(name):
    rng = np.random.default_rng(0)
    proba, known = rng.random((8, 4), dtype=np.float32), one_or_two()
    expected, parts = STRATEGIES[name](proba, known)
    wide = judged(np.insert(known.truth, 2, -1, axis=1), np.insert(known.proba, 2, np.nan, axis=1))
    found, contributions = STRATEGIES[name](np.insert(proba, 2, np.nan, axis=1), wide)
    assert found == pytest.approx(expected, rel=1e-4)
    assert np.delete(contributions, 2, axis=1) == pytest.approx(parts, rel=1e-5)
