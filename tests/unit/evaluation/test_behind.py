from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain import ABSENT, PRESENT, UNJUDGED, EvaluationSource
from core.errors import InputError
from core.evaluation.behind import (
    Outcome,
    in_bin,
    in_histogram_bar,
    of_documents,
    of_outcome,
    of_pair,
    of_rows,
    outcome_mask,
)
from core.evaluation.calibration import reliability
from core.evaluation.outputs import EvaluationOutputs
from core.evaluation.per_label import probability_histogram

IDS = [11, 12, 13, 14, 15]


def outputs_of(proba, truth, **more) -> EvaluationOutputs:
    proba = np.array(proba, dtype=np.float32)
    return EvaluationOutputs(
        **{
            "proba": proba,
            "truth": np.array(truth, dtype=np.int8).reshape(proba.shape),
            "names": tuple(f"label {i}" for i in range(proba.shape[1])),
            "thresholds": np.full(proba.shape[1], 0.5),
            "source": EvaluationSource.AUDIT,
            "document_ids": np.arange(11, 11 + len(proba)),
            **more,
        }
    )


@pytest.fixture
def five() -> EvaluationOutputs:
    """Label a: one each of TP, FP, FN, TN and unjudged. Label b: absent, one not scored."""
    return outputs_of(
        [[0.9, 0.1], [0.8, 0.2], [0.3, 0.3], [0.2, np.nan], [0.7, 0.4]],
        [[1, 0], [0, 0], [1, 0], [0, 0], [-1, 0]],
        names=("a", "b"),
    )


@pytest.mark.parametrize(
    ("outcome", "ids"),
    [
        (Outcome.TRUE_POSITIVE, [11]),
        (Outcome.FALSE_POSITIVE, [12]),
        (Outcome.FALSE_NEGATIVE, [13]),
        (Outcome.TRUE_NEGATIVE, [14]),
        (Outcome.PRESENT, [13, 11]),  # the least expected first
        (Outcome.PREDICTED, [12, 11]),
        (Outcome.WRONG, [12, 13]),
        (Outcome.JUDGED, [12, 13, 14, 11]),
    ],
)
def test_each_outcome_has_its_documents_the_least_expected_first(five, outcome, ids):
    behind = of_outcome(five, 0, outcome)

    assert behind.documents.tolist() == ids
    assert len(behind) == len(ids)
    assert behind.title == f"a: {outcome}"


def test_the_counts_are_those_of_the_evaluation(five):
    scores = five.evaluate().labels[0]

    assert len(of_outcome(five, 0, Outcome.PRESENT)) == scores.support
    assert len(of_outcome(five, 0, Outcome.PREDICTED)) == scores.n_predicted
    assert len(of_outcome(five, 0, Outcome.JUDGED)) == scores.n_judged


def test_given_predictions_count_not_the_cut(five):
    nothing = replace(five, predicted=np.zeros((5, 2), dtype=bool))

    assert of_outcome(nothing, 0, Outcome.FALSE_NEGATIVE).documents.tolist() == [13, 11]
    assert len(of_outcome(nothing, 0, Outcome.TRUE_POSITIVE)) == 0


def test_a_cell_without_a_probability_has_no_outcome(five):
    assert not any(outcome_mask(five, outcome)[3, 1] for outcome in Outcome)


def test_a_bin_holds_its_lower_end_and_the_last_its_upper_too():
    outputs = outputs_of([[0.0], [0.5], [0.75], [1.0]], [1, 0, 1, 0])

    assert in_bin(outputs, 0, lower=0.0, upper=0.5).documents.tolist() == [11]
    assert set(in_bin(outputs, 0, lower=0.5, upper=0.75).documents) == {12}
    assert set(in_bin(outputs, 0, lower=0.75, upper=1.0).documents) == {13, 14}
    assert in_bin(outputs, 0, lower=0.75, upper=1.0, state=PRESENT).documents.tolist() == [13]


def test_a_bin_of_all_labels_counts_judgements_and_names_the_labels_of_each_document(five):
    behind = in_bin(five, None, lower=0.1, upper=0.4)

    assert len(behind) == 5  # a of 13 and 14, b of 11, 12 and 13
    assert sorted(behind.documents) == [11, 12, 13, 14]
    assert sorted(behind.labels_of(13)) == [0, 1]
    assert behind.labels_of(11) == [1]


def test_bins_before_calibration_are_those_of_the_raw_probabilities():
    outputs = outputs_of([[0.2], [0.9]], [1, 0], raw=np.array([[0.9], [0.2]], dtype=np.float32))

    assert in_bin(outputs, 0, lower=0.8, upper=1.0).documents.tolist() == [12]
    assert in_bin(outputs, 0, lower=0.8, upper=1.0, raw=True).documents.tolist() == [11]


CELLS = st.lists(
    st.tuples(
        st.one_of(
            st.sampled_from([k / 20 for k in range(21)]),  # on the edges
            st.floats(0, 1, width=32),
            st.just(float("nan")),
        ),
        st.sampled_from([PRESENT, ABSENT, UNJUDGED]),
    ),
    min_size=1,
    max_size=40,
)


@given(CELLS, st.sampled_from(["equal_width", "equal_mass"]))
def test_every_bin_of_a_reliability_diagram_has_as_many_judgements_as_it_says(cells, kind):
    outputs = outputs_of([[p] for p, _ in cells], [state for _, state in cells])
    bins = reliability(outputs.proba, outputs.truth, kind=kind)

    for lower, upper, count in zip(bins.bin_lower, bins.bin_upper, bins.count, strict=True):
        assert len(in_bin(outputs, 0, lower=lower, upper=upper)) == count


@given(CELLS)
def test_every_bar_of_a_histogram_has_as_many_documents_as_it_says(cells):
    outputs = outputs_of([[p] for p, _ in cells], [state for _, state in cells])
    drawn = probability_histogram(outputs.proba, outputs.truth, 0)

    for state, counts in ((PRESENT, drawn.present), (ABSENT, drawn.absent)):
        for position, count in enumerate(counts):
            behind = in_histogram_bar(outputs, 0, state=state, position=position)
            assert len(behind) == count


def test_a_bar_that_is_not_there_is_named(five):
    with pytest.raises(InputError, match="Bin 20 is not among 20 bins"):
        in_histogram_bar(five, 0, state=PRESENT, position=20)


def test_a_pair_is_counted_where_both_labels_are_judged():
    outputs = outputs_of(
        [[0.9, 0.9], [0.9, 0.1], [0.1, 0.9], [0.9, 0.9]], [[1, 1], [1, 1], [0, 1], [1, -1]]
    )

    assert of_pair(outputs, 0, 1).documents.tolist() == [11, 12]
    assert of_pair(outputs, 0, 1, predicted=True).documents.tolist() == [11]
    assert of_pair(outputs, 1, 1).documents.tolist() == [11, 12, 13]
    assert len(of_pair(outputs, 0, 1)) == outputs.evaluate().judged_pairs.counts[0, 1]


def test_documents_are_found_among_the_measured_and_kept_where_they_are_not(five):
    behind = of_documents([99, 14, 11], "Chosen", outputs=five)

    assert behind.documents.tolist() == [99, 14, 11]
    assert behind.rows.tolist() == [-1, 3, 0]
    assert behind.labels_of(14) == []


def test_rows_become_documents_in_their_order(five):
    assert of_rows(five, [4, 0], "Longest").documents.tolist() == [15, 11]


def test_without_document_ids_there_is_a_count_and_nothing_to_open(five):
    behind = of_outcome(replace(five, document_ids=None), 0, Outcome.JUDGED)

    assert len(behind) == 4
    assert behind.documents.size == 0
