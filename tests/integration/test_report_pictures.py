"""Figures as PNG where the browser hangs, breaks, or is called off."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import plotly.graph_objects as go
import pytest

from core.errors import Cancelled
from core.reporting.figures import Drawn
from core.reporting.pictures import draw_pictures

FIGURES = [
    Drawn(name, name, "Labels", go.Figure(go.Bar(y=[1, 2])), "how", "so", "on what", True)
    for name in ("one", "two")
]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="the false browsers are shell scripts")


def false_browser(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in place of Chrome, which notes its process id."""
    noted = folder / "pid"
    path = folder / "chrome"
    path.write_text(f"#!/bin/sh\necho $$ > {noted}\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("BROWSER_PATH", str(path))
    return noted


def is_noted(path: Path) -> bool:
    return path.exists() and bool(path.read_text().strip())


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not fetched yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def ended(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    gone = not is_alive(pid)
    if not gone:
        os.kill(pid, signal.SIGKILL)
    return gone


def test_a_browser_that_hangs_is_ended_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = false_browser(tmp_path, "exec sleep 300", monkeypatch)
    said = draw_pictures(tmp_path, FIGURES, seconds=6)
    assert said.startswith("No figure is there as PNG: Chrome did not finish within 6 s.")
    assert ended(int(noted.read_text()))
    assert not list(tmp_path.glob("*.png"))


def test_a_browser_that_breaks_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    false_browser(tmp_path, "exit 3", monkeypatch)
    said = draw_pictures(tmp_path, FIGURES, seconds=60)
    assert said.startswith("No figure is there as PNG: Chrome failed")
    assert "--no-png" in said


def test_called_off_it_takes_the_browser_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = false_browser(tmp_path, "exec sleep 300", monkeypatch)
    with pytest.raises(Cancelled):
        draw_pictures(tmp_path, FIGURES, should_stop=lambda: is_noted(noted), seconds=60)
    assert ended(int(noted.read_text()))
