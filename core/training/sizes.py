"""How large a model is: parameters by layer, those that are trained, and memory, untrained.

Read from the heads of weight files; no weight is loaded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from core.encoders.folders import folder_of
from core.errors import CorruptArtefact
from core.learners.catalogue import learner_info
from core.training.config import TrainConfig
from core.training.options import learner_options

BYTES = 4  # of a weight in training, also where products are computed in bfloat16
ADAM_BYTES = 8  # two running means per trained weight
UNUSED = "pooler"  # what some encoders have on top, and no training of ours reaches
LAYER = re.compile(r"^(.*?\blayers?\.\d+)\.")


@dataclass(frozen=True)
class Part:
    """A layer, and how many numbers it holds."""

    name: str
    n_parameters: int
    n_trained: int


@dataclass(frozen=True)
class Sizes:
    """A model's parts and what training it needs, by estimate."""

    parts: tuple[Part, ...]
    weight_bytes: int
    training_bytes: int  # weights, gradients, the optimiser's means, and what a batch leaves

    @property
    def n_parameters(self) -> int:
        """All numbers."""
        return sum(part.n_parameters for part in self.parts)

    @property
    def n_trained(self) -> int:
        """Those that training changes."""
        return sum(part.n_trained for part in self.parts)


def sizes_of(config: TrainConfig, n_labels: int) -> Sizes:
    """The sizes of what a configuration would train, as far as its encoder's files tell."""
    folder = folder_of(config.encoder)
    about = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    width = int(about.get("hidden_size", 0))
    layers = layers_in(sorted(folder.glob("*.safetensors")))
    options = learner_options(config)
    tuning = options.get("tuning", "full") if config.learner == "transformer" else "none"
    encoder = _encoder_parts(layers, tuning, options)
    parts = (*encoder, *_head_parts(config, options, width=width, n_labels=n_labels))
    n_parameters = sum(part.n_parameters for part in parts)
    n_trained = sum(part.n_trained for part in parts)
    batch = 0 if tuning == "none" else _batch_bytes(about, config, options)
    state = n_parameters * BYTES + n_trained * (BYTES + ADAM_BYTES)
    return Sizes(parts, weight_bytes=n_parameters * BYTES, training_bytes=state + batch)


def layers_in(weights: Iterable[Path]) -> dict[str, int]:
    """Parameters by layer, in the order of the files."""
    layers: dict[str, int] = {}
    for path in weights:
        for name, shape in shapes_in(path).items():
            match = LAYER.match(name)
            layer = match[1] if match else name.split(".")[0]
            layers[layer] = layers.get(layer, 0) + prod(shape)
    return dict(sorted(layers.items(), key=lambda item: _natural(item[0])))


def shapes_in(path: Path) -> Mapping[str, tuple[int, ...]]:
    """The shapes of a .safetensors file's tensors."""
    try:
        with safe_open(path, framework="numpy") as stored:
            return {name: tuple(stored.get_slice(name).get_shape()) for name in stored.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise CorruptArtefact(
            f"The weights '{path}' cannot be read ({error}); put the file back from a copy."
        ) from error


def _encoder_parts(
    layers: Mapping[str, int], tuning: str, options: Mapping[str, Any]
) -> list[Part]:
    if tuning in {"full", "gradual"}:
        return [Part(name, n, 0 if name == UNUSED else n) for name, n in layers.items()]
    numbered = [name for name in layers if re.search(r"layers?\.\d+$", name)]
    trained = set(numbered[-int(options.get("last_layers", 2)) :]) if tuning == "last" else set()
    return [Part(name, n, n if name in trained else 0) for name, n in layers.items()]


def _head_parts(
    config: TrainConfig, options: Mapping[str, Any], *, width: int, n_labels: int
) -> list[Part]:
    """Linear maps from one width to the next, each with its biases."""
    info = learner_info(config.learner)
    widths = [width, *_hidden(options, info.name), n_labels]
    linear = [(below + 1) * above for below, above in pairwise(widths)]
    return [Part(f"head.{at}", n, n) for at, n in enumerate(linear)]


def _hidden(options: Mapping[str, Any], learner: str) -> tuple[int, ...]:
    if learner not in {"mlp", "auto"}:
        return ()
    layers = options.get("layers", (256,))
    return tuple(int(units) for units in layers)


def _batch_bytes(about: Mapping[str, Any], config: TrainConfig, options: Mapping[str, Any]) -> int:
    """What one batch leaves for the way back, of texts as long as they may be.

    After Korthikanti and others (2022), "Reducing activation recomputation in
    large transformer models": s·b·h·(34 + 5·a·s/h) bytes per layer in half
    precision; twice that here.
    """
    s, b = config.max_tokens, int(options.get("batch_size", 16))
    h, a = int(about.get("hidden_size", 0)), int(about.get("num_attention_heads", 1))
    if not h:
        return 0
    per_layer = s * b * h * (34 + 5 * a * s / h)
    return int(2 * per_layer * int(about.get("num_hidden_layers", 1)))


def _natural(name: str) -> list[tuple[int, str]]:
    """Layer 2 before layer 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in name.split(".")]
