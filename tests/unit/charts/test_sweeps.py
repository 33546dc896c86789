from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.charts.sweeps import label_sweep, threshold_sweep
from core.evaluation.thresholds import sweep_interval, sweep_label
from tests.measured_rounds import made_up


def traces(figure):
    return {trace.name: trace for trace in figure.data}


def test_one_labels_sweep_draws_its_f1_with_interval_precision_and_recall():
    outputs = replace(made_up(200, 3), thresholds=np.array([0.5, 0.41, 0.5]))
    drawn = traces(label_sweep(outputs, 1))
    swept = sweep_label(outputs.proba, outputs.truth, 1)
    np.testing.assert_array_equal(drawn["F1"].y, swept.micro_f1)
    np.testing.assert_array_equal(drawn["precision"].y, swept.precision)
    assert drawn["in force 0.41"].x == (0.41, 0.41)
    assert "95 % interval" in drawn
    assert "macro-F1" not in drawn


def test_a_label_with_few_positives_gets_a_sentence_and_no_line():
    outputs = made_up(200, 2)
    truth = outputs.truth.copy()
    truth[np.flatnonzero(truth[:, 1] == 1)[4:], 1] = 0
    figure = label_sweep(replace(outputs, truth=truth), 1)
    assert not figure.data
    assert "4 documents judged to" in figure.layout.annotations[0].text


def test_the_sweep_of_all_labels_is_drawn_with_its_interval_where_that_is_given():
    outputs = made_up(100, 3)
    low, high = sweep_interval(outputs.proba, outputs.truth, seed=0)
    drawn = traces(threshold_sweep(outputs.evaluate(), interval=(low, high)))
    assert max(drawn["95 % interval"].y) == pytest.approx(np.nanmax(high))
    assert "95 % interval" not in traces(threshold_sweep(outputs.evaluate()))


def test_a_label_name_cannot_smuggle_markup_into_a_sweep():
    few = replace(made_up(3, 1), names=("<b>x</b>",))
    assert "<b>" not in label_sweep(few, 0).to_json().replace("\\u003c", "<")
