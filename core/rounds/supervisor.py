"""Keeps one worker process alive for as long as the server lives. Loads nothing heavy."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from typing import Any

from core.settings import ROOT, Settings

log = logging.getLogger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
HEALTHY_S = 60.0  # a worker that lived so long is started again without a longer pause
TERM_S = 5.0

# Ctrl-C in a terminal reaches a whole group; the worker is ended by its supervisor, not twice.
OWN_GROUP: dict[str, Any]
if sys.platform == "win32":
    OWN_GROUP = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
else:
    OWN_GROUP = {"start_new_session": True}


class Supervisor:
    """Starts a worker with these settings, starts it again when it dies, ends it with `stop`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()  # between starting a child and stopping it

    @property
    def pid(self) -> int | None:
        """The worker's process, while there is one."""
        child = self._child
        return None if child is None or child.poll() is not None else child.pid

    def start(self) -> None:
        """Start the worker, and watch it from a thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the worker and stop watching."""
        self._stopping.set()
        with self._lock:
            child = self._child
        if child is not None:
            _end(child)
        if self._thread.is_alive():
            self._thread.join(timeout=TERM_S)

    def _run(self) -> None:
        pause = FIRST_PAUSE_S
        while True:
            with self._lock:
                if self._stopping.is_set():
                    return
                self._child = child = self._spawn()
            began = time.monotonic()
            status = child.wait()
            _close_pipe(child)
            if self._stopping.is_set():
                return
            lived = time.monotonic() - began
            pause = FIRST_PAUSE_S if lived > HEALTHY_S else min(pause * 2, LONGEST_PAUSE_S)
            log.warning(
                "The worker ended with status %s; starting it again in %.0f s", status, pause
            )
            self._stopping.wait(pause)

    def _spawn(self) -> subprocess.Popen[bytes]:
        """A child that reads from a pipe which closes when this process dies."""
        return subprocess.Popen(
            [sys.executable, "-m", "core", "worker", "--watch-parent"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            env=os.environ | _as_environment(self.settings),
            **OWN_GROUP,
        )


def _end(child: subprocess.Popen[bytes]) -> None:
    """Close the pipe (which works everywhere), then insist."""
    _close_pipe(child)
    try:
        child.wait(timeout=TERM_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _close_pipe(child: subprocess.Popen[bytes]) -> None:
    if child.stdin is not None:
        child.stdin.close()


def _as_environment(settings: Settings) -> dict[str, str]:
    """The settings as the variables they are read from; the worker checks no tokens."""
    values = settings.model_dump(mode="json", exclude_none=True, exclude={"token_secret"})
    return {f"MARGINALIA_{name.upper()}": str(value) for name, value in values.items()}
