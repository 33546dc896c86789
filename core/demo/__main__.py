"""Write the demo corpus anew: `python -m core.demo`."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from core.demo.corpus import demo_corpus_path, demo_labels_path
from core.demo.generator import generate
from core.demo.material import LABEL_NAMES, load_material


def corpus_bytes() -> bytes:
    """Return the content of helpdesk.csv."""
    rows = enumerate(generate(), start=1)
    return _csv_bytes(
        ["id", "text", "labels"],
        [[f"BM-{number:04d}", row.text, "|".join(row.labels)] for number, row in rows],
    )


def labels_bytes() -> bytes:
    """Return the content of labels.csv."""
    labels = load_material().labels
    return _csv_bytes(
        ["name", "description"], [[name, labels[name].description] for name in LABEL_NAMES]
    )


def _csv_bytes(header: list[str], rows: list[list[str]]) -> bytes:
    sheet = io.StringIO(newline="")
    csv.writer(sheet, lineterminator="\n").writerows([header, *rows])
    return sheet.getvalue().encode("utf-8")


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    print(f"wrote {path} ({len(content):,} bytes)")


if __name__ == "__main__":
    _write(demo_corpus_path(), corpus_bytes())
    _write(demo_labels_path(), labels_bytes())
