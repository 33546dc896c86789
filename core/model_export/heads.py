"""A learner's head as a network of its own: features in, probabilities out.

Where it is a row of layers it is given as such, which other libraries can hold;
every other head is exported by its own mathematics. What has neither form is
refused by name rather than approximated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from core.errors import InputError
from core.learners.artefacts import ABOUT, read_artefact
from core.learners.ensemble import FORMAT as ENSEMBLE
from core.learners.ensemble import QuickEnsemble
from core.learners.losses import probabilities
from core.learners.quick import Activation, QuickHead, QuickKind, load_quick
from core.learners.quick_head import FORMAT as QUICK
from core.learners.quick_head import TAUGHT
from core.rounds import files

ACTIVATIONS: dict[Activation, type[torch.nn.Module]] = {
    Activation.RELU: torch.nn.ReLU,
    Activation.GELU: torch.nn.GELU,
    Activation.SILU: torch.nn.SiLU,
    Activation.ELU: torch.nn.ELU,
    Activation.TANH: torch.nn.Tanh,
    Activation.LEAKY_RELU: torch.nn.LeakyReLU,
    Activation.PRELU: torch.nn.PReLU,
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
    """Layers one after the other, the last giving logits; NaN in `taught` is never judged."""

    def __init__(
        self, layers: Sequence[Layer], taught: torch.Tensor, *, exclusive: bool = False
    ) -> None:
        super().__init__()
        self.layers = list(layers)
        self.exclusive = exclusive
        self.register_buffer("taught", taught)
        self.taught: torch.Tensor
        self.stack = torch.nn.Sequential(*(part for one in layers for part in _modules(one)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give probabilities."""
        logits: torch.Tensor = self.stack(x)
        return probabilities(logits, exclusive=self.exclusive, taught=self.taught)


class OwnHead(Head):
    """A quick head as the app runs it."""

    def __init__(self, head: QuickHead) -> None:
        super().__init__()
        self.head = head

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give probabilities."""
        reading = self.head._read(x)
        return self.head._answer(reading.logits, reading.vote)


class MeanHead(Head):
    """The mean of several heads' probabilities."""

    def __init__(self, heads: Sequence[Head]) -> None:
        super().__init__()
        self.heads = torch.nn.ModuleList(heads)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give probabilities."""
        return torch.stack([head(x) for head in self.heads]).mean(dim=0)


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
            f"A learner of the kind '{kind}' cannot be exported: this version knows no form of it "
            "that other programs read. Run a round with this version, and export that."
        )
    return build(folder).eval()


def _quick(folder: Path) -> Head:
    return _of_quick(load_quick(folder))


def _ensemble(folder: Path) -> Head:
    return MeanHead([_of_quick(member) for member in QuickEnsemble.load(folder)._trained()])


def _of_quick(head: QuickHead) -> Head:
    layers = None if head.config.exclusive else _layers_of(head)
    return OwnHead(head) if layers is None else DenseHead(layers, head.trained()[TAUGHT])


def _layers_of(head: QuickHead) -> list[Layer] | None:
    """A regression or a network as layers; None for what also asks the nearest documents."""
    tensors, config, kind = head.trained(), head.config, head.config.kind
    if kind is QuickKind.NEIGHBOURS or "keys.vectors" in tensors:
        return None
    weight, bias = tensors["output.weight"].T, tensors["output.bias"]
    if kind not in (QuickKind.MLP, QuickKind.LINEAR):
        return [Layer(weight, bias - weight @ tensors["mean"], torch.nn.Identity())]
    layers: list[Layer] = []
    # Unit vectors are brought near 1 by √width; here that is part of the first weights.
    width = tensors.get("hidden.0.weight", tensors["output.weight"]).shape[0]
    scale = (width / max(1, len(head.blocks))) ** 0.5
    number = 0
    while (name := f"hidden.{number}") + ".weight" in tensors:
        inner = tensors[f"{name}.weight"].T * scale
        activation = _activation(config.activation, tensors.get(f"{name}.slope"))
        layers.append(Layer(inner, tensors[f"{name}.bias"], activation))
        number, scale = number + 1, 1.0
    return [*layers, Layer(weight * scale, bias, torch.nn.Identity())]


def _activation(kind: Activation, slope: torch.Tensor | None) -> torch.nn.Module:
    made = ACTIVATIONS[kind]()
    if isinstance(made, torch.nn.PReLU) and slope is not None:
        made.weight = torch.nn.Parameter(slope.clone())
    return made


def _deep(folder: Path) -> Head:
    tensors, about = read_artefact(folder, expected_format=DEEP)
    width = tensors["weight"].shape[1]
    layer = Layer(tensors["weight"] * width**0.5, tensors["bias"], torch.nn.Identity())
    exclusive = bool(about["config"].get("exclusive", False))
    taught = tensors.get(TAUGHT, torch.zeros(len(tensors["bias"])))  # older ones have none
    return DenseHead([layer], taught, exclusive=exclusive)


def _text_network(folder: Path) -> Head:
    kind = files.read_json(folder / ABOUT)["format"]
    tensors, about = read_artefact(folder, expected_format=kind)
    width = tensors["weight"].shape[1]
    # A transformer's features are unit vectors times √width, a network's are what they are.
    scale = width**0.5 if about["config"]["kind"] == "transformer" else 1.0
    layer = Layer(tensors["weight"] * scale, tensors["bias"], torch.nn.Identity())
    exclusive = bool(about["config"].get("exclusive", False))
    return DenseHead([layer], tensors[TAUGHT], exclusive=exclusive)


def _modules(layer: Layer) -> tuple[torch.nn.Module, torch.nn.Module]:
    linear = torch.nn.Linear(layer.weight.shape[1], layer.weight.shape[0])
    with torch.no_grad():
        linear.weight.copy_(layer.weight)
        linear.bias.copy_(layer.bias)
    return linear, layer.activation


DEEP, NETWORK, STUDENT = (
    "marginalia-deep-learner-1",
    "marginalia-text-network-1",
    "marginalia-student-1",
)
BUILDERS: dict[str, Callable[[Path], Head]] = {
    QUICK: _quick,
    ENSEMBLE: _ensemble,
    DEEP: _deep,
    NETWORK: _text_network,
    STUDENT: _text_network,
}
