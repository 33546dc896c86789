"""AdamW as every training here uses it: which parameters, at which rate, and its numbers by name.

The optimiser counts its parameters; on disk they are named, so that a state
says what it is of.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch

Tensors = dict[str, torch.Tensor]

MOMENTS = ("step", "exp_avg", "exp_avg_sq")


class Rates(Protocol):
    """The part of a configuration that is read here."""

    @property
    def lr(self) -> float: ...  # noqa: D102
    @property
    def head_lr(self) -> float: ...  # noqa: D102
    @property
    def weight_decay(self) -> float: ...  # noqa: D102


def rates_of(network: torch.nn.Module, config: Rates) -> dict[str, float]:
    """The learning rate of each parameter that trains at any time, as the network has it.

    A network without `learning_rates` trains what requires a gradient; its head
    is what is named "head.".
    """
    own = getattr(network, "learning_rates", None)
    if own is not None:
        rates: dict[str, float] = own(config)
        return rates
    return {
        name: config.head_lr if name.startswith("head.") else config.lr
        for name, parameter in network.named_parameters()
        if parameter.requires_grad
    }


def new_optimiser(
    network: torch.nn.Module, rates: dict[str, float], config: Rates
) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019) that decays matrices, not biases and norms."""
    groups: dict[tuple[float, bool], dict[str, Any]] = {}
    for name, parameter in network.named_parameters():
        if name not in rates:
            continue
        decays = parameter.ndim > 1
        group = groups.setdefault(
            (rates[name], decays),
            {
                "params": [],
                "names": [],
                "lr": rates[name],
                "full_lr": rates[name],
                "weight_decay": config.weight_decay if decays else 0.0,
            },
        )
        group["params"].append(parameter)
        group["names"].append(name)
    on_cuda = next(network.parameters()).device.type == "cuda"
    return torch.optim.AdamW(list(groups.values()), fused=True if on_cuda else None)


def set_rates(optimiser: torch.optim.Optimizer, share: float) -> None:
    """Let every parameter learn at a share of its full rate."""
    for group in optimiser.param_groups:
        group["lr"] = group["full_lr"] * share


def named_moments(optimiser: torch.optim.Optimizer) -> Tensors:
    """Copy what the optimiser remembers of each parameter, as 'exp_avg/<name>' and the like."""
    return {
        f"{key}/{name}": value.detach().to("cpu", copy=True)
        for name, parameter in _named(optimiser)
        for key, value in optimiser.state.get(parameter, {}).items()
    }


def put_moments(optimiser: torch.optim.Optimizer, moments: Tensors) -> None:
    """Give back what `named_moments` took; other names are passed over."""
    state = {
        at: {key: moments[f"{key}/{name}"].clone() for key in MOMENTS}
        for at, (name, _) in enumerate(_named(optimiser))
        if f"step/{name}" in moments
    }
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})


def warmed_up_then_linear(step: int, n_steps: int, warmup_share: float) -> float:
    """Give the share of the learning rate at a step: up to 1 linearly, then down to 0."""
    n_warmup = max(1, round(n_steps * warmup_share))
    if step < n_warmup:
        return (step + 1) / n_warmup
    return max(0.0, (n_steps - step) / max(1, n_steps - n_warmup))


def _named(optimiser: torch.optim.Optimizer) -> list[tuple[str, torch.nn.Parameter]]:
    return [
        (name, parameter)
        for group in optimiser.param_groups
        for name, parameter in zip(group["names"], group["params"], strict=True)
    ]
