"""What a command shows while it works: progress bar, log file, and how Ctrl-C ends it.

Everything goes to standard error, so that standard output holds only results.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from core.training.checkpoint import Slot
from core.training.job import Reporter, Stage

log = logging.getLogger(__name__)

OURS = logging.getLogger("core")
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class Verbosity(IntEnum):
    """How much a command says while it works."""

    QUIET = 0  # errors and results
    USUAL = 1  # stages, with a bar where somebody watches
    TALKATIVE = 2  # every epoch, and what the libraries warn of

    @classmethod
    def of(cls, *, quiet: bool, verbose: bool) -> Verbosity:
        """Of the two switches; quiet wins."""
        return cls.QUIET if quiet else cls.TALKATIVE if verbose else cls.USUAL


class Terminal:
    """One command's line to the person who started it."""

    def __init__(self, verbosity: Verbosity) -> None:
        self.verbosity = verbosity
        self._console = Console(stderr=True, highlight=False)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=verbosity is Verbosity.QUIET or not self._console.is_terminal,
        )
        self._task = self._progress.add_task("Beginning", total=None)
        self._said = ""
        self._is_stopping = False
        self._log: logging.Handler | None = None

    def say(self, sentence: str) -> None:
        """Show a sentence, unless quiet was asked for."""
        if self.verbosity >= Verbosity.USUAL:
            self._console.print(sentence, markup=False, soft_wrap=True)

    def on_stage(self, stage: Stage) -> None:
        """Show what is going on; where nobody watches, each stage once."""
        self._progress.update(
            self._task,
            description=stage.sentence,
            total=None if stage.share is None else 1.0,
            completed=stage.share or 0.0,
        )
        if stage.sentence != self._said:
            self._said = stage.sentence
            log.info("%s", stage.sentence)
            if self._progress.disable:
                self.say(f"{stage.sentence} …")

    @property
    def reporter(self) -> Reporter:
        """What a training is given."""
        return Reporter(on_stage=self.on_stage, on_slot=self._on_slot, should_stop=self.should_stop)

    def should_stop(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return self._is_stopping

    def _on_slot(self, slot: Slot) -> None:
        self._log = _log_to(slot.log)
        if slot.is_resumed:
            self.say(f"Going on with the interrupted training of {slot.final.name}.")

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Show progress, and let the first Ctrl-C end the work in order; the second ends it now."""
        previous = _on_interrupt(self._interrupted)
        shown = logging.INFO if self.verbosity is Verbosity.TALKATIVE else logging.WARNING
        for handler in logging.getLogger().handlers:
            handler.setLevel(shown)
        OURS.setLevel(logging.INFO)
        try:
            with self._progress:
                yield
        except Exception:
            OURS.info("Ended before its end", exc_info=True)
            raise
        finally:
            if self._log is not None:
                OURS.removeHandler(self._log)
                self._log.close()
            if previous is not None:
                signal.signal(signal.SIGINT, previous)

    def _interrupted(self, _number: int, _frame: FrameType | None) -> None:
        if self._is_stopping:
            raise KeyboardInterrupt
        self._is_stopping = True
        self.say("Stopping; what is done is kept. Press Ctrl-C again to end at once.")


def _log_to(path: Path) -> logging.Handler:
    """Write what this process logs from now on into a file too, details and all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter(LOG_FORMAT))
    OURS.addHandler(handler)
    return handler


def _on_interrupt(
    handler: Callable[[int, FrameType | None], None],
) -> Callable[[int, FrameType | None], object] | int | None:
    try:
        return signal.signal(signal.SIGINT, handler)
    except ValueError:  # not in the main thread, where nobody presses Ctrl-C
        return None
