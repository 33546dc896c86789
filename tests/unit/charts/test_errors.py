from __future__ import annotations

import numpy as np
import pytest

from core.charts.errors import (
    MOST_LABELS,
    errors_by_label,
    errors_by_length,
    shares_judged_expected,
    words_in_errors,
)
from core.evaluation.advice_errors import Share
from core.evaluation.errors import LabelErrors, LengthGroups
from core.evaluation.words import Word


def by_label(n):
    return LabelErrors(np.arange(n), np.arange(n)[::-1].copy(), np.full(n, 400))


@pytest.mark.parametrize("n", [3, 54, 300])
def test_labels_with_most_errors_are_drawn_in_their_own_colour(n):
    colours = [f"#{i:06x}" for i in range(n)]
    figure = errors_by_label([f"label {i}" for i in range(n)], by_label(n), colours)
    missed, false = figure.data
    assert len(missed.x) == min(n, MOST_LABELS)
    assert [colours[i] for i in missed.customdata] == list(missed.marker.color)
    assert max(missed.x) <= 0 <= min(false.x)


def test_the_chart_of_300_labels_is_as_high_as_that_of_54():
    heights = [
        errors_by_label([str(i) for i in range(n)], by_label(n)).layout.height for n in (54, 300)
    ]
    assert heights[0] == heights[1]


def test_no_errors_are_a_sentence():
    none = LabelErrors(np.zeros(2, int), np.zeros(2, int), np.full(2, 5))
    assert not errors_by_label(["a", "b"], none).data
    assert not words_in_errors([]).data
    assert not shares_judged_expected([]).data


def test_lengths_have_their_interval_and_say_how_many():
    groups = LengthGroups(
        shortest=np.array([1, 41]),
        longest=np.array([40, 1000]),
        n_documents=np.array([10, 10]),
        n_wrong=np.array([2, 5]),
        share=np.array([0.2, 0.5]),
        low=np.array([0.1, 0.3]),
        high=np.array([0.4, 0.7]),
        group=np.zeros(20, int),
    )
    (points,) = errors_by_length(groups).data
    assert list(points.x) == ["1 to 40", "41 and more"]
    assert points.error_y.array == pytest.approx((0.2, 0.2))
    assert "2 of 10 documents" in points.hovertext[0]


def test_words_are_drawn_as_they_are():
    (bars,) = words_in_errors([Word("<b>", 3.0, 4, 1)]).data
    assert bars.customdata[0] == "<b>"
    assert "&lt;b&gt;" in bars.hovertext[0]


def test_shares_that_differ_most_come_first_and_thin_ones_are_left_out():
    shares = [
        Share("near", 50, 0.2, 0.1, 0.3, 0.21),
        Share("far", 50, 0.5, 0.4, 0.6, 0.1),
        Share("thin", 3, 0.9, 0.5, 1.0, 0.1),
        Share("unknown", 50, 0.2, 0.1, 0.3, None),
    ]
    figure = shares_judged_expected(shares, ["#111111", "#222222", "#333333", "#444444"])
    judged = next(trace for trace in figure.data if trace.name == "judged")
    assert list(judged.x) == [0.5, 0.2]
    assert list(judged.marker.color) == ["#222222", "#111111"]
