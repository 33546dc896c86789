"""A shortlist scored again with dropout in the encoder as well as in the head."""

import numpy as np
import pytest
import torch

from core.encoders.encoder import load_encoder
from core.encoders.stochastic import encode_stochastic
from core.errors import Cancelled, InputError
from core.learners.dataset import JudgedVectors
from core.learners.quick import QuickConfig, QuickKind, new_quick
from core.learners.stochastic_quick import rescore
from core.strategies.scores import bald_score

TEXTS = ["My card was stolen.", "Where is the pool?", "", "I want my money back, please."]
TRUTH = np.array([[1, 0, -1], [0, 1, -1], [0, 0, -1], [1, 1, -1]], dtype=np.int8)


@pytest.fixture(scope="module")
def encoder():
    return load_encoder("bundled", device="cpu")


@pytest.fixture(scope="module")
def judged(encoder):
    return JudgedVectors(encoder.encode(TEXTS), TRUTH)


@pytest.fixture(scope="module", params=QuickKind)
def learner(judged, request):
    config = QuickConfig(kind=request.param, layers=(32,), epochs=3, seed=1)
    return new_quick(config, 3).fit(judged)


def test_no_random_layer_is_the_heads_own_sampling(learner, encoder, judged):
    samples = rescore(TEXTS, learner, encoder, n_layers=0, n_passes=6)
    expected = learner.predict_proba(judged, dropout_sampling=6)
    np.testing.assert_allclose(samples, expected, atol=1e-6)


def test_each_pass_is_the_encoders_vector_under_the_heads_mask(learner, encoder, judged):
    samples = rescore(TEXTS, learner, encoder, n_layers=2, n_passes=3, seed=9)
    vectors = encode_stochastic(encoder, TEXTS, n_layers=2, n_passes=3, seed=9)
    for number in range(3):
        of_pass = JudgedVectors(vectors[:, number], TRUTH)
        expected = learner.predict_proba(of_pass, dropout_sampling=3)[:, number]
        np.testing.assert_allclose(samples[:, number], expected, atol=1e-6)


@pytest.mark.parametrize("n_layers", [0, 2])
def test_what_stands_beside_the_vectors_is_the_same_in_every_pass(judged, encoder, n_layers):
    words = np.eye(4, 5, dtype=np.float32)
    both = JudgedVectors(np.concatenate([judged.x, words], axis=1), TRUTH)
    config = QuickConfig(kind=QuickKind.LOGISTIC, C=1.0)
    head = new_quick(config, 3, blocks=(encoder.width, 5)).fit(both)
    told = {"n_layers": n_layers, "n_passes": 3, "seed": 9}
    samples = rescore(TEXTS, head, encoder, beside=words, **told)
    vectors = encode_stochastic(encoder, TEXTS, **told) if n_layers else judged.x[:, None]
    for number in range(3):
        of_pass = np.concatenate([vectors[:, number if n_layers else 0], words], axis=1)
        expected = head.predict_proba(JudgedVectors(of_pass, TRUTH), dropout_sampling=3)
        np.testing.assert_allclose(samples[:, number], expected[:, number], atol=1e-6)


@pytest.mark.parametrize("n_layers", [2, None])
def test_the_encoder_adds_its_own_doubt(judged, encoder, n_layers):
    sure = QuickConfig(kind=QuickKind.MLP, layers=(32,), dropout=0.0, epochs=3)
    sure_head = new_quick(sure, 3).fit(judged)
    with pytest.raises(InputError, match="The dropout of this head is 0"):
        rescore(TEXTS, sure_head, encoder, n_layers=0, n_passes=4)
    samples = rescore(TEXTS, sure_head, encoder, n_layers=n_layers, n_passes=4)
    assert samples.shape == (4, 4, 3)
    assert (bald_score(samples[..., :2]) > 1e-8).all()
    assert np.isnan(samples[..., 2]).all()


def test_the_seed_decides(learner, encoder):
    first, again, other = (
        rescore(TEXTS, learner, encoder, n_layers=1, n_passes=2, seed=seed)[..., :2]
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_it_can_be_stopped_and_tells_its_progress(learner, encoder):
    told = []
    rescore(TEXTS, learner, encoder, n_layers=1, n_passes=1, on_progress=told.append)
    assert told[-1] == len(TEXTS)
    with pytest.raises(Cancelled, match="after 0 of 4 texts"):
        rescore(TEXTS, learner, encoder, n_layers=1, should_stop=lambda: True)
    assert not encoder.model.training


def test_an_encoder_without_dropout_is_refused(learner):
    sure = load_encoder("bundled", device="cpu")
    for module in sure.model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    with pytest.raises(InputError, match="'bundled' to be sampled is 0"):
        rescore(TEXTS, learner, sure)


def test_no_texts_give_no_samples(learner, encoder):
    assert rescore([], learner, encoder, n_passes=2).shape == (0, 2, 3)
    assert rescore([], learner, encoder, n_layers=0, n_passes=2).shape == (0, 2, 3)
