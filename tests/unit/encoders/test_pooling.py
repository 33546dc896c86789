"""Which hidden states stand for a text, who says so, and what it does to the fingerprint."""

import hashlib
import json

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

from core.encoders.encoder import load_encoder
from core.encoders.pooling import Pooling, pooled, pooling_of, write_pooling
from core.encoders.stochastic import encode_stochastic
from core.errors import CorruptArtefact

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "green", "blue", "big"]
TEXTS = ["red", "green blue big red green", "", "big big blue"]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
    )
    BertModel(config).save_pretrained(tmp_path)
    BertTokenizerFast(str(tmp_path / "vocab.txt"), model_max_length=32).save_pretrained(tmp_path)
    return tmp_path


def say(folder, **about):
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(about), encoding="utf-8")


def test_the_mean_is_of_real_tokens_and_cls_is_the_first_token():
    hidden = torch.tensor([[[3.0, 4.0], [0.0, 8.0], [100.0, 100.0]]])
    mask = torch.tensor([[1, 1, 0]])
    mean, cls = (pooled(hidden, mask, pooling)[0].tolist() for pooling in Pooling)
    assert cls == pytest.approx([0.6, 0.8])
    assert mean == pytest.approx([1.5 / 38.25**0.5, 6 / 38.25**0.5])  # of (1.5, 6)


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ({"pooling_mode": "cls"}, Pooling.CLS),
        ({"pooling_mode": ["mean"]}, Pooling.MEAN),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, Pooling.CLS),
        ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, Pooling.MEAN),
        ({"word_embedding_dimension": 16}, Pooling.MEAN),
    ],
)
def test_old_and_new_files_are_understood(tmp_path, about, expected):
    say(tmp_path, **about)
    assert pooling_of(tmp_path) is expected


@pytest.mark.parametrize(
    "about", [{"pooling_mode": ["cls", "mean"]}, {"pooling_mode_max_tokens": True}]
)
def test_a_pooling_we_do_not_have_is_replaced_aloud(tmp_path, caplog, about):
    say(tmp_path, **about)
    assert pooling_of(tmp_path) is Pooling.MEAN
    assert "the mean is used instead" in caplog.text


@pytest.mark.parametrize("content", ["{half", "[1]"])
def test_a_broken_file_is_named(tmp_path, content):
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text(content, encoding="utf-8")
    with pytest.raises(CorruptArtefact, match="is not a pooling configuration"):
        pooling_of(tmp_path)


def test_what_is_written_is_read_and_used(folder):
    weights = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    silent = load_encoder(str(folder), device="cpu")
    write_pooling(folder, Pooling.MEAN, width=16)
    assert load_encoder(str(folder), device="cpu").fingerprint == silent.fingerprint == weights
    write_pooling(folder, Pooling.CLS, width=16)
    cls = load_encoder(str(folder), device="cpu")
    assert cls.pooling is Pooling.CLS
    assert cls.fingerprint not in (weights, load_encoder(str(folder), max_tokens=8).fingerprint)
    assert not np.allclose(cls.encode(TEXTS), silent.encode(TEXTS), atol=1e-3)
    overruled = load_encoder(str(folder), device="cpu", pooling=Pooling.MEAN)
    assert overruled.fingerprint == weights
    np.testing.assert_array_equal(overruled.encode(TEXTS), silent.encode(TEXTS))


def test_cls_is_the_first_hidden_state_whatever_stands_beside_the_text(folder):
    encoder = load_encoder(str(folder), device="cpu", pooling=Pooling.CLS)
    together = encoder.encode(TEXTS)
    for text, row in zip(TEXTS, together, strict=True):
        given = encoder.tokenizer([text], return_tensors="pt")
        first = encoder.model(**given).last_hidden_state[0, 0]
        expected = (first / first.norm()).detach().numpy()
        assert row == pytest.approx(expected, abs=1e-5)


def test_sentence_transformers_reads_what_is_written(folder):
    from sentence_transformers.sentence_transformer.modules import Pooling as Theirs

    write_pooling(folder, Pooling.CLS, width=16)
    theirs = Theirs.load(str(folder), subfolder="1_Pooling")
    assert theirs.pooling_mode == "cls"
    assert theirs.embedding_dimension == 16


@pytest.mark.parametrize("n_layers", [1, None])
def test_dropout_passes_are_pooled_alike(folder, n_layers):
    encoder = load_encoder(str(folder), device="cpu", pooling=Pooling.CLS)
    for module in encoder.model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 1e-9  # nearly off, so that each vector must be the plain one
    for layer in encoder.model.encoder.layer:
        layer.attention.self.dropout.p = 1e-9
    passes = encode_stochastic(encoder, TEXTS, n_layers=n_layers, n_passes=2)
    np.testing.assert_allclose(passes[:, 1], encoder.encode(TEXTS), atol=1e-5)
