"""A learner's head as a network of its own: vectors in, calibrated probabilities out.

Every kind of learner that can be exported has a builder here; what has none is
refused by name rather than approximated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from core.errors import InputError
from core.learners.artefacts import ABOUT, read_artefact
from core.rounds import files

Tensors = dict[str, torch.Tensor]
ACTIVATIONS: dict[str, type[torch.nn.Module]] = {
    "relu": torch.nn.ReLU,
    "gelu": torch.nn.GELU,
    "silu": torch.nn.SiLU,
    "elu": torch.nn.ELU,
    "tanh": torch.nn.Tanh,
    "leaky_relu": torch.nn.LeakyReLU,
    "prelu": torch.nn.PReLU,
}


@dataclass(frozen=True)
class Layer:
    """One linear layer and what follows it; `weight` is (outputs, inputs)."""

    weight: torch.Tensor
    bias: torch.Tensor
    activation: torch.nn.Module


class Head(torch.nn.Module):
    """Maps features (rows, width) to probabilities (rows, labels), not calibrated yet."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give probabilities."""
        raise NotImplementedError


class DenseHead(Head):
    """Layers one after the other, the last giving logits."""

    def __init__(self, layers: Sequence[Layer], *, exclusive: bool = False) -> None:
        super().__init__()
        self.layers = list(layers)
        self.exclusive = exclusive
        self.stack = torch.nn.Sequential(*(part for one in layers for part in _modules(one)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give probabilities."""
        logits: torch.Tensor = self.stack(x)
        return torch.softmax(logits, dim=-1) if self.exclusive else torch.sigmoid(logits)


class MeanHead(Head):
    """The mean of several heads' probabilities, each weighted."""

    def __init__(self, heads: Sequence[Head], weights: Sequence[float] | None = None) -> None:
        super().__init__()
        self.heads = torch.nn.ModuleList(heads)
        shares = [1.0 / len(heads)] * len(heads) if weights is None else list(weights)
        self.register_buffer("shares", torch.tensor(shares)[:, None, None])
        self.shares: torch.Tensor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give probabilities."""
        return (torch.stack([head(x) for head in self.heads]) * self.shares).sum(dim=0)


class Calibrated(torch.nn.Module):
    """A head whose logits are divided by the round's temperature."""

    def __init__(self, head: Head, temperature: float) -> None:
        super().__init__()
        self.head, self.temperature = head, temperature

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give calibrated probabilities (rows, labels)."""
        proba: torch.Tensor = self.head(x)
        if self.temperature == 1.0:
            return proba
        return torch.sigmoid((torch.log(proba) - torch.log1p(-proba)) / self.temperature)

    def as_layers(self) -> list[Layer] | None:
        """The same as layers whose last activation gives calibrated probabilities, if it can be."""
        if not isinstance(self.head, DenseHead) or self.head.exclusive:
            return None
        *before, last = self.head.layers
        cool = Layer(
            last.weight / self.temperature, last.bias / self.temperature, torch.nn.Sigmoid()
        )
        return [*before, cool]


# --- builders, by the format that a learner's folder names -------------------


def read_head(folder: Path) -> Head:
    """Build the head of the learner in `folder`.

    Raises InputError for a learner that has no such form, and CorruptArtefact
    where the folder is not as it was written.
    """
    kind = str(files.read_json(folder / ABOUT).get("format"))
    build = BUILDERS.get(kind)
    if build is None:
        raise InputError(
            f"A learner of the kind '{kind}' cannot be exported: it is neither layers nor a mean "
            "of them. Run a round with the learner 'mlp' or 'logistic', and export that."
        )
    tensors, about = read_artefact(folder, expected_format=kind)
    return build(tensors, about).eval()


def _quick(tensors: Tensors, about: dict[str, Any]) -> Head:
    width = tensors["hidden.weight"].shape[0]
    return DenseHead(
        [
            # Unit vectors are brought near 1 by √width; here that is part of the weights.
            Layer(
                (tensors["hidden.weight"] * width**0.5).T, tensors["hidden.bias"], torch.nn.ReLU()
            ),
            Layer(
                tensors["output.weight"].T,
                tensors["output.bias"] + tensors["output.taught"],
                torch.nn.Identity(),
            ),
        ]
    )


def _quick_ensemble(tensors: Tensors, about: dict[str, Any]) -> Head:
    return MeanHead(
        [
            _quick(
                {
                    name.removeprefix(f"{number}."): tensor
                    for name, tensor in tensors.items()
                    if name.startswith(f"{number}.")
                },
                about,
            )
            for number in range(about["n_members"])
        ]
    )


def _deep(tensors: Tensors, about: dict[str, Any]) -> Head:
    width = tensors["weight"].shape[1]
    layer = Layer(tensors["weight"] * width**0.5, tensors["bias"], torch.nn.Identity())
    return DenseHead([layer], exclusive=bool(about["config"].get("exclusive", False)))


def _text_network(tensors: Tensors, about: dict[str, Any]) -> Head:
    width = tensors["weight"].shape[1]
    # A transformer's features are unit vectors times √width, a network's are what they are.
    scale = width**0.5 if about["config"]["kind"] == "transformer" else 1.0
    layer = Layer(
        tensors["weight"] * scale, tensors["bias"] + tensors["taught"], torch.nn.Identity()
    )
    return DenseHead([layer], exclusive=bool(about["config"]["loss"]["exclusive"]))


def _modules(layer: Layer) -> tuple[torch.nn.Module, torch.nn.Module]:
    linear = torch.nn.Linear(layer.weight.shape[1], layer.weight.shape[0])
    with torch.no_grad():
        linear.weight.copy_(layer.weight)
        linear.bias.copy_(layer.bias)
    return linear, layer.activation


BUILDERS: dict[str, Callable[[Tensors, dict[str, Any]], Head]] = {
    "marginalia-quick-learner-2": _quick,
    "marginalia-quick-ensemble-1": _quick_ensemble,
    "marginalia-deep-learner-1": _deep,
    "marginalia-text-network-1": _text_network,
}
