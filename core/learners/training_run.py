"""A training under way: epochs, stopping, what is kept of it and how it goes on.

Its door is `core.learners.finetuning.fine_tune`.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.errors import Cancelled, InputError
from core.learners.early_stopping import EarlyStopping, judge
from core.learners.gradient import leave_gradient
from core.learners.losses import Loss
from core.learners.memory import Memory, Parts, is_lost
from core.learners.optimising import (
    named_moments,
    new_optimiser,
    put_moments,
    rates_of,
    set_rates,
    warmed_up_then_linear,
)
from core.learners.seeding import own_randomness, seed_everything
from core.learners.shuffling import shuffled_batches
from core.learners.training import OnEpoch, OnStep, Outcome, Training, Validate
from core.learners.training_state import TrainingState, find_state, write_state
from core.learners.weights import (
    Tensors,
    copied_to_cpu,
    move_without_reading,
    names_of_all,
    names_of_changing_buffers,
    put_into,
)

log = logging.getLogger(__name__)

WEIGHT = "weight/"  # before a weight's name in a state
READ_LOSS_EVERY_S = 0.2  # on a GPU: reading a number waits for all work that was queued


@dataclass(frozen=True)
class Data:
    """What is trained on."""

    token_ids: list[list[int]]
    truth: torch.Tensor
    pad_id: int


@dataclass(frozen=True)
class Watching:
    """Who is told and asked."""

    validate: Validate | None
    on_epoch: OnEpoch | None
    on_step: OnStep | None
    should_stop: Callable[[], bool] | None


class Run:
    """A training under way."""

    def __init__(
        self,
        network: torch.nn.Module,
        data: Data,
        config: Training,
        *,
        loss: Loss,
        state: Path | None,
        memory: Memory | None,
        identity: str,
        watching: Watching,
    ) -> None:
        self.network, self.data, self.config, self.loss = network, data, config, loss
        self.folder, self.memory, self.identity, self.told = state, memory, identity, watching
        self.device = next(network.parameters()).device
        self.rates = rates_of(network, config)
        self.trained = set(self.rates) | names_of_changing_buffers(network)
        self.optimiser = new_optimiser(network, self.rates, config)
        self.parts = Parts.of(memory, self.device)
        self.steps_per_epoch = -(-len(data.token_ids) // config.batch_size)
        self.n_steps = config.epochs * self.steps_per_epoch
        self.epoch = self.resumed_from = 0
        self.scores: list[float | None] = []
        self.history: list[dict[str, Any]] = []
        self.messages: list[str] = []
        self.best: Tensors = {}
        self.best_epoch: int | None = None
        self.stopped_because = ""
        self.last: TrainingState | None = None  # kept where it may be needed
        self.untrained: Tensors = {}  # a copy, should the GPU be lost

    def to_the_end(self) -> Outcome:
        """Go on where there is something to go on with, then to the last epoch."""
        self._go_on()
        if self.device.type != "cpu":
            self.untrained = copied_to_cpu(self.network, names_of_all(self.network) - self.trained)
        if self.last is None and (self.device.type != "cpu" or self.folder is not None):
            self.last = self._now()
        try:
            self._epochs()
        except RuntimeError as error:
            if not is_lost(error) or self.last is None:
                raise
            lost = str(error).splitlines()[0]
        else:
            lost = ""
        if lost:
            self._go_on_without_gpu(lost)
            self._epochs()
        self.parts.keep(self.memory, self.device)
        return self._outcome()

    # --- epochs -------------------------------------------------------------

    def _epochs(self) -> None:
        while self.epoch < self.config.epochs and not self.stopped_because:
            began = time.monotonic()
            loss, lr = self._one_epoch(self.epoch + 1)
            self.epoch += 1
            entry: dict[str, Any] = {"epoch": self.epoch, "loss": round(loss, 6), "lr": lr}
            with _aside(self.network, self.device):
                score = None if self.told.validate is None else self.told.validate()
                entry["score"] = None if score is None else round(score, 6)
                entry["seconds"] = round(time.monotonic() - began, 3)
                if self.told.on_epoch is not None:
                    said = self.told.on_epoch(self.epoch, loss)
                    entry |= said if isinstance(said, dict) else {}
            self.history.append(entry)
            self._look_at(score)
            self._keep()

    def _one_epoch(self, epoch: int) -> tuple[float, float]:
        """Give the mean loss, and the learning rate it ended with."""
        seed_everything(self.config.seed, epoch)
        rng = np.random.default_rng([abs(self.config.seed), epoch])
        if (begin := getattr(self.network, "begin_epoch", None)) is not None:
            begin(epoch, self.config.epochs)
        self.network.train()
        total = torch.zeros((), device=self.device)
        shown, read_at, step = 0.0, 0.0, (epoch - 1) * self.steps_per_epoch
        for rows in shuffled_batches(self.data.token_ids, self.config.batch_size, rng):
            if self.told.should_stop is not None and self.told.should_stop():
                raise Cancelled(f"Training stopped at step {step} of {self.n_steps}.")
            loss = self._take_step(step, rows)
            total += loss
            step += 1
            if self.told.on_step is not None:
                if self.device.type == "cpu" or time.monotonic() - read_at > READ_LOSS_EVERY_S:
                    shown, read_at = float(loss), time.monotonic()
                self.told.on_step(step, self.n_steps, shown)
        mean = float(total) / max(self.steps_per_epoch, 1)
        if not math.isfinite(mean):
            raise InputError(
                f"The loss grew beyond all numbers in epoch {epoch}; lower lr and head_lr "
                f"({self.config.lr:g} and {self.config.head_lr:g}), or raise warmup_share."
            )
        return mean, self.config.lr * self._share(step - 1)

    def _take_step(self, step: int, rows: list[int]) -> torch.Tensor:
        set_rates(self.optimiser, self._share(step))
        loss = leave_gradient(
            self.network,
            [self.data.token_ids[row] for row in rows],
            self.data.truth[rows],
            loss=self.loss,
            pad_id=self.data.pad_id,
            parts=self.parts,
            precision=self.config.precision,
            exclusive=self.config.exclusive,
        )
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.config.max_grad_norm)
        self.optimiser.step()
        return loss

    def _share(self, step: int) -> float:
        return warmed_up_then_linear(step, self.n_steps, self.config.warmup_share)

    def _look_at(self, score: float | None) -> None:
        """Judge the score of the epoch that ended."""
        self.scores.append(score)
        verdict = judge(self.scores, self.config.stopping or EarlyStopping())
        is_best, self.best_epoch = verdict.best_epoch == self.epoch, verdict.best_epoch
        if self.config.stopping is None:
            return
        if is_best:
            self.best = copied_to_cpu(self.network, self.trained)
        self.stopped_because = verdict.because if verdict.stop else ""

    def _outcome(self) -> Outcome:
        put_into(self.network, self.best)
        self.network.eval()
        said = f"All {self.config.epochs} epochs were run."
        if self.stopped_because:
            said = f"Stopped after epoch {self.epoch} of {self.config.epochs}: "
            said += f"{self.stopped_because}."
        if self.best:
            said += f" The weights of epoch {self.best_epoch} are kept."
        return Outcome(
            n_epochs=self.epoch,
            best_epoch=self.best_epoch,
            stopped_because=said,
            history=self.history,
            messages=self.messages,
            device=self.device.type,
            resumed_from=self.resumed_from,
        )

    # --- going on -----------------------------------------------------------

    def _now(self) -> TrainingState:
        weights = copied_to_cpu(self.network, self.trained)
        return TrainingState(
            epoch=self.epoch,
            tensors={
                **{f"{WEIGHT}{name}": tensor for name, tensor in weights.items()},
                **named_moments(self.optimiser),
            },
            best=self.best,
            best_epoch=self.best_epoch,
            about={
                "identity": self.identity,
                "n_epochs": self.config.epochs,
                "scores": list(self.scores),
                "history": list(self.history),
                "messages": list(self.messages),
                "stopped_because": self.stopped_because,
            },
        )

    def _keep(self) -> None:
        if self.last is not None:
            self.last = self._now()
            if self.folder is not None:
                write_state(self.folder, self.last)

    def _go_on(self) -> None:
        found = None if self.folder is None else find_state(self.folder, self.identity)
        if found is None:
            return
        self._take_up(found)
        self.resumed_from, self.last = found.epoch, found
        if self.config.epochs > found.about["n_epochs"]:
            self.stopped_because = ""
        log.info("Training goes on after epoch %d of %d", found.epoch, self.config.epochs)

    def _take_up(self, found: TrainingState) -> None:
        """Be where a state was."""
        put_into(self.network, _weights_in(found))
        put_moments(self.optimiser, found.tensors)
        self.epoch, self.best, self.best_epoch = found.epoch, found.best, found.best_epoch
        self.scores, self.history = list(found.about["scores"]), list(found.about["history"])
        self.messages = list(found.about["messages"])
        self.stopped_because = found.about["stopped_because"]

    def _go_on_without_gpu(self, lost: str) -> None:
        """Begin again on the CPU after the last whole epoch: nothing of the GPU can be read."""
        assert self.last is not None
        message = (
            f"The GPU was lost in epoch {self.epoch + 1} ({lost}); training went on with the CPU "
            f"after epoch {self.last.epoch}."
        )
        log.warning(message)
        if self.device.type != "cpu":
            move_without_reading(self.network, {**self.untrained, **_weights_in(self.last)})
        self.device, self.parts = torch.device("cpu"), Parts()
        self.optimiser = new_optimiser(self.network, self.rates, self.config)
        self._take_up(self.last)
        self.messages.append(message)


def _weights_in(state: TrainingState) -> Tensors:
    return {
        name.removeprefix(WEIGHT): tensor
        for name, tensor in state.tensors.items()
        if name.startswith(WEIGHT)
    }


@contextmanager
def _aside(network: torch.nn.Module, device: torch.device) -> Iterator[None]:
    """Have dropout off, and leave the random numbers to come as they are."""
    network.eval()
    with own_randomness(device=device):
        yield
    network.train()
