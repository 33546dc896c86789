"""Fine-tuning for real, on a network of two layers made here."""

import dataclasses

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from core.encoders.encoder import load_encoder
from core.errors import Cancelled, InputError, NotReady
from core.learners.dataset import JudgedTexts, unjudged
from core.learners.deep import DeepConfig, DeepLearner
from core.learners.optimising import warmed_up_then_linear
from core.learners.shuffling import shuffled_batches
from core.learners.training_state import read_state
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


def test_its_encoder_reads_a_pool_as_far_as_it_was_trained(config, tmp_path):
    short = dataclasses.replace(config, epochs=1, max_tokens=6)
    learner = DeepLearner(short, 3, device="cpu").fit(judged(20))
    learner.save(tmp_path / "learner")
    long = JudgedTexts(["red blue big small green red blue"], unjudged(1, 3))
    alone = load_encoder(str(learner.encoder_folder), device="cpu")
    assert alone.max_tokens == 6
    np.testing.assert_allclose(alone.encode(long.texts), learner.embed(long), atol=1e-5)


@pytest.mark.parametrize("exclusive", [False, True])
def test_a_label_nobody_judged_is_not_answered_also_after_loading(config, exclusive, tmp_path):
    data = judged(40)
    truth = np.full((40, 4), -1, dtype=np.int8)
    truth[:, :3] = data.truth
    if exclusive:
        truth[:, :3] = np.eye(3)[np.arange(40) % 3]
    short = dataclasses.replace(config, epochs=1, exclusive=exclusive)
    learner = DeepLearner(short, 4, device="cpu").fit(JudgedTexts(data.texts, truth))
    learner.save(tmp_path / "learner")
    pool = JudgedTexts(data.texts[:5], unjudged(5, 4))
    for one in (learner, DeepLearner.load(tmp_path / "learner", device="cpu")):
        proba, samples = one.predict_proba(pool), one.predict_proba(pool, dropout_sampling=2)
        assert np.isnan(proba[:, 3]).all()
        assert np.isnan(samples[..., 3]).all()
        assert np.isfinite(proba[:, :3]).all()
        assert np.isfinite(samples[..., :3]).all()
        if exclusive:
            assert proba[:, :3].sum(axis=1) == pytest.approx(1, abs=1e-5)


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


# --- tuning modes, pooling, losses ---------------------------------------------------------


@pytest.mark.parametrize("tuning", ["full", "head", "last", "gradual", "lora"])
def test_it_overfits_thirty_two_documents(config, tuning):
    """The encoder is random; a head alone on it can only do its best."""
    data = judged(32, seed=1)
    chosen = dataclasses.replace(
        config,
        epochs=20 if tuning != "lora" else 30,
        tuning=tuning,
        lr=5e-3 if tuning == "lora" else 3e-3,
        head_lr=3e-2,
        dropout=0.0,
        head_dropout=0.0,
        lora_targets="qkvo",
        weight_decay=0.0,
    )
    agreement = DeepLearner(chosen, 3, device="cpu").fit(data).predict(data).toarray() == data.truth
    assert agreement.mean() >= (0.9 if tuning == "head" else 0.98)


def test_the_bundled_encoder_overfits_thirty_two_documents():
    data = judged(32, seed=1)
    config = DeepConfig(epochs=8, lr=3e-4, head_lr=2e-2, batch_size=8, seed=1)
    learner = DeepLearner(config, 3, device="cpu").fit(data)
    assert (learner.predict(data).toarray() == data.truth).mean() >= 0.97


def test_lora_is_saved_as_a_plain_encoder_with_the_same_answers(config, tmp_path):
    chosen = dataclasses.replace(config, tuning="lora", epochs=3, lr=1e-2)
    learner = DeepLearner(chosen, 3, device="cpu").fit(judged())
    data = judged(8, seed=7)
    learner.save(tmp_path / "learner")
    model = AutoModel.from_pretrained(learner.encoder_folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(learner.encoder_folder)
    batch = tokenizer(data.texts, padding=True, return_tensors="pt")
    with torch.inference_mode():
        hidden = model(**batch).last_hidden_state
        weights = batch["attention_mask"].unsqueeze(-1)
        mean = torch.nn.functional.normalize((hidden * weights).sum(1) / weights.sum(1), dim=-1)
    assert mean.numpy() == pytest.approx(learner.embed(data), abs=1e-5)
    loaded = DeepLearner.load(tmp_path / "learner", device="cpu")
    assert loaded.predict_proba(data) == pytest.approx(learner.predict_proba(data), abs=1e-6)
    before = load_encoder(config.encoder, device="cpu").encode(data.texts)
    assert np.abs(before - mean.numpy()).max() > 0.01
    names = {path.name for path in learner.encoder_folder.rglob("*")}
    assert not [name for name in names if "adapter" in name]


@pytest.mark.parametrize("tuning", ["head", "lora"])
def test_only_what_trains_is_kept_of_a_training_under_way(config, tuning, tmp_path):
    chosen = dataclasses.replace(config, tuning=tuning, epochs=1)
    DeepLearner(chosen, 3, device="cpu").fit(judged(8), state=tmp_path / "state")
    names = [name for name in read_state(tmp_path / "state").tensors if name.startswith("weight/")]
    expected = ["weight/head.bias", "weight/head.weight"]
    assert [name for name in sorted(names) if "lora_" not in name] == expected
    assert len(names) == (2 if tuning == "head" else 2 + 2 * 2 * 2)


def test_the_pooling_asked_for_is_used_and_kept(config, tmp_path):
    data = judged(6, seed=2)
    chosen = dataclasses.replace(config, pooling="cls", epochs=1)
    learner = DeepLearner(chosen, 3, device="cpu").fit(judged(16))
    learner.save(tmp_path / "learner")
    encoder = load_encoder(str(learner.encoder_folder), device="cpu")
    assert encoder.pooling == "cls"
    assert encoder.encode(data.texts) == pytest.approx(learner.embed(data), abs=1e-5)


def test_labels_that_exclude_each_other_share_a_probability_of_one(config):
    data = judged(40)
    first = data.truth.argmax(axis=1)
    data.truth[:] = np.eye(3, dtype=np.int8)[first]
    chosen = dataclasses.replace(config, exclusive=True, epochs=8)
    learner = DeepLearner(chosen, 3, device="cpu").fit(data)
    proba = learner.predict_proba(data)
    assert proba.sum(axis=1) == pytest.approx(np.ones(40), abs=1e-5)
    assert (proba.argmax(axis=1) == first).mean() > 0.9
    samples = learner.predict_proba(data, dropout_sampling=3)
    assert samples.sum(axis=2) == pytest.approx(np.ones((40, 3)), abs=1e-5)


def test_dropout_of_the_encoder_can_be_set(config):
    chosen = dataclasses.replace(config, dropout=0.0, head_dropout=0.0, epochs=1)
    learner = DeepLearner(chosen, 3, device="cpu").fit(judged(8))
    with pytest.raises(InputError, match="Every dropout"):
        learner.predict_proba(judged(2), dropout_sampling=2)


def test_passes_may_be_random_in_the_last_layers_or_the_head_alone(trained):
    texts = judged(6, seed=3).texts
    spread = {}
    for n_layers in (0, 1, None):
        (_, plain, samples) = next(trained.score_stream(texts, n_passes=30, n_layers=n_layers))
        assert np.abs(samples.mean(axis=1) - plain).max() < 0.35
        spread[n_layers] = samples.std(axis=1).mean()
    assert 0 < spread[0] < spread[1]
    assert 0 < spread[0] < spread[None]


def test_a_choice_that_does_not_exist_is_refused(config):
    for option, value in [("tuning", "some"), ("pooling", "max"), ("loss", "hinge")]:
        chosen = dataclasses.replace(config, **{option: value}, epochs=1)
        with pytest.raises(InputError, match=f"{option} is '{value}'; give one of"):
            DeepLearner(chosen, 3, device="cpu").fit(judged(8))


# --- stopping, going on, beginning with other weights --------------------------------------


def test_with_enough_documents_a_part_is_set_apart_and_tells_when_to_stop(config):
    seen = []
    chosen = dataclasses.replace(config, epochs=3, patience=1, min_epochs=1, batch_size=32)
    learner = DeepLearner(chosen, 3, device="cpu").fit(
        judged(200), on_step=lambda step, n_steps, loss: seen.append(n_steps)
    )
    assert seen[0] == 3 * -(-180 // 32)
    assert all(0 < entry["score"] <= 1 for entry in learner.outcome.history)
    assert "are kept" in learner.outcome.stopped_because
    few = DeepLearner(chosen, 3, device="cpu").fit(judged(100))
    assert [entry["score"] for entry in few.outcome.history] == [None, None, None]


def test_a_training_broken_off_goes_on_in_another_learner(config, tmp_path):
    data, steps = judged(24), []
    short = dataclasses.replace(config, epochs=4, tuning="gradual")
    with pytest.raises(Cancelled):
        DeepLearner(short, 3, device="cpu").fit(
            data,
            state=tmp_path / "state",
            on_step=lambda *told: steps.append(told),
            should_stop=lambda: len(steps) == 7,
        )
    resumed = DeepLearner(short, 3, device="cpu").fit(data, state=tmp_path / "state")
    whole = DeepLearner(short, 3, device="cpu").fit(data)
    assert resumed.outcome.resumed_from == 2
    np.testing.assert_array_equal(resumed.predict_proba(data), whole.predict_proba(data))


def test_a_warm_start_takes_encoder_and_head_and_trains_anew(trained, config, tmp_path):
    data = judged(20, seed=8)
    trained.save(tmp_path / "first")
    still = dataclasses.replace(
        config, warm_start=str(tmp_path / "first"), epochs=1, lr=0.0, head_lr=0.0
    )
    same = DeepLearner(still, 3, device="cpu").fit(data)
    np.testing.assert_array_equal(same.predict_proba(data), trained.predict_proba(data))
    moved = DeepLearner(dataclasses.replace(still, lr=1e-3), 3, device="cpu").fit(data)
    assert np.abs(moved.predict_proba(data) - same.predict_proba(data)).max() > 1e-4


def test_with_other_labels_a_warm_start_takes_the_encoder_alone(trained, config, tmp_path, caplog):
    trained.save(tmp_path / "first")
    data = judged(20, seed=8)
    two = JudgedTexts(data.texts, data.truth[:, :2])
    still = dataclasses.replace(
        config, warm_start=str(tmp_path / "first"), epochs=1, lr=0.0, head_lr=0.0
    )
    learner = DeepLearner(still, 2, device="cpu").fit(two)
    assert learner.embed(two) == pytest.approx(trained.embed(two), abs=1e-6)
    assert "knows 3 labels, not 2" in caplog.text


def test_what_it_learnt_of_its_training_is_kept_with_it(trained, tmp_path):
    trained.save(tmp_path / "learner")
    assert DeepLearner.load(tmp_path / "learner", device="cpu").outcome == trained.outcome


def test_predicting_where_memory_is_short_goes_by_halves(config):
    data = judged(20, seed=3)
    learner = DeepLearner(dataclasses.replace(config, epochs=1), 3, device="cpu").fit(judged(8))
    expected, asked = learner.predict_proba(data), []

    def short(module, given, options):
        asked.append(len(options["input_ids"]))
        if asked[-1] > 5:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    learner._network.encoder.register_forward_pre_hook(short, with_kwargs=True)
    assert learner.predict_proba(data) == pytest.approx(expected, abs=1e-6)
    assert asked == [20, 10, 5, 5, 10, 5, 5]
