"""Choosing a variant on judged documents, without flattering what is measured on them."""

import threading

import numpy as np
import pytest

from core.errors import Cancelled
from core.evaluation.thresholds import best_threshold, sweep
from core.learners.choosing import fit_out_of_fold
from core.learners.comparing import best_of, fold_counts, out_of_fold_score
from core.learners.dataset import JudgedVectors, unjudged
from core.learners.quick import QuickConfig, QuickKind, new_quick
from core.learners.variants import Judged, name_of, predictions_of, variants_of

NETWORK = QuickConfig(kind=QuickKind.MLP, layers=(8,), epochs=3, steps_per_epoch=3)


def documents(n=80, n_labels=3, seed=0, width=12):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, width)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    planes = np.random.default_rng(9).standard_normal((width, n_labels))
    return JudgedVectors(x, (x @ planes > 0.3).astype(np.int8))


# --- counting ---------------------------------------------------------------------------------


def test_the_score_by_hand():
    """At .7 the first label is found once of twice, the second once of once.

    Two right, none too many, one missed: micro-F1 4/5, best of all. By label 2/3 and 1.
    """
    proba = np.array([[0.9, 0.8], [0.1, 0.6], [0.1, 0.2]], dtype=np.float32)
    truth = np.array([[1, 1], [1, 0], [0, 0]], dtype=np.int8)
    counts = fold_counts(proba, truth, np.array([0, 1, 1]))
    assert out_of_fold_score(counts) == pytest.approx(2 / 3 * 4 / 5 + 1 / 3 * 5 / 6)


def test_macro_f1_counts_a_third():
    """A label present three times is found thrice, one present once is missed: 6/7 and (1 + 0)/2.

    Lowering the threshold to find it would find all that is not there as well.
    """
    proba = np.array([[0.9, 0.1]] * 3 + [[0.1, 0.1]] * 5, dtype=np.float32)
    truth = np.array([[1, 0]] * 3 + [[0, 1]] + [[0, 0]] * 4, dtype=np.int8)
    counts = fold_counts(proba, truth, np.zeros(8, dtype=np.int64))
    assert out_of_fold_score(counts) == pytest.approx(2 / 3 * 6 / 7 + 1 / 3 * 1 / 2)


def test_a_fold_left_out_is_not_looked_at():
    truth = np.array([[1], [0], [1], [0]], dtype=np.int8)
    folds = np.array([0, 0, 1, 1])
    right_at_first, right_later = (
        np.array(each, dtype=np.float32)[:, None] for each in ([1, 0, 0, 1], [0, 1, 1, 0])
    )
    counts = [fold_counts(proba, truth, folds) for proba in (right_at_first, right_later)]
    assert [best_of(counts, without=fold) for fold in (0, 1)] == [1, 0]
    assert best_of(counts) == 0  # as good as each other: the first


def test_unjudged_and_unpredicted_cells_count_nothing():
    proba = np.array([[0.9, np.nan], [0.9, 0.9]], dtype=np.float32)
    truth = np.array([[1, 1], [-1, -1]], dtype=np.int8)
    counts = fold_counts(proba, truth, np.zeros(2, dtype=np.int64))
    assert counts.sum() == 1
    assert np.isnan(out_of_fold_score(fold_counts(proba, 0 * truth, np.zeros(2, dtype=np.int64))))


# --- variants ---------------------------------------------------------------------------------


def test_variants_are_what_was_left_open():
    assert len(variants_of(QuickConfig())) == 12
    assert len(variants_of(QuickConfig(kind=QuickKind.LOGISTIC))) == 4
    assert len(variants_of(QuickConfig(C=3.0))) == 3
    assert variants_of(NETWORK) == [NETWORK]
    names = [name_of(variant) for variant in variants_of(QuickConfig())]
    assert len(set(names)) == 12
    assert names[0] == "logistic, C 10, 15% neighbours"


@pytest.mark.parametrize("exclusive", [False, True])
def test_the_shared_way_predicts_as_each_variant_alone_would(exclusive):
    data, new = documents(), documents(30, seed=1)
    if exclusive:
        data.truth = np.eye(3, dtype=np.int8)[data.truth.argmax(axis=1)]
    variants = variants_of(QuickConfig(exclusive=exclusive))
    together = JudgedVectors(np.vstack([data.x, new.x]), np.vstack([data.truth, new.truth]))
    judged = Judged.of(together.x, together.truth, n_blocks=1)
    every = predictions_of(
        variants, judged, fit=np.arange(80), test=np.arange(80, 110), should_stop=lambda: False
    )
    for variant, proba in zip(variants, every, strict=True):
        alone = new_quick(variant, 3).fit(data).predict_proba(new)
        np.testing.assert_allclose(proba, alone, atol=0.03)


# --- fitting ----------------------------------------------------------------------------------


def test_it_gives_a_learner_on_all_and_a_prediction_of_each_document():
    data = documents()
    data.truth[::7, 1] = -1
    fitted = fit_out_of_fold(QuickConfig(), data)
    assert np.isfinite(fitted.proba).all()
    assert sorted(set(fitted.folds)) == [0, 1, 2, 3, 4]
    assert fitted.chosen == max(fitted.scores, key=fitted.scores.__getitem__)
    assert fitted.chosen == name_of(fitted.learner.config)
    assert len(fitted.scores) == 12
    assert fitted.history == []
    again = new_quick(fitted.learner.config, 3).fit(data)
    np.testing.assert_array_equal(again.predict_proba(data), fitted.learner.predict_proba(data))


@pytest.mark.parametrize("config", [QuickConfig(), NETWORK])
def test_nothing_that_is_said_of_a_fold_reaches_its_own_predictions(config):
    """Other truth in one fold leaves its predictions as they are, choice of variant included."""
    data = documents()
    before = fit_out_of_fold(config, data)
    mine = before.folds == 2
    kept = predicted_without(config, data, before.folds, 2)
    np.testing.assert_allclose(before.proba[mine], kept, atol=1e-5)


def predicted_without(config, data, folds, fold):
    """The choice made again by hand on the other folds, and that variant trained on them."""
    rest, mine = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
    variants = variants_of(config)
    if len(variants) == 1:
        return new_quick(config, 3).fit(data[rest]).predict_proba(data[mine])
    judged = Judged.of(data.x, data.truth, n_blocks=1)
    every = np.full((len(variants), *data.truth.shape), np.nan, dtype=np.float32)
    for other in range(5):
        test = np.flatnonzero(folds == other)
        every[:, test] = predictions_of(
            variants,
            judged,
            fit=np.flatnonzero(folds != other),
            test=test,
            should_stop=lambda: False,
        )
    counts = [fold_counts(p[rest], data.truth[rest], folds[rest]) for p in every]
    return every[best_of(counts)][mine]


def test_on_noise_it_does_not_flatter_itself():
    """Labels thrown by lot: the out-of-fold score must not exceed what lots give on new ones."""
    gains = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        data = documents(60, n_labels=1, seed=seed, width=30)
        data.truth[:] = rng.integers(0, 2, data.truth.shape)
        fitted = fit_out_of_fold(QuickConfig(seed=seed), data)
        right = ((fitted.proba > 0.5) == data.truth).mean()
        gains.append(right - 0.5)
    assert np.mean(gains) < 2.5 * 0.5 / np.sqrt(60 * 12)  # so many deviations of a fair coin


def test_choosing_is_as_good_as_any_usual_variant_alone():
    data, new = documents(150), documents(400, seed=1)
    chosen = fit_out_of_fold(QuickConfig(), data)

    def on_new(fitted):
        cut = best_threshold(sweep(fitted.proba, data.truth))
        scores = sweep(fitted.learner.predict_proba(new), new.truth)
        return scores.micro_f1[scores.at(cut)]

    usual = fit_out_of_fold(QuickConfig(C=10.0, neighbours=0.15), data)
    assert on_new(chosen) > on_new(usual) - 0.01


@pytest.mark.parametrize("n_members", [0, 2])
@pytest.mark.parametrize("config", [QuickConfig(), NETWORK])
def test_the_number_of_threads_does_not_show(config, n_members):
    data = documents()
    one, two = (
        fit_out_of_fold(config, data, n_threads=n_threads, n_members=n_members)
        for n_threads in (1, 3)
    )
    np.testing.assert_array_equal(one.proba, two.proba)
    assert (one.scores, one.history) == (two.scores, two.history)


def test_a_network_tells_how_it_learnt():
    fitted = fit_out_of_fold(NETWORK, documents())
    assert [point["epoch"] for point in fitted.history] == [1, 2, 3]
    assert fitted.history[-1]["loss"] < fitted.history[0]["loss"]
    assert all(0 < point["f1"] < 1 for point in fitted.history)
    assert list(fitted.scores) == [fitted.chosen] == ["mlp, 8"]


def test_an_ensemble_is_of_the_variant_a_single_head_does_best_with():
    data = documents()
    alone = fit_out_of_fold(QuickConfig(), data)
    together = fit_out_of_fold(QuickConfig(), data, n_members=3)
    assert together.chosen == alone.chosen
    assert together.learner.predict_proba(data, dropout_sampling=2).shape == (80, 3, 3)
    assert np.isfinite(together.proba).all()
    assert (together.proba != alone.proba).any()


@pytest.mark.parametrize("config", [QuickConfig(), NETWORK])
def test_documents_something_else_learnt_from_are_not_predicted(config):
    data = documents()
    seen = np.arange(80) < 20
    fitted = fit_out_of_fold(config, data, seen=seen)
    assert np.isnan(fitted.proba[seen]).all()
    assert np.isfinite(fitted.proba[~seen]).all()


@pytest.mark.parametrize("kind", QuickKind)
@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_few_documents_are_enough(kind, n):
    config = QuickConfig(kind=kind, layers=(4,), epochs=1, steps_per_epoch=1)
    data = documents(n, n_labels=2)
    fitted = fit_out_of_fold(config, data)
    assert np.isfinite(fitted.proba).all() == (n > 1 or n == 0)
    assert fitted.learner.predict_proba(documents(3, n_labels=2)).shape == (3, 2)


def test_judged_in_part_or_not_at_all_it_still_fits():
    data = documents(40)
    data.truth[:] = unjudged(40, 3)
    data.truth[:3, 0] = (0, 1, 1)
    fitted = fit_out_of_fold(QuickConfig(), data)
    assert np.isnan(fitted.proba[:, 1:]).all()
    assert np.isfinite(fitted.learner.predict_proba(data)[:, 0]).all()


@pytest.mark.parametrize("n_members", [0, 2])
@pytest.mark.parametrize("config", [QuickConfig(), QuickConfig(kind="neighbours"), NETWORK])
def test_progress_rises_to_one(config, n_members):
    told = []
    fit_out_of_fold(config, documents(), n_members=n_members, on_progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)
    assert len(told) >= 6


@pytest.mark.parametrize("config", [QuickConfig(), QuickConfig(kind="logistic", C=1.0), NETWORK])
@pytest.mark.parametrize("n_asked", [0, 5])
def test_it_can_be_stopped_at_any_time(config, n_asked):
    asked, lock = [], threading.Lock()

    def should_stop():
        with lock:
            asked.append(1)
            return len(asked) > n_asked

    with pytest.raises(Cancelled):
        fit_out_of_fold(config, documents(), n_threads=2, should_stop=should_stop)
