from __future__ import annotations

import numpy as np
import pytest

from core.evaluation.epochs import EpochScores, FoldRuns, band, runs_within, with_folds

TRUTH = np.array([[1, 0], [0, 1], [-1, 0]], dtype=np.int8)


def test_probabilities_that_part_the_states_score_one() -> None:
    scores = EpochScores(enough=1)
    scores.add(1, np.array([[0.6, 0.2], [0.3, 0.7], [0.9, 0.1]], dtype=np.float32), TRUTH)
    assert scores.micro_f1(1) == 1.0


def test_the_best_threshold_is_taken_and_unjudged_cells_do_not_count() -> None:
    scores = EpochScores(enough=1)
    # 0.8 false, 0.5 and 0.1 true: at 0.5 one hit, one miss, one false alarm; at 0.1 more alarms
    scores.add(2, np.array([[0.5, 0.8], [0.05, 0.1], [0.99, 0.05]], dtype=np.float32), TRUTH)
    assert scores.micro_f1(2) == pytest.approx(2 * 2 / (2 * 2 + 1))


def test_folds_add_up_as_if_predicted_together() -> None:
    proba = np.array([[0.5, 0.8], [0.05, 0.1], [0.99, 0.05]], dtype=np.float32)
    whole, parts = EpochScores(enough=1), EpochScores(enough=1)
    whole.add(1, proba, TRUTH)
    for row in range(3):
        parts.add(1, proba[row : row + 1], TRUTH[row : row + 1])
    assert whole.micro_f1(1) == parts.micro_f1(1)


def test_without_a_positive_there_is_no_score() -> None:
    scores = EpochScores(enough=1)
    scores.add(1, np.full((2, 1), 0.5, dtype=np.float32), np.array([[0], [-1]], dtype=np.int8))
    assert scores.micro_f1(1) is None
    assert scores.micro_f1(7) is None


def test_a_label_without_probabilities_is_left_out() -> None:
    scores = EpochScores(enough=1)
    proba = np.array([[0.6, np.nan], [0.3, np.nan], [0.9, np.nan]], dtype=np.float32)
    scores.add(1, proba, TRUTH)
    assert scores.micro_f1(1) == 1.0


def test_a_handful_of_documents_gives_no_score() -> None:
    scores = EpochScores()
    nine, one = np.tile(TRUTH[:1], (9, 1)), TRUTH[:1]
    scores.add(1, np.tile([[0.6, 0.2]], (9, 1)).astype(np.float32), nine)
    assert scores.micro_f1(1) is None
    scores.add(1, np.array([[0.6, 0.2]], dtype=np.float32), np.full_like(one, -1))
    assert scores.micro_f1(1) is None
    scores.add(1, np.array([[0.6, 0.2]], dtype=np.float32), one)
    assert scores.micro_f1(1) == 1.0


def test_a_band_lies_between_the_lowest_and_the_highest_run() -> None:
    first = [{"epoch": 1, "loss": 0.6}, {"epoch": 2, "loss": 0.4}]
    second = [{"epoch": 1, "loss": 0.8}]  # stopped early
    between = band([first, second], "loss")
    assert between.epochs == (1, 2)
    assert between.low == (0.6, 0.4)
    assert between.high == (0.8, 0.4)
    assert between.mean == pytest.approx((0.7, 0.4))
    assert between.n_runs == (2, 1)
    assert not between.is_one_line


def test_one_run_is_a_line_and_no_band() -> None:
    assert band([[{"epoch": 1, "f1": 0.5}]], "f1").is_one_line
    assert band([], "f1").is_one_line
    assert band([[{"epoch": 1, "f1": None}]], "f1").epochs == ()


def test_folds_are_kept_beside_the_epochs_and_found_again() -> None:
    runs = FoldRuns()
    proba, truth = np.array([[0.9]] * 6 + [[0.1]] * 6, np.float32), np.array([[1]] * 6 + [[0]] * 6)
    for fold in (1, 0):
        runs.add(fold, 1, loss=0.5 + fold, proba=proba, truth=truth.astype(np.int8))
    runs.add(0, 2, loss=0.3, proba=proba, truth=truth.astype(np.int8))
    history = runs.beside([{"epoch": 1, "loss": 0.9}, {"epoch": 2, "loss": 0.8}])
    assert history[0]["folds"] == [{"loss": 0.5, "f1": 1.0}, {"loss": 1.5, "f1": 1.0}]
    assert [len(run) for run in runs_within(history)] == [2, 1]
    assert band(runs_within(history), "loss").high == (1.5, 0.3)


def test_a_history_without_folds_is_left_as_it_is() -> None:
    history = [{"epoch": 1, "loss": 0.9}]
    assert FoldRuns().beside(history) == history
    assert runs_within(history) == []


def test_a_training_has_its_folds_beside_each_epoch_they_reached():
    history = [{"epoch": 1, "loss": 0.5, "lr": 0.1}, {"epoch": 2, "loss": 0.4, "lr": 0.1}]
    folds = [[{"epoch": 1, "loss": 0.6, "score": 0.2}], [{"epoch": 1, "loss": 0.4}], []]
    told = with_folds(history, folds)
    assert band(runs_within(told), "loss").high == (0.6,)
    assert band(runs_within(told), "score").n_runs == (1,)
    assert told[1]["folds"] == []
    assert with_folds(history, []) == history
