"""Finding texts by meaning and by the very words."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.strategies.looking_up import (
    PHRASE_WEIGHT,
    WORD_WEIGHT,
    Wording,
    that_differ,
    word_scores,
    words_of,
)


def floats(*rows):
    return np.array(rows, dtype=np.float32)


def test_words_are_taken_once_without_case_and_short_ones_only_in_need():
    assert words_of("The refund, the REFUND of it") == ["the", "refund"]
    assert words_of("5G") == ["5g"]
    assert words_of("Ärger über Straße") == ["ärger", "über", "strasse"]


def test_a_word_is_found_where_one_begins_with_it():
    wording = Wording("refund art")
    assert wording.hits("Two refunds, please") == [True, False, False]
    assert wording.hits("A party") == [False, False, False]
    assert wording.hits("REFUND\n  ART, now") == [True, True, True]


def test_scripts_without_spaces_are_found_anywhere():
    assert Wording("退款").hits("我要退款。") == [True, True]


def test_what_is_typed_is_never_a_pattern():
    assert Wording("50% (net)").hits("it says 50% (net) there") == [True, True]
    assert Wording("foo.bar").hits("fooxbar") == [True, False, False]


def test_a_rare_word_counts_more_than_a_common_one():
    common, rare = 0, 1
    hits = np.zeros((101, 3), dtype=bool)
    hits[:100, common] = True
    hits[100, rare] = True
    scores = word_scores(hits, 1000)
    assert scores[100] > 2 * scores[0] > 0


def test_all_the_words_as_typed_make_the_full_score():
    hits = np.array([[True, True, True], [True, True, False]])
    assert word_scores(hits, 10) == pytest.approx([WORD_WEIGHT + PHRASE_WEIGHT, WORD_WEIGHT])


def test_a_word_that_nothing_has_costs_nothing():
    hits = np.array([[True, False, False]])
    assert word_scores(hits, 10) == pytest.approx([WORD_WEIGHT])


def test_near_copies_are_passed_over_while_there_is_something_else():
    x = floats([1, 0], [1, 0.01], [0, 1])
    assert that_differ(x, 2).tolist() == [0, 2]
    assert that_differ(x, 3).tolist() == [0, 1, 2]


def test_documents_without_a_vector_are_nobodys_copy():
    assert that_differ(np.zeros((3, 2), dtype=np.float32), 2).tolist() == [0, 1]


@given(st.integers(0, 20), st.integers(1, 25), st.integers(0, 5))
def test_as_many_as_asked_for_each_once_in_order(n_documents, n, seed):
    x = np.random.default_rng(seed).integers(-1, 2, (n_documents, 2)).astype(np.float32)
    found = that_differ(x, n).tolist()
    assert found == sorted(set(found))
    assert len(found) == min(n, n_documents)
