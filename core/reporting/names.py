"""What things of a report are called: texts made fit to be shown, names fit to be files."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace

from core.evaluation.outputs import EvaluationOutputs

LONGEST_BYTES = 80  # of a file's name: systems take 255, with an ending and a folder before it
UNREADABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
RESERVED = {  # on Windows, with any ending
    *("con", "prn", "aux", "nul"),
    *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)),
}


def readable(text: str) -> str:
    """The text with a replacement character for what no file of UTF-8 or page can hold."""
    return UNREADABLE.sub("\ufffd", text)


def readable_outputs(outputs: EvaluationOutputs) -> EvaluationOutputs:
    """The same documents, with names and texts that can be written and told apart."""
    named = (readable(name).strip() or "(no name)" for name in outputs.names)
    return replace(
        outputs,
        names=told_apart(named),
        external_ids=tuple(readable(id_) for id_ in outputs.external_ids),
        texts=tuple(readable(text) for text in outputs.texts),
    )


def file_names(names: Sequence[str]) -> tuple[str, ...]:
    """A file's name for each, without ending: letters, digits and hyphens; no two alike."""
    return told_apart((_slug(name) for name in names), joint="-{}")


def told_apart(names: Iterable[str], *, joint: str = " ({})") -> tuple[str, ...]:
    """The names, with a number behind those that came before, whatever their case."""
    seen: set[str] = set()
    told = []
    for name in names:
        chosen, n = name, 1
        while _as_compared(chosen) in seen:
            n += 1
            chosen = name + joint.format(n)
        seen.add(_as_compared(chosen))
        told.append(chosen)
    return tuple(told)


def _as_compared(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKC", name).lower()
    slug = re.sub(r"[\W_]+", "-", plain).strip("-")
    slug = slug.encode("utf-8", "ignore")[:LONGEST_BYTES].decode("utf-8", "ignore").strip("-")
    if not slug:
        return "label"
    return f"{slug}-label" if slug in RESERVED else slug
