from __future__ import annotations

from math import log, sqrt

import pytest

from core.evaluation.words import over_represented, words_in


def test_words_are_runs_of_letters_in_small_letters():
    assert words_in("Don't pay 40 € — Straße, x-ray!") == {"don't", "pay", "strasse", "x-ray"}


def test_a_word_of_the_wrong_texts_stands_out_and_one_of_both_does_not():
    wrong = ["the parcel came broken"] * 10
    right = ["the parcel came in time"] * 30
    found = over_represented(wrong, right, 10)
    assert [word.word for word in found] == ["broken"]
    assert (found[0].n_wrong, found[0].n_right) == (10, 0)


def test_a_word_seen_twice_is_chance_however_one_sided():
    assert over_represented(["odd one", "odd two"], ["plain"] * 50, 5) == []


def test_a_word_counts_once_per_text():
    found = over_represented(["broken broken broken"] * 3 + ["fine"], ["fine"] * 40, 5)
    assert [(word.word, word.n_wrong) for word in found] == [("broken", 3)]


def test_the_clearest_come_first_and_no_more_than_asked_for():
    wrong = ["broken glass"] * 20 + ["broken"] * 20
    right = ["delivered", "paid", "thanks"] * 30
    found = over_represented(wrong, right, 2)
    assert [word.word for word in found] == ["broken", "glass"]
    assert found[0].z > found[1].z
    assert len(over_represented(wrong, right, 1)) == 1


def test_the_score_is_that_of_monroe_colaresi_and_quinn(monkeypatch):
    monkeypatch.setattr("core.evaluation.words.LEAST_Z", -9.0)
    wrong, right = ["a b"] * 4 + ["b"] * 6, ["a b"] * 12 + ["b"] * 28
    # "a" is 4 of 14 words and 12 of 52, and 16 of the 66 that the prior is spread by
    prior = 6.6 * 16 / 66
    odds = log((4 + prior) / (14 + 6.6 - 4 - prior)) - log((12 + prior) / (52 + 6.6 - 12 - prior))
    z = odds / sqrt(1 / (4 + prior) + 1 / (12 + prior))
    found = {word.word: word.z for word in over_represented(wrong, right, 5)}
    assert found["a"] == pytest.approx(z)


@pytest.mark.parametrize(("wrong", "right"), [([], []), ([], ["a"]), (["!"], []), (["a"] * 3, [])])
def test_groups_without_words_to_compare_have_none_that_stand_out(wrong, right):
    assert over_represented(wrong, right, 5) == []
