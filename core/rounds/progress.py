"""How a step tells where it stands and hears that it should stop, a few times a second."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy.exc import OperationalError

from core.domain import RoundStep
from core.errors import Cancelled
from core.rounds.patience import is_locked
from core.services.jobs import is_cancel_requested, report_progress
from core.store.store import Store

EVERY_S = 0.25  # a write costs a commit, and nobody reads faster
AFTER_LOCK_S = 10.0  # a write that meets a lock waits half a minute: work goes on in between


class Progress:
    """One step's line to the job's row. Where that is locked, the next look or write will do."""

    def __init__(self, store: Store, workflow_id: str, step: RoundStep) -> None:
        self.store = store
        self.workflow_id = workflow_id
        self.step = step
        self._began = time.monotonic()
        self._next_report = self._asked = 0.0
        self._stop = False

    def begin(self) -> None:
        """Show the step, unless somebody asked to stop before it."""
        self.stop_if_asked()
        self._write(0.0, {})

    def report(self, fraction: float, **detail: Any) -> None:
        """Show how far the step is, with what may interest; most calls write nothing."""
        if time.monotonic() < self._next_report:
            return
        elapsed = time.monotonic() - self._began
        if 0.0 < fraction < 1.0 and elapsed > 1.0:
            detail.setdefault("seconds_left", round(elapsed / fraction * (1.0 - fraction), 1))
        self._write(fraction, detail)

    def count(self, n_done: int, n_total: int, **detail: Any) -> None:
        """Show how many of how many are done."""
        self.report(n_done / max(n_total, 1), n_done=n_done, n_total=n_total, **detail)

    def should_stop(self) -> bool:
        """Whether somebody asked to stop; looked up a few times a second."""
        if not self._stop and time.monotonic() - self._asked >= EVERY_S:
            self._stop = self._is_asked()
            self._asked = time.monotonic()
        return self._stop

    def stop_if_asked(self) -> None:
        """Raise Cancelled when somebody asked to stop."""
        if self._is_asked():
            raise Cancelled(f"Cancelled before the step '{self.step}'.")

    def _write(self, fraction: float, detail: dict[str, Any]) -> None:
        pause = EVERY_S
        try:
            report_progress(
                self.store, self.workflow_id, step=self.step, fraction=fraction, detail=detail
            )
        except OperationalError as error:
            if not is_locked(error):
                raise
            pause = AFTER_LOCK_S
        self._next_report = time.monotonic() + pause

    def _is_asked(self) -> bool:
        try:
            return is_cancel_requested(self.store, self.workflow_id)
        except OperationalError as error:
            if not is_locked(error):
                raise
            return False
