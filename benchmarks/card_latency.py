"""From the submit key to the next document on the screen, in Chromium.

    python -m benchmarks.card_latency [--sizes 1000 100000] [--strokes 200] [--pause-ms 60]

Two times are measured inside the page for each Enter: until the card's DOM holds the next
document (what the app does), and until the browser has begun the frame that shows it (which
also waits for the screen, 16.7 ms apart at 60 Hz).
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from benchmarks.submit_load import N_LABELS, seed
from tests.e2e.card_driver import Card
from tests.e2e.serving import BROWSER_FLAGS, make_server, system_browser

STOPWATCH = """card => {
    const times = (window.strokes = []);
    let began = 0;
    addEventListener("keydown", (event) => {
        if (event.key === "Enter") began = performance.now();
    }, true);
    new MutationObserver(() => {
        if (!began) return;
        const stroke = { changed: performance.now() - began };
        const since = began;
        began = 0;
        times.push(stroke);
        requestAnimationFrame(() => (stroke.shown = performance.now() - since));
    }).observe(card, { attributes: true, attributeFilter: ["data-document-id"] });
}"""


def measure(n_documents: int, *, n_strokes: int, pause_ms: float) -> dict[str, np.ndarray]:
    """Milliseconds by stroke, of a typist who marks two labels of each document."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = make_server(Path(folder))
        project_id, _ = seed(server.store, n_documents)
        server.start()
        try:
            browser = playwright.chromium.launch(
                executable_path=system_browser(), args=list(BROWSER_FLAGS)
            )
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            card = Card(page, server.url, project_id).open()
            card.root.evaluate(STOPWATCH)
            for number in range(n_strokes):
                card.wait_for_document()
                card.press(str(number % 9 + 1), "adefg"[number % 5], "Enter")
                page.wait_for_timeout(pause_ms)
            card.wait_until_saved()
            strokes = page.evaluate("strokes")
            browser.close()
        finally:
            server.stop()
            server.store.close()
    if len(strokes) != n_strokes:
        raise RuntimeError(f"{n_strokes} documents were typed, {len(strokes)} were seen to change.")
    return {
        name: np.array([stroke[name] for stroke in strokes if name in stroke])
        for name in ("changed", "shown")
    }


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 100_000])
    parser.add_argument("--strokes", type=int, default=200)
    parser.add_argument("--pause-ms", type=float, default=60)
    options = parser.parse_args()
    for size in options.sizes:
        times = measure(size, n_strokes=options.strokes, pause_ms=options.pause_ms)
        load = f", load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
        print(f"{size:,} documents, {N_LABELS} labels, {options.strokes} strokes{load}")
        for name, words in (("changed", "next document in the DOM"), ("shown", "next frame begun")):
            p50, p95, p99 = np.percentile(times[name], [50, 95, 99])
            print(f"  {words}: p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms")


if __name__ == "__main__":
    main()
