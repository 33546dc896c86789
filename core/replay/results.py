"""What is kept of a replay: figures per round, and the loop they belong to."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from core.strategies.plan import Arm


@dataclass(frozen=True)
class RoundResult:
    """Scores on the test documents after one round's training, and what was asked next."""

    n_judged: int
    threshold: float  # chosen out of fold on the judged documents, one for all labels
    micro_f1: float  # at that threshold; NaN where undefined
    macro_f1: float
    micro_f1_at_half: float
    macro_f1_at_half: float
    seconds: float = 0.0  # to train and measure
    query_seconds: float = 0.0  # to score the pool and choose
    asked: tuple[int, ...] = ()  # rows of the pool, judged before the next round

    def to_json(self) -> dict[str, Any]:
        """Plain values, None where undefined."""
        return {key: _plain(value) for key, value in dataclasses.asdict(self).items()}

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        values: dict[str, Any] = {
            key: math.nan if value is None else value for key, value in given.items()
        }
        return cls(**values | {"asked": tuple(values["asked"])})


@dataclass(frozen=True)
class Run:
    """One loop that was played: an arm with a seed."""

    arm: Arm
    seed: int
    rounds: tuple[RoundResult, ...]


def _plain(value: Any) -> Any:
    if isinstance(value, float) and math.isnan(value):
        return None
    return list(value) if isinstance(value, tuple) else value
