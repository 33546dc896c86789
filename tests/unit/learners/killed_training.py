"""A training in a process of its own that is killed where it is told; see test_training_state."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import torch

from core import disk
from core.learners import training_state
from core.learners.early_stopping import EarlyStopping
from core.learners.finetuning import Outcome, Training, fine_tune
from core.learners.losses import LossConfig, make_loss
from tests.unit.learners.words import documents, new_network

TRAINING = Training(
    epochs=4,
    lr=0.05,
    head_lr=0.05,
    batch_size=8,
    seed=3,
    stopping=EarlyStopping(patience=9),
)


def train(network: torch.nn.Module, state: Path | None, kill_at: int = 0) -> Outcome:
    ids, truth = documents()

    def on_step(step: int, n_steps: int, loss: float) -> None:
        if step == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def score() -> float:
        with torch.inference_mode():
            return float(network(torch.tensor([[1, 2, 3]]), torch.ones(1, 3)).mean())

    return fine_tune(
        network,
        ids,
        truth,
        config=TRAINING,
        pad_id=0,
        loss=make_loss(LossConfig(), truth.numpy()),
        validate=score,
        state=state,
        on_step=on_step,
    )


def die_while_writing(epoch: int) -> None:
    """Leave half of that epoch's weights behind, and no process."""
    real = training_state.save_file

    def save_file(tensors: dict[str, torch.Tensor], path: Path) -> None:
        real(tensors, path)
        if Path(path).name.startswith(f"epoch-{epoch}."):
            os.truncate(path, Path(path).stat().st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)

    training_state.save_file = save_file


def die_before_naming(epoch: int) -> None:
    """Leave that epoch's weights whole, but the JSON that names them unfinished."""
    real = training_state.write_whole

    def write_whole(path: Path, write: object) -> None:
        if (path.parent / f"epoch-{epoch}.safetensors").exists():
            path.with_name(path.name + disk.UNFINISHED).write_text("{")
            os.kill(os.getpid(), signal.SIGKILL)
        real(path, write)  # type: ignore[arg-type]

    training_state.write_whole = write_whole


if __name__ == "__main__":
    torch.set_num_threads(1)
    how, folder = sys.argv[1], Path(sys.argv[2])
    if how == "in-epoch-3":
        train(new_network(), folder, kill_at=12)
    elif how == "writing-epoch-2":
        die_while_writing(2)
        train(new_network(), folder)
    elif how == "naming-epoch-3":
        die_before_naming(3)
        train(new_network(), folder)
