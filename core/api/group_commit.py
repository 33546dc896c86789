"""One writer for the whole process: small writes that arrive together share one commit.

A commit that survives a power cut costs milliseconds, whatever it holds. Here the
pieces of work waiting at one moment run in one transaction, and each caller is
answered only after the commit. Where one of them fails, the group runs again with
a savepoint around each, so its neighbours do not notice. Work may therefore run
twice, and must do nothing but read and write its session.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from core.store.store import Store

log = logging.getLogger(__name__)

T = TypeVar("T")

GATHER_S = 0.002  # how long the first piece of work waits for company
LARGEST_GROUP = 64  # keeps the transaction short for the worker, which writes too


@dataclass(frozen=True)
class _Work:
    run: Callable[[Session], Any]
    future: Future[Any]


class GroupCommit:
    """Runs pieces of writing work in order, on one thread, grouped into transactions."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: SimpleQueue[_Work | None] = SimpleQueue()
        self._thread = Thread(target=self._write_groups, name="group-commit", daemon=True)
        self._thread.start()

    def submit(self, run: Callable[[Session], T]) -> Future[T]:
        """Have this work done; the future resolves once it is committed, or holds its error."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()  # a caller that hangs up does not take it back
        self._waiting.put(_Work(run, future))
        return future

    def close(self) -> None:
        """Finish what is waiting, then stop."""
        self._waiting.put(None)
        self._thread.join()

    def _write_groups(self) -> None:
        is_open = True
        while is_open:
            first = self._waiting.get()
            group = [first] if first is not None else []
            is_open = first is not None and self._gather(group)
            if group:
                self._write(group)

    def _gather(self, group: list[_Work]) -> bool:
        """Add what arrives within a moment; returns False once closing was asked for."""
        until = monotonic() + GATHER_S
        while len(group) < LARGEST_GROUP:
            try:
                work = self._waiting.get(timeout=max(until - monotonic(), 0))
            except Empty:
                return True
            if work is None:
                return False
            group.append(work)
        return True

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
