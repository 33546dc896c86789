"""The hand-written material under data/demo/material, loaded and typed.

One file per label holds what people say when the label applies, what they say
when it only seems to, and what could be read either way; `frame.json` holds
what surrounds it and `none.json` what no label covers. Composing is left to
the generator.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEMO_FOLDER = Path(__file__).resolve().parents[2] / "data" / "demo"

# The order in which labels are listed, and in which their phrases come in a text.
LABEL_NAMES = (
    "praise",
    "billing",
    "outage",
    "slow",
    "device",
    "delivery",
    "account",
    "security",
    "visit",
    "refund",
    "cancel",
    "complaint",
)


@dataclass(frozen=True)
class LabelMaterial:
    """What was written for one label."""

    name: str
    description: str
    about: tuple[str, ...]  # how one announces the matter
    says: tuple[str, ...]  # the label applies, and no other
    scenes: dict[frozenset[str], tuple[str, ...]]  # it applies together with others
    foreign: tuple[str, ...]  # it applies, said by somebody still learning English
    mentions: tuple[str, ...]  # its words occur, it does not apply
    maybe: tuple[str, ...]  # careful readers would disagree
    near: frozenset[str]  # labels in whose texts somebody would mention it
    never: frozenset[str]  # labels whose texts its mentions would contradict


@dataclass(frozen=True)
class Material:
    """Everything the generator draws from."""

    labels: dict[str, LabelMaterial]
    scenes: dict[frozenset[str], tuple[str, ...]]
    frame: dict[str, tuple[str, ...]]
    slots: dict[str, tuple[str, ...]]
    none: tuple[str, ...]
    answers: tuple[str, ...]
    resolved: tuple[str, ...]
    synonyms: dict[str, tuple[str, ...]]


def load_material(folder: Path = DEMO_FOLDER / "material") -> Material:
    """Read all material files of a folder."""
    labels = {name: _label(_read(folder / f"{name}.json")) for name in LABEL_NAMES}
    frame = _read(folder / "frame.json")
    slots = frame.pop("slots")
    none = _read(folder / "none.json")
    return Material(
        labels=labels,
        scenes=_merged_scenes(labels),
        frame={key: tuple(phrases) for key, phrases in frame.items()},
        slots={key: tuple(values) for key, values in slots.items()},
        none=tuple(none["texts"]),
        answers=tuple(none["answers"]),
        resolved=tuple(none["resolved"]),
        synonyms={word: tuple(others) for word, others in _read(folder / "synonyms.json").items()},
    )


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _label(raw: dict[str, Any]) -> LabelMaterial:
    return LabelMaterial(
        name=raw["name"],
        description=raw["description"],
        about=tuple(raw["about"]),
        says=tuple(raw["says"]),
        scenes={
            frozenset([raw["name"], *others.split("|")]): tuple(texts)
            for others, texts in raw["with"].items()
        },
        foreign=tuple(raw["foreign"]),
        mentions=tuple(raw["mentions"]),
        maybe=tuple(raw["maybe"]),
        near=frozenset(raw["near"]),
        never=frozenset(raw["never"]),
    )


def _merged_scenes(labels: dict[str, LabelMaterial]) -> dict[frozenset[str], tuple[str, ...]]:
    merged: dict[frozenset[str], tuple[str, ...]] = {}
    for label in labels.values():
        for names, texts in label.scenes.items():
            merged[names] = merged.get(names, ()) + texts
    return merged
