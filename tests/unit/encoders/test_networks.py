"""Small networks: what they see of a batch, and what a folder holds of them."""

import json

import numpy as np
import pytest
import torch

from core.encoders.encoder import load_encoder
from core.encoders.networks import (
    Cell,
    ConvolutionalBody,
    NetworkConfig,
    NetworkKind,
    RecurrentBody,
    build_body,
    cut_transformer,
    load_body,
    save_body,
)
from core.errors import CorruptArtefact, InputError

SMALL = {"vocabulary": 20, "n_rows": 20, "embedding_width": 6, "filters": 4, "hidden": 5}
CNN = NetworkConfig(NetworkKind.CNN, kernel_sizes=(2, 3, 4), **SMALL)
RNNS = [
    NetworkConfig(NetworkKind.RNN, cell=cell, bidirectional=both, **SMALL)
    for cell in Cell
    for both in (False, True)
]
ALL = [CNN, *RNNS]


def body_of(config, row_of=None):
    torch.manual_seed(0)
    return build_body(config, row_of).eval()


def padded(*texts, width):
    ids = torch.full((len(texts), width), 7)
    mask = torch.zeros(len(texts), width, dtype=torch.int64)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = torch.tensor(text)
        mask[row, : len(text)] = 1
    return ids, mask


@pytest.mark.parametrize("config", ALL, ids=str)
def test_features_know_nothing_of_padding_and_of_batch_mates(config):
    body = body_of(config)
    alone = body(*padded([3, 4, 5], width=3))
    beside = body(*padded([9] * 11, [3, 4, 5], [1], width=14))
    assert alone.shape == (1, body.width)
    assert beside[1:2].detach().numpy() == pytest.approx(alone.detach().numpy(), abs=1e-6)
    assert (beside[0] - alone[0]).abs().max() > 1e-3


@pytest.mark.parametrize("config", ALL, ids=str)
def test_padding_teaches_no_token(config):
    body = body_of(config)
    body(*padded([3, 4], [5, 6, 8], width=6)).sum().backward()
    gradient = body.words.embedding.weight.grad
    assert (gradient[7] == 0).all()
    assert (gradient[[3, 4, 5, 6, 8]] != 0).any(dim=1).all()


@pytest.mark.parametrize("config", RNNS, ids=str)
def test_a_recurrent_state_is_the_one_packed_sequences_end_with(config):
    body = body_of(config)
    ids, mask = padded([3, 4, 5, 6], [8, 9], width=6)
    reference = type(body.directions[0])(6, 5, batch_first=True, bidirectional=config.bidirectional)
    weights = dict(body.directions[0].state_dict())
    for direction in body.directions[1:]:
        weights |= {f"{name}_reverse": t for name, t in direction.state_dict().items()}
    reference.load_state_dict(weights)
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        body.words(ids, mask), torch.tensor([4, 2]), batch_first=True
    )
    state = reference(packed)[1]
    state = state[0] if config.cell is Cell.LSTM else state
    expected = torch.cat(list(state), dim=1)
    assert body(ids, mask).detach().numpy() == pytest.approx(expected.detach().numpy(), abs=1e-6)


def test_a_convolution_gives_each_filters_largest_answer():
    body = body_of(NetworkConfig(NetworkKind.CNN, kernel_sizes=(1,), **{**SMALL, "filters": 1}))
    with torch.no_grad():
        body.convolutions[0].weight.fill_(1.0)
        body.convolutions[0].bias.zero_()
        body.words.embedding.weight.copy_(torch.arange(20.0)[:, None].expand(20, 6) - 5)
    answer = body(*padded([6, 2, 8], [1, 2], width=4))
    assert answer.tolist() == [[18.0], [0.0]]  # 6 × the largest token's 3; all below 0


def test_rare_tokens_share_a_row():
    row_of = torch.zeros(20, dtype=torch.int64)
    row_of[3], row_of[4] = 1, 2
    body = body_of(NetworkConfig(NetworkKind.CNN, **{**SMALL, "n_rows": 3}), row_of)
    one, other, known = body(*padded([5, 3], [11, 3], [4, 3], width=2))
    assert torch.equal(one, other)
    assert not torch.equal(one, known)


@pytest.mark.parametrize("config", ALL, ids=str)
def test_loaded_it_answers_as_when_saved(config, tmp_path):
    row_of = torch.arange(20).flip(0)
    body = body_of(config, row_of)
    save_body(body, tmp_path)
    loaded = load_body(tmp_path).eval()
    assert loaded.config == config
    ids, mask = padded([3, 4, 5], [6], width=3)
    assert torch.equal(loaded(ids, mask), body(ids, mask))


def test_what_is_not_whole_is_refused(tmp_path):
    save_body(body_of(CNN), tmp_path)
    weights, about = tmp_path / "model.safetensors", tmp_path / "network.json"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-9])
    with pytest.raises(CorruptArtefact, match="not those that were written"):
        load_body(tmp_path)
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(CorruptArtefact, match="not those that were written"):
        load_body(tmp_path)
    weights.write_bytes(whole)
    load_body(tmp_path)
    text = about.read_text(encoding="utf-8")
    about.write_text(text[: len(text) // 2], encoding="utf-8")
    with pytest.raises(CorruptArtefact, match="cannot be read"):
        load_body(tmp_path)
    about.write_text(json.dumps({**json.loads(text), "format": "other"}), encoding="utf-8")
    with pytest.raises(CorruptArtefact, match="its format is 'other'"):
        load_body(tmp_path)
    weights.unlink()
    with pytest.raises(CorruptArtefact):
        load_body(tmp_path)


def test_its_folder_is_an_encoder(tmp_path):
    bundled = load_encoder("bundled", device="cpu")
    n_tokens = len(bundled.tokenizer)
    config = NetworkConfig(NetworkKind.CNN, **{**SMALL, "vocabulary": n_tokens})
    save_body(body_of(config), tmp_path)
    bundled.tokenizer.save_pretrained(tmp_path)
    encoder = load_encoder(str(tmp_path), device="cpu")
    vectors = encoder.encode(["one text", "another, longer text", ""])
    assert vectors.shape == (3, encoder.width) == (3, 12)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
    assert encoder.fingerprint != bundled.fingerprint


def test_a_cut_transformer_keeps_the_first_layers(tmp_path):
    body = cut_transformer("bundled", 2).eval()
    whole = load_encoder("bundled", device="cpu").model
    ids, mask = padded([101, 2023, 102], width=3)
    hidden = whole(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states[2]
    cut = body.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    assert torch.equal(cut, hidden)
    assert body(ids, mask).norm(dim=1).item() == pytest.approx(384**0.5, rel=1e-5)
    save_body(body, tmp_path)
    load_encoder("bundled", device="cpu").tokenizer.save_pretrained(tmp_path)
    encoder = load_encoder(str(tmp_path), device="cpu")
    assert encoder.model.config.num_hidden_layers == 2


def test_what_cannot_be_built_is_refused():
    with pytest.raises(InputError, match="has 6 layers, so none of 9"):
        cut_transformer("bundled", 9)
    with pytest.raises(InputError, match="make no convolution"):
        build_body(NetworkConfig(NetworkKind.CNN, kernel_sizes=(), **SMALL))


def test_the_two_kinds_are_what_they_are_called():
    assert isinstance(body_of(CNN), ConvolutionalBody)
    assert isinstance(body_of(RNNS[0]), RecurrentBody)
