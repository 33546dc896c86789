"""Small wordings that several pages share."""

from __future__ import annotations

MARKDOWN = frozenset("\\`*_{}[]()#+-.!|$~:<>&")


def escaped(text: str) -> str:
    """Text as typed, with everything Markdown would act on made harmless, on one line."""
    return "".join(f"\\{c}" if c in MARKDOWN else c for c in " ".join(text.split()))


def counted(n: int, noun: str, plural: str | None = None) -> str:
    """`1 document`, `1,200 documents`."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"
