"""F1 of each label over rounds, and which labels rose or fell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.domain import EvaluationSource
from core.evaluation.wording import FEW_POSITIVES


@dataclass(frozen=True)
class LabelOfRound:
    """One label as one round measured it; None is undefined."""

    name: str
    f1: float | None
    support: int
    low: float | None = None  # of the 95 % interval
    high: float | None = None

    @property
    def is_told(self) -> bool:
        """Whether there are positives enough for F1 to mean something."""
        return self.f1 is not None and self.support >= FEW_POSITIVES


@dataclass(frozen=True)
class RoundOfLabels:
    """One round's labels, by a key that stays the same over rounds."""

    round_id: int
    number: int
    n_judged: int
    source: EvaluationSource
    labels: Mapping[str, LabelOfRound]


class Order(StrEnum):
    """Which labels come first."""

    WEAKEST = "weakest first"
    FALLEN = "largest fall first"
    RISEN = "largest rise first"
    FREQUENT = "most positives first"


@dataclass(frozen=True)
class Progress:
    """One label: its name in the latest round, its F1 there, and since the first alike round."""

    key: str
    name: str
    f1: float | None
    support: int
    change: float | None  # None where no two comparable rounds could measure it
    is_clear: bool = False  # the intervals of the two rounds do not meet


def progress(rounds: Sequence[RoundOfLabels]) -> list[Progress]:
    """Where each label of the latest round stands, against the first round measured alike."""
    if not rounds:
        return []
    last = rounds[-1]
    alike = [round_ for round_ in rounds if round_.source == last.source]
    return [_progress(key, now, alike) for key, now in last.labels.items()]


def _progress(key: str, now: LabelOfRound, alike: Sequence[RoundOfLabels]) -> Progress:
    told = [r.labels[key] for r in alike if key in r.labels and r.labels[key].is_told]
    if len(told) < 2 or not now.is_told:
        return Progress(key, now.name, now.f1 if now.is_told else None, now.support, None)
    first = told[0]
    change = (now.f1 or 0.0) - (first.f1 or 0.0)
    return Progress(key, now.name, now.f1, now.support, change, _apart(first, now))


def _apart(one: LabelOfRound, other: LabelOfRound) -> bool:
    ends = (one.low, one.high, other.low, other.high)
    if None in ends:
        return False
    return bool(ends[1] < ends[2] or ends[3] < ends[0])  # type: ignore[operator]


def ordered(labels: Sequence[Progress], order: Order) -> list[Progress]:
    """Sorted; labels of which nothing can be told come last."""
    return sorted(labels, key=lambda label: (*_place(label, order), label.name))


def _place(label: Progress, order: Order) -> tuple[bool, float]:
    if order is Order.FREQUENT:
        return False, -label.support
    value = label.f1 if order is Order.WEAKEST else label.change
    if value is None:
        return True, -label.support
    return False, -value if order is Order.RISEN else value
