"""Names that a person would take for the same."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

INVISIBLE = ("Cf", "Mn")  # zero-width characters, combining accents


def look_alikes(names: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs that differ only in case, spaces, invisible characters or Unicode form."""
    seen: dict[str, str] = {}
    pairs = []
    for name in names:
        first = seen.setdefault(_looks(name), name)
        if first != name:
            pairs.append((first, name))
    return pairs


def _looks(name: str) -> str:
    composed = unicodedata.normalize("NFKC", name).casefold()
    visible = (c for c in composed if unicodedata.category(c) not in INVISIBLE)
    return " ".join("".join(visible).split())
