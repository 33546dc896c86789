"""What trains in each mode, on the architectures people use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModel

from core.encoders.encoder import load_encoder
from core.errors import InputError
from core.learners.deep_network import Network
from core.learners.finetuning import Training
from core.learners.tuning import (
    Depth,
    Tuning,
    TuningMode,
    attention_targets,
    layer_prefixes,
)
from tests.unit.learners.tiny import make_encoder

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "vocab_size": 50,
    "pad_token_id": 0,
}
BESIDES: dict[str, dict[str, Any]] = {
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64},
    "electra": {"embedding_size": 16},
    "llama": {"num_key_value_heads": 2, "bos_token_id": 1, "eos_token_id": 2},
    "modernbert": {
        "bos_token_id": 1,
        "eos_token_id": 2,
        "cls_token_id": 1,
        "sep_token_id": 2,
    },
}
Q_AND_V = {
    "bert": "encoder.layer.0.attention.self.{query,value}",
    "roberta": "encoder.layer.0.attention.self.{query,value}",
    "electra": "encoder.layer.0.attention.self.{query,value}",
    "distilbert": "transformer.layer.0.attention.{q_lin,v_lin}",
    "mpnet": "encoder.layer.0.attention.attn.{q,v}",
    "deberta-v2": "encoder.layer.0.attention.self.{query_proj,value_proj}",
    "llama": "layers.0.self_attn.{q_proj,v_proj}",
}


def made(kind: str) -> torch.nn.Module:
    sizes = {**SIZES, **BESIDES.get(kind, {})}
    if kind == "distilbert":
        sizes = {"vocab_size": 50, "pad_token_id": 0, **BESIDES[kind]}
    model: torch.nn.Module = AutoModel.from_config(AutoConfig.for_model(kind, **sizes))
    return model


@pytest.mark.parametrize("kind", sorted(Q_AND_V))
def test_queries_and_values_are_found_in(kind: str) -> None:
    encoder = made(kind)
    path, ends = Q_AND_V[kind].rstrip("}").split("{")
    first = [path + end for end in ends.split(",")]
    found = attention_targets(encoder, "qv")
    assert sorted(found) == sorted([*first, *(name.replace(".0.", ".1.") for name in first)])
    assert len(attention_targets(encoder, "q")) == 2
    assert len(attention_targets(encoder, "qkvo")) == 8
    assert len(layer_prefixes(encoder)) == 2


def test_where_one_matrix_makes_all_three_it_takes_all_or_nothing() -> None:
    encoder = made("modernbert")
    assert [name.rsplit(".")[-1] for name in attention_targets(encoder, "qkvo")] == [
        "Wqkv",
        "Wqkv",
        "Wo",
        "Wo",
    ]
    with pytest.raises(InputError, match=r"'modernbert'.*one matrix.*'qkvo'"):
        attention_targets(encoder, "qv")


def test_what_is_not_known_is_refused_with_a_way_out() -> None:
    class Odd(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention_mixer = torch.nn.Linear(4, 4)

    with pytest.raises(InputError, match="use tuning 'full' or 'last'"):
        attention_targets(Odd(), "qv")
    with pytest.raises(InputError, match="layers of this encoder"):
        layer_prefixes(Odd())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(make_encoder(tmp_path_factory.mktemp("tuning") / "encoder"))


def network_of(folder: Path, tuning: Tuning) -> Network:
    encoder = load_encoder(str(folder), device="cpu")
    return Network(encoder, n_labels=3, head_dropout=0.0, tuning=tuning)


TRAINING = Training(lr=0.1, head_lr=1.0)


def test_full_tuning_trains_everything_that_is_used(folder: Path) -> None:
    rates = network_of(folder, Tuning()).learning_rates(TRAINING)
    network = network_of(folder, Tuning())
    unused = {name for name, _ in network.named_parameters()} - set(rates)
    assert all("pooler" in name for name in unused)
    assert {rates["head.weight"], rates["head.bias"]} == {1.0}
    assert {rate for name, rate in rates.items() if not name.startswith("head")} == {0.1}


def test_the_head_alone_leaves_the_encoder_without_gradients(folder: Path) -> None:
    network = network_of(folder, Tuning(TuningMode.HEAD))
    assert set(network.learning_rates(TRAINING)) == {"head.weight", "head.bias"}
    trains = {name for name, value in network.named_parameters() if value.requires_grad}
    assert trains == {"head.weight", "head.bias"}


def test_the_last_layers_are_as_many_as_asked(folder: Path) -> None:
    names = network_of(folder, Tuning(TuningMode.LAST, last_layers=1)).learning_rates(TRAINING)
    assert any("encoder.layer.1." in name for name in names)
    assert not any("encoder.layer.0." in name or "embeddings" in name for name in names)
    both = network_of(folder, Tuning(TuningMode.LAST, last_layers=9)).learning_rates(TRAINING)
    assert any("encoder.layer.0." in name for name in both)
    assert not any("embeddings" in name for name in both)


def test_lower_layers_learn_at_lower_rates(folder: Path) -> None:
    rates = network_of(folder, Tuning(layer_decay=0.5)).learning_rates(TRAINING)
    of = {
        part: {rate for name, rate in rates.items() if part in name}
        for part in ("layer.1.", "layer.0.", "embeddings")
    }
    assert of == {"layer.1.": {0.1}, "layer.0.": {0.05}, "embeddings": {0.025}}


def test_layers_open_from_the_top_until_half_of_the_epochs(folder: Path) -> None:
    network = network_of(folder, Tuning(TuningMode.GRADUAL))
    rates = network.learning_rates(TRAINING)
    opened = []
    for epoch in range(1, 7):
        network.begin_epoch(epoch, 6)
        trains = [name for name, value in network.named_parameters() if value.requires_grad]
        opened.append({Depth(network.encoder).of(name) for name in trains if "encoder" in name})
    assert opened == [set(), {2}, {1, 2}, {0, 1, 2}, {0, 1, 2}, {0, 1, 2}]
    lowest, highest = rates["encoder.encoder.layer.0.output.dense.bias"], rates["head.bias"]
    assert lowest == pytest.approx(0.09)
    assert highest == 1.0
    assert Depth(network.encoder).open_from(network.tuning, 1, 1) == 0


def test_lora_trains_small_matrices_and_leaves_a_plain_encoder(folder: Path) -> None:
    network = network_of(folder, Tuning(TuningMode.LORA, lora_rank=4))
    ids, mask = torch.tensor([[2, 5, 6, 3]]), torch.ones(1, 4, dtype=torch.int64)
    names = [name for name, _ in network.named_parameters()]
    network.eval()
    with torch.inference_mode():
        before = network(ids, mask)
    with network.adapted():
        rates = network.learning_rates(TRAINING)
        assert len(rates) == 2 + 2 * 2 * 2  # the head; two layers of q and v with A and B
        with torch.inference_mode():
            assert torch.equal(network(ids, mask), before)  # B begins with zeros
        with torch.no_grad():
            for name, value in network.named_parameters():
                if "lora_B" in name:
                    value.add_(0.1)
        with torch.inference_mode():
            changed = network(ids, mask)
    assert [name for name, _ in network.named_parameters()] == names
    with torch.inference_mode():
        np.testing.assert_allclose(network(ids, mask), changed, atol=1e-6)
    assert (changed - before).abs().max() > 1e-3


def test_targets_that_do_not_exist_are_refused(folder: Path) -> None:
    network = network_of(folder, Tuning(TuningMode.LORA, lora_targets="xy"))
    with pytest.raises(InputError, match="lora_targets is 'xy'"), network.adapted():
        pass
