"""A real server over folders of its own, and where to find a browser."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from core.settings import Settings
from core.store.migrate import migrate
from core.store.store import Store

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER_FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
START_TIMEOUT_S = 90


@dataclass
class Server:
    """`streamlit run app.py` over folders of its own; can be taken down and up again."""

    settings: Settings
    store: Store
    port: int
    start_worker: bool = False
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Where the app answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def data_dir(self) -> Path:
        """The server's data folder."""
        return self.settings.data_dir

    def start(self) -> None:
        """Start the server and wait until it answers."""
        log = (self.data_dir / "server.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={self.port}"],
            cwd=ROOT,
            env={
                **os.environ,
                "MARGINALIA_DATA_DIR": str(self.settings.data_dir),
                "MARGINALIA_CHECKPOINTS_DIR": str(self.settings.checkpoints_dir),
                "MARGINALIA_START_WORKER": str(self.start_worker).lower(),
                "MARGINALIA_LEASE_S": str(self.settings.lease_s),
                "MARGINALIA_TOKEN_TTL_S": str(self.settings.token_ttl_s),
                "OMP_NUM_THREADS": "1",
            },
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        log.close()
        self._wait_until_well()

    def stop(self, *, kill: bool = False) -> None:
        """Take the server down, with `kill` in the way a power cut would."""
        if self.process is None:
            return
        if kill:
            self.process.kill()
        else:
            self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def log(self) -> str:
        """Everything the server has printed."""
        return (self.data_dir / "server.log").read_text(errors="replace")

    def _wait_until_well(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            assert self.process is not None
            assert self.process.poll() is None, f"The server ended at once:\n{self.log()}"
            try:
                with urllib.request.urlopen(f"{self.url}/api/v1/health", timeout=2):
                    return
            except OSError:
                time.sleep(0.1)
        raise AssertionError(f"The server did not answer in {START_TIMEOUT_S} s:\n{self.log()}")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def system_browser() -> str | None:
    """The system's Chromium, or None to use Playwright's own."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def make_server(folder: Path, **settings: object) -> Server:
    """A server over a migrated database in this folder, not started yet."""
    made = Settings(data_dir=folder / "data", checkpoints_dir=folder / "checkpoints", **settings)
    migrate(made)
    return Server(settings=made, store=Store.open(made), port=free_port())
