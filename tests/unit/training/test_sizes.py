"""What --view tells of a model is what training it would make."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.training.config import TrainConfig
from core.training.run import Trained
from core.training.sizes import sizes_of
from core.training.weights import layer_of, layers_in, natural

WIDTH, N_TOKENS, LAYERS = 32, 11, 2  # of the tiny encoder
IN_A_LAYER = 4 * (WIDTH * WIDTH + WIDTH) + (WIDTH + 1) * 64 + (64 + 1) * WIDTH + 4 * WIDTH
POOLER = WIDTH * WIDTH + WIDTH


def config_for(bench: Path, learner: str, **options: object) -> TrainConfig:
    return TrainConfig(
        data="x", learner=learner, options=options, encoder=str(bench / "encoder"), max_tokens=16
    )


def test_a_trained_transformer_is_as_large_as_it_was_said_to_be(bench: Path, deep: Trained) -> None:
    told = sizes_of(config_for(bench, "transformer"), n_labels=3)
    kept = layers_in(sorted(deep.folder.rglob("*.safetensors")))
    assert told.n_parameters == sum(kept.values())
    assert told.n_trained == told.n_parameters - POOLER


@pytest.mark.parametrize(
    ("options", "trained"),
    [
        ({"tuning": "head"}, 0),
        ({"tuning": "last", "last_layers": 1}, IN_A_LAYER),
        # q and v of each layer, a matrix of rank 4 down and one up
        ({"tuning": "lora", "lora_rank": 4}, LAYERS * 2 * (2 * 4 * WIDTH)),
    ],
)
def test_only_what_trains_is_counted_as_trained(
    bench: Path, options: dict[str, object], trained: int
) -> None:
    told = sizes_of(config_for(bench, "transformer", **options), n_labels=3)
    head = (WIDTH + 1) * 3
    assert told.n_trained == trained + head
    assert told.training_bytes > 4 * told.n_parameters


def test_heads_and_small_networks_have_the_sizes_of_their_options(bench: Path) -> None:
    mlp = sizes_of(config_for(bench, "mlp", layers=(5,), lexical=False), n_labels=3)
    assert mlp.n_trained == (WIDTH + 1) * 5 + (5 + 1) * 3
    frozen = sizes_of(config_for(bench, "frozen-svc"), n_labels=3)
    assert frozen.n_trained == (WIDTH + 1) * 3
    options = {"embedding_width": 8, "filters": 4, "kernel_sizes": (2,)}
    cnn = sizes_of(config_for(bench, "cnn", **options), n_labels=3)
    assert cnn.n_trained == N_TOKENS * 8 + (2 * 8 + 1) * 4 + (4 + 1) * 3


def test_parameters_belong_to_numbered_layers_in_their_order() -> None:
    assert layer_of("encoder.layer.10.attention.self.query.weight") == "encoder.layer.10"
    assert layer_of("embeddings.word_embeddings.weight") == "embeddings.word_embeddings"
    assert layer_of("weights") == "weights"
    names = ["encoder.layer.10", "encoder.layer.2", "embeddings"]
    assert sorted(names, key=natural) == ["embeddings", "encoder.layer.2", "encoder.layer.10"]
