"""The quick head: what it learns, what it must not look at, and that it repeats itself."""

import dataclasses

import numpy as np
import pytest
import torch

from core.errors import Cancelled, CorruptArtefact, NotReady
from core.learners.dataset import JudgedVectors, unjudged
from core.learners.masking import masked_loss, prior_logits
from core.learners.quick import QuickConfig, QuickKind, load_quick, new_quick

SMALL = QuickConfig(kind=QuickKind.MLP, layers=(32,), epochs=5, seed=7)


def unit_vectors(n, width=16, seed=0):
    x = np.random.default_rng(seed).standard_normal((n, width)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def random_truth(n, n_labels, seed=1):
    return np.random.default_rng(seed).integers(0, 2, (n, n_labels)).astype(np.int8)


def pool_of(x, n_labels):
    return JudgedVectors(x, unjudged(len(x), n_labels))


@pytest.fixture(scope="module")
def trained():
    x = unit_vectors(40)
    return new_quick(SMALL, 3).fit(JudgedVectors(x, random_truth(40, 3)))


def test_the_gradient_of_unjudged_cells_is_exactly_zero():
    logits = torch.randn(4, 3, requires_grad=True)
    truth = torch.tensor([[1, -1, 0], [-1, -1, -1], [0, 1, -1], [-1, 0, 1]])
    masked_loss(logits, truth).backward()
    assert (logits.grad[truth == -1] == 0).all()
    assert (logits.grad[truth != -1] != 0).all()


def test_the_loss_is_the_mean_over_judged_cells():
    loss = masked_loss(torch.tensor([[0.0, 5.0], [0.0, -9.0]]), torch.tensor([[1, -1], [0, -1]]))
    assert float(loss) == pytest.approx(np.log(2.0))
    assert float(masked_loss(torch.ones(2, 2), torch.full((2, 2), -1))) == 0.0


def test_a_label_that_nobody_judged_gets_no_probability_also_when_read_back(tmp_path):
    x, truth = unit_vectors(30), random_truth(30, 3)
    truth[:, 2] = -1
    learner = new_quick(SMALL, 3).fit(JudgedVectors(x, truth))
    learner.save(tmp_path / "learner")
    for each in (learner, load_quick(tmp_path / "learner")):
        proba = each.predict_proba(pool_of(x, 3))
        samples = each.predict_proba(pool_of(x, 3), dropout_sampling=4)
        assert np.isnan(proba[:, 2]).all()
        assert np.isnan(samples[..., 2]).all()
        assert np.isfinite(proba[:, :2]).all()
        assert np.isfinite(samples[..., :2]).all()
        assert each.predict(pool_of(x, 3))[:, 2].nnz == 0


def test_it_overfits_thirty_two_documents():
    x, truth = unit_vectors(32, width=64), random_truth(32, 5)
    config = dataclasses.replace(SMALL, layers=(128,), epochs=60)
    learner = new_quick(config, 5).fit(JudgedVectors(x, truth))
    assert (learner.predict(pool_of(x, 5)).toarray() == truth).all()


def test_the_same_seed_gives_the_same_probabilities_and_another_seed_others():
    x, truth = unit_vectors(40), random_truth(40, 3)

    def fit(config):
        torch.rand(3)  # whatever else draws from torch's own generator
        learner = new_quick(config, 3).fit(JudgedVectors(x, truth))
        return learner.predict_proba(pool_of(x, 3), dropout_sampling=4)

    assert (fit(SMALL) == fit(SMALL)).all()
    assert (fit(SMALL) != fit(dataclasses.replace(SMALL, seed=8))).any()


@pytest.mark.parametrize("n_labels", [1, 2, 500])
def test_probabilities_are_dense_for_any_number_of_labels(n_labels):
    """small-text drops everything under 0.5, and cannot fit exactly two labels."""
    x = unit_vectors(20)
    truth = np.zeros((20, n_labels), dtype=np.int8)
    truth[:2] = 1
    learner = new_quick(SMALL, n_labels).fit(JudgedVectors(x, truth))
    proba = learner.predict_proba(pool_of(x, n_labels))
    assert type(proba) is np.ndarray
    assert proba.shape == (20, n_labels)
    assert proba.dtype == np.float32
    assert ((proba > 0) & (proba < 1)).all()
    samples = learner.predict_proba(pool_of(x, n_labels), dropout_sampling=3)
    assert samples.shape == (20, 3, n_labels)


@pytest.mark.parametrize("state", [0, 1])
def test_labels_with_one_state_stay_finite(state):
    x = unit_vectors(10)
    truth = np.full((10, 2), state, dtype=np.int8)
    proba = new_quick(SMALL, 2).fit(JudgedVectors(x, truth)).predict_proba(pool_of(x, 2))
    assert np.isfinite(proba).all()
    assert ((proba > 0.5) == bool(state)).all()


def test_no_documents_at_all_still_give_a_learner_that_knows_nothing():
    learner = new_quick(SMALL, 2).fit(pool_of(unit_vectors(0), 2))
    assert np.isnan(learner.predict_proba(pool_of(unit_vectors(3), 2))).all()


def test_label_priors_by_hand():
    truth = np.array([[1, 0, -1], [1, 0, -1], [0, 0, -1]], dtype=np.int8)
    overall = 2.5 / 7
    shares = np.array([(2 + overall) / 4, overall / 4, overall])
    assert prior_logits(truth) == pytest.approx(np.log(shares / (1 - shares)), rel=1e-5)


def test_every_pass_uses_one_mask_for_all_documents(trained):
    x = unit_vectors(1)
    doubled = pool_of(np.concatenate([x, x]), 3)
    samples = trained.predict_proba(doubled, dropout_sampling=6)
    assert samples[0] == pytest.approx(samples[1])
    assert samples[0].std(axis=0).min() > 0


def test_a_pass_is_the_network_with_its_mask(trained):
    x = unit_vectors(5)
    weights = trained.trained()
    h = torch.relu(
        torch.from_numpy(x) @ weights["hidden.0.weight"] * 4.0 + weights["hidden.0.bias"]
    )
    rng = torch.Generator().manual_seed(SMALL.seed + 1)
    keep = 1 - SMALL.dropout
    masks = (torch.rand((2, 32), generator=rng) < keep).float() / keep
    samples = trained.predict_proba(pool_of(x, 3), dropout_sampling=2)
    for number in range(2):
        logits = (h * masks[number]) @ weights["output.weight"] + weights["output.bias"]
        assert samples[:, number] == pytest.approx(torch.sigmoid(logits).numpy(), abs=1e-5)


def test_streaming_in_chunks_changes_nothing(trained):
    x = unit_vectors(11)
    whole = trained.predict_proba(pool_of(x, 3), dropout_sampling=4)
    plain = trained.predict_proba(pool_of(x, 3))
    seen = 0
    for rows, proba, samples in trained.score_stream(x.astype(np.float32), n_passes=4, chunk=3):
        assert proba == pytest.approx(plain[rows], abs=1e-6)
        assert samples == pytest.approx(whole[rows], abs=1e-6)
        seen += len(proba)
    assert seen == 11


def test_thresholds_may_differ_by_label(trained):
    pool = pool_of(unit_vectors(10), 3)
    predicted, proba = trained.predict(
        pool, return_proba=True, multi_label_threshold=np.array([0.0, 0.5, 1.0])
    )
    expected = np.stack([np.ones(10), proba[:, 1] >= 0.5, np.zeros(10)], axis=1)
    assert (predicted.toarray() == expected).all()


def test_saved_and_loaded_it_gives_identical_probabilities(trained, tmp_path):
    trained.save(tmp_path / "learner")
    loaded = load_quick(tmp_path / "learner")
    pool = pool_of(unit_vectors(9), 3)
    assert loaded.config == trained.config
    assert (loaded.predict_proba(pool) == trained.predict_proba(pool)).all()
    again = loaded.predict_proba(pool, dropout_sampling=5)
    assert (again == trained.predict_proba(pool, dropout_sampling=5)).all()


def test_saving_again_replaces_the_learner_and_leaves_nothing_beside_it(trained, tmp_path):
    trained.save(tmp_path / "learner")
    trained.save(tmp_path / "learner")
    assert [path.name for path in tmp_path.iterdir()] == ["learner"]
    load_quick(tmp_path / "learner")


@pytest.mark.parametrize("file", ["model.safetensors", "learner.json"])
def test_a_damaged_learner_is_refused_by_name(trained, tmp_path, file):
    trained.save(tmp_path / "learner")
    damaged = tmp_path / "learner" / file
    damaged.write_bytes(damaged.read_bytes()[:-20])
    with pytest.raises(CorruptArtefact, match="cannot be read"):
        load_quick(tmp_path / "learner")
    damaged.unlink()
    with pytest.raises(CorruptArtefact, match="cannot be read"):
        load_quick(tmp_path / "learner")


def test_training_tells_its_epochs_and_the_loss_falls():
    told = []
    data = JudgedVectors(unit_vectors(40), random_truth(40, 3))
    new_quick(SMALL, 3).fit(data, on_epoch=lambda epoch, loss: told.append((epoch, loss)))
    assert [epoch for epoch, _ in told] == [1, 2, 3, 4, 5]
    assert told[-1][1] < told[0][1]


def test_stopped_training_leaves_the_earlier_learner_in_force():
    data = JudgedVectors(unit_vectors(40), random_truth(40, 3))
    learner = new_quick(SMALL, 3).fit(data)
    before = learner.predict_proba(data)
    with pytest.raises(Cancelled, match="epoch 1 of 5"):
        learner.fit(data[:10], should_stop=lambda: True)
    assert (learner.predict_proba(data) == before).all()


def test_an_untrained_learner_says_so():
    with pytest.raises(NotReady, match="has not been trained"):
        new_quick(SMALL, 3).predict_proba(pool_of(unit_vectors(2), 3))


def test_predicting_between_epochs_shows_progress_and_leaves_no_trace():
    data = JudgedVectors(unit_vectors(40), random_truth(40, 3))
    undisturbed = new_quick(SMALL, 3).fit(data)
    watched = new_quick(SMALL, 3)
    seen = []
    watched.fit(
        data,
        on_epoch=lambda *_: seen.append(watched.predict_proba(data, dropout_sampling=3).mean()),
    )
    assert len(set(map(float, seen))) == SMALL.epochs
    np.testing.assert_array_equal(watched.predict_proba(data), undisturbed.predict_proba(data))


def test_a_cancelled_training_leaves_what_was_learnt_before(trained):
    x = unit_vectors(5)
    before = trained.predict_proba(pool_of(x, 3))
    with pytest.raises(Cancelled):
        trained.fit(JudgedVectors(x, random_truth(5, 3)), should_stop=lambda: True)
    np.testing.assert_array_equal(trained.predict_proba(pool_of(x, 3)), before)
