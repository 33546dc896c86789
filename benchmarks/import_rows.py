"""How fast a labelled CSV comes in, against what csv and sqlite3 alone could do.

Run: python -m benchmarks.import_rows [rows]
"""

from __future__ import annotations

import csv
import hashlib
import random
import resource
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from core.exchange.guess import guess
from core.services.importing import import_file
from core.services.projects import create_project
from core.settings import Settings
from core.store.migrate import migrate
from core.store.store import Store

N_LABELS = 54
ROW_CHARS = 1_300


def write_rows(path: Path, n_rows: int) -> None:
    """Rows of 1.3 kB with about three of 54 labels each."""
    rng = random.Random(7)
    words = [
        "".join(rng.choices("abcdefghijklmnoprstuvw", k=rng.randint(2, 11))) for _ in range(5000)
    ]
    labels = [f"topic {i}" for i in range(N_LABELS)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "text", "labels"))
        for number in range(n_rows):
            text = " ".join(rng.choices(words, k=200))[: ROW_CHARS - 60]
            writer.writerow((number, text, "|".join(rng.sample(labels, rng.randint(1, 5)))))


def time_import(folder: Path, path: Path) -> tuple[float, int]:
    settings = Settings(data_dir=folder)
    migrate(settings)
    store = Store.open(settings)
    with store.write() as session:
        project_id = create_project(session, "benchmark").id
    started = time.perf_counter()
    found = guess(path, path.name)
    report = import_file(
        store,
        settings,
        project_id,
        path=path,
        file_name=path.name,
        mapping=found.mapping(),
        dialect=found.dialect,
    )
    seconds = time.perf_counter() - started
    assert report.n_accepted == report.n_judged == report.n_rows, report
    store.close()
    return seconds, report.n_accepted


def time_limit(folder: Path, path: Path) -> float:
    """The same documents and label names through csv and executemany, checked for nothing."""
    connection = sqlite3.connect(folder / "limit.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE document (id INTEGER PRIMARY KEY, key, text, hash UNIQUE)")
    connection.execute("CREATE TABLE named (document, label)")
    started = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for batch in iter(lambda: [row for _, row in zip(range(1_000), rows, strict=False)], []):
            connection.executemany(
                "INSERT INTO document (key, text, hash) VALUES (?, ?, ?)",
                ((k, text, hashlib.sha256(text.encode()).hexdigest()) for k, text, _ in batch),
            )
            connection.executemany(
                "INSERT INTO named VALUES (?, ?)",
                ((key, name) for key, _, names in batch for name in names.split("|")),
            )
    connection.execute("COMMIT")
    seconds = time.perf_counter() - started
    connection.close()
    return seconds


def main() -> None:
    n_rows = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "rows.csv"
        write_rows(path, n_rows)
        size_mb = path.stat().st_size / 1e6
        before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        cpu = time.process_time()
        seconds, n_accepted = time_import(folder, path)
        cpu = time.process_time() - cpu
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        limit = time_limit(folder, path)
    print(f"{n_accepted:,} rows, {size_mb:.0f} MB, {N_LABELS} labels, about 3 a row")
    print(f"import: {seconds:.1f} s ({cpu:.1f} s of CPU), {n_rows / seconds:,.0f} rows/s")
    print(f"csv + sqlite3 alone: {limit:.1f} s, {n_rows / limit:,.0f} rows/s")
    print(f"peak memory: {peak_mb:.0f} MB, of which {before_mb:.0f} MB before the import")


if __name__ == "__main__":
    main()
