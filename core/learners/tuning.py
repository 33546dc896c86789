"""Which of an encoder's parameters train, how fast, and from which epoch on.

Modes are full, head, last layers, gradual unfreezing (Howard and Ruder 2018),
and LoRA (Hu and others 2021) by peft, merged into the weights afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import torch

from core.errors import InputError
from core.learners.optimising import Rates

ENCODER = "encoder."  # before the name of an encoder's parameter in a network with a head
UNUSED = "pooler."  # what some encoders have on top, and no pooling of ours reads
GRADUAL_DECAY = 0.9  # of the rate per layer downwards, where gradual unfreezing is told none


class TuningMode(StrEnum):
    """What of the encoder trains beside the head."""

    FULL = "full"
    HEAD = "head"  # nothing
    LAST = "last"  # the last layers
    GRADUAL = "gradual"  # more and more layers from the top
    LORA = "lora"  # small matrices beside attention's


@dataclass(frozen=True)
class Tuning:
    """What trains."""

    mode: TuningMode = TuningMode.FULL
    last_layers: int = 2
    layer_decay: float = 1.0  # each lower layer's rate as a share of that above
    lora_targets: str = "qv"
    lora_rank: int = 8
    lora_alpha: int = 16

    @property
    def decay(self) -> float:
        """The share from layer to layer that is in force."""
        if self.mode is TuningMode.GRADUAL and self.layer_decay == 1.0:
            return GRADUAL_DECAY
        return self.layer_decay

    @property
    def needs_layers(self) -> bool:
        """Whether layers must be told apart."""
        in_turn = self.mode in (TuningMode.LAST, TuningMode.GRADUAL)
        return in_turn or (self.decay != 1.0 and self.mode is not TuningMode.HEAD)


class Depth:
    """Where an encoder's parameters stand: 0 the embeddings, 1 the lowest layer, and so on."""

    def __init__(self, encoder: torch.nn.Module) -> None:
        self.prefixes = layer_prefixes(encoder)
        self.n_layers = len(self.prefixes)

    def of(self, name: str) -> int:
        """The depth of a parameter, as the network with a head names it.

        What follows the last layer counts to it.
        """
        name = name.removeprefix(ENCODER)
        for number, prefix in enumerate(self.prefixes, start=1):
            if name.startswith(prefix):
                return number
        return 0 if "embed" in name else self.n_layers

    def open_from(self, tuning: Tuning, epoch: int, n_epochs: int) -> int:
        """The lowest depth that trains in this epoch; above all layers where none does."""
        if tuning.mode is TuningMode.HEAD:
            return self.n_layers + 1
        if tuning.mode is TuningMode.LAST:
            return self.n_layers + 1 - min(tuning.last_layers, self.n_layers)
        if tuning.mode is TuningMode.GRADUAL:
            # The head alone first; from the middle of the training on, everything.
            share = min(1.0, (epoch - 1) / max(1, n_epochs // 2)) if n_epochs > 1 else 1.0
            return self.n_layers + 1 - round(share * (self.n_layers + 1))
        return 0


def layer_prefixes(encoder: torch.nn.Module) -> list[str]:
    """Names that the parameters of each layer begin with, lowest first.

    Raises InputError where the layers cannot be told apart.
    """
    config = getattr(encoder, "config", None)
    n_expected = getattr(config, "num_hidden_layers", None)
    found = [
        name
        for name, module in encoder.named_modules()
        if isinstance(module, torch.nn.ModuleList) and len(module) == n_expected
    ]
    if len(found) != 1:
        raise InputError(
            f"The layers of this encoder (a '{_kind(encoder)}') cannot be told apart; use tuning "
            "'full', 'head' or 'lora' with layer_decay 1."
        )
    return [f"{found[0]}.{number}." for number in range(n_expected or 0)]


def tuned_rates(
    network: torch.nn.Module, depth: Depth | None, tuning: Tuning, config: Rates
) -> dict[str, float]:
    """The rate of each parameter of an encoder with a head that trains at any time."""
    if tuning.mode is TuningMode.LORA:
        trains = [name for name, _ in network.named_parameters() if "lora_" in name]
    else:
        lowest = 0 if depth is None else depth.open_from(tuning, 1, 1)
        trains = [
            name
            for name, _ in network.named_parameters()
            if tuning.mode is not TuningMode.HEAD
            and name.startswith(ENCODER)
            and UNUSED not in name
            and (depth is None or depth.of(name) >= lowest)
        ]
    rates = {name: config.lr * _share(name, depth, tuning) for name in trains}
    heads = [name for name, _ in network.named_parameters() if not name.startswith(ENCODER)]
    return rates | dict.fromkeys(heads, config.head_lr)


def _share(name: str, depth: Depth | None, tuning: Tuning) -> float:
    if depth is None:
        return 1.0
    return float(tuning.decay ** (depth.n_layers - depth.of(name)))


def freeze(
    network: torch.nn.Module, trained: set[str], depth: Depth | None, *, lowest: int = 0
) -> None:
    """Let only what trains have gradients, of the encoder only what is not below a depth."""
    for name, parameter in network.named_parameters():
        is_open = name in trained
        if is_open and depth is not None and name.startswith(ENCODER):
            is_open = depth.of(name) >= lowest
        parameter.requires_grad_(is_open)


# --- LoRA -------------------------------------------------------------------------------------

ATTENTION = re.compile(r"att(n|ention)", re.IGNORECASE)
ROLES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "q": frozenset({"query", "q_lin", "q_proj", "query_proj", "q"}),
        "k": frozenset({"key", "k_lin", "k_proj", "key_proj", "k"}),
        "v": frozenset({"value", "v_lin", "v_proj", "value_proj", "v"}),
        "o": frozenset({"out_lin", "o_proj", "out_proj", "o", "Wo", "dense"}),
    }
)
FUSED = frozenset({"Wqkv", "in_proj", "qkv", "qkv_proj", "query_key_value"})


def attention_targets(encoder: torch.nn.Module, targets: str) -> list[str]:
    """Names of the linear layers in attention that make queries, keys, values and outputs.

    Raises InputError where this kind of encoder has none of those names.
    """
    linear = [
        name
        for name, module in encoder.named_modules()
        if isinstance(module, torch.nn.Linear) and ATTENTION.search(name)
    ]
    names_of = {
        role: [name for name in linear if name.rsplit(".", 1)[-1] in known]
        for role, known in ROLES.items()
    }
    fused = [name for name in linear if name.rsplit(".", 1)[-1] in FUSED]
    missing = [role for role in targets if not names_of[role]]
    if not missing:
        return [name for role in targets for name in names_of[role]]
    if fused and names_of["o"] and targets == "qkvo":
        return fused + names_of["o"]
    if fused:
        raise InputError(
            f"In this encoder (a '{_kind(encoder)}') queries, keys and values come from one "
            f"matrix, so LoRA cannot be put on '{targets}' alone; give lora_targets 'qkvo'."
        )
    raise InputError(
        f"This encoder (a '{_kind(encoder)}') names its attention in a way not known here "
        f"(nothing for '{''.join(missing)}'); use tuning 'full' or 'last'."
    )


def add_lora(encoder: torch.nn.Module, tuning: Tuning) -> Any:
    """Put small matrices beside the encoder's own, in place; gives what `merge_lora` takes."""
    from peft import LoraConfig, LoraModel

    if not tuning.lora_targets or not set(tuning.lora_targets) <= set(ROLES):
        raise InputError(f"lora_targets is '{tuning.lora_targets}'; give q, qv or qkvo.")
    config = LoraConfig(
        r=tuning.lora_rank,
        lora_alpha=tuning.lora_alpha,
        target_modules=attention_targets(encoder, tuning.lora_targets),
    )
    return LoraModel(encoder, config, "default")


def merge_lora(added: Any) -> None:
    """Add the small matrices to the encoder's own and take them away, in place."""
    added.merge_and_unload()


def _kind(encoder: torch.nn.Module) -> str:
    return str(getattr(getattr(encoder, "config", None), "model_type", "network"))
