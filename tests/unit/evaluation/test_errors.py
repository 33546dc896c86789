from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.domain import EvaluationSource
from core.evaluation.advice_errors import (
    Share,
    on_drift,
    what_it_suggests_errors_by_label,
    what_it_suggests_errors_by_length,
    what_it_suggests_shares,
    what_it_suggests_words_in_errors,
)
from core.evaluation.errors import (
    errors_by_label,
    errors_by_length,
    errors_with_word,
    find_errors,
    words_in_errors,
)
from core.evaluation.outputs import EvaluationOutputs
from core.evaluation.words import Word


def outputs(proba, truth, *, texts=(), names=None, predicted=None):
    proba, truth = np.array(proba, dtype=np.float32), np.array(truth, dtype=np.int8)
    n, width = proba.shape
    return EvaluationOutputs(
        proba=proba,
        truth=truth,
        names=tuple(names or (f"l{i}" for i in range(width))),
        thresholds=np.full(width, 0.5),
        source=EvaluationSource.AUDIT,
        predicted=predicted,
        document_ids=np.arange(100, 100 + n),
        texts=tuple(texts),
    )


@pytest.fixture
def small():
    """Missed at .1, false alarms at .9 and .6; one right, one unjudged, one unknown."""
    return outputs(
        [[0.1, 0.9], [0.6, 0.7], [np.nan, 0.8]],
        [[1, 0], [0, -1], [1, 1]],
        texts=["broken glass", "broken cup", "fine"],
    )


def test_errors_come_surest_first_and_from_judged_cells_alone(small):
    errors = find_errors(small)
    assert list(zip(errors.rows.tolist(), errors.labels.tolist(), strict=True))[2] == (1, 0)
    assert errors.confidence == pytest.approx([0.9, 0.9, 0.6])
    assert errors.is_missed.tolist() == [True, False, False]


def test_honest_predictions_count_and_not_a_cut_of_the_probabilities(small):
    predicted = small.guesses.copy()
    predicted[0, 0] = True
    errors = find_errors(replace(small, predicted=predicted))
    assert list(zip(errors.rows.tolist(), errors.labels.tolist(), strict=True)) == [(0, 1), (1, 0)]


def test_the_documents_behind_errors_are_exactly_theirs(small):
    errors = find_errors(small)
    behind = errors.behind(small, "missed", errors.is_missed)
    assert behind.document_ids.tolist() == [100]
    assert behind.labels_of(100) == [0]
    assert len(errors.behind(small, "all")) == 3


def test_each_label_counts_both_kinds(small):
    by_label = errors_by_label(small)
    assert by_label.n_missed.tolist() == [1, 0]
    assert by_label.n_false.tolist() == [1, 1]
    assert by_label.n_judged.tolist() == [2, 2]
    assert by_label.total.sum() == len(find_errors(small))


def test_documents_with_an_error_are_counted_by_length():
    truth = [[0]] * 20
    proba = [[0.9 if i >= 10 else 0.1] for i in range(20)]
    made = outputs(proba, truth, texts=["a" * (5 if i < 10 else 700) for i in range(20)])
    groups = errors_by_length(made)
    assert (groups.shortest.tolist(), groups.longest.tolist()) == ([5, 700], [5, 700])
    assert groups.share.tolist() == [0.0, 1.0]
    assert groups.n_documents.tolist() == [10, 10]
    assert groups.group.tolist() == [0] * 10 + [1] * 10
    assert (groups.low <= groups.share).all()
    assert (groups.share <= groups.high).all()
    said = what_it_suggests_errors_by_length(groups)
    assert "Texts of 700 characters go wrong in 100%" in said
    assert "cut by the encoder" in said


def test_length_says_nothing_where_chance_explains_it():
    rng = np.random.default_rng(0)
    proba = np.where(rng.random((100, 1)) < 0.3, 0.9, 0.1)
    made = outputs(proba, np.zeros((100, 1)), texts=["a" * (i + 1) for i in range(100)])
    groups = errors_by_length(made)
    assert groups.n_documents.sum() == 100
    assert len(groups) == 5
    assert "more than chance explains" in what_it_suggests_errors_by_length(groups)


def test_texts_cut_short_count_as_long_and_unjudged_documents_not_at_all():
    made = outputs([[0.9], [0.1], [0.1]], [[0], [0], [-1]], texts=["a" * 1000, "a", "a"])
    groups = errors_by_length(made)
    assert groups.name(1) == "1,000 and more"
    assert groups.group.tolist() == [1, 0, -1]


def test_without_texts_there_are_no_groups_and_no_words(small):
    bare = replace(small, texts=())
    assert len(errors_by_length(bare)) == 0
    assert words_in_errors(bare, 5) == []
    assert not errors_with_word(bare, find_errors(bare), "broken").any()


def test_words_of_texts_with_errors_stand_out_and_lead_to_them():
    texts = ["broken glass"] * 5 + ["all is fine"] * 30
    made = outputs([[0.9]] * 5 + [[0.1]] * 30, [[0]] * 35, texts=texts)
    assert {word.word for word in words_in_errors(made, 5)} == {"broken", "glass"}
    errors = find_errors(made)
    assert errors_with_word(made, errors, "broken").sum() == 5
    assert errors_with_word(made, errors, "fine").sum() == 0


def many(n_missed, n_false, proba_wrong=0.6):
    proba = [[1 - proba_wrong]] * n_missed + [[proba_wrong]] * n_false
    return outputs(proba, [[1]] * n_missed + [[0]] * n_false, names=["billing"])


def suggested(made):
    return what_it_suggests_errors_by_label(made.names, errors_by_label(made), find_errors(made))


def test_advice_on_errors_knows_none_few_one_sided_and_sure_ones():
    assert "Nothing measured" in suggested(outputs([[0.9]], [[1]]))
    assert "Only 3 errors" in suggested(many(2, 1))
    assert "a lower threshold" in suggested(many(18, 2))
    assert "a higher threshold" in suggested(many(2, 18))
    assert "read the surest first" in suggested(many(10, 10, proba_wrong=0.99))


def test_advice_on_words_names_the_clearest():
    words = [Word("broken", 5.0, 12, 1), Word("glass", 3.0, 8, 2)]
    assert "“broken” and “glass” stand out" in what_it_suggests_words_in_errors(words)
    assert "“broken” stands out" in what_it_suggests_words_in_errors(words[:1])
    assert "No word" in what_it_suggests_words_in_errors([])


def test_advice_on_shares_tells_only_what_chance_does_not_explain():
    off = Share("a", 100, 0.3, 0.22, 0.4, 0.1)
    fine = Share("b", 100, 0.3, 0.22, 0.4, 0.35)
    few = Share("c", 100, 0.01, 0.0, 0.05, 0.2)
    unknown = Share("d", 0, None, None, None, 0.2)
    said = what_it_suggests_shares([off, fine, few, unknown])
    assert "over-represented: “a”; under-represented: “c”" in said
    assert "about as often" in what_it_suggests_shares([fine, unknown])


def test_drift_is_told_where_it_is_and_not_where_it_cannot_be():
    assert "cannot be told: 5 are judged" in on_drift(None, None, None, n_judged=5, n_pool=9)
    assert "are like those that wait" in on_drift(0.52, 0.48, 0.56, n_judged=99, n_pool=99)
    assert "somewhat told" in on_drift(0.7, 0.66, 0.74, n_judged=99, n_pool=99)
    assert "easily told" in on_drift(0.95, 0.9, 0.99, n_judged=99, n_pool=99)
