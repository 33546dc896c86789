from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.evaluation.suspects import (
    ErrorRates,
    askable,
    conflicting_copies,
    estimate_error_rates,
    expected_wrong,
    find_suspects,
    only_applied,
    understood,
)

PROBA = np.array([[0.9, 0.1], [0.2, 0.6], [np.nan, 0.7]], dtype=np.float32)
TRUTH = np.array([[0, 0], [1, -1], [1, 1]], dtype=np.int8)


def test_the_least_likely_judgement_comes_first_and_unjudged_cells_not_at_all():
    found = find_suspects(PROBA, TRUTH)
    assert list(zip(found.rows.tolist(), found.labels.tolist(), strict=True)) == [
        (0, 0),  # judged absent at .9
        (1, 0),  # judged present at .2
        (2, 1),
        (0, 1),
    ]
    assert found.is_present.tolist() == [False, True, True, False]


def test_a_suspicion_is_the_probability_of_a_mistake_by_bayes():
    cell, present, absent = (np.array([[v]], t) for v, t in ((0.5, "f4"), (1, "i1"), (0, "i1")))
    tenth = ErrorRates(left_out=0.1, given=0.1)
    assert find_suspects(cell, present, rates=tenth).suspicion == pytest.approx([0.1])
    rates = ErrorRates(left_out=0.2, given=0.01)
    # judged present: 0.01 · 0.5 against 0.8 · 0.5; judged absent: 0.2 · 0.5 against 0.99 · 0.5
    assert find_suspects(cell, present, rates=rates).suspicion == pytest.approx([0.01 / 0.81])
    assert find_suspects(cell, absent, rates=rates).suspicion == pytest.approx([0.2 / 1.19])


@given(st.floats(0.01, 0.5), st.floats(0.01, 0.5), st.integers(0, 1000))
def test_the_rates_assumed_reorder_no_judgements_of_one_kind(left_out, given, seed):
    rng = np.random.default_rng(seed)
    proba = rng.random((6, 3)).astype(np.float32)
    truth = rng.integers(-1, 2, (6, 3)).astype(np.int8)
    usual = find_suspects(proba, truth)
    other = find_suspects(proba, truth, rates=ErrorRates(left_out=left_out, given=given))
    for kind in (True, False):
        assert cells(usual, kind) == cells(other, kind)


def cells(found, is_present):
    kept = found.is_present == is_present
    return list(zip(found.rows[kept].tolist(), found.labels[kept].tolist(), strict=True))


def simulated(given=0.0, left_out=0.0, seed=1):
    """Calibrated and mostly sure probabilities, judgements with mistakes, and which are."""
    rng = np.random.default_rng(seed)
    proba = rng.beta(0.02, 0.08, (8000, 2)).astype(np.float32)
    truth = rng.random(proba.shape) < proba
    flipped = rng.random(proba.shape) < np.where(truth, left_out, given)
    return proba, (truth ^ flipped).astype(np.int8), flipped


def test_both_rates_of_mistakes_are_about_found():
    proba, judged, _ = simulated(given=0.02, left_out=0.08)
    rates = estimate_error_rates(proba, judged)
    assert rates.left_out == pytest.approx(0.08, rel=0.5)
    assert rates.given == pytest.approx(0.02, rel=0.5)


def test_hard_labels_without_a_mistake_look_like_those_of_the_surest_half_alone():
    rng = np.random.default_rng(0)
    proba = rng.beta(0.5, 0.5, (4000, 2)).astype(np.float32)
    rates = estimate_error_rates(proba, (rng.random(proba.shape) < proba).astype(np.int8))
    assert 0.02 < rates.left_out < 0.06
    assert 0.02 < rates.given < 0.06


def test_with_few_judgements_the_usual_rate_stands():
    proba = np.array([[0.9], [0.1], [0.9], [0.1]], dtype=np.float32)
    rates = estimate_error_rates(proba, np.array([[1], [0], [1], [0]], dtype=np.int8))
    assert rates.left_out == pytest.approx(0.05, abs=0.01)
    assert rates.given == pytest.approx(0.05, abs=0.01)
    assert estimate_error_rates(PROBA, np.full_like(TRUTH, -1)) == ErrorRates()
    assert estimate_error_rates(PROBA, np.ones_like(TRUTH)) == ErrorRates()


def test_as_many_are_expected_to_be_wrong_as_were_flipped():
    proba, judged, flipped = simulated(given=0.03, left_out=0.06)
    found = find_suspects(proba, judged, rates=estimate_error_rates(proba, judged))
    assert expected_wrong(found, 2) == pytest.approx(flipped.sum(axis=0), rel=0.35)
    top = find_suspects(proba, judged, most=len(found) // 10)
    assert flipped[top.rows, top.labels].mean() > 3 * flipped.mean()


def test_knowing_that_labels_are_left_out_finds_more_of_those():
    proba, judged, flipped = simulated(given=0.002, left_out=0.1)
    n = int(flipped.sum())
    even = find_suspects(proba, judged, most=n)
    known = find_suspects(proba, judged, rates=estimate_error_rates(proba, judged), most=n)
    assert flipped[known.rows, known.labels].sum() > flipped[even.rows, even.labels].sum()


@pytest.mark.parametrize("rates", [{"given": 0.0}, {"left_out": 1.0}])
def test_an_error_rate_that_is_no_share_is_refused(rates):
    with pytest.raises(InputError):
        ErrorRates(**rates)


def test_where_one_label_applies_what_follows_from_it_is_not_suspected_apart():
    truth = np.array([[1, 0, 0], [0, -1, 0], [-1, -1, -1]], dtype=np.int8)
    assert only_applied(truth).tolist() == [[1, -1, -1], [0, -1, 0], [-1, -1, -1]]


def test_labels_the_model_has_no_clue_of_or_that_hardly_occur_raise_no_suspicion():
    rng = np.random.default_rng(0)
    truth = (rng.random((300, 4)) < [0.3, 0.3, 0.3, 0.0]).astype(np.int8)
    truth[:2, 3] = 1
    proba = rng.random((300, 4)).astype(np.float32)
    proba[:, 0] = 0.2 + 0.5 * truth[:, 0] + 0.2 * rng.random(300)
    proba[:, 1] = 0.9 - 0.5 * truth[:, 1]
    proba[:, 3] = 0.01
    assert understood(proba, truth).tolist() == [True, False, False, False]
    assert not understood(proba, np.full_like(truth, -1)).any()


def test_a_label_of_five_documents_cannot_be_doubted_where_present_and_how_many_is_told():
    truth = np.zeros((40, 3), dtype=np.int8)
    truth[:5, 0] = truth[:6, 1] = truth[:1, 2] = 1
    proba = np.full(truth.shape, 0.1, dtype=np.float32)
    proba[:6] = 0.9
    proba[0] = 0.01  # a model that did not see this one knows none of its labels
    proba[39, 0] = 0.95
    asked = askable(proba, truth)
    assert (asked.n_rare, asked.n_rare_labels) == (6, 2)
    assert (asked.truth[:, 0] == 1).sum() == (asked.truth[:, 2] == 1).sum() == 0
    assert (asked.truth[:, 1] == 1).sum() == 6
    found = find_suspects(proba, asked.truth)
    assert (found.rows[0], found.labels[0]) == (0, 1)
    assert (39, 0) in zip(found.rows.tolist(), found.labels.tolist(), strict=True)


def test_judgements_without_a_probability_are_not_counted_as_left_out():
    truth = np.array([[1], [0], [0]], dtype=np.int8)
    asked = askable(np.full((3, 1), np.nan, dtype=np.float32), truth)
    assert (asked.n_rare, asked.truth.tolist()) == (0, [[-1], [-1], [-1]])


def test_near_copies_conflict_only_where_both_were_judged():
    truth = np.array([[1, 0, -1], [1, 1, 0], [0, 1, -1]], dtype=np.int8)
    pairs = np.array([[0, 1], [0, 2], [1, 1]])
    conflicting, n_labels = conflicting_copies(pairs, truth)
    assert conflicting.tolist() == [[0, 2], [0, 1]]
    assert n_labels.tolist() == [2, 1]
