"""Whether a worker is alive, told by a small file that it rewrites. Loads nothing heavy."""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from core.settings import Settings

BEAT_S = 2.0
SILENT_S = 20.0  # a busy machine may skip beats; a dead worker skips all


@dataclass(frozen=True)
class Heartbeat:
    """What the file says. Times are seconds since 1970."""

    pid: int
    started: float
    beat: float


def heartbeat_path(settings: Settings) -> Path:
    """Where the worker of these settings writes its heartbeat."""
    return settings.data_dir / "worker.json"


def last_heartbeat(settings: Settings) -> Heartbeat | None:
    """What the worker said last, if ever one did."""
    return _read(heartbeat_path(settings))


def _read(path: Path) -> Heartbeat | None:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return Heartbeat(int(said["pid"]), float(said["started"]), float(said["beat"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def worker_is_alive(settings: Settings) -> bool:
    """Whether a worker has lately said that it is there."""
    said = last_heartbeat(settings)
    return said is not None and abs(time.time() - said.beat) < SILENT_S


class Pulse:
    """Beats in a thread of its own from `start` to `stop`, whatever the worker computes."""

    def __init__(self, settings: Settings) -> None:
        self.path = heartbeat_path(settings)
        self.started = time.time()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self) -> None:
        """Beat at once, and from now on."""
        self._beat()
        self._thread.start()

    def stop(self) -> None:
        """Stop beating and take the file away, so that nobody waits for a worker that left."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=BEAT_S)
        said = _read(self.path)
        if said is not None and said.pid == os.getpid():
            self.path.unlink(missing_ok=True)

    def _run(self) -> None:
        while not self._stopped.wait(BEAT_S):
            self._beat()

    def _beat(self) -> None:
        said = Heartbeat(pid=os.getpid(), started=self.started, beat=time.time())
        unfinished = self.path.with_suffix(".json.tmp")
        try:
            unfinished.write_text(json.dumps(asdict(said)), encoding="utf-8")
            unfinished.replace(self.path)
        except OSError:  # on Windows a reader may hold the file; the next beat will do
            return
