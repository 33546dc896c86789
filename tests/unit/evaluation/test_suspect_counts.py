from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.domain import EvaluationSource
from core.evaluation.outputs import EvaluationOutputs
from core.evaluation.suspect_counts import suspects_measured

TRUTH = np.array([[1, 0]] * 10 + [[0, 1]] * 10, dtype=np.int8)


def outputs(proba, truth=TRUTH) -> EvaluationOutputs:
    return EvaluationOutputs(
        proba=np.asarray(proba, dtype=np.float32),
        truth=np.asarray(truth, dtype=np.int8),
        names=("a", "b"),
        thresholds=np.full(2, 0.5),
        source=EvaluationSource.AUDIT,
    )


def test_a_judgement_that_the_model_surely_contradicts_is_in_doubt():
    proba = np.where(TRUTH == 1, 0.99, 0.01)
    proba[0, 0] = 0.001
    found = suspects_measured(outputs(proba))
    assert found is not None
    assert found.n_in_doubt == 1
    assert set(found.by_label) == {"a"}


def test_where_nothing_can_be_doubted_nothing_is_said():
    proba = np.where(TRUTH == 1, 0.99, 0.01)
    few = outputs(proba[6:14], TRUTH[6:14])
    no_clue = outputs(np.full_like(proba, 0.5))
    unjudged = outputs(proba, np.full_like(TRUTH, -1))
    nothing = replace(few, proba=few.proba[:0], truth=few.truth[:0])
    assert [suspects_measured(one) for one in (few, no_clue, unjudged, nothing)] == [None] * 4
