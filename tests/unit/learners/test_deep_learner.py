"""Fine-tuning for real, on a network of two layers made here."""

import dataclasses

import numpy as np
import pytest

from core.encoders.encoder import load_encoder
from core.errors import Cancelled, InputError, NotReady
from core.learners.dataset import JudgedTexts, unjudged
from core.learners.deep import DeepConfig, DeepLearner
from core.learners.optimising import warmed_up_then_linear
from core.learners.shuffling import shuffled_batches
from tests.unit.learners.tiny import judged, make_encoder


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder = make_encoder(tmp_path_factory.mktemp("tiny") / "encoder")
    return DeepConfig(encoder=folder, epochs=12, lr=2e-3, head_lr=1e-2, batch_size=8, seed=3)


@pytest.fixture(scope="module")
def trained(config):
    return DeepLearner(config, 3, device="cpu").fit(judged())


def test_it_learns_which_words_make_which_label(trained):
    unseen = judged(seed=9)
    agreement = (trained.predict(unseen).toarray() == unseen.truth).mean()
    assert agreement > 0.9


def test_the_encoder_itself_is_changed(trained, config):
    before = load_encoder(config.encoder, device="cpu").encode(["red big", "blue"])
    after = trained.embed(JudgedTexts(["red big", "blue"], unjudged(2, 3)))
    assert np.linalg.norm(after, axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert np.abs(after - before).max() > 0.05


def test_probabilities_are_dense_and_in_the_order_of_the_texts(trained):
    data = judged(20, seed=4)
    proba = trained.predict_proba(data)
    assert type(proba) is np.ndarray
    assert proba.dtype == np.float32
    for row in range(3):
        assert trained.predict_proba(data[row])[0] == pytest.approx(proba[row], abs=1e-5)


def test_empty_texts_and_no_texts_work(trained):
    assert np.isfinite(trained.predict_proba(JudgedTexts([""], unjudged(1, 3)))).all()
    assert trained.predict_proba(JudgedTexts([], unjudged(0, 3))).shape == (0, 3)


def test_the_same_seed_gives_the_same_learner(config):
    short = dataclasses.replace(config, epochs=2)

    def fit(seed):
        chosen = dataclasses.replace(short, seed=seed)
        return DeepLearner(chosen, 3, device="cpu").fit(judged()).predict_proba(judged(seed=5))

    assert (fit(1) == fit(1)).all()
    assert (fit(1) != fit(2)).any()


def test_dropout_sampling_switches_the_attention_on_too(config, trained, tmp_path):
    """Where only the attention drops out, the passes must still differ."""
    data = judged(10, seed=6)
    samples = trained.predict_proba(data, dropout_sampling=5)
    assert samples.shape == (10, 5, 3)
    assert samples.std(axis=1).max() > 1e-4
    folder = make_encoder(tmp_path / "attention", hidden=0.0, attention=0.5)
    chosen = dataclasses.replace(config, encoder=folder, head_dropout=0.0, epochs=1)
    learner = DeepLearner(chosen, 3, device="cpu").fit(judged(8))
    assert learner.predict_proba(data, dropout_sampling=5).std(axis=1).max() > 1e-4
    plain = [learner.predict_proba(data) for _ in range(2)]
    assert (plain[0] == plain[1]).all()


def test_a_network_without_dropout_is_refused_for_sampling(tmp_path, config):
    folder = make_encoder(tmp_path / "still", hidden=0.0, attention=0.0)
    still = dataclasses.replace(config, encoder=folder, head_dropout=0.0, epochs=1)
    learner = DeepLearner(still, 3, device="cpu").fit(judged(8))
    assert learner.predict_proba(judged(4)).shape == (4, 3)
    with pytest.raises(InputError, match="Every dropout of this encoder and its head is 0"):
        learner.predict_proba(judged(4), dropout_sampling=3)


def test_saved_and_loaded_it_gives_identical_probabilities(trained, tmp_path):
    data = judged(10, seed=7)
    trained.save(tmp_path / "learner")
    loaded = DeepLearner.load(tmp_path / "learner", device="cpu")
    assert (loaded.predict_proba(data) == trained.predict_proba(data)).all()
    assert loaded.config == trained.config
    assert [path.name for path in tmp_path.iterdir()] == ["learner"]


def test_the_saved_encoder_is_one_that_can_be_loaded_by_itself(trained, tmp_path):
    data = judged(10, seed=7)
    trained.save(tmp_path / "learner")
    assert trained.encoder_folder == tmp_path / "learner" / "encoder"
    encoder = load_encoder(str(trained.encoder_folder), device="cpu")
    assert encoder.encode(data.texts) == pytest.approx(trained.embed(data), abs=1e-5)


def test_what_stands_in_unjudged_cells_changes_nothing(config):
    """A label nobody judged, and every document's cells of it, leave the others as they were."""
    data = judged(20)
    data.truth[:, 1] = -1
    short = dataclasses.replace(config, epochs=1)
    both = DeepLearner(short, 3, device="cpu").fit(data)
    before = DeepLearner(dataclasses.replace(short, head_lr=0.0, lr=0.0), 3, device="cpu").fit(data)
    moved = (both._network.head.weight - before._network.head.weight).abs().amax(dim=1)
    decay = config.head_lr * config.weight_decay  # is all that an unjudged label's weights feel
    assert moved[1] <= before._network.head.weight[1].abs().max() * (1 - (1 - decay) ** 3)
    assert moved[[0, 2]].min() > 0.01


def test_progress_is_told_by_step_and_epoch_and_a_stop_is_heard(config):
    short = dataclasses.replace(config, epochs=2)
    steps, epochs = [], []
    DeepLearner(short, 3, device="cpu").fit(
        judged(20),
        on_step=lambda step, n_steps, loss: steps.append((step, n_steps)),
        on_epoch=lambda epoch, loss: epochs.append(epoch),
    )
    assert steps == [(step, 6) for step in range(1, 7)]
    assert epochs == [1, 2]
    with pytest.raises(Cancelled, match="step 0 of 6"):
        DeepLearner(short, 3, device="cpu").fit(judged(20), should_stop=lambda: True)


def test_an_untrained_learner_says_so(config):
    with pytest.raises(NotReady, match="has not been trained"):
        DeepLearner(config, 3, device="cpu").predict_proba(judged(2))


def test_the_learning_rate_rises_then_falls_to_nothing():
    rates = [warmed_up_then_linear(step, 10, 0.2) for step in range(11)]
    assert rates == pytest.approx([0.5, 1.0, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, 0])


def test_batches_hold_every_row_once_and_like_lengths():
    rng = np.random.default_rng(0)
    token_ids = [[1] * length for length in rng.integers(1, 50, 64)]
    batches = shuffled_batches(token_ids, 8, rng)
    assert sorted(row for batch in batches for row in batch) == list(range(64))
    spread = [np.ptp([len(token_ids[row]) for row in batch]) for batch in batches]
    assert np.mean(spread) < 15


def test_predicting_between_epochs_leaves_no_trace(config):
    data = judged(24)
    short = dataclasses.replace(config, epochs=2)
    undisturbed = DeepLearner(short, 3, device="cpu").fit(data)
    watched = DeepLearner(short, 3, device="cpu")
    watched.fit(data, on_epoch=lambda *_: watched.predict_proba(data))
    np.testing.assert_array_equal(watched.predict_proba(data), undisturbed.predict_proba(data))
