"""A small network with dropout on cached features, trained by gradient.

Dropout sits only in front of the last layer and Monte Carlo passes share their
masks between documents, so all passes are one matrix product: see
docs/decisions/005-consistent-dropout-masks.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from core.domain import Truth
from core.errors import Cancelled, InputError
from core.learners.dataset import JudgedVectors
from core.learners.losses import Loss, LossConfig, make_loss
from core.learners.masking import prior_logits
from core.learners.quick_head import (
    TAUGHT,
    Activation,
    Draws,
    QuickConfig,
    QuickHead,
    QuickKind,
    Reading,
    ShouldStop,
    Tensors,
    as_tensor,
    nan_where_untaught,
)
from core.learners.threads import one_torch_thread

FUNCTIONS = {
    Activation.RELU: torch.relu,
    Activation.GELU: torch.nn.functional.gelu,
    Activation.SILU: torch.nn.functional.silu,
    Activation.ELU: torch.nn.functional.elu,
    Activation.TANH: torch.tanh,
    Activation.LEAKY_RELU: torch.nn.functional.leaky_relu,
}


class MLPHead(QuickHead):
    """Layers with an activation, dropout, and a logit per label; without layers it is linear."""

    @property
    def layers(self) -> tuple[int, ...]:
        """Units of the hidden layers."""
        return () if self.config.kind is QuickKind.LINEAR else self.config.layers

    # --- training ---------------------------------------------------------

    def learn(self, train_set: JudgedVectors, should_stop: ShouldStop) -> Iterator[float]:
        """Train with AdamW; yields each epoch's mean loss."""
        config = self.config
        rng = torch.Generator().manual_seed(config.seed)
        x, truth = as_tensor(train_set.x), torch.from_numpy(train_set.truth)
        tensors = self._initial_tensors(x.shape[1], train_set.truth, rng)
        self._tensors = {name: tensor.detach() for name, tensor in tensors.items()}  # same memory
        self._tensors[TAUGHT] = nan_where_untaught(train_set.truth)
        if not len(x):
            return
        optimiser = _optimiser(tensors, config)
        loss_of = make_loss(LossConfig(exclusive=config.exclusive), train_set.truth)
        batches = _endless_batches(len(x), config.batch_size, rng)
        for epoch in range(1, config.epochs + 1):
            total = 0.0
            for _ in range(config.steps_per_epoch):
                if should_stop():
                    raise Cancelled(f"Training stopped in epoch {epoch} of {config.epochs}.")
                rows = next(batches)
                with one_torch_thread():
                    total += self._step(
                        tensors, x[rows], truth[rows], optimiser=optimiser, loss_of=loss_of, rng=rng
                    )
            yield total / config.steps_per_epoch

    def _step(
        self,
        tensors: Tensors,
        x: torch.Tensor,
        truth: torch.Tensor,
        *,
        optimiser: torch.optim.Optimizer,
        loss_of: Loss,
        rng: torch.Generator,
    ) -> float:
        h = self._hidden(tensors, x)
        h = h * self._masks(h.shape, rng)
        loss = loss_of(h @ tensors["output.weight"] + tensors["output.bias"], truth)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        return float(loss.detach())

    def _initial_tensors(self, width: int, truth: Truth, rng: torch.Generator) -> Tensors:
        """Uniform in ±1/√inputs, with each label's prior as its output bias."""
        tensors: Tensors = {}
        for number, units in enumerate(self.layers):
            tensors[f"hidden.{number}.weight"] = _uniform((width, units), rng)
            tensors[f"hidden.{number}.bias"] = torch.zeros(units)
            if self.config.activation is Activation.PRELU:
                tensors[f"hidden.{number}.slope"] = torch.full((1,), 0.25)
            width = units
        tensors["output.weight"] = _uniform((width, self.n_labels), rng)
        tensors["output.bias"] = torch.from_numpy(prior_logits(truth))
        return tensors

    def _masks(self, shape: torch.Size | tuple[int, ...], rng: torch.Generator) -> torch.Tensor:
        keep = 1.0 - self.config.dropout
        return (torch.rand(shape, generator=rng) < keep).float() / keep

    # --- predicting -------------------------------------------------------

    def _hidden(self, tensors: Tensors, x: torch.Tensor) -> torch.Tensor:
        # Unit vectors have entries near 1/√width; bring them near 1.
        h: torch.Tensor = x * (x.shape[1] / max(1, len(self.blocks))) ** 0.5
        for number in range(len(self.layers)):
            h = h @ tensors[f"hidden.{number}.weight"] + tensors[f"hidden.{number}.bias"]
            if self.config.activation is Activation.PRELU:
                h = torch.nn.functional.prelu(h, tensors[f"hidden.{number}.slope"])
            else:
                h = FUNCTIONS[self.config.activation](h)
        return h

    def _read(self, x: torch.Tensor) -> Reading:
        tensors = self.trained()
        h = self._hidden(tensors, x)
        return Reading(torch.addmm(tensors["output.bias"], h, tensors["output.weight"]), h)

    def require_posterior(self) -> None:
        """Dropout is all there is of one."""
        if self.config.dropout <= 0:
            raise InputError(
                "The dropout of this head is 0, so Monte Carlo passes would all agree; set dropout "
                "above 0, or use an ensemble or a strategy without samples such as 'entropy'."
            )

    def _draws(self, n_passes: int) -> Draws:
        """One mask per pass over what the last layer reads."""
        output = self.trained()["output.weight"]
        rng = torch.Generator().manual_seed(self.config.seed + 1)
        change = self._masks((n_passes, len(output)), rng) - 1.0
        weight = change.T[:, :, None] * output[:, None, :]
        return Draws(weight, torch.zeros(n_passes, self.n_labels))

    def _embedded(self, x: torch.Tensor) -> torch.Tensor:
        return self._hidden(self.trained(), x)

    def _values_per_row(self) -> int:
        return max(self.layers, default=1)


def _optimiser(tensors: Tensors, config: QuickConfig) -> torch.optim.Optimizer:
    for tensor in tensors.values():
        tensor.requires_grad_(True)
    decayed = [tensor for name, tensor in tensors.items() if name.endswith("weight")]
    free = [tensor for name, tensor in tensors.items() if not name.endswith("weight")]
    groups: list[dict[str, Any]] = [{"params": decayed}, {"params": free, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.lr, weight_decay=config.weight_decay)


def _uniform(shape: tuple[int, int], rng: torch.Generator) -> torch.Tensor:
    bound = float(shape[0]) ** -0.5
    return torch.empty(shape).uniform_(-bound, bound, generator=rng)


def _endless_batches(n: int, size: int, rng: torch.Generator) -> Iterator[torch.Tensor]:
    while True:
        yield from torch.split(torch.randperm(n, generator=rng), size)
