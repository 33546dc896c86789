"""A network's numbers by name: copied to the CPU, and put back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch

Tensors = dict[str, torch.Tensor]


def copied_to_cpu(network: torch.nn.Module, names: Iterable[str]) -> Tensors:
    """Copy some parameters and buffers."""
    wanted = set(names)
    return {
        name: tensor.detach().to("cpu", copy=True)
        for name, tensor in _everything(network)
        if name in wanted
    }


def put_into(network: torch.nn.Module, tensors: Tensors) -> None:
    """Overwrite the parameters and buffers of these names where they are."""
    with torch.no_grad():
        for name, tensor in _everything(network):
            if name in tensors:
                tensor.copy_(tensors[name])


def move_without_reading(network: torch.nn.Module, tensors: Tensors) -> None:
    """Exchange all parameters and buffers for copies of `tensors`, whose device they then have.

    Unlike `network.to`, this reads nothing of a device that is gone.
    """
    for name, tensor in _everything(network):
        tensor.data = tensors[name].clone()
        tensor.grad = None


def names_of_all(network: torch.nn.Module) -> set[str]:
    """Parameters and buffers."""
    return {name for name, _ in _everything(network)}


def names_of_changing_buffers(network: torch.nn.Module) -> set[str]:
    """Buffers that training may change, such as running means."""
    kept = set(network.state_dict())
    return {
        name
        for name, buffer in network.named_buffers()
        if name in kept and buffer.is_floating_point()
    }


def _everything(network: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    yield from network.named_parameters()
    yield from network.named_buffers()
