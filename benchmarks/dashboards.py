"""Seconds that each tab of the dashboards takes to be drawn, over 100,000 documents.

    python -m benchmarks.dashboards [--documents 100000] [--labels 54] [--judged 1000]

A real database, two real rounds by a real worker, and the page as Streamlit runs
it. Each tab is opened once cold (its results are read from the disk), then three
times warm; what the browser does with the figures comes on top.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from streamlit.testing.v1 import AppTest

from benchmarks.whole_round import ROOT, fill, measure
from core.settings import get_settings
from core.store.migrate import migrate
from core.store.store import Store
from pages.widgets.context import PAGE_FILES
from pages.widgets.dashboard.tabs import TABS

WARM = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--labels", type=int, default=54)
    parser.add_argument("--judged", type=int, default=1000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MARGINALIA_DATA_DIR"] = str(Path(folder, "data"))
        os.environ["MARGINALIA_CHECKPOINTS_DIR"] = str(Path(folder, "rounds"))
        settings = get_settings()
        migrate(settings)
        store = Store.open(settings)
        project_id = fill(store, settings, given)
        worker = subprocess.Popen([sys.executable, "-m", "core", "worker"], cwd=ROOT)
        try:
            for number in (1, 2):
                measure(store, settings, project_id, number)
        finally:
            worker.terminate()
            worker.wait()
        for tab in TABS:
            draw(project_id, tab.title)
        store.close()


def draw(project_id: int, title: str) -> None:
    """Open one tab and print how long its runs took."""
    test = AppTest.from_file(str(ROOT / "pages" / "shell.py"), default_timeout=120)
    test.query_params["project"] = str(project_id)
    test.query_params["view"] = title
    test.run()
    cold = timed(lambda: test.switch_page(PAGE_FILES["dashboards"]).run())
    warm = [timed(test.run) for _ in range(WARM)]
    wrong = [element.value for element in (*test.exception, *test.error)]
    print(f"{title:<14} cold {cold:5.2f} s   warm {statistics.median(warm):5.2f} s", *wrong)


def timed(act) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
