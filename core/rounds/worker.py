"""The worker process: one per data folder, runs jobs one after the other.

It may be killed at any moment: what counts is in databases and in whole files,
and the next worker goes on where this one stopped. So stopping it is exiting.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from typing import Any, NoReturn

from filelock import FileLock, Timeout

from core.rounds.heartbeat import Pulse, last_heartbeat
from core.settings import Settings
from core.store.migrate import migrate
from core.store.store import Store

log = logging.getLogger(__name__)

LOOK_S = 1.0  # between two looks for jobs that nobody queued
WAIT_S = 1.0  # between two tries for the lock


def run_worker(settings: Settings, *, watch_parent: bool) -> None:
    """Run jobs until told to stop.

    Where another worker has the data folder, a worker started by hand says so
    and ends; one that belongs to a parent process waits its turn.
    """
    pulse = Pulse(settings)
    _leave_on_signals(pulse)
    if watch_parent:
        threading.Thread(target=_leave_with_parent, args=(pulse,), daemon=True).start()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.data_dir / "worker.lock")
    if not _acquire(lock, settings=settings, waits=watch_parent):
        return
    try:
        migrate(settings)
        pulse.start()
        _serve(settings)
    finally:
        pulse.stop()
        lock.release()


def _acquire(lock: FileLock, *, settings: Settings, waits: bool) -> bool:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        other = last_heartbeat(settings)
        who = f" (process {other.pid})" if other else ""
        then = "this one waits until it ends" if waits else "one is enough, so this one ends"
        print(f"Another worker{who} serves {settings.data_dir}; {then}.", flush=True)
        if not waits:
            return False
        lock.acquire(poll_interval=WAIT_S)
    return True


def _serve(settings: Settings) -> NoReturn:
    from core.rounds.engine import launch, look_after_jobs  # torch: only with the lock in hand
    from core.rounds.task import Workshop

    workshop = Workshop(settings=settings, store=Store.open(settings))
    run_job = launch(workshop)
    print(f"The worker serves {settings.data_dir}.", flush=True)
    while True:
        try:
            look_after_jobs(workshop, run_job)
        except Exception:  # a locked database now is no reason to stop
            log.exception("Could not look after jobs; trying again")
        time.sleep(LOOK_S)


def _leave_on_signals(pulse: Pulse) -> None:
    def on_signal(_number: int, _frame: Any) -> None:
        _leave(pulse)

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)


def _leave_with_parent(pulse: Pulse) -> None:
    """A parent that dies, however it dies, closes the pipe."""
    while sys.stdin.buffer.read(1024):
        pass
    _leave(pulse)


def _leave(pulse: Pulse) -> NoReturn:
    """Exit at once: the thread of a running step would keep the process alive for minutes."""
    pulse.stop()
    logging.shutdown()
    os._exit(0)
