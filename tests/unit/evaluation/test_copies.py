from __future__ import annotations

import numpy as np
import pytest

from core.errors import InputError
from core.evaluation.copies import find_conflicts, near_copies, same_words


def unit(*rows):
    x = np.array(rows, dtype=np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_texts_are_the_same_but_for_case_spaces_and_punctuation():
    texts = [
        "Money back!",
        "  money   back",
        "money, back?",
        "…",
        "!!",
        "money backs",
        "Straße",
        "STRASSE",
    ]
    assert same_words(texts).tolist() == [[0, 1], [0, 2], [6, 7]]


def test_vectors_that_are_nearly_alike_are_paired_once():
    pairs, cosines = near_copies(unit([1, 0], [0, 1], [1, 0.1], [1, 0]))
    assert pairs.tolist() == [[0, 2], [0, 3], [2, 3]]
    assert cosines == pytest.approx([0.995, 1.0, 0.995], abs=1e-3)
    assert near_copies(np.empty((0, 4)))[0].shape == (0, 2)


def test_pairs_do_not_depend_on_how_rows_are_blocked(monkeypatch):
    x = unit(*np.random.default_rng(0).normal(size=(60, 3)))
    whole, _ = near_copies(x, cosine=0.9)
    monkeypatch.setattr("core.evaluation.copies.BLOCK", 7)
    parts, _ = near_copies(x, cosine=0.9)
    assert parts.tolist() == whole.tolist()
    assert len(whole)


def test_looking_for_copies_stops_when_asked_and_when_there_are_too_many():
    x = unit(*[[1, 0]] * 30)
    assert len(near_copies(x, should_stop=lambda: True)[0]) == 0
    assert len(near_copies(x)[0]) == 30 * 29 / 2


def test_of_two_contradicting_judgements_the_less_likely_is_in_doubt():
    truth = np.array([[1, 0], [0, 0]], dtype=np.int8)
    proba = np.array([[0.1, 0.5], [0.1, 0.5]], dtype=np.float32)
    found = find_conflicts(np.array([[0, 1]]), np.ones(1), proba, truth)
    assert (found.rows.tolist(), found.others.tolist()) == ([0], [1])  # 'present' at 0.1
    assert found.is_present.tolist() == [True]
    assert found.suspicion[0] > 0.9


def test_without_a_probability_either_may_be_wrong():
    truth = np.array([[1], [0]], dtype=np.int8)
    found = find_conflicts(
        np.array([[0, 1]]), np.ones(1), np.full((2, 1), np.nan, np.float32), truth
    )
    assert found.suspicion.tolist() == [0.5]


def test_the_most_alike_come_first_and_labels_not_judged_in_both_do_not_count():
    truth = np.array([[1, 1], [0, -1], [0, 1]], dtype=np.int8)
    proba = np.full((3, 2), 0.5, np.float32)
    found = find_conflicts(np.array([[0, 1], [0, 2]]), np.array([0.96, 1.0]), proba, truth)
    assert found.cosine.tolist() == [1.0, 0.96]
    assert found.labels.tolist() == [0, 0]


def test_where_one_label_applies_a_pair_is_one_conflict_about_what_was_judged_present():
    truth = np.array([[1, 0], [0, 1]], dtype=np.int8)
    proba = np.array([[0.9, 0.1], [0.8, 0.2]], dtype=np.float32)
    found = find_conflicts(np.array([[0, 1]]), np.ones(1), proba, truth, exclusive=True)
    assert len(found) == 1
    assert (found.rows[0], found.labels[0], found.is_present[0]) == (1, 1, True)


def test_no_pairs_are_no_conflicts_and_as_many_cosines_are_wanted():
    none = np.empty((0, 2), dtype=np.int64)
    proba, truth = np.full((2, 1), 0.5, np.float32), np.zeros((2, 1), np.int8)
    assert len(find_conflicts(none, np.empty(0), proba, truth)) == 0
    with pytest.raises(InputError, match="cosines"):
        find_conflicts(none, np.ones(2), proba, truth)
