"""Convolutional, recurrent and cut networks, trained for real on texts of a few words."""

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import expit

from core.domain import UNJUDGED
from core.encoders.encoder import load_encoder
from core.errors import Cancelled, CorruptArtefact, InputError, NotReady
from core.learners.bodies import TextNetworkConfig, new_body
from core.learners.dataset import JudgedTexts, unjudged
from core.learners.losses import LossConfig, make_loss
from core.learners.masking import prior_logits
from core.learners.text_network import TextNetworkLearner
from core.replay.data import load_dataset
from core.settings import Settings
from tests.unit.learners.tiny import judged, make_encoder

SHARED = Path(os.environ.get("MARGINALIA_SHARED") or "/nonexistent") / "data"
KINDS = {
    "cnn": {"kind": "cnn", "filters": 8, "kernel_sizes": (1, 2)},
    "cnn random": {"kind": "cnn", "filters": 8, "kernel_sizes": (1, 2), "embeddings": "random"},
    "lstm": {"kind": "rnn", "hidden": 16},
    "gru": {"kind": "rnn", "cell": "gru", "hidden": 16, "bidirectional": False},
    "rnn": {"kind": "rnn", "cell": "rnn", "hidden": 16},
    "transformer": {"kind": "transformer", "n_layers": 1, "lr": 2e-3},
}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return make_encoder(tmp_path_factory.mktemp("tiny") / "encoder")


@pytest.fixture
def config_of(encoder):
    def build(name, **changes):
        options = {"lr": 1e-2, "epochs": 25, "batch_size": 8, "dropout": 0.1, "seed": 3}
        options |= {"embedding_width": 16, "early_stopping": False, "encoder": encoder}
        return TextNetworkConfig(**(options | KINDS[name] | changes))

    return build


@pytest.fixture(scope="module")
def trained(encoder):
    config = TextNetworkConfig(
        encoder=encoder, filters=8, kernel_sizes=(1, 2), embedding_width=16, lr=1e-2, epochs=15
    )
    return TextNetworkLearner(config, 3, device="cpu").fit(judged())


@pytest.mark.parametrize("name", KINDS)
def test_it_learns_32_documents_by_heart(config_of, name):
    data = judged(32)
    config = config_of(name, epochs=40, dropout=0.0)
    learner = TextNetworkLearner(config, 3, device="cpu").fit(data)
    assert (learner.predict(data).toarray() == data.truth).all()


@pytest.mark.parametrize("name", ["cnn", "lstm"])
def test_it_learns_which_words_make_which_label(config_of, name):
    unseen = judged(seed=9)
    learner = TextNetworkLearner(config_of(name, epochs=12), 3, device="cpu").fit(judged(100))
    assert (learner.predict(unseen).toarray() == unseen.truth).mean() > 0.9


@pytest.mark.parametrize("name", ["cnn", "lstm", "transformer"])
def test_exactly_one_label_shares_a_probability_of_one(config_of, name):
    texts = ["big red", "small blue", "green green", "red", "blue big", "small green"] * 6
    truth = np.array([[word in text for word in ("red", "blue", "green")] for text in texts])
    data = JudgedTexts(texts, truth.astype(np.int8))
    learner = TextNetworkLearner(config_of(name, exclusive=True, epochs=12), 3, device="cpu")
    proba = learner.fit(data).predict_proba(data)
    assert proba.sum(axis=1) == pytest.approx(np.ones(36), abs=1e-5)
    assert (proba.argmax(axis=1) == truth.argmax(axis=1)).all()


@pytest.mark.parametrize("name", ["cnn", "gru", "transformer"])
def test_the_same_seed_gives_the_same_network(config_of, name):
    def fit(seed):
        config = config_of(name, epochs=2, seed=seed)
        return TextNetworkLearner(config, 3, device="cpu").fit(judged(24)).predict_proba(judged(9))

    assert (fit(1) == fit(1)).all()
    assert (fit(1) != fit(2)).any()


@pytest.mark.parametrize("name", KINDS)
def test_saved_and_loaded_it_gives_the_same_probabilities(config_of, name, tmp_path):
    data = judged(12, seed=7)
    learner = TextNetworkLearner(config_of(name, epochs=1), 3, device="cpu").fit(judged(16))
    learner.save(tmp_path / "learner")
    loaded = TextNetworkLearner.load(tmp_path / "learner", device="cpu")
    assert loaded.config == learner.config
    np.testing.assert_array_equal(loaded.predict_proba(data), learner.predict_proba(data))
    assert loaded.outcome == learner.outcome
    by_itself = load_encoder(str(learner.encoder_folder), device="cpu").encode(data.texts)
    assert by_itself == pytest.approx(learner.embed(data), abs=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == ["learner"]


def test_its_encoder_reads_a_pool_as_far_as_it_was_trained(config_of, tmp_path):
    config = config_of("cnn", epochs=1, max_tokens=6)
    learner = TextNetworkLearner(config, 3, "cpu").fit(judged(20))
    learner.save(tmp_path / "learner")
    assert load_encoder(str(learner.encoder_folder), device="cpu").max_tokens == 6


def test_an_altered_network_is_refused(trained, tmp_path):
    trained.save(tmp_path / "learner")
    weights = tmp_path / "learner" / "encoder" / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(CorruptArtefact):
        TextNetworkLearner.load(tmp_path / "learner", device="cpu")


def test_unjudged_cells_teach_nothing(config_of):
    """Of a column never judged, the head's weights only decay."""
    data = judged(24)
    data.truth[:, 1] = UNJUDGED
    config = config_of("cnn", epochs=1, weight_decay=0.0)
    learner = TextNetworkLearner(config, 3, device="cpu").fit(data)
    before = TextNetworkLearner(dataclasses.replace(config, lr=1e-30), 3, device="cpu").fit(data)
    after, start = learner._network.head, before._network.head
    assert torch.equal(after.weight[1], start.weight[1])
    assert after.bias[1] == start.bias[1]
    assert (after.weight[0] != start.weight[0]).any()
    proba = learner.predict_proba(data)
    assert np.isnan(proba[:, 1]).all()
    assert np.isfinite(proba[:, [0, 2]]).all()


def test_a_label_nobody_judged_takes_no_share_of_those_that_exclude_each_other(config_of):
    data = judged(40)
    truth = np.full((40, 4), -1, dtype=np.int8)
    truth[:, :3] = np.eye(3)[np.arange(40) % 3]
    config = config_of("cnn", epochs=1, exclusive=True)
    learner = TextNetworkLearner(config, 4, "cpu").fit(JudgedTexts(data.texts, truth))
    proba = learner.predict_proba(data)
    assert np.isnan(proba[:, 3]).all()
    assert proba[:, :3].sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_a_document_nobody_judged_has_a_gradient_of_exactly_zero(trained):
    data = judged(4, seed=2)
    data.truth[1] = UNJUDGED
    tokens, network = trained._trained()
    vectors = []
    hook = network.body.register_forward_hook(lambda _module, _given, got: vectors.append(got))
    ids = torch.tensor([row + [0] * (8 - len(row)) for row in tokens.of(data.texts)])
    logits = network(ids, (ids != 0).long())
    hook.remove()
    vectors[0].retain_grad()
    make_loss(LossConfig(), data.truth)(logits, torch.from_numpy(data.truth)).backward()
    network.zero_grad()
    assert (vectors[0].grad[1] == 0).all()
    assert (vectors[0].grad[0] != 0).any()


def test_dropout_passes_differ_and_plain_ones_do_not(trained):
    data = judged(8, seed=6)
    samples = trained.predict_proba(data, dropout_sampling=5)
    assert samples.shape == (8, 5, 3)
    assert samples.std(axis=1).max() > 1e-3
    np.testing.assert_array_equal(samples, trained.predict_proba(data, dropout_sampling=5))
    np.testing.assert_array_equal(trained.predict_proba(data), trained.predict_proba(data))


def test_a_network_without_dropout_is_refused_for_sampling(config_of):
    config = config_of("cnn", dropout=0.0, epochs=1)
    learner = TextNetworkLearner(config, 3, device="cpu").fit(judged(8))
    with pytest.raises(InputError, match="Every dropout of this network is 0"):
        learner.predict_proba(judged(2), dropout_sampling=2)


def test_it_stops_early_and_says_why(config_of):
    config = config_of("cnn", early_stopping=True, epochs=60, patience=1, validation_share=0.25)
    learner = TextNetworkLearner(config, 3, device="cpu").fit(judged(120))
    assert learner.outcome.n_epochs < 60
    assert "validation score" in learner.outcome.stopped_because


def test_a_training_broken_off_is_gone_on_with(config_of, tmp_path):
    config = config_of("lstm", epochs=4)
    whole = TextNetworkLearner(config, 3, device="cpu").fit(judged(24))
    calls = []

    def after_two_epochs():
        calls.append(1)
        return len(calls) > 6  # three batches each

    broken = TextNetworkLearner(config, 3, device="cpu")
    with pytest.raises(Cancelled):
        broken.fit(judged(24), state=tmp_path / "state", should_stop=after_two_epochs)
    with pytest.raises(NotReady):
        broken.predict_proba(judged(1))
    resumed = TextNetworkLearner(config, 3, device="cpu").fit(judged(24), state=tmp_path / "state")
    assert resumed.outcome.resumed_from == 2
    np.testing.assert_array_equal(resumed.predict_proba(judged(9)), whole.predict_proba(judged(9)))


def test_frozen_token_vectors_stay_as_they_began(config_of):
    config = config_of("cnn", epochs=2, frozen_epochs=2)
    learner = TextNetworkLearner(config, 3, device="cpu").fit(judged(16))
    begun = new_body(config, [], vocabulary=10).words.embedding.weight
    assert torch.equal(learner._network.body.words.embedding.weight, begun)
    thawed = dataclasses.replace(config, frozen_epochs=1)
    learner = TextNetworkLearner(thawed, 3, device="cpu").fit(judged(16))
    assert not torch.equal(learner._network.body.words.embedding.weight, begun)


def test_rare_tokens_share_a_vector(config_of):
    config = config_of("cnn random", min_count=2)
    body = new_body(config, [[5, 5, 6], [7, 7]], vocabulary=10)
    assert body.words.row_of.tolist() == [0, 0, 0, 0, 0, 1, 0, 2, 0, 0]
    assert body.config.n_rows == 3


def test_what_does_not_exist_is_refused_by_name(config_of):
    for changes, named in (
        ({"kind": "lstm"}, "kind is 'lstm'; give one of 'cnn', 'rnn', 'transformer'"),
        ({"loss": "hinge"}, "loss is 'hinge'"),
    ):
        with pytest.raises(InputError, match=named):
            TextNetworkLearner(config_of("cnn", **changes), 3, device="cpu").fit(judged(8))


def test_no_network_begins_with_another_small_network(config_of, trained, tmp_path):
    trained.save(tmp_path / "learner")
    encoder = str(trained.encoder_folder)
    for name in ("cnn", "transformer"):
        with pytest.raises(InputError, match="is itself a small network"):
            TextNetworkLearner(config_of(name, encoder=encoder), 3, device="cpu").fit(judged(8))


def test_token_vectors_are_no_wider_than_the_encoders(config_of):
    assert new_body(config_of("cnn", embedding_width=64), [], vocabulary=10).config == (
        new_body(config_of("cnn", embedding_width=32), [], vocabulary=10).config
    )


def test_empty_texts_and_no_texts_work(trained):
    assert np.isfinite(trained.predict_proba(JudgedTexts([""], unjudged(1, 3)))).all()
    assert trained.predict_proba(JudgedTexts([], unjudged(0, 3))).shape == (0, 3)


@pytest.mark.skipif(not SHARED.is_dir(), reason="MARGINALIA_SHARED names no folder with data")
@pytest.mark.parametrize("kind", ["cnn", "rnn"])
@pytest.mark.parametrize(("name", "n", "epochs"), [("nlupp", 400, 6), ("rotten_tomatoes", 1200, 3)])
def test_it_beats_its_prior_on_public_data(name, n, epochs, kind):
    data = load_dataset(f"{name}:{n}", Settings(shared=SHARED.parent))
    config = TextNetworkConfig(
        kind=kind,
        epochs=epochs,
        filters=32,
        hidden=32,
        max_tokens=48,
        batch_size=16,
        embedding_width=64,
        lr=2e-3,
        early_stopping=False,
        exclusive=name == "rotten_tomatoes",
    )
    learner = TextNetworkLearner(config, len(data.labels), device="cpu")
    learner.fit(JudgedTexts(data.texts, data.truth))
    test = JudgedTexts(data.test_texts[:300], data.test_truth[:300])
    prior = np.broadcast_to(expit(prior_logits(data.truth)), test.truth.shape)
    assert log_loss(learner.predict_proba(test), test.truth) < log_loss(prior, test.truth)


def log_loss(proba, truth):
    judged_cells = np.isfinite(proba)
    surprise = -np.log(np.clip(np.where(truth == 1, proba, 1 - proba), 1e-6, 1))
    return float(surprise[judged_cells].mean())
