"""How far along a project is: whether predictions have settled, and what more judgements bring.

Stored with a round; made into words by `advice_stopping`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.evaluation import codec
from core.evaluation.forecast import UNKNOWN, Forecast, Range
from core.evaluation.stopping import StoppingState

FEW = 10  # positives; below that a label's own figures are mostly chance
LABELS_IN_BRIEF = 5  # of the rarest, and of the weakest


@dataclass(frozen=True)
class LabelOutlook:
    """One label; None is undefined."""

    name: str
    n_present: int  # judged positives so far
    f1: float | None
    kappa: float | None  # of the last two rounds' predictions
    gain: Range  # of its F1, by the forecast's judgements


@dataclass(frozen=True)
class Outlook:
    """What a round knows of the way done and the way ahead."""

    agreement: StoppingState
    forecast: Forecast | None
    note: str  # why there is no forecast, where there is none
    n_labels: int
    n_few: int  # labels with fewer than `FEW` positives
    labels: tuple[LabelOutlook, ...]

    def in_brief(self) -> Outlook:
        """Only the labels worth a look: the rarest and the weakest, rarest first."""
        rarest = sorted(self.labels, key=lambda label: label.n_present)
        defined = [label for label in rarest if label.f1 is not None]
        weakest = sorted(defined, key=lambda label: label.f1 or 0.0)
        chosen = {label.name for label in [*rarest[:LABELS_IN_BRIEF], *weakest[:LABELS_IN_BRIEF]]}
        return replace(
            self,
            agreement=replace(self.agreement, kappas=()),
            forecast=self.forecast and replace(self.forecast, labels=()),
            labels=tuple(label for label in rarest if label.name in chosen),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data for storing; undefined is None."""
        stored: dict[str, Any] = codec.to_json(self)
        return stored

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Outlook:
        """Read back what `to_json` wrote."""
        return codec.from_json(cls, stored)


def label_outlooks(
    names: Sequence[str],
    n_present: Sequence[int],
    f1: Sequence[float | None],
    *,
    agreement: StoppingState,
    forecast: Forecast | None,
) -> tuple[LabelOutlook, ...]:
    """Put together what is known of each label, all in the order of `names`."""
    gains = [label.gain for label in forecast.labels] if forecast else [UNKNOWN] * len(names)
    return tuple(
        LabelOutlook(name, int(n), score, kappa, gain)
        for name, n, score, kappa, gain in zip(
            names, n_present, f1, agreement.kappas, gains, strict=True
        )
    )
