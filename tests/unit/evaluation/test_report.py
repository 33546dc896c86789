from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from core.domain import UNJUDGED, EvaluationSource
from core.errors import InputError
from core.evaluation.report import Evaluation, evaluate

AUDIT = EvaluationSource.AUDIT


def measured(proba, truth, **more) -> Evaluation:
    names = [f"label {i}" for i in range(proba.shape[1])]
    return evaluate(
        proba, truth, **{"names": names, "source": AUDIT, "threshold": 0.5, "seed": 1, **more}
    )


def stored(evaluation: Evaluation) -> str:
    return json.dumps(evaluation.to_json(), allow_nan=False)


@st.composite
def judged_probabilities(draw):
    shape = draw(array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=8))
    cells = st.floats(0, 1, width=32) | st.just(float("nan"))
    proba = draw(arrays(np.float32, shape, elements=cells))
    return proba, draw(arrays(np.int8, shape, elements=st.sampled_from([1, 0, -1])))


@given(given_data=judged_probabilities())
@settings(max_examples=60, deadline=None)
def test_whatever_was_judged_is_evaluated_and_reads_back_equal(given_data):
    evaluation = measured(*given_data)

    again = Evaluation.from_json(json.loads(stored(evaluation)))

    assert again == evaluation
    assert again.to_json() == evaluation.to_json()


def test_reading_back_restores_arrays_undefined_scores_and_choices(small):
    again = Evaluation.from_json(json.loads(stored(measured(*small, uncalibrated_proba=small[0]))))

    assert again.source is AUDIT
    assert again.names == ("label 0", "label 1")
    assert again.sweep.micro_f1.dtype == np.float64
    assert np.isnan(again.sweep.precision[-1])  # nothing reaches 0.99
    assert again.calibration.reliability.count.dtype == np.int64
    assert again.judged_pairs.counts.shape == (2, 2)
    assert isinstance(again.labels[0].f1_interval, tuple)


def test_two_different_evaluations_are_not_equal(small):
    assert measured(*small) != measured(*small, threshold=0.7)


def test_what_is_counted_matches_the_judgements(small):
    evaluation = measured(*small)

    assert (evaluation.n_documents, evaluation.n_cells) == (4, 6)
    assert evaluation.positives == (2, 1)
    assert evaluation.best_threshold == pytest.approx(0.705)  # middle of 0.61 … 0.80
    assert not evaluation.cross_fitted


def test_given_predictions_are_scored_instead_of_the_cut(small):
    proba, truth = small
    evaluation = measured(proba, truth, predicted=np.zeros(truth.shape, dtype=bool))

    assert evaluation.cross_fitted
    assert evaluation.summary.micro_f1.value == 0.0
    assert evaluation.predicted_pairs.counts.sum() == 0
    assert np.nanmax(evaluation.sweep.micro_f1) > 0.5  # the sweep still shows the probabilities


def test_predicted_pairs_are_counted_only_where_there_is_a_judgement_to_compare_with():
    proba = np.full((2, 2), 0.9, dtype=np.float32)
    truth = np.array([[1, 1], [1, -1]], dtype=np.int8)

    assert measured(proba, truth).predicted_pairs.counts[0, 1] == 1


def test_calibration_is_kept_before_and_after(large):
    proba, truth = large
    evaluation = measured(proba, truth, uncalibrated_proba=proba**2)

    assert evaluation.uncalibrated.ece != evaluation.calibration.ece
    assert measured(proba, truth).uncalibrated is None


@pytest.mark.parametrize(
    ("proba", "truth"),
    [
        pytest.param(np.empty((0, 3)), np.empty((0, 3)), id="no documents"),
        pytest.param(np.empty((4, 0)), np.empty((4, 0)), id="no labels"),
        pytest.param(np.full((4, 2), np.nan), np.ones((4, 2)), id="no probabilities"),
        pytest.param(np.full((4, 2), 0.5), np.full((4, 2), UNJUDGED), id="no judgements"),
    ],
)
def test_with_nothing_to_measure_every_score_is_undefined(proba, truth):
    evaluation = measured(proba.astype(np.float32), truth.astype(np.int8))

    assert evaluation.n_documents == evaluation.n_cells == 0
    assert evaluation.summary.micro_f1.value is None
    assert np.isnan(evaluation.sweep.micro_f1).all()
    assert np.isnan(evaluation.calibration.ece)
    assert all(label.f1 is None and label.recall is None for label in evaluation.labels)
    json.loads(stored(evaluation))


def test_judgements_all_absent_leave_f1_undefined_but_count_false_alarms():
    proba = np.array([[0.9], [0.2]], dtype=np.float32)
    evaluation = measured(proba, np.zeros((2, 1), dtype=np.int8))

    assert evaluation.summary.micro_f1.value is None
    assert evaluation.summary.precision.value == 0.0


def test_judgements_all_present_are_measured_without_a_curve():
    evaluation = measured(np.full((5, 1), 0.9, np.float32), np.ones((5, 1), np.int8))

    assert evaluation.summary.micro_f1.value == 1.0
    assert evaluation.curves[0].recall.size == 0


def test_a_stored_evaluation_of_54_labels_stays_under_300_kb():
    rng = np.random.default_rng(0)
    truth = (rng.random((2000, 54)) < 0.1).astype(np.int8)
    proba = np.clip(0.5 * truth + 0.6 * rng.random(truth.shape), 0, 1).astype(np.float32)

    assert len(stored(measured(proba, truth, uncalibrated_proba=proba))) < 300_000


def test_a_missing_field_is_named_and_an_unknown_one_passed_over(small):
    kept = measured(*small).to_json()
    assert Evaluation.from_json(kept | {"from the future": 1}).n_cells == 6

    del kept["sweep"]
    with pytest.raises(InputError, match="no field 'sweep'"):
        Evaluation.from_json(kept)


def test_predictions_that_do_not_fit_are_refused(small):
    with pytest.raises(InputError, match=r"Predictions of shape \(1, 2\)"):
        measured(*small, predicted=np.zeros((1, 2), dtype=bool))


def test_every_field_of_an_evaluation_is_stored(small):
    evaluation = measured(*small)
    assert set(evaluation.to_json()) == {field.name for field in dataclasses.fields(evaluation)}
