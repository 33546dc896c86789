"""How large a model is before it is trained: parameters by layer, and memory by estimate.

Networks are built, as they would be trained, and thrown away; of a head on
frozen vectors the sizes follow from the options.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch

from core.encoders.encoder import Encoder, load_encoder
from core.encoders.lexical import WIDTH as WORDS_WIDTH
from core.learners.baselines import BaselineConfig
from core.learners.bodies import new_body
from core.learners.catalogue import learner_info
from core.learners.deep_network import Network
from core.learners.text_learners import TRANSFORMER, new_text_learner
from core.training.config import TrainConfig
from core.training.options import learner_options
from core.training.weights import layer_of, natural

BYTES = 4  # of a weight in training, also where products are computed in bfloat16
ADAM_BYTES = 8  # two running means per trained weight


@dataclass(frozen=True)
class Part:
    """A layer, and how many numbers it holds."""

    name: str
    n_parameters: int
    n_trained: int


@dataclass(frozen=True)
class Sizes:
    """A model's parts, and what a batch leaves for the way back."""

    parts: tuple[Part, ...]
    batch_bytes: int = 0
    note: str = ""

    @property
    def n_parameters(self) -> int:
        """All numbers."""
        return sum(part.n_parameters for part in self.parts)

    @property
    def n_trained(self) -> int:
        """Those that training changes."""
        return sum(part.n_trained for part in self.parts)

    @property
    def training_bytes(self) -> int:
        """Weights, gradients, the optimiser's means, and the batch."""
        return self.n_parameters * BYTES + self.n_trained * (BYTES + ADAM_BYTES) + self.batch_bytes


def sizes_of(config: TrainConfig, n_labels: int) -> Sizes:
    """The sizes of what a configuration would train."""
    kind = learner_info(config.learner)
    if config.learner == "tfidf-logistic":
        most = BaselineConfig.most_terms
        return Sizes((_dense("head", most, n_labels),), note=f"with at most {most:,} words")
    if kind.round_kind == "deep":
        return _network_sizes(config, n_labels)
    encoder = load_encoder(config.encoder, device="cpu", max_tokens=config.max_tokens)
    frozen = _by_layer(encoder.model, set())
    return Sizes((*frozen, *_head(config, encoder.width, n_labels)), note="the encoder is frozen")


def _network_sizes(config: TrainConfig, n_labels: int) -> Sizes:
    learner = new_text_learner(
        config.learner, learner_options(config), n_labels, encoder=config.encoder
    )
    encoder = load_encoder(config.encoder, device="cpu", max_tokens=config.max_tokens)
    batch = learner.config.batch_size
    if config.learner == TRANSFORMER:
        tuning = learner.config.what_trains()
        network = Network(encoder, n_labels=n_labels, head_dropout=0.0, tuning=tuning)
        with network.adapted():
            trained = set(network.learning_rates(learner.config.training()))
            parts = _by_layer(network, trained)
        return Sizes(parts, _batch_bytes(encoder, batch), note=f"tuning: {tuning.mode}")
    body = new_body(learner.config, [], vocabulary=len(encoder.tokenizer))
    names = {name for name, _ in body.named_parameters()}
    return Sizes((*_by_layer(body, names), _dense("head", body.width, n_labels)))


def _by_layer(network: torch.nn.Module, trained: set[str]) -> tuple[Part, ...]:
    sizes: dict[str, list[int]] = {}
    for name, parameter in network.named_parameters():
        counts = sizes.setdefault(layer_of(name), [0, 0])
        counts[0] += parameter.numel()
        counts[1] += parameter.numel() if name in trained else 0
    return tuple(Part(name, *sizes[name]) for name in sorted(sizes, key=natural))


def _head(config: TrainConfig, width: int, n_labels: int) -> Iterator[Part]:
    """Linear maps from one width to the next."""
    options: dict[str, Any] = learner_options(config)
    info = learner_info(config.learner)
    if info.round_kind is not None and options.get("lexical", True):
        width += WORDS_WIDTH
    layers: Any = ()
    if info.name == "mlp":
        layers = options.get("layers", info.option("layers").default)
    for at, (below, above) in enumerate(pairwise([width, *layers, n_labels])):
        yield _dense(f"head.{at}", below, above)


def _dense(name: str, below: int, above: int) -> Part:
    n = (below + 1) * above  # with its biases
    return Part(name, n, n)


def _batch_bytes(encoder: Encoder, batch_size: int) -> int:
    """What one batch leaves for the way back, of texts as long as they may be.

    After Korthikanti and others (2022), "Reducing activation recomputation in
    large transformer models": s·b·h·(34 + 5·a·s/h) bytes per layer in half
    precision; twice that here. 0 where the encoder does not tell its shape.
    """
    about = encoder.model.config
    h, layers = getattr(about, "hidden_size", 0), getattr(about, "num_hidden_layers", 0)
    a, s = getattr(about, "num_attention_heads", 0), encoder.max_tokens
    return int(2 * layers * s * batch_size * (34 * h + 5 * a * s))
