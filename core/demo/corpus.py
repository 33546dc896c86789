"""Reads the committed demo corpus and its labels; making them is left to the generator."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from core.demo.material import DEMO_FOLDER


@dataclass(frozen=True)
class DemoLabel:
    """A label's name and the one sentence that says when it applies."""

    name: str
    description: str


@dataclass(frozen=True)
class DemoRow:
    """One text with the labels that apply to it, perhaps none."""

    external_id: str
    text: str
    labels: tuple[str, ...]


def demo_corpus_path() -> Path:
    """Return where helpdesk.csv lies: columns id, text and labels joined with '|'."""
    return DEMO_FOLDER / "helpdesk.csv"


def demo_labels_path() -> Path:
    """Return where labels.csv lies: columns name and description."""
    return DEMO_FOLDER / "labels.csv"


def demo_labels() -> list[DemoLabel]:
    """Return the twelve labels in their order."""
    return [DemoLabel(row["name"], row["description"]) for row in _records(demo_labels_path())]


def demo_rows() -> list[DemoRow]:
    """Return all texts in the order of the file."""
    return [
        DemoRow(row["id"], row["text"], tuple(filter(None, row["labels"].split("|"))))
        for row in _records(demo_corpus_path())
    ]


def _records(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
