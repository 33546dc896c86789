"""Trains several quick learners side by side, halting them all at the end of each epoch.

So whoever watches an ensemble sees all its members at the same age. What they
are and what they learn from is `core.learners.ensemble`.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError, Lock, Semaphore

import numpy as np

from core.learners.dataset import JudgedVectors
from core.learners.quick import QuickLearner

OnEpoch = Callable[[int, float], None]
ShouldStop = Callable[[], bool]


class SideBySide:
    """Trains members side by side and halts them all between epochs.

    Every member has a thread, of which `n_threads` work at a time; the calling
    thread waits with them at the end of each epoch and tells it.
    """

    def __init__(self, members: list[QuickLearner], n_threads: int) -> None:
        self.members = members
        self.working = Semaphore(max(1, n_threads))
        self.between_epochs = Barrier(len(members) + 1)
        self.losses: list[float] = []
        self.asking = Lock()

    def fit(
        self,
        train_sets: list[JudgedVectors],
        *,
        on_epoch: OnEpoch | None,
        should_stop: ShouldStop | None,
    ) -> None:
        """Train each on its own documents; raises the first member's error, if any failed."""
        with ThreadPoolExecutor(len(self.members)) as threads:
            jobs = [
                threads.submit(
                    contextvars.copy_context().run, self._fit_one, member, train_set, should_stop
                )
                for member, train_set in zip(self.members, train_sets, strict=True)
            ]
            n_epochs = self.members[0].config.epochs if len(train_sets[0]) else 0
            try:
                for epoch in range(1, n_epochs + 1):
                    self.between_epochs.wait()
                    if on_epoch is not None:
                        on_epoch(epoch, float(np.mean(sorted(self.losses))))
                    self.losses = []
                    self.between_epochs.wait()
            except BrokenBarrierError:
                pass  # a member failed; which error it was, its job tells below
            except BaseException:
                self.between_epochs.abort()
                raise
        errors = [error for job in jobs if (error := job.exception()) is not None]
        for error in errors:
            if not isinstance(error, BrokenBarrierError):
                raise error

    def _fit_one(
        self, member: QuickLearner, train_set: JudgedVectors, should_stop: ShouldStop | None
    ) -> None:
        def halt(_: int, loss: float) -> None:
            self.losses.append(loss)
            self.working.release()
            try:
                self.between_epochs.wait()
                self.between_epochs.wait()
            finally:
                self.working.acquire()

        def asked() -> bool:
            with self.asking:
                return should_stop is not None and should_stop()

        try:
            with self.working:
                member.fit(train_set, on_epoch=halt, should_stop=asked)
        except BaseException:
            self.between_epochs.abort()
            raise
