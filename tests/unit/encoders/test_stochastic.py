"""Dropout inside the encoder: what is random, what is computed once, what is left as it was."""

import numpy as np
import pytest
import torch
from transformers import (
    AlbertConfig,
    AutoModel,
    BertConfig,
    BertTokenizerFast,
    DistilBertConfig,
    ModernBertConfig,
)

from core.encoders import encoder as encoder_module
from core.encoders.encoder import load_encoder
from core.encoders.stochastic import encode_stochastic, stochastic_batches
from core.errors import InputError

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "green", "blue", "big"]
TEXTS = ["red", "green blue big red green", "", "big big blue"]
TINY = {
    "vocab_size": len(WORDS),
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 32,
}


def make_encoder(folder, config):
    (folder / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    torch.manual_seed(0)
    AutoModel.from_config(config).save_pretrained(folder)
    BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=32).save_pretrained(folder)
    return load_encoder(str(folder), device="cpu")


@pytest.fixture
def tiny(tmp_path):
    return make_encoder(tmp_path, BertConfig(**TINY))


@pytest.fixture(scope="module")
def bundled():
    return load_encoder("bundled", device="cpu")


def switch_off(part):
    for module in part.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0


@pytest.mark.parametrize("n_layers", [1, 3, 6, None])
def test_the_bundled_encoder_gives_unit_vectors_that_vary(bundled, n_layers):
    texts = ["My card was stolen.", "Is the pool open on Sunday?"]
    vectors = encode_stochastic(bundled, texts, n_layers=n_layers, n_passes=4)
    assert vectors.shape == (2, 4, 384)
    assert np.linalg.norm(vectors, axis=2) == pytest.approx(np.ones((2, 4)), abs=1e-5)
    assert (vectors.std(axis=1).max(axis=1) > 0).all()
    plain = bundled.encode(texts)
    same, other = vectors @ plain[0], vectors @ plain[1]
    assert (same[0] > other[0]).all()
    assert (other[1] > same[1]).all()


@pytest.mark.parametrize("n_layers", [1, 2, 3, None])
def test_the_same_seed_gives_the_same_vectors_and_another_seed_others(tiny, n_layers):
    first, again, other = (
        encode_stochastic(tiny, TEXTS, n_layers=n_layers, n_passes=3, seed=seed)
        for seed in (4, 4, 5)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("n_layers", [1, 2])
def test_layers_computed_once_give_what_computing_all_of_them_gives(tiny, n_layers):
    switch_off(tiny.model.embeddings)
    for layer in tiny.model.encoder.layer[:-n_layers]:
        switch_off(layer)
    whole = encode_stochastic(tiny, TEXTS, n_layers=None, n_passes=4, seed=2)
    cached = encode_stochastic(tiny, TEXTS, n_layers=n_layers, n_passes=4, seed=2)
    np.testing.assert_allclose(cached, whole, atol=1e-6)
    assert cached.std(axis=1).max() > 0


@pytest.mark.parametrize("n_layers", [1, 2, 3, None])
def test_fixed_layers_run_once_and_random_ones_in_every_pass(tiny, n_layers):
    n_random = n_layers or 3
    forwards = [0, 0, 0]

    def count(number):
        def counted(*_):
            forwards[number] += 1

        return counted

    for number, layer in enumerate(tiny.model.encoder.layer):
        layer.attention.register_forward_hook(count(number))
    encode_stochastic(tiny, TEXTS, n_layers=n_layers, n_passes=5)
    once = 1 if n_random < 3 else 0
    assert forwards == [5 + once if 3 - number <= n_random else 1 for number in range(3)]


def test_all_layers_include_the_embeddings(tiny):
    for layer in tiny.model.encoder.layer:
        switch_off(layer)
    assert encode_stochastic(tiny, TEXTS, n_layers=3, n_passes=3).std(axis=1).max() > 0
    with pytest.raises(InputError, match="is 0, so all passes would agree"):
        encode_stochastic(tiny, TEXTS, n_layers=2)


def test_attention_alone_is_random_too(tmp_path):
    """Dropout on attention weights is a function, not a module, in current transformers."""
    config = BertConfig(**TINY, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.5)
    vectors = encode_stochastic(make_encoder(tmp_path, config), TEXTS, n_layers=1, n_passes=4)
    assert vectors.std(axis=1).max() > 0


@pytest.mark.parametrize("n_layers", [1, 3, None])
def test_an_encoder_without_dropout_is_refused_rather_than_called_certain(tmp_path, n_layers):
    tokens = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    tokens |= {"cls_token_id": 2, "sep_token_id": 3}
    modern = make_encoder(tmp_path, ModernBertConfig(**TINY, **tokens))
    with pytest.raises(InputError, match="use the head's dropout"):
        encode_stochastic(modern, TEXTS, n_layers=n_layers)


@pytest.mark.parametrize("n_layers", [1, 3, None])
def test_modernbert_with_dropout_is_sampled(tmp_path, n_layers):
    tokens = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    tokens |= {"cls_token_id": 2, "sep_token_id": 3}
    modern = make_encoder(tmp_path, ModernBertConfig(**TINY, **tokens, attention_dropout=0.3))
    vectors = encode_stochastic(modern, TEXTS, n_layers=n_layers, n_passes=3)
    assert vectors.std(axis=1).max() > 0


def test_layers_that_share_their_weights_can_only_be_sampled_whole(tmp_path):
    sizes = {**TINY, "embedding_size": 8}
    albert = make_encoder(tmp_path, AlbertConfig(**sizes, hidden_dropout_prob=0.2))
    with pytest.raises(InputError, match=r"'albert'\) cannot be told apart; sample the whole"):
        encode_stochastic(albert, TEXTS, n_layers=1)
    assert encode_stochastic(albert, TEXTS, n_passes=3).std(axis=1).max() > 0


def test_other_names_for_the_layers_do_not_matter(tmp_path):
    config = DistilBertConfig(
        vocab_size=len(WORDS),
        dim=16,
        n_layers=3,
        n_heads=2,
        hidden_dim=32,
        max_position_embeddings=32,
    )
    distilled = make_encoder(tmp_path, config)
    assert encode_stochastic(distilled, TEXTS, n_layers=1, n_passes=3).std(axis=1).max() > 0


@pytest.mark.parametrize("n_layers", [0, -1, 4])
def test_an_impossible_number_of_layers_is_named(tiny, n_layers):
    with pytest.raises(InputError, match=f"the last {n_layers} layers .* which has 3; give 1 to 3"):
        encode_stochastic(tiny, TEXTS, n_layers=n_layers)


@pytest.mark.parametrize("n_layers", [2, None])
def test_afterwards_the_encoder_and_torchs_generator_are_as_before(tiny, n_layers):
    before = tiny.encode(TEXTS)
    state = torch.get_rng_state()
    for _ in stochastic_batches(tiny, TEXTS, n_layers=n_layers, n_passes=3):
        assert not any(module.training for module in tiny.model.modules())
        np.testing.assert_array_equal(tiny.encode(TEXTS), before)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("n_layers", [2, None])
def test_an_error_on_the_way_leaves_dropout_off_and_no_layer_replaced(tiny, n_layers):
    before = tiny.encode(TEXTS)

    def fail(*_):
        if tiny.model.encoder.layer[2].training:
            raise ZeroDivisionError

    hook = tiny.model.encoder.layer[2].register_forward_hook(fail)
    with pytest.raises(ZeroDivisionError):
        encode_stochastic(tiny, TEXTS, n_layers=n_layers)
    hook.remove()
    assert not any(module.training for module in tiny.model.modules())
    np.testing.assert_array_equal(tiny.encode(TEXTS), before)


def test_many_batches_keep_the_order_of_the_texts(tiny, monkeypatch):
    monkeypatch.setitem(encoder_module.TOKENS_PER_BATCH, "cpu", 12)
    for layer in tiny.model.encoder.layer:
        switch_off(layer)
    tiny.model.embeddings.dropout.p = 1e-9  # nearly off, so that each vector must be the plain one
    vectors = encode_stochastic(tiny, TEXTS, n_passes=2)
    np.testing.assert_allclose(vectors[:, 0], tiny.encode(TEXTS), atol=1e-5)
    assert len(list(stochastic_batches(tiny, TEXTS, n_passes=2))) > 1


def test_no_texts_give_no_vectors(tiny):
    assert encode_stochastic(tiny, [], n_passes=2).shape == (0, 2, 16)
