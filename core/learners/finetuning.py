"""One training of a network that reads token ids, from its first epoch or the last one kept.

It knows no texts and no encoders; what the network is and which of its
parameters train is its own business, or `core.learners.tuning`'s.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from core.learners.losses import Loss
from core.learners.memory import Memory
from core.learners.seeding import own_randomness
from core.learners.training import OnEpoch, OnStep, Outcome, Training, Validate
from core.learners.training_run import Data, Run, Watching

__all__ = ["OnEpoch", "OnStep", "Outcome", "Training", "Validate", "fine_tune"]


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
    run = Run(
        network,
        Data(token_ids, truth, pad_id),
        config,
        loss=loss,
        state=state,
        memory=memory,
        identity=_identity(token_ids, truth, config, identity),
        watching=Watching(validate, on_epoch, on_step, should_stop),
    )
    with own_randomness(device=run.device):
        return run.to_the_end()


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
