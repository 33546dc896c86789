from __future__ import annotations

import numpy as np
import pytest

from core.domain import ABSENT, PRESENT, UNJUDGED
from core.errors import InputError
from core.evaluation.pair_review import find_pairs


def exclusive(n: int = 400, n_mistakes: int = 2) -> np.ndarray:
    """Two labels of half the documents each, together in a few by mistake; one of all others."""
    truth = np.zeros((n, 3), dtype=np.int8)
    truth[: n // 2, 0] = PRESENT
    truth[n // 2 :, 1] = PRESENT
    truth[:n_mistakes, 1] = PRESENT
    truth[::3, 2] = PRESENT
    return truth


def test_two_labels_that_hardly_ever_meet_are_found_where_they_do():
    found = find_pairs(exclusive())
    assert sorted(found.rows.tolist()) == [0, 1]
    assert not found.is_companion.any()
    assert set(zip(found.labels, found.others, strict=True)) == {(0, 1)}  # the rarer one
    assert (found.surprise > 0.98).all()


def test_the_label_that_the_model_doubts_is_the_suspect():
    proba = np.full((400, 3), 0.5, dtype=np.float32)
    proba[0], proba[1] = [0.9, 0.1, 0.5], [np.nan, 0.9, 0.5]
    found = find_pairs(exclusive(), proba)
    suspect = dict(zip(found.rows.tolist(), found.labels.tolist(), strict=True))
    assert suspect == {0: 1, 1: 0}


def test_labels_that_are_merely_independent_are_left_alone():
    rng = np.random.default_rng(0)
    for _ in range(20):
        assert not len(find_pairs((rng.random((300, 8)) < 0.2).astype(np.int8)))


def test_a_missing_companion_is_found():
    truth = np.zeros((100, 2), dtype=np.int8)
    truth[:40, 0] = PRESENT
    truth[:60, 1] = PRESENT
    truth[7, 1] = ABSENT
    found = find_pairs(truth)
    assert found.rows.tolist() == [7]
    assert (found.labels[0], found.others[0], found.is_companion[0]) == (1, 0, True)
    assert found.surprise[0] == pytest.approx(39 / 40)


def test_an_unjudged_companion_is_not_missing():
    truth = np.ones((40, 2), dtype=np.int8)
    truth[3, 1] = UNJUDGED
    assert not len(find_pairs(truth))


def test_a_label_in_few_documents_says_nothing():
    truth = np.zeros((100, 2), dtype=np.int8)
    truth[:9, 0] = PRESENT
    truth[:8, 1] = PRESENT
    assert not len(find_pairs(truth))


def test_the_most_surprising_come_first_and_no_more_than_asked():
    truth = exclusive(n_mistakes=3)
    assert len(find_pairs(truth, most=2)) == 2


def test_probabilities_of_another_shape_are_refused():
    with pytest.raises(InputError, match="do not fit"):
        find_pairs(exclusive(), np.zeros((3, 3), dtype=np.float32))
