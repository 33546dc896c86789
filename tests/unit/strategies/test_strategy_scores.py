"""Scores against values worked out by hand, and the laws they obey."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.strategies import scores

LN2 = math.log(2.0)
FROM_PROBA = {
    "entropy": scores.entropy_score,
    "margin": scores.margin_score,
    "least-confidence": scores.least_confidence_score,
}
SAMPLED = {
    "bald": scores.bald_score,
    "variance": scores.variance_score,
    "beal-mean": scores.beal_mean_score,
    "beal-posterior": scores.beal_posterior_score,
    "beal-expected": scores.beal_expected_score,
    "beal-joint": scores.beal_joint_score,
}


def floats(*rows):
    return np.array(rows, dtype=np.float32)


def passes(*per_pass):
    """One document, given as one row of label probabilities per pass."""
    return np.array([per_pass], dtype=np.float32)


def h(p):
    return -p * math.log(p) - (1 - p) * math.log(1 - p)


def test_entropy_is_the_mean_of_bernoulli_entropies():
    found = scores.entropy_score(floats([0.5, 0.25], [0.5, 0.5]))
    assert found == pytest.approx([(LN2 + h(0.25)) / 2, LN2], rel=1e-5)


def test_bald_of_two_passes_that_contradict_each_other_is_ln_2():
    assert scores.bald_score(passes([0.0], [1.0])) == pytest.approx([LN2], rel=1e-6)


def test_bald_is_zero_where_all_passes_say_one_half():
    assert scores.bald_score(passes([0.5], [0.5])) == pytest.approx([0.0], abs=1e-7)


def test_bald_by_hand():
    expected = h(0.5) - (h(0.2) + h(0.8)) / 2
    assert scores.bald_score(passes([0.2], [0.8])) == pytest.approx([expected], rel=1e-5)


def test_the_readings_of_beal_by_hand():
    samples = passes([0.2, 0.9], [0.6, 0.9])  # means .4 and .9
    assert scores.beal_mean_score(samples) == pytest.approx([(0.4 + 0.1) / 2], rel=1e-5)
    assert scores.beal_posterior_score(samples) == pytest.approx([(0.3 + 0.1) / 2], rel=1e-5)
    assert scores.beal_expected_score(samples) == pytest.approx([(0.48 + 0.18) / 2], rel=1e-5)
    joint = -math.log(0.6) - math.log(0.9)
    assert scores.beal_joint_score(samples) == pytest.approx([joint], rel=1e-5)


def test_the_posterior_reading_of_beal_is_blind_to_sure_passes_that_contradict_each_other():
    contradicting, agreeing = passes([0.0], [1.0]), passes([1.0], [1.0])
    assert scores.beal_posterior_score(contradicting) == scores.beal_posterior_score(agreeing)
    assert scores.beal_mean_score(contradicting) > scores.beal_mean_score(agreeing)


def test_margin_by_hand():
    found = scores.margin_score(floats([0.5, 0.25], [0.0, 0.9]))
    assert found == pytest.approx([(1 + 0.5) / 2, (0 + 0.2) / 2], rel=1e-5)


def test_least_confidence_by_hand():
    found = scores.least_confidence_score(floats([0.5, 0.25], [0.0, 0.9]))
    assert found == pytest.approx([(0.5 + 0.25) / 2, (0 + 0.1) / 2], rel=1e-5)


def test_variance_by_hand():
    found = scores.variance_score(passes([0.2, 0.5], [0.8, 0.5]))
    assert found == pytest.approx([(0.09 + 0) / 2], rel=1e-5)


@pytest.mark.parametrize("name", FROM_PROBA)
def test_a_sure_document_never_outranks_an_unsure_one(name):
    unsure, sure = FROM_PROBA[name](floats([0.5, 0.001, 0.001], [0.99, 0.99, 0.99]))
    assert unsure > sure


@pytest.mark.parametrize("name", FROM_PROBA)
def test_a_document_sure_to_be_empty_never_outranks_one_that_is_half_everything(name):
    quiet, loud = FROM_PROBA[name](floats([0.01] * 6, [0.5] * 6))
    assert loud > quiet


def test_all_one_hundredth_and_all_one_half_are_told_apart():
    quiet, loud = scores.entropy_score(floats([0.01] * 6, [0.5] * 6))
    assert loud == pytest.approx(LN2)
    assert quiet == pytest.approx(h(0.01), rel=1e-4)


@pytest.mark.parametrize("name", SAMPLED)
def test_a_sure_document_never_outranks_an_unsure_one_by_samples(name):
    unsure = passes([0.2, 0.001, 0.001], [0.8, 0.001, 0.001])
    sure = passes([0.99, 0.99, 0.99], [0.99, 0.99, 0.99])
    assert SAMPLED[name](unsure) > SAMPLED[name](sure)


def test_bald_counts_the_chance_of_absence_too():
    """small-text leaves (1-p) log (1-p) out, which breaks the symmetry of p and 1-p."""
    likely, unlikely = passes([0.7], [0.9]), passes([0.3], [0.1])
    assert scores.bald_score(likely) == pytest.approx(scores.bald_score(unlikely), rel=1e-4)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("n_labels", [1, 2, 500])
def test_every_score_is_finite_at_the_ends_and_the_middle(value, n_labels):
    samples = np.full((3, 4, n_labels), value, dtype=np.float32)
    for found in [
        *(score(samples[:, 0]) for score in FROM_PROBA.values()),
        *(score(samples) for score in SAMPLED.values()),
    ]:
        assert found.shape == (3,)
        assert found.dtype == np.float32
        assert np.isfinite(found).all()


PROBA = arrays(np.float32, (3, 4, 5), elements=st.floats(0, 1, width=32))


@settings(deadline=None)
@given(samples=PROBA, seed=st.integers(0, 100))
def test_the_order_of_the_labels_does_not_matter(samples, seed):
    order = np.random.default_rng(seed).permutation(5)
    for score in SAMPLED.values():
        assert score(samples[:, :, order]) == pytest.approx(score(samples), abs=1e-6)
    proba = samples[:, 0]
    for score in FROM_PROBA.values():
        assert score(proba[:, order]) == pytest.approx(score(proba), abs=1e-6)


@settings(deadline=None)
@given(samples=PROBA, seed=st.integers(0, 100))
def test_documents_keep_their_scores_in_any_order(samples, seed):
    order = np.random.default_rng(seed).permutation(3)
    for score in SAMPLED.values():
        assert score(samples[order]) == pytest.approx(score(samples)[order], abs=1e-7)
    for score in FROM_PROBA.values():
        assert (score(samples[order, 0]) == score(samples[:, 0])[order]).all()


@pytest.mark.parametrize("name", [*scores.FROM_PROBA, *scores.FROM_SAMPLES])
def test_a_label_without_a_probability_leaves_the_others_alone(name):
    samples = np.random.default_rng(0).random((3, 4, 5), dtype=np.float32)
    gap = samples.copy()
    gap[..., 2] = np.nan
    if name in scores.FROM_PROBA:
        whole, found = (scores.FROM_PROBA[name](given[:, 0]) for given in (samples, gap))
    else:
        whole, found = (scores.FROM_SAMPLES[name](given) for given in (samples, gap))
    others = [0, 1, 3, 4]
    assert (found[:, others] == whole[:, others]).all()
    assert not np.nan_to_num(found)[:, 2].any()
    assert (whole[:, 2] > 0).all()


@settings(deadline=None)
@given(samples=PROBA)
def test_bald_lies_between_zero_and_ln_2(samples):
    found = scores.bald_contributions(samples)
    assert (found >= 0).all()
    assert (found <= LN2 + 1e-6).all()


@settings(deadline=None)
@given(samples=PROBA)
def test_the_mean_reading_of_beal_never_lies_below_the_posterior_reading(samples):
    mean, posterior = scores.beal_mean_score(samples), scores.beal_posterior_score(samples)
    assert (mean >= posterior - 1e-6).all()


@settings(deadline=None)
@given(samples=PROBA)
def test_the_readings_of_beal_are_ordered_as_jensen_demands(samples):
    mean = scores.beal_mean_contributions(samples)
    posterior = scores.beal_posterior_contributions(samples)
    expected = scores.beal_expected_contributions(samples)
    joint = scores.beal_joint_contributions(samples)
    assert (1 - mean <= 1 - posterior + 1e-6).all()  # confidence of (a) at most that of (b)
    assert (1 - expected <= 1 - mean + 1e-6).all()  # of (c), a mean of c and 1-c, at most c
    assert (joint >= mean - 1e-6).all()  # -ln c is at least 1 - c


def slow_bald(samples):
    """Mutual information of answer and pass, Σ over both of p(y, t) ln p(y, t) / p(y) p(t)."""
    n_documents, n_passes, n_labels = samples.shape
    total = np.zeros(n_documents)
    for i in range(n_documents):
        for label in range(n_labels):
            for answer in (0, 1):
                likelihood = [abs(1 - answer - float(p)) for p in samples[i, :, label]]
                marginal = sum(likelihood) / n_passes
                total[i] += sum(p * math.log(p / marginal) for p in likelihood if p) / n_passes
    return total / n_labels


def test_bald_agrees_with_a_slow_loop_over_the_mutual_information():
    samples = np.random.default_rng(3).random((6, 5, 4), dtype=np.float32)
    samples[0, 0] = [0.0, 1.0, 0.5, 0.0]
    assert scores.bald_score(samples) == pytest.approx(slow_bald(samples), rel=1e-4, abs=1e-6)


@settings(deadline=None)
@given(samples=PROBA)
def test_the_variance_of_a_label_never_exceeds_that_of_a_coin(samples):
    found = scores.variance_contributions(samples)
    assert (found >= 0).all()
    assert (found <= 0.25 + 1e-6).all()


@settings(deadline=None)
@given(proba=arrays(np.float32, (4, 3), elements=st.floats(0, 1, width=32)))
def test_presence_and_absence_are_alike(proba):
    for score in FROM_PROBA.values():
        assert score(np.float32(1) - proba) == pytest.approx(score(proba), abs=1e-5)


def test_contributions_add_up_to_the_score():
    samples = passes([0.2, 0.9, 0.4], [0.6, 0.9, 0.1])
    assert scores.bald_contributions(samples).mean(axis=1) == pytest.approx(
        scores.bald_score(samples)
    )
    assert scores.beal_joint_contributions(samples).sum(axis=1) == pytest.approx(
        scores.beal_joint_score(samples)
    )
