"""Everything that decides what a round asks about: the strategy and how its batch is made.

Data only, checked when it is made, so that pages, settings, rounds and replays
share one description; the maths is elsewhere.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from core.domain import Aggregation, Batching, Posterior
from core.errors import InputError
from core.strategies.catalogue import strategy_info

SHARES = ("random_share", "rare_share", "coverage_share")
ALL_LAYERS = -1


@dataclass(frozen=True)
class Recipe:
    """How the next questions are chosen. Raises InputError for what cannot be."""

    strategy: str
    aggregation: Aggregation = Aggregation.MEAN
    batching: Batching = Batching.TOP
    random_share: float = 0.0  # of the batch, drawn by lot from all candidates
    rare_share: float = 0.0  # of the batch, likely examples of labels with few
    coverage_share: float = 0.0  # of the batch, typical of regions nobody has judged
    near_copy: float = 1.0  # cosine from which two texts count as copies; 1 lets all pass
    per_second: bool = False  # divide the score by the expected seconds of judging
    posterior: Posterior = Posterior.DROPOUT
    n_passes: int = 20  # Monte Carlo passes, or heads of an ensemble
    stochastic_layers: int = 0  # encoder layers with dropout on; 0: the head alone, -1: all

    def __post_init__(self) -> None:
        strategy_info(self.strategy)
        for name, kind in (
            ("aggregation", Aggregation),
            ("batching", Batching),
            ("posterior", Posterior),
        ):
            object.__setattr__(self, name, _choice(name, getattr(self, name), kind))
        for name in SHARES:
            _check(name, getattr(self, name), 0.0, 1.0)
        if (total := sum(getattr(self, name) for name in SHARES)) > 1.0:
            raise InputError(f"The shares of a batch add up to {total:g}; keep them within 1.")
        _check("near_copy", self.near_copy, 0.5, 1.0)
        _check("n_passes", self.n_passes, 2, 200)
        _check("stochastic_layers", self.stochastic_layers, ALL_LAYERS, 100)
        if self.stochastic_layers:
            self._check_stochastic()

    def _check_stochastic(self) -> None:
        info = strategy_info(self.strategy)
        if not info.needs_samples or self.strategy == "besra":
            raise InputError(
                f"Strategy '{self.strategy}' makes no use of dropout in the encoder; set "
                "stochastic_layers to 0, or choose one such as 'bald' or 'beal-mean'."
            )
        if self.posterior is Posterior.ENSEMBLE:
            raise InputError(
                "An ensemble's heads share the encoder's vectors as they are; set "
                "stochastic_layers to 0, or posterior to 'dropout'."
            )

    def to_json(self) -> dict[str, Any]:
        """Plain values, as rounds and settings keep them."""
        return {key: _plain(value) for key, value in dataclasses.asdict(self).items()}

    @classmethod
    def of(cls, strategy: str, changes: Mapping[str, Any] | None = None) -> Self:
        """The strategy's own recipe with some changes; raises InputError naming what is wrong."""
        changes = {key: value for key, value in (changes or {}).items() if key != "strategy"}
        known = [field.name for field in dataclasses.fields(cls)]
        for key in changes:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
                raise InputError(f"A recipe has no '{key}'; did you mean '{near}'?")
        return cls(strategy=strategy, **{**strategy_info(strategy).recipe, **changes})


def _choice(name: str, value: Any, kind: type[StrEnum]) -> StrEnum:
    try:
        return kind(value)
    except ValueError:
        choices = ", ".join(member.value for member in kind)
        raise InputError(f"{name} is {value!r}; choose one of {choices}.") from None


def _check(name: str, value: Any, low: float, high: float) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    is_whole = isinstance(low, float) or isinstance(value, int)
    if not (is_number and is_whole and low <= value <= high):
        kind = "number" if isinstance(low, float) else "whole number"
        raise InputError(f"{name} is {value!r}; give a {kind} from {low:g} to {high:g}.")


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, StrEnum) else value
