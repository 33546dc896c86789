"""Scores against values worked out by hand, and the laws they obey."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.strategies import scores

LN2 = math.log(2.0)
SAMPLED = {
    "bald": scores.bald_score,
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


def test_a_sure_document_never_outranks_an_unsure_one():
    unsure, sure = scores.entropy_score(floats([0.5, 0.001, 0.001], [0.99, 0.99, 0.99]))
    assert unsure > sure


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
    assert np.isfinite(scores.entropy_score(samples[:, 0])).all()
    for score in SAMPLED.values():
        found = score(samples)
        assert found.shape == (3,)
        assert found.dtype == np.float32
        assert np.isfinite(found).all()


PROBA = arrays(np.float32, (3, 4, 5), elements=st.floats(0, 1, width=32))


@given(samples=PROBA, seed=st.integers(0, 100))
def test_the_order_of_the_labels_does_not_matter(samples, seed):
    order = np.random.default_rng(seed).permutation(5)
    for score in SAMPLED.values():
        assert score(samples[:, :, order]) == pytest.approx(score(samples), abs=1e-6)
    proba = samples[:, 0]
    assert scores.entropy_score(proba[:, order]) == pytest.approx(
        scores.entropy_score(proba), abs=1e-6
    )


@given(samples=PROBA)
def test_bald_lies_between_zero_and_ln_2(samples):
    found = scores.bald_contributions(samples)
    assert (found >= 0).all()
    assert (found <= LN2 + 1e-6).all()


@given(samples=PROBA)
def test_the_mean_reading_of_beal_never_lies_below_the_posterior_reading(samples):
    mean, posterior = scores.beal_mean_score(samples), scores.beal_posterior_score(samples)
    assert (mean >= posterior - 1e-6).all()


@given(proba=arrays(np.float32, (4, 3), elements=st.floats(0, 1, width=32)))
def test_presence_and_absence_are_alike_to_entropy(proba):
    mirrored = scores.entropy_score(np.float32(1) - proba)
    assert mirrored == pytest.approx(scores.entropy_score(proba), abs=1e-5)


def test_contributions_add_up_to_the_score():
    samples = passes([0.2, 0.9, 0.4], [0.6, 0.9, 0.1])
    assert scores.bald_contributions(samples).mean(axis=1) == pytest.approx(
        scores.bald_score(samples)
    )
    assert scores.beal_joint_contributions(samples).sum(axis=1) == pytest.approx(
        scores.beal_joint_score(samples)
    )
