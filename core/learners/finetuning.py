"""One training run of a transformer: batches, schedule, masked loss, memory that ends.

It knows no files and no texts; loading and keeping are `core.learners.deep`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch

from core.encoders.encoder import pad
from core.errors import Cancelled
from core.learners.masking import masked_loss

log = logging.getLogger(__name__)

BATCHES_PER_WINDOW = 16  # rows are sorted by length within a window, so batches stay random


class FineTuning(Protocol):
    """The part of a configuration that this loop reads."""

    @property
    def epochs(self) -> int: ...  # noqa: D102
    @property
    def lr(self) -> float: ...  # noqa: D102
    @property
    def head_lr(self) -> float: ...  # noqa: D102
    @property
    def batch_size(self) -> int: ...  # noqa: D102
    @property
    def weight_decay(self) -> float: ...  # noqa: D102
    @property
    def warmup_share(self) -> float: ...  # noqa: D102
    @property
    def seed(self) -> int: ...  # noqa: D102


def fine_tune(
    network: torch.nn.Module,
    token_ids: list[list[int]],
    truth: torch.Tensor,
    *,
    config: FineTuning,
    pad_id: int,
    on_epoch: Callable[[int, float], None] | None = None,
    on_step: Callable[[int, int, float], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> None:
    """Train `network` in place on the judged cells of `truth` (documents, labels).

    A batch that does not fit into the GPU's memory is computed in halves, and
    so are all later ones; the gradient stays that of the whole batch.
    """
    rng = np.random.default_rng(config.seed)
    n_steps = config.epochs * -(-len(token_ids) // config.batch_size)
    optimiser = _optimiser(network, config)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: warmed_up_then_linear(step, n_steps, config.warmup_share)
    )
    part_size = config.batch_size
    step = 0
    network.train()
    for epoch in range(1, config.epochs + 1):
        losses = []
        for rows in shuffled_batches(token_ids, config.batch_size, rng):
            if should_stop is not None and should_stop():
                raise Cancelled(f"Training stopped at step {step} of {n_steps}.")
            loss, part_size = _gradient(
                network,
                [token_ids[row] for row in rows],
                truth[rows],
                pad_id=pad_id,
                part_size=part_size,
            )
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            step += 1
            losses.append(loss)
            if on_step is not None:
                on_step(step, n_steps, loss)
        if on_epoch is not None and losses:
            on_epoch(epoch, float(np.mean(losses)))


def warmed_up_then_linear(step: int, n_steps: int, warmup_share: float) -> float:
    """Give the share of the learning rate at a step: up to 1 linearly, then down to 0."""
    n_warmup = max(1, round(n_steps * warmup_share))
    if step < n_warmup:
        return (step + 1) / n_warmup
    return max(0.0, (n_steps - step) / max(1, n_steps - n_warmup))


def shuffled_batches(
    token_ids: list[list[int]], batch_size: int, rng: np.random.Generator
) -> list[list[int]]:
    """Deal all rows into batches of like lengths, in random order."""
    lengths = np.array([len(ids) for ids in token_ids])
    order = rng.permutation(len(token_ids))
    window = batch_size * BATCHES_PER_WINDOW
    batches = []
    for start in range(0, len(order), window):
        rows = order[start : start + window]
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        batches += [rows[at : at + batch_size].tolist() for at in range(0, len(rows), batch_size)]
    return [batches[at] for at in rng.permutation(len(batches))]


def _optimiser(network: torch.nn.Module, config: FineTuning) -> torch.optim.Optimizer:
    groups: dict[tuple[bool, bool], list[torch.nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        key = (name.startswith("head."), parameter.ndim > 1)  # biases and norms do not decay
        groups.setdefault(key, []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "lr": config.head_lr if is_head else config.lr,
                "weight_decay": config.weight_decay if decays else 0.0,
            }
            for (is_head, decays), parameters in groups.items()
        ]
    )


def _gradient(
    network: torch.nn.Module,
    token_ids: list[list[int]],
    truth: torch.Tensor,
    *,
    pad_id: int,
    part_size: int,
) -> tuple[float, int]:
    """Leave the batch's gradient on the parameters; give its loss and the size that fitted."""
    while True:
        network.zero_grad(set_to_none=True)
        try:
            return _in_parts(
                network, token_ids, truth, pad_id=pad_id, part_size=part_size
            ), part_size
        except torch.cuda.OutOfMemoryError:
            if part_size == 1:
                raise
            part_size //= 2
            log.warning("The GPU's memory is full: going on with %d documents at a time", part_size)
        torch.cuda.empty_cache()


def _in_parts(
    network: torch.nn.Module,
    token_ids: list[list[int]],
    truth: torch.Tensor,
    *,
    pad_id: int,
    part_size: int,
) -> float:
    device = next(network.parameters()).device
    n_judged = max(int((truth >= 0).sum()), 1)
    total = 0.0
    for start in range(0, len(token_ids), part_size):
        part = truth[start : start + part_size].to(device)
        ids, mask = pad(token_ids[start : start + part_size], pad_id=pad_id, device=device)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
            logits = network(ids, mask)
        share = float((part >= 0).sum()) / n_judged
        loss = masked_loss(logits.float(), part) * share
        loss.backward()  # type: ignore[no-untyped-call]
        total += float(loss.detach())
    return total
