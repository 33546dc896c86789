"""Figures as PNG, by a Chrome that is on the machine; what is missing is said in a sentence.

Chrome is started once for all figures, by a program that is ended with it when it
takes too long, so that a report never hangs. Nothing is ever downloaded.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from core.errors import Cancelled
from core.reporting import chrome
from core.reporting.figures import INK, PAPER, Drawn

WIDTH, SCALE = 1000, 1.5  # pixels, and how many of the picture's to one of them
SECONDS_TO_START, SECONDS_PER_FIGURE = 60.0, 20.0
SECONDS_TO_END = 5.0
LOOK_EVERY_S = 0.2
HOW_TO_GET_THEM = (
    "Install Chrome or Chromium, or name one in the environment variable BROWSER_PATH, and write "
    "the report again; or leave PNGs of figures out with --no-png."
)


def draw_pictures(
    folder: Path,
    figures: Sequence[Drawn],
    *,
    on_share: Callable[[float], None] = lambda share: None,
    should_stop: Callable[[], bool] = lambda: False,
    seconds: float | None = None,
) -> str:
    """Write `<name>.png` of every figure; gives a sentence on what is missing, or nothing.

    Raises Cancelled where `should_stop` says so.
    """
    allowed = SECONDS_TO_START + SECONDS_PER_FIGURE * len(figures) if seconds is None else seconds
    with tempfile.TemporaryDirectory(prefix="mg-", ignore_cleanup_errors=True) as scratch:
        plan = _plan(Path(scratch), folder, figures)
        answer = _run(plan, Path(scratch), allowed, on_share=on_share, should_stop=should_stop)
    missing = [drawn for drawn in figures if not _is_whole(folder / f"{drawn.name}.png")]
    return _on_missing(len(missing), len(figures), answer, allowed)


def _plan(scratch: Path, folder: Path, figures: Sequence[Drawn]) -> dict[str, Any]:
    items = []
    for drawn in figures:
        path = scratch / f"{drawn.name}.json"
        path.write_text(json.dumps(_on_paper(drawn)), encoding="ascii")
        items.append(
            {
                "json": str(path),
                "png": str(folder / f"{drawn.name}.png"),
                "width": WIDTH,
                "height": drawn.height + 40,
            }
        )
    return {"figures": items, "scale": SCALE, "seconds_per_figure": SECONDS_PER_FIGURE}


def _on_paper(drawn: Drawn) -> dict[str, Any]:
    """The figure as it is printed: dark ink on white, with its title."""
    spec = drawn.spec()
    layout = spec["layout"]
    layout.update(
        paper_bgcolor=PAPER,
        plot_bgcolor=PAPER,
        font={**layout.get("font", {}), "color": INK},
        margin={**layout.get("margin", {}), "l": 24, "r": 24, "b": 24},
        height=drawn.height + 40,
    )
    return spec


def _run(
    plan: dict[str, Any],
    scratch: Path,
    allowed: float,
    *,
    on_share: Callable[[float], None],
    should_stop: Callable[[], bool],
) -> dict[str, Any]:
    """Start the program, look at it now and then, and end it with its browser in any case."""
    given, answered = scratch / "plan.json", scratch / "answer.json"
    given.write_text(json.dumps(plan), encoding="ascii")
    expected = [Path(item["png"]) for item in plan["figures"]]
    with given.open("rb") as asked, answered.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-P", str(Path(chrome.__file__).resolve())],
            stdin=asked,
            stdout=said,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "TMPDIR": str(scratch)},
        )
        try:
            until = time.monotonic() + allowed
            while process.poll() is None and time.monotonic() < until:
                if should_stop():
                    raise Cancelled("The report was cancelled.")
                on_share(sum(map(_is_whole, expected)) / max(len(expected), 1))
                time.sleep(LOOK_EVERY_S)
            in_time = process.poll() is not None
        finally:
            _end(process)
    if not in_time:
        return {"stopped": "timeout"}
    try:
        answer: dict[str, Any] = json.loads(answered.read_text(encoding="utf-8"))
    except ValueError:
        answer = {"stopped": f"it ended with code {process.returncode}"}
    return answer


def _end(process: subprocess.Popen[bytes]) -> None:
    """Tell it to end with its browser; it is killed where it does not listen."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _is_whole(path: Path) -> bool:
    """Kaleido claims a name before it draws."""
    return path.is_file() and path.stat().st_size > 0


def _on_missing(n_missing: int, n_all: int, answer: dict[str, Any], allowed: float) -> str:
    if n_missing == 0:
        return ""
    which = "No figure" if n_missing == n_all else f"{n_missing} of {n_all} figures not"
    which = f"{which} {'is' if n_missing == n_all else 'are'} there as PNG: "
    why = answer.get("stopped")
    if why == chrome.NO_CHROME:
        return f"{which}no Chrome or Chromium was found. {HOW_TO_GET_THEM}"
    if why == "timeout":
        return f"{which}Chrome did not finish within {allowed:.0f} s. Write the report again."
    told = why or "; ".join(answer.get("failed", ())[:1]) or "Chrome gave no reason"
    return f"{which}Chrome failed ({told}). {HOW_TO_GET_THEM}"
