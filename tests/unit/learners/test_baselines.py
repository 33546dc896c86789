"""Linear baselines on the demo corpus, and on vectors small enough to check by hand."""

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import expit
from transformers import BertConfig, BertModel, BertTokenizerFast

from core.demo.corpus import demo_labels, demo_rows
from core.domain import UNJUDGED
from core.encoders.encoder import Pooling, load_encoder
from core.errors import Cancelled, CorruptArtefact, InputError, NotReady
from core.learners.baseline_heads import Head, HeadConfig, fit_heads
from core.learners.baselines import BaselineConfig, BaselineLearner, Features
from core.learners.dataset import JudgedTexts, JudgedVectors, unjudged
from core.learners.masking import prior_logits
from core.replay.data import load_dataset
from core.settings import Settings

SHARED = Path(os.environ.get("MARGINALIA_SHARED") or "/nonexistent") / "data"
NAMES = [label.name for label in demo_labels()]
WORDS = BaselineConfig(C=10.0, n_members=3)
KINDS = [
    WORDS,
    BaselineConfig(head=Head.SVC, C=1.0, n_members=2),
    BaselineConfig(exclusive=True, C=10.0, n_members=2),
    BaselineConfig(head=Head.SVC, exclusive=True, C=1.0, n_members=2),
]


def demo(start, stop, *, one=False):
    rows = demo_rows()[:]
    if one:
        rows = [row for row in rows if len(row.labels) == 1]
    rows = rows[start:stop]
    truth = np.array([[name in row.labels for name in NAMES] for row in rows], dtype=np.int8)
    return JudgedTexts([row.text for row in rows], truth)


def log_loss(proba, truth):
    proba = np.clip(proba, 1e-6, 1 - 1e-6)
    return float(-np.where(truth == 1, np.log(proba), np.log(1 - proba)).mean())


@pytest.fixture(scope="module")
def trained():
    return BaselineLearner(WORDS, len(NAMES)).fit(demo(0, 300))


@pytest.mark.parametrize("config", KINDS, ids=str)
def test_it_learns_32_documents_by_heart(config):
    data = demo(0, 32, one=config.exclusive)
    firmly = dataclasses.replace(config, C=1000.0, n_members=0)
    learner = BaselineLearner(firmly, len(NAMES)).fit(data)
    proba = learner.predict_proba(data)
    if config.exclusive:
        assert (proba.argmax(axis=1) == data.truth.argmax(axis=1)).all()
        assert proba.sum(axis=1) == pytest.approx(np.ones(32), abs=1e-5)
        return
    for of_label, truth in zip(proba.T, data.truth.T, strict=True):
        if truth.any():
            assert of_label[truth == 1].min() > of_label[truth == 0].max()


@pytest.mark.parametrize("config", KINDS, ids=str)
def test_it_beats_its_prior_on_documents_it_has_not_seen(config):
    train, test = demo(0, 300, one=config.exclusive), demo(300, 400, one=config.exclusive)
    learner = BaselineLearner(config, len(NAMES)).fit(train)
    prior = np.broadcast_to(expit(prior_logits(train.truth)), test.truth.shape)
    assert log_loss(learner.predict_proba(test), test.truth) < 0.9 * log_loss(prior, test.truth)


def test_unjudged_cells_and_documents_change_nothing():
    judged = demo(0, 120)
    judged.truth[60:, 0] = UNJUDGED
    config = HeadConfig(C=1.0, n_members=0)
    x = np.random.default_rng(0).standard_normal((120, 6))
    whole = fit_heads(x, judged.truth, config)
    part = fit_heads(x[:60], judged.truth[:60], config)
    assert whole.weights[0, :, 0] == pytest.approx(part.weights[0, :, 0])
    elsewhere = x.copy()
    elsewhere[60:] = 9.0
    assert fit_heads(elsewhere, judged.truth, config).weights[0, :, 0] == pytest.approx(
        part.weights[0, :, 0]
    )


@pytest.mark.parametrize("exclusive", [False, True])
def test_a_label_judged_one_way_answers_with_its_share_and_one_never_judged_with_nan(exclusive):
    x = np.array([[0.0], [1.0], [2.0], [3.0]])
    truth = np.array([[0, 1, 0, -1], [0, 1, 0, -1], [1, 0, 0, -1], [1, 0, 0, -1]], dtype=np.int8)
    heads = fit_heads(x, truth, HeadConfig(C=1.0, n_members=1, exclusive=exclusive))
    proba, members = heads.proba(x, with_members=True)
    assert (proba[:2, 1] > proba[:2, 0]).all()
    assert (proba[2:, 1] < proba[2:, 0]).all()
    if exclusive:
        assert (proba[:, 2] < 0.2).all()
        assert proba[:, :3].sum(axis=1) == pytest.approx(1)
    else:
        assert proba[:, 2] == pytest.approx(np.full(4, expit(prior_logits(truth)[2])))
        assert (members[:, 0, 2] == members[0, 0, 2]).all()
        assert members[0, 0, 2] != proba[0, 2]
    assert np.isnan(proba[:, 3]).all()
    assert np.isnan(members[..., 3]).all()


def test_an_exclusive_document_without_its_label_teaches_nothing():
    x = np.random.default_rng(1).standard_normal((40, 3))
    truth = np.zeros((40, 3), dtype=np.int8)
    truth[np.arange(40), np.arange(40) % 3] = 1
    config = HeadConfig(C=1.0, n_members=0, exclusive=True)
    expected = fit_heads(x, truth, config)
    more = np.concatenate([truth, [[0, -1, -1], [-1, -1, -1]]]).astype(np.int8)
    assert fit_heads(np.concatenate([x, [[9, 9, 9], [8, 8, 8]]]), more, config).weights == (
        pytest.approx(expected.weights)
    )


def test_platts_probabilities_are_as_often_right_as_they_say():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3000, 2))
    proba = expit(2 * x[:, 0])
    truth = (rng.random(3000) < proba).astype(np.int8)[:, None]
    heads = fit_heads(x[:1500], truth[:1500], HeadConfig(Head.SVC, C=1.0, n_members=0))
    found, _ = heads.proba(x[1500:], with_members=False)
    assert np.abs(found[:, 0] - proba[1500:]).mean() < 0.04


def test_members_differ_and_their_number_is_that_of_the_posterior(trained):
    data = demo(300, 310)
    samples = trained.predict_proba(data, dropout_sampling=20)
    assert samples.shape == (10, 3, len(NAMES))
    assert samples.std(axis=1).max() > 1e-3
    assert np.abs(samples.mean(axis=1) - trained.predict_proba(data)).max() < 0.25


def test_without_members_there_is_nothing_to_sample():
    learner = BaselineLearner(BaselineConfig(C=1.0, n_members=0), len(NAMES)).fit(demo(0, 30))
    with pytest.raises(InputError, match="no posterior to sample"):
        learner.predict_proba(demo(0, 3), dropout_sampling=5)


def test_the_same_seed_gives_the_same_heads():
    def samples(seed):
        config = BaselineConfig(C=1.0, n_members=2, seed=seed)
        learner = BaselineLearner(config, len(NAMES)).fit(demo(0, 60))
        return learner.predict_proba(demo(60, 70), dropout_sampling=2)

    assert (samples(1) == samples(1)).all()
    assert (samples(1) != samples(2)).any()


@pytest.mark.parametrize("config", KINDS, ids=str)
def test_loaded_it_gives_the_same_probabilities(config, tmp_path):
    data = demo(60, 80)
    learner = BaselineLearner(config, len(NAMES)).fit(demo(0, 60, one=config.exclusive))
    learner.save(tmp_path / "baseline")
    loaded = BaselineLearner.load(tmp_path / "baseline")
    assert loaded.config == config
    for passes in (1, 2):
        expected = learner.predict_proba(data, dropout_sampling=passes)
        np.testing.assert_array_equal(loaded.predict_proba(data, dropout_sampling=passes), expected)
    assert (loaded.embed(data) == learner.embed(data)).all()
    assert {file.suffix for file in (tmp_path / "baseline").iterdir()} == {".json", ".safetensors"}


def test_an_altered_baseline_is_refused(trained, tmp_path):
    trained.save(tmp_path / "baseline")
    file = tmp_path / "baseline" / "model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CorruptArtefact):
        BaselineLearner.load(tmp_path / "baseline")


def test_how_strongly_to_hold_back_is_tried_out():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((150, 40))
    clear = (x[:, 0] > 0).astype(np.int8)[:, None]
    noise = rng.integers(0, 2, (150, 1)).astype(np.int8)
    config = HeadConfig(n_members=0)

    def length(truth):
        return np.linalg.norm(fit_heads(x, truth, config).weights)

    assert length(clear) > 5 * length(noise)


@pytest.fixture(scope="module")
def tiny_encoder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "my", "line", "bill", "you"]
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = BertConfig(
        vocab_size=len(words), intermediate_size=16, max_position_embeddings=64, **sizes
    )
    BertModel(config).save_pretrained(folder)
    BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=64).save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize("head", list(Head))
@pytest.mark.parametrize("features", [Features.MEAN, Features.CLS])
def test_a_frozen_encoder_takes_texts_and_its_cached_vectors_alike(
    features, head, tiny_encoder, tmp_path
):
    train, test = demo(0, 48), demo(48, 56)
    config = BaselineConfig(features, head, C=10.0, n_members=1, encoder=tiny_encoder)
    learner = BaselineLearner(config, len(NAMES), device="cpu").fit(train)
    vectors = JudgedVectors(learner.embed(train), train.truth)
    cached = BaselineLearner(config, len(NAMES), device="cpu").fit(vectors)
    proba = learner.predict_proba(test)
    assert cached.predict_proba(JudgedVectors(learner.embed(test), test.truth)) == (
        pytest.approx(proba, abs=1e-4)
    )
    learner.save(tmp_path / "frozen")
    loaded = BaselineLearner.load(tmp_path / "frozen", device="cpu")
    np.testing.assert_array_equal(loaded.predict_proba(test), proba)
    other = Pooling.CLS if features is Features.MEAN else Pooling.MEAN
    unlike = load_encoder(tiny_encoder, device="cpu", pooling=other).encode(test.texts)
    assert not np.allclose(learner.embed(test), unlike)


def test_it_tells_how_far_it_is_and_hears_a_stop():
    told = []
    BaselineLearner(WORDS, len(NAMES)).fit(
        demo(0, 40), on_step=lambda step, n_steps, _: told.append((step, n_steps))
    )
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    with pytest.raises(Cancelled, match="after 0 of 4 heads"):
        BaselineLearner(WORDS, len(NAMES)).fit(demo(0, 40), should_stop=lambda: True)


def test_stopped_it_answers_as_before():
    learner = BaselineLearner(WORDS, len(NAMES)).fit(demo(0, 40))
    before = learner.predict_proba(demo(40, 50))
    with pytest.raises(Cancelled):
        learner.fit(demo(50, 90), should_stop=lambda: True)
    np.testing.assert_array_equal(learner.predict_proba(demo(40, 50)), before)


def test_words_of_the_pool_count_too():
    only = BaselineLearner(WORDS, 1).fit(JudgedTexts(["red", "blue"], np.array([[1], [0]])))
    more = BaselineLearner(WORDS, 1).fit(
        JudgedTexts(["red", "blue"], np.array([[1], [0]])), pool_texts=["green", "red"]
    )
    assert only._words.get_feature_names_out().tolist() == ["blue", "red"]
    assert more._words.get_feature_names_out().tolist() == ["blue", "green", "red"]


def test_what_cannot_be_learnt_from_is_refused_in_words():
    with pytest.raises(NotReady, match="has not been trained"):
        BaselineLearner(WORDS, 1).predict_proba(demo(0, 1))
    with pytest.raises(InputError, match="no words to count in the 2 texts"):
        BaselineLearner(WORDS, 1).fit(JudgedTexts(["!", ""], np.array([[1], [0]])))


def test_no_texts_have_no_probabilities(trained):
    assert trained.predict_proba(JudgedTexts([], unjudged(0, 12))).shape == (0, 12)
    assert np.isfinite(trained.predict_proba(JudgedTexts([""], unjudged(1, 12)))).all()


@pytest.mark.skipif(not SHARED.is_dir(), reason="MARGINALIA_SHARED names no folder with data")
@pytest.mark.parametrize("name", ["nlupp", "rotten_tomatoes"])
def test_it_beats_its_prior_on_public_data(name):
    data = load_dataset(f"{name}:600", Settings(shared=SHARED.parent))
    n_labels = len(data.labels)
    config = BaselineConfig(C=10.0, n_members=0, exclusive=name == "rotten_tomatoes")
    learner = BaselineLearner(config, n_labels).fit(JudgedTexts(data.texts, data.truth))
    found = learner.predict_proba(JudgedTexts(data.test_texts, data.test_truth))
    prior = np.broadcast_to(expit(prior_logits(data.truth)), data.test_truth.shape)
    assert log_loss(found, data.test_truth) < 0.95 * log_loss(prior, data.test_truth)
