"""A training under way: what it works with, and who is told how it goes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.training.checkpoint import Slot
from core.training.config import TrainConfig
from core.training.data import LabelledTexts, Split
from core.training.learning import Materials, Watch

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stage:
    """What is going on, for a progress bar; `share` None where it cannot be told."""

    sentence: str
    share: float | None = None


@dataclass(frozen=True)
class Reporter:
    """Who hears of a training, and who may stop it."""

    on_stage: Callable[[Stage], None] = lambda stage: None
    on_slot: Callable[[Slot], None] = lambda slot: None
    should_stop: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class Job:
    """One training under way."""

    materials: Materials
    slot: Slot
    data: LabelledTexts
    parts: Split
    reporter: Reporter
    forebears: tuple[Path, ...]  # checkpoints that have a part in it

    @property
    def config(self) -> TrainConfig:
        """What is trained."""
        return self.materials.config

    def watch(self, doing: str) -> Watch:
        """Tell the reporter and the log how something goes."""

        def on_epoch(epoch: int, loss: float) -> None:
            log.info("%s: epoch %d, loss %.4f", doing, epoch, loss)

        return Watch(
            on_epoch=on_epoch,
            on_share=lambda share: self.reporter.on_stage(Stage(doing, share)),
            should_stop=self.reporter.should_stop,
        )
