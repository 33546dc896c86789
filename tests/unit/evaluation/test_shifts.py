from __future__ import annotations

import numpy as np
import pytest

from core.evaluation.shifts import change, find_shifts

N = 400
NAMES = ("refund", "money back", "delivery")


def topics(seed=0):
    """Which of two topics each document has, (documents, 2), and what a model gives for them."""
    rng = np.random.default_rng(seed)
    has = rng.random((N, 2)) < [0.3, 0.4]
    sure = np.where(has, 0.85, 0.06) + rng.normal(0, 0.03, has.shape)
    return has, np.clip(sure, 0.01, 0.99)


def renamed(seed=0, *, was_new=False):
    """The first topic is called 'refund' early on and 'money back' later; the model knows no time.

    It gives half its probability to either name.
    """
    has, sure = topics(seed)
    early = np.arange(N) < N // 2
    truth = np.column_stack([has[:, 0] & early, has[:, 0] & ~early, has[:, 1]]).astype(np.int8)
    if was_new:
        truth[early, 1] = -1
    half = np.where(has[:, 0], 0.5, 0.04)
    return np.column_stack([half, half, sure[:, 1]]).astype(np.float32), truth


@pytest.mark.parametrize("was_new", [False, True], ids=["both judged", "the second added later"])
def test_a_label_renamed_half_way_is_pointed_out(was_new):
    proba, truth = renamed(was_new=was_new)
    pairs, alone = find_shifts(proba, truth, np.arange(N))
    assert [(one.before, one.after, one.at) for one in pairs] == [(0, 1, N // 2)]
    assert alone == []
    sentence = pairs[0].sentence(NAMES)
    assert sentence.startswith("“refund” stops after about 200 judged documents and “money back”")


def test_the_order_of_judging_counts_and_not_that_of_rows():
    proba, truth = renamed()
    mixed = np.random.default_rng(1).permutation(N)
    pairs, _ = find_shifts(proba[mixed], truth[mixed], 1000 + 7 * mixed)
    assert [(one.before, one.after) for one in pairs] == [(0, 1)]
    assert find_shifts(proba[mixed], truth[mixed], np.arange(N))[0] == []


def test_what_was_asked_later_may_differ_without_a_change_of_meaning():
    has, sure = topics()
    rare_first = np.argsort(has[:, 0], kind="stable")  # all of the first topic come last
    truth = has[rare_first].astype(np.int8)
    pairs, alone = find_shifts(sure[rare_first].astype(np.float32), truth, np.arange(N))
    assert (pairs, alone) == ([], [])


def test_a_label_given_less_readily_later_on_is_pointed_out_alone():
    has, _ = topics()
    late = np.arange(N) >= N // 2
    truth = has.astype(np.int8)
    truth[late & (np.arange(N) % 2 == 0), 1] = 0
    proba = np.where(has, [0.85, 0.6], 0.05).astype(np.float32)
    pairs, alone = find_shifts(proba, truth, np.arange(N))
    assert pairs == []
    assert [(one.label, one.is_rarer) for one in alone] == [(1, True)]
    assert "less readily" in alone[0].sentence(("a", "b"))


def test_a_label_that_stops_and_an_unlike_one_that_begins_are_no_pair():
    rng = np.random.default_rng(3)
    has = np.zeros((N, 2), dtype=bool)
    has[np.arange(N), rng.integers(0, 2, N)] = True  # never alike
    early = np.arange(N) < N // 2
    truth = np.column_stack([has[:, 0] & early, has[:, 1] & ~early]).astype(np.int8)
    proba = np.where(has, 0.5, 0.03).astype(np.float32)
    assert find_shifts(proba, truth, np.arange(N))[0] == []


def test_chance_alone_points_at_nothing():
    told = 0
    for seed in range(30):
        has, sure = topics(seed)
        truth = (np.random.default_rng(seed).random(has.shape) < sure).astype(np.int8)
        pairs, alone = find_shifts(sure.astype(np.float32), truth, np.arange(N))
        told += bool(pairs or alone)
    assert told <= 1


def test_the_change_of_a_label_is_cochrans_and_mantel_and_haenszels():
    # one stratum: 3 of 4 present early, 1 of 4 late; expected 2 of 8, variance 4·4·4·4 / (64·7)
    truth = np.array([[1], [1], [1], [0], [1], [0], [0], [0]], dtype=np.int8)
    early = np.arange(8) < 4
    z = change(np.full((8, 1), 0.5, np.float32), truth, early)
    assert z == pytest.approx([(3 - 2) / np.sqrt(256 / 448)])
    assert np.isnan(change(np.full((8, 1), 0.5, np.float32), np.ones_like(truth), early)[0])


def test_nothing_judged_is_nothing_found():
    empty = np.empty((0, 2))
    found = find_shifts(empty.astype(np.float32), empty.astype(np.int8), np.empty(0, dtype=int))
    assert found == ([], [])
