"""BESRA against a slow loop over documents, answers and passes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.integrate import quad

from core.errors import InputError
from core.strategies.besra import besra_batch, besra_gains, expected_score


def draw(n, n_passes, n_labels, seed=0):
    return np.random.default_rng(seed).random((n, n_passes, n_labels)).astype(np.float32)


def slow_gains(samples, reference, alpha, beta):
    n_passes, n_labels = samples.shape[1:]
    gains = np.zeros((len(samples), len(reference)))
    for i, x in enumerate(samples.astype(np.float64)):
        for j, other in enumerate(reference.astype(np.float64)):
            for label in range(n_labels):
                now = other[:, label].mean()
                for answer in (0, 1):
                    likelihood = x[:, label] if answer else 1 - x[:, label]
                    chance = likelihood.mean()
                    if chance > 0:
                        posterior = likelihood / (n_passes * chance)
                        new = (posterior * other[:, label]).sum()
                        gains[i, j] += chance * expected_score(np.array(new), alpha, beta)
                gains[i, j] -= expected_score(np.array(now), alpha, beta)
    return gains


@pytest.mark.parametrize(("alpha", "beta"), [(0.1, 1.0), (0.5, 3.0), (2.0, 0.3)])
@pytest.mark.parametrize("proba", [0.0, 0.2, 0.7, 1.0])
def test_the_expected_score_is_the_integral_of_its_paper(alpha, beta, proba):
    present = quad(lambda c: c ** (alpha - 1) * (1 - c) ** beta, proba, 1)[0]
    absent = quad(lambda c: c**alpha * (1 - c) ** (beta - 1), 0, proba)[0]
    expected = -proba * present - (1 - proba) * absent
    assert expected_score(np.array(proba), alpha, beta) == pytest.approx(expected, abs=1e-6)


def test_a_gain_by_hand():
    """Two passes that swap: an answer of present lifts .5 to .68 there, absent lowers it to .32."""
    here, there = np.array([[[0.8], [0.2]]]), np.array([[[0.8], [0.2]]])
    gains, contributions = besra_gains(here.astype("f4"), there.astype("f4"), alpha=1.0)
    # α = β = 1: S(p) = (p² - p) / 2, so ½ S(.68) + ½ S(.32) - S(.5) = .18² / 2
    assert gains == pytest.approx(np.array([[0.0162]]), rel=1e-4)
    assert contributions == pytest.approx(np.array([[0.0162]]), rel=1e-4)


@pytest.mark.parametrize(("alpha", "beta"), [(0.1, 1.0), (1.0, 1.0), (0.1, 2.0), (0.5, 0.5)])
def test_gains_agree_with_the_slow_loop(alpha, beta):
    samples, reference = draw(5, 4, 3), draw(6, 4, 3, seed=1)
    samples[0, 0] = [0.0, 1.0, 0.5]
    reference[0, :, 0] = 0.0
    gains, contributions = besra_gains(samples, reference, alpha=alpha, beta=beta)
    expected = slow_gains(samples, reference, alpha, beta)
    assert gains == pytest.approx(expected, rel=2e-3, abs=2e-5)
    assert contributions.sum(axis=1) == pytest.approx(gains.mean(axis=1), rel=1e-4)


def test_the_table_and_the_closed_form_agree():
    samples, reference = draw(5, 4, 3), draw(6, 4, 3, seed=1)
    closed, _ = besra_gains(samples, reference, alpha=0.3, beta=1.0)
    tabulated, _ = besra_gains(samples, reference, alpha=0.3, beta=1.0 + 1e-9)
    assert tabulated == pytest.approx(closed, rel=1e-3, abs=1e-5)


CELLS = arrays(np.float32, (4, 3, 5), elements=st.floats(0, 1, width=32))


@settings(max_examples=50, deadline=None)
@given(samples=CELLS, reference=CELLS, beta=st.sampled_from([1.0, 2.0]))
def test_no_gain_is_negative_and_none_endless(samples, reference, beta):
    gains, contributions = besra_gains(samples, reference, beta=beta)
    for found in (gains, contributions):
        assert found.dtype == np.float32
        assert np.isfinite(found).all()
        assert (found >= 0).all()


@settings(max_examples=50, deadline=None)
@given(samples=CELLS, reference=CELLS, seed=st.integers(0, 100))
def test_neither_the_order_of_labels_passes_nor_documents_matters(samples, reference, seed):
    rng = np.random.default_rng(seed)
    documents, passes, labels = rng.permutation(4), rng.permutation(3), rng.permutation(5)
    gains, contributions = besra_gains(samples, reference)
    moved, parts = besra_gains(
        samples[documents][:, passes][:, :, labels], reference[:, passes][:, :, labels]
    )
    assert moved == pytest.approx(gains[documents], abs=1e-5)
    assert parts == pytest.approx(contributions[documents][:, labels], abs=1e-5)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("n_labels", [1, 2, 500])
def test_passes_that_agree_have_nothing_to_gain(value, n_labels):
    samples = np.full((3, 4, n_labels), value, dtype=np.float32)
    gains, contributions = besra_gains(samples, draw(2, 4, n_labels))
    assert gains == pytest.approx(np.zeros((3, 2)), abs=1e-6)
    assert contributions == pytest.approx(np.zeros((3, n_labels)), abs=1e-6)


def test_a_sure_document_never_outranks_one_whose_passes_contradict_each_other():
    reference = draw(5, 2, 3)
    unsure, sure = [[0.2, 0.001, 0.001], [0.8, 0.001, 0.001]], [[0.99] * 3, [0.99] * 3]
    gains, _ = besra_gains(np.array([unsure, sure], dtype=np.float32), reference)
    assert (gains[0] > gains[1]).all()


@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_a_label_without_a_probability_adds_nothing(beta):
    samples, reference = draw(4, 3, 5), draw(6, 3, 5, seed=1)
    others = [0, 1, 3, 4]
    expected, parts = besra_gains(samples[..., others], reference[..., others], beta=beta)
    samples[..., 2] = np.nan
    gains, contributions = besra_gains(samples, reference, beta=beta)
    assert gains == pytest.approx(expected, abs=1e-6)
    assert contributions[:, others] == pytest.approx(parts, abs=1e-6)
    assert not contributions[:, 2].any()
    reference[..., 1] = np.nan
    assert np.isfinite(besra_gains(samples, reference, beta=beta)[0]).all()


@pytest.mark.parametrize(("n", "m"), [(0, 3), (3, 0)])
def test_without_documents_there_is_nothing_to_gain(n, m):
    gains, contributions = besra_gains(draw(n, 2, 4), draw(m, 2, 4))
    assert gains.shape == (n, m)
    assert contributions.shape == (n, 4)
    assert not contributions.any()


def test_more_documents_than_a_block_are_scored_alike():
    samples, reference = draw(600, 3, 2), draw(4, 3, 2, seed=1)
    gains, _ = besra_gains(samples, reference)
    assert gains[500:] == pytest.approx(besra_gains(samples[500:], reference)[0], abs=1e-6)


def test_samples_of_other_passes_are_refused():
    with pytest.raises(InputError, match=r"\(3, 4\) passes and labels do not fit"):
        besra_gains(draw(2, 3, 4), draw(2, 5, 4))


@pytest.mark.parametrize("options", [{"alpha": 0.0}, {"beta": -1.0}])
def test_parameters_of_no_beta_score_are_refused(options):
    with pytest.raises(InputError, match="give both above 0"):
        besra_gains(draw(2, 3, 4), draw(2, 3, 4), **options)


def test_a_batch_takes_one_of_each_kind_among_the_better_half():
    kinds = np.repeat(np.eye(3, dtype=np.float32), 4, axis=0)
    gains = np.concatenate([kinds, 0.01 * kinds])
    chosen = besra_batch(gains.mean(axis=1), gains, 3, np.random.default_rng(0))
    assert sorted(chosen // 4) == [0, 1, 2]


@pytest.mark.parametrize("n", [0, 1, 5, 9, 10, 50])
def test_a_batch_has_as_many_documents_as_asked_for_each_once(n):
    gains = np.random.default_rng(0).random((10, 4), dtype=np.float32)
    scores = gains.mean(axis=1)
    chosen = besra_batch(scores, gains, n, np.random.default_rng(1))
    assert len(chosen) == min(n, 10)
    assert len(set(chosen.tolist())) == len(chosen)
    assert (np.diff(scores[chosen]) <= 0).all()


def test_a_batch_of_documents_all_alike_is_full_and_follows_the_seed():
    gains = np.ones((40, 3), dtype=np.float32)
    first, again, other = (
        besra_batch(gains.mean(axis=1), gains, 5, np.random.default_rng(seed)) for seed in (0, 0, 1)
    )
    assert len(set(first.tolist())) == 5
    assert (first == again).all()
    assert set(first.tolist()) != set(other.tolist())


def test_a_batch_of_documents_without_any_gain_is_full():
    gains = np.zeros((40, 3), dtype=np.float32)
    chosen = besra_batch(gains.mean(axis=1), gains, 5, np.random.default_rng(0))
    assert len(set(chosen.tolist())) == 5
