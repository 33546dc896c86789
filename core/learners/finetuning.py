"""One training run of a network that reads token ids: epochs, schedule, stopping, going on.

It knows no texts and no encoders; what the network is and which of its
parameters train is its own business, or `core.learners.tuning`'s.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.errors import Cancelled
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

BATCHES_PER_WINDOW = 16  # rows are sorted by length within a window, so batches stay random
WEIGHT = "weight/"  # before a weight's name in a state
READ_LOSS_EVERY_S = 0.2  # on a GPU: reading a number waits for all work that was queued

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


def fine_tune(
    network: torch.nn.Module,
    token_ids: list[list[int]],
    truth: torch.Tensor,
    *,
    config: Training,
    pad_id: int,
    loss: Loss,
    validate: Validate | None = None,
    state: Path | None = None,
    memory: Memory | None = None,
    identity: str = "",
    on_epoch: OnEpoch | None = None,
    on_step: OnStep | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Outcome:
    """Train `network` in place on the judged cells of `truth`.

    Every epoch draws from the seed and its number alone, so that a training
    resumed on the CPU ends with the weights of an uninterrupted one.

    Parameters
    ----------
    network
        Gives logits (rows, labels) for (ids, mask). It may have
        `learning_rates(config) -> dict[str, float]`, a rate for each parameter
        that trains at any time, and `begin_epoch(epoch, n_epochs)`, told before
        each epoch, to switch `requires_grad`.
    truth
        Shape (documents, labels), int8, or float with soft targets; below 0 is unjudged.
    loss
        Of (logits, truth), a mean over judged cells, or documents if `exclusive`.
    validate
        Gives a score, larger is better, or None; asked after each epoch with
        dropout off. With `config.stopping` it ends the training, and the best
        epoch's weights are put back.
    state
        A folder kept up after every epoch. A training of the same data and
        options that was broken off there is gone on with; with more `epochs`
        also a finished one, the rate then falling from where the longer
        training would stand. The caller removes it when done.
    memory
        Where it is remembered how much fits.
    identity
        What else must be the same to go on: the encoder, what trains.
    on_epoch
        Told (epoch from 1, mean loss), dropout off; a dict it returns joins the history.
    on_step
        Told (step from 1, steps in all, loss).

    Raises Cancelled when `should_stop` says so, InputError where one document
    does not fit the memory. A GPU that is lost is replaced by the CPU.
    """
    run = _Run(
        network,
        _Data(token_ids, truth, pad_id),
        config,
        loss=loss,
        state=state,
        memory=memory,
        identity=_identity(token_ids, truth, config, identity),
        watching=_Watching(validate, on_epoch, on_step, should_stop),
    )
    with own_randomness(device=run.device):
        return run.to_the_end()


@dataclass(frozen=True)
class _Data:
    token_ids: list[list[int]]
    truth: torch.Tensor
    pad_id: int


@dataclass(frozen=True)
class _Watching:
    validate: Validate | None
    on_epoch: OnEpoch | None
    on_step: OnStep | None
    should_stop: Callable[[], bool] | None


class _Run:
    """A training under way."""

    def __init__(
        self,
        network: torch.nn.Module,
        data: _Data,
        config: Training,
        *,
        loss: Loss,
        state: Path | None,
        memory: Memory | None,
        identity: str,
        watching: _Watching,
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
        return float(total) / max(self.steps_per_epoch, 1), self.config.lr * self._share(step - 1)

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


def _identity(token_ids: list[list[int]], truth: torch.Tensor, config: Training, more: str) -> str:
    """Tell trainings apart by data and options; how long they may take is no part of it."""
    digest = hashlib.sha256(more.encode())
    options = asdict(replace(config, epochs=0, stopping=None))
    digest.update(json.dumps(options, sort_keys=True).encode())
    digest.update(np.array([len(ids) for ids in token_ids], dtype=np.int64).tobytes())
    for ids in token_ids:
        digest.update(np.asarray(ids, dtype=np.int32).tobytes())
    digest.update(f"{truth.dtype} {tuple(truth.shape)}".encode())
    digest.update(np.ascontiguousarray(truth.numpy()).tobytes())
    return digest.hexdigest()


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
