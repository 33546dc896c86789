"""What a training is told and what it tells: options, callbacks, outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from core.learners.early_stopping import EarlyStopping

Validate = Callable[[], float | None]
OnEpoch = Callable[[int, float], Any]
OnStep = Callable[[int, int, float], object]


@dataclass(frozen=True)
class Training:
    """How a network is trained. `batch_size` holds for the gradient; memory takes parts of it."""

    epochs: int = 5
    lr: float = 2e-4
    head_lr: float = 2e-3  # of the parameters named "head."
    batch_size: int = 16
    weight_decay: float = 0.01  # of matrices; biases and norms do not decay
    warmup_share: float = 0.1  # of the steps; then the rate falls linearly to 0
    max_grad_norm: float = 1.0
    precision: str = "auto"  # bfloat16 on a GPU that has it, else float32
    seed: int = 0
    exclusive: bool = False  # the loss is a mean over documents, not over cells
    stopping: EarlyStopping | None = None  # needs `validate`


@dataclass(frozen=True)
class Outcome:
    """How a training went.

    `history` has a dict of epoch, loss, score, lr and seconds for each epoch,
    with what `on_epoch` added; `messages` tells what people should know.
    """

    n_epochs: int
    best_epoch: int | None
    stopped_because: str
    history: list[dict[str, Any]]
    messages: list[str] = field(default_factory=list)
    device: str = "cpu"
    resumed_from: int = 0  # epochs that an earlier process had finished
