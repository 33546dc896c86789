"""Our stopping criteria in small-text's shape, and where its own fail with several labels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array, csr_matrix
from small_text import (
    ClassificationChange,
    DeltaFScore,
    KappaAverage,
    OverallUncertainty,
    StoppingCriterion,
)

from core.errors import InputError
from core.strategies.stopping import (
    BernoulliUncertainty,
    FewChanges,
    FlattenedDeltaF,
    KappaPerLabel,
)

BEFORE = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 0], [1, 0, 0]])
NOW = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 1], [1, 0, 0]])
KINDS = [np.asarray, csr_matrix, csr_array]
COMPARING = [KappaPerLabel, FewChanges, FlattenedDeltaF]


def feed(criterion: StoppingCriterion, *predictions: object) -> list[bool]:
    return [criterion.stop(predictions=one) for one in predictions]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make", COMPARING)
def test_steady_predictions_settle_in_whatever_matrix_they_come(make: type, kind: type) -> None:
    criterion = make(3, window_size=2)
    assert feed(criterion, *[kind(NOW)] * 3) == [False, False, True]


@pytest.mark.parametrize("make", COMPARING)
def test_what_is_stored_explicitly_as_zero_is_absent(make: type) -> None:
    rows, columns = np.indices(NOW.shape)
    explicit = csr_matrix((NOW.ravel(), (rows.ravel(), columns.ravel())))
    assert explicit.nnz == NOW.size
    assert feed(make(3, window_size=1), csr_matrix(NOW), explicit) == [False, True]


def test_a_change_unsettles_kappa_until_it_has_left_the_window() -> None:
    criterion = KappaPerLabel(3, window_size=2)
    told = feed(criterion, BEFORE, BEFORE, NOW, NOW, NOW)
    assert told == [False, False, False, False, True]


def test_the_share_of_changed_cells_decides() -> None:
    assert feed(FewChanges(3, threshold=1 / 12), BEFORE, NOW) == [False, True]
    assert feed(FewChanges(3, threshold=0.08), BEFORE, NOW) == [False, False]


def test_delta_f_is_of_all_labels_positives() -> None:
    # four cells present both times, one only now: 1 - 8 / 9
    assert feed(FlattenedDeltaF(3, window_size=1, threshold=0.12), BEFORE, NOW) == [False, True]
    assert feed(FlattenedDeltaF(3, window_size=1, threshold=0.11), BEFORE, NOW) == [False, False]


@pytest.mark.parametrize("make", [KappaPerLabel, FlattenedDeltaF])
def test_predicting_nothing_again_and_again_never_settles(make: type) -> None:
    assert not any(feed(make(3, window_size=1), *[np.zeros((4, 3))] * 4))


def test_only_the_documents_named_are_compared() -> None:
    criterion = FewChanges(3, threshold=0.0)
    same = np.array([0, 1, 3])
    criterion.stop(predictions=csr_matrix(BEFORE), indices_stopping=same)
    assert criterion.stop(predictions=csr_matrix(NOW), indices_stopping=same)


@pytest.mark.parametrize("kind", KINDS)
def test_uncertainty_is_each_labels_own(kind: type) -> None:
    criterion = BernoulliUncertainty(3, threshold=0.1)
    assert criterion.stop(proba=kind(np.full((4, 3), 0.01)))
    assert not criterion.stop(proba=kind(np.full((4, 3), 0.5)))
    half = np.where(np.arange(4)[:, None] < 2, 0.01, 0.5) * np.ones((4, 3))
    assert criterion.stop(proba=kind(half), indices_stopping=np.array([0, 1]))


@pytest.mark.parametrize("make", COMPARING)
def test_the_wrong_number_of_labels_is_refused(make: type) -> None:
    with pytest.raises(InputError, match="do not fit 5 labels"):
        make(5).stop(predictions=NOW)
    with pytest.raises(InputError, match="none came"):
        make(5).stop()


def test_probabilities_that_are_missing_and_thresholds_that_are_no_share_are_refused() -> None:
    with pytest.raises(InputError, match="none came"):
        BernoulliUncertainty(3).stop(predictions=NOW)
    with pytest.raises(InputError, match="no share"):
        BernoulliUncertainty(3, threshold=5)


# --- small-text's own, shown for the record --------------------------------------------------


@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
def test_small_texts_kappa_crashes_on_several_labels() -> None:
    criterion = KappaAverage(3, window_size=1)
    criterion.stop(predictions=csr_matrix(BEFORE))
    with pytest.raises((ValueError, TypeError)):
        criterion.stop(predictions=csr_matrix(NOW))


def test_small_texts_uncertainty_crashes_on_sparse_probabilities() -> None:
    with pytest.raises((ValueError, TypeError, IndexError)):
        OverallUncertainty(3).stop(proba=csr_matrix(NOW * 0.9), indices_stopping=np.arange(4))


def test_small_texts_uncertainty_calls_sure_documents_wholly_uncertain() -> None:
    sure = np.full((4, 3), 0.01)
    assert not OverallUncertainty(3, threshold=0.99).stop(proba=sure, indices_stopping=np.arange(4))
    assert BernoulliUncertainty(3, threshold=0.1).stop(proba=sure)


def test_small_texts_delta_f_refuses_several_labels() -> None:
    with pytest.raises(ValueError, match="binary"):
        DeltaFScore(3)


def test_small_texts_change_counts_a_document_as_changed_for_one_cell_of_many() -> None:
    before = np.eye(4, 100, dtype=np.int64)
    now = before.copy()
    now[:, 99] = 1  # one cell in a hundred
    theirs, ours = ClassificationChange(100, threshold=0.5), FewChanges(100, threshold=0.02)
    assert feed(theirs, csr_matrix(before), csr_matrix(now)) == [False, False]
    assert feed(ours, csr_matrix(before), csr_matrix(now)) == [False, True]
