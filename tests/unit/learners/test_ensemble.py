"""An ensemble of quick heads: its mean, its members, and that it repeats itself."""

import dataclasses
import threading

import numpy as np
import pytest

from core.errors import Cancelled, CorruptArtefact, InputError, NotReady
from core.learners.dataset import JudgedVectors, unjudged
from core.learners.ensemble import QuickEnsemble
from core.learners.quick import QuickConfig, QuickKind, new_quick
from core.strategies.scores import bald_score

SMALL = QuickConfig(kind=QuickKind.MLP, layers=(16,), epochs=3, seed=7)


def documents(n=40, n_labels=3, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 12)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return JudgedVectors(x, rng.integers(0, 2, (n, n_labels)).astype(np.int8))


@pytest.fixture(scope="module")
def trained():
    return QuickEnsemble(SMALL, 3, 4).fit(documents())


def test_the_answer_is_the_mean_of_its_members(trained):
    pool = documents(9, seed=1)
    samples = trained.predict_proba(pool, dropout_sampling=2)
    assert samples.shape == (9, 4, 3)
    assert samples.dtype == np.float32
    np.testing.assert_allclose(trained.predict_proba(pool), samples.mean(axis=1), rtol=1e-6)


@pytest.mark.parametrize("n_passes", [2, 4, 50])
def test_every_member_speaks_once_however_many_passes_are_asked_for(trained, n_passes):
    pool = documents(9, seed=1)
    assert trained.predict_proba(pool, dropout_sampling=n_passes).shape == (9, 4, 3)


def test_members_differ_and_so_have_something_to_tell(trained):
    samples = trained.predict_proba(documents(9, seed=1), dropout_sampling=4)
    assert (np.ptp(samples, axis=1) > 0).all()
    assert (bald_score(samples) > 0).all()


def test_an_ensemble_of_one_is_the_quick_learner():
    alone = new_quick(SMALL, 3).fit(documents()).predict_proba(documents())
    ensemble = QuickEnsemble(SMALL, 3, 1).fit(documents())
    np.testing.assert_array_equal(ensemble.predict_proba(documents()), alone)


@pytest.mark.parametrize("bootstrap", [False, True])
def test_the_number_of_threads_does_not_show(bootstrap):
    first, second = (
        QuickEnsemble(SMALL, 3, 4, bootstrap=bootstrap, n_threads=n_threads)
        .fit(documents())
        .predict_proba(documents(), dropout_sampling=4)
        for n_threads in (1, 3)
    )
    np.testing.assert_array_equal(first, second)


def test_another_seed_gives_other_members(trained):
    other = QuickEnsemble(dataclasses.replace(SMALL, seed=8), 3, 4).fit(documents())
    pool = documents(9, seed=1)
    for mine in trained.predict_proba(pool, dropout_sampling=4).swapaxes(0, 1):
        for theirs in other.predict_proba(pool, dropout_sampling=4).swapaxes(0, 1):
            assert (mine != theirs).any()


def test_resampled_members_learn_something_else():
    plain = QuickEnsemble(SMALL, 3, 2).fit(documents())
    resampled = QuickEnsemble(SMALL, 3, 2, bootstrap=True).fit(documents())
    assert (plain.predict_proba(documents()) != resampled.predict_proba(documents())).any()


@pytest.mark.parametrize("bootstrap", [False, True])
def test_a_label_that_nobody_judged_gets_no_probability(bootstrap, tmp_path):
    data = documents()
    data.truth[:, 2] = -1
    QuickEnsemble(SMALL, 3, 2, bootstrap=bootstrap).fit(data).save(tmp_path / "ensemble")
    read_back = QuickEnsemble.load(tmp_path / "ensemble")
    for proba in (read_back.predict_proba(data), read_back.predict_proba(data, dropout_sampling=2)):
        assert np.isnan(proba[..., 2]).all()
        assert np.isfinite(proba[..., :2]).all()


def test_a_label_judged_once_is_known_to_every_resampled_member():
    data = documents()
    data.truth[1:, 2] = -1
    samples = (
        QuickEnsemble(SMALL, 3, 6, bootstrap=True).fit(data).predict_proba(data, dropout_sampling=6)
    )
    assert np.isfinite(samples).all()


def test_chunks_do_not_show(trained):
    pool = documents(11, seed=1)
    whole = trained.predict_proba(pool, dropout_sampling=4)
    for rows, proba, samples in trained.score_stream(
        pool.x.astype(np.float16), n_passes=9, chunk=4
    ):
        np.testing.assert_allclose(samples, whole[rows], atol=2e-3)
        np.testing.assert_allclose(proba, samples.mean(axis=1), rtol=1e-6)
    for _rows, proba, samples in trained.score_stream(pool.x, n_passes=0):
        assert proba.shape == (11, 3)
        assert samples.shape == (11, 0, 3)


@pytest.mark.parametrize("n_labels", [1, 2, 500])
def test_one_two_and_five_hundred_labels(n_labels):
    data = documents(20, n_labels)
    ensemble = QuickEnsemble(SMALL, n_labels, 2).fit(data)
    assert ensemble.predict_proba(data, dropout_sampling=2).shape == (20, 2, n_labels)
    assert ensemble.predict(data, multi_label_threshold=0.0).nnz == 20 * n_labels


def test_no_documents_at_all_still_give_an_ensemble_that_knows_nothing():
    nothing = JudgedVectors(np.empty((0, 12), dtype=np.float32), unjudged(0, 2))
    ensemble = QuickEnsemble(SMALL, 2, 3, bootstrap=True).fit(nothing)
    assert np.isnan(ensemble.predict_proba(documents(4, 2))).all()


def test_epochs_are_told_in_order_in_the_calling_thread_and_may_ask_for_predictions():
    ensemble, data, told = QuickEnsemble(SMALL, 3, 3, n_threads=2), documents(), []

    def on_epoch(epoch, loss):
        told.append((epoch, loss, ensemble.predict_proba(data), threading.current_thread()))

    ensemble.fit(data, on_epoch=on_epoch)
    epochs, losses, answers, in_threads = zip(*told, strict=True)
    assert epochs == (1, 2, 3)
    assert losses[-1] < losses[0]
    assert set(in_threads) == {threading.current_thread()}
    assert (answers[0] != answers[1]).any()
    np.testing.assert_array_equal(answers[-1], ensemble.predict_proba(data))
    unwatched = QuickEnsemble(SMALL, 3, 3).fit(data)
    np.testing.assert_array_equal(unwatched.predict_proba(data), answers[-1])


@pytest.mark.parametrize("n_asked", [0, 1, 45])
def test_a_cancelled_training_leaves_what_was_learnt_before(n_asked):
    data = documents()
    ensemble = QuickEnsemble(SMALL, 3, 3, n_threads=2).fit(data)
    before, asked = ensemble.predict_proba(data), []

    def should_stop():
        asked.append(1)
        return len(asked) > n_asked

    with pytest.raises(Cancelled, match="Training stopped in epoch"):
        ensemble.fit(data[:10], should_stop=should_stop)
    np.testing.assert_array_equal(ensemble.predict_proba(data), before)


def test_an_error_while_an_epoch_is_told_ends_the_training():
    def on_epoch(epoch, loss):
        raise ZeroDivisionError

    ensemble = QuickEnsemble(SMALL, 3, 3)
    with pytest.raises(ZeroDivisionError):
        ensemble.fit(documents(), on_epoch=on_epoch)
    with pytest.raises(NotReady):
        ensemble.predict_proba(documents())


def test_saved_and_loaded_it_gives_identical_probabilities(trained, tmp_path):
    trained.save(tmp_path / "ensemble")
    loaded = QuickEnsemble.load(tmp_path / "ensemble")
    assert (loaded.config, loaded.n_members) == (trained.config, 4)
    np.testing.assert_array_equal(
        loaded.predict_proba(documents(), dropout_sampling=4),
        trained.predict_proba(documents(), dropout_sampling=4),
    )


def test_a_quick_learners_folder_is_not_an_ensembles(trained, tmp_path):
    new_quick(SMALL, 3).fit(documents()).save(tmp_path / "learner")
    with pytest.raises(CorruptArtefact, match="not 'marginalia-quick-ensemble"):
        QuickEnsemble.load(tmp_path / "learner")


def test_an_ensemble_without_members_is_refused():
    with pytest.raises(InputError, match="0 members"):
        QuickEnsemble(SMALL, 3, 0)
