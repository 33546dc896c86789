"""One writer for the whole process: small writes that wait together share one commit.

A commit that survives a power cut costs milliseconds, whatever it holds. So the pieces
of work that came in while the last commit was under way run in one transaction, and
each caller is answered only after its commit. Where one of them fails, the group runs
again with a savepoint around each, so its neighbours do not notice. Work may therefore
run twice, and must do nothing but read and write its session.

Work that can wait (leases, which are asked for well before they are needed) runs
between groups, one piece at a time, so a judgement never waits for more than one.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Condition, Thread
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from core.errors import NotReady
from core.store.store import Store

log = logging.getLogger(__name__)

T = TypeVar("T")

LARGEST_GROUP = 64  # keeps the transaction short for the worker, which writes too


@dataclass(frozen=True)
class _Work:
    run: Callable[[Session], Any]
    future: Future[Any]


class GroupCommit:
    """Runs pieces of writing work, in order, on one thread, grouped into transactions."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._urgent: deque[_Work] = deque()
        self._patient: deque[_Work] = deque()
        self._is_closed = False
        self._changed = Condition()
        self._thread = Thread(target=self._write_groups, name="group-commit", daemon=True)
        self._thread.start()

    def submit(self, run: Callable[[Session], T], *, can_wait: bool = False) -> Future[T]:
        """Have this work done; the future resolves once it is committed, or holds its error."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()  # a caller that hangs up does not take it back
        with self._changed:
            if self._is_closed:
                raise NotReady("The app is stopping; send it again when it is back.")
            (self._patient if can_wait else self._urgent).append(_Work(run, future))
            self._changed.notify()
        return future

    def close(self) -> None:
        """Finish what is waiting, then stop."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()

    def _write_groups(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._urgent or self._patient or self._is_closed)
                n_urgent = min(len(self._urgent), LARGEST_GROUP)
                groups = [
                    [self._urgent.popleft() for _ in range(n_urgent)],
                    [self._patient.popleft()] if self._patient else [],
                ]
            if not any(groups):
                return
            for group in groups:
                if group:
                    self._write(group)

    def _write(self, group: list[_Work]) -> None:
        try:
            with self._store.write() as session:
                results = [work.run(session) for work in group]
        except Exception as error:
            if len(group) == 1:
                group[0].future.set_exception(error)
            else:
                self._write_apart(group)
        else:
            for work, result in zip(group, results, strict=True):
                work.future.set_result(result)

    def _write_apart(self, group: list[_Work]) -> None:
        """Something in the group failed: once more, each in a savepoint of its own."""
        try:
            with self._store.write() as session:
                outcomes = [_attempt(session, work) for work in group]
        except Exception as error:  # the commit itself failed, so nothing is stored
            log.warning("A group of %d writes could not be committed", len(group), exc_info=True)
            outcomes = [(None, error)] * len(group)
        for work, (result, failure) in zip(group, outcomes, strict=True):
            if failure is None:
                work.future.set_result(result)
            else:
                work.future.set_exception(failure)


def _attempt(session: Session, work: _Work) -> tuple[Any, BaseException | None]:
    try:
        with session.begin_nested():
            return work.run(session), None
    except Exception as error:
        return None, error
