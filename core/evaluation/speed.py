"""How fast somebody judged: rates over active time, and the time that half the documents took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

import numpy as np

IDLE_S = 300  # a longer pause was not spent reading one document, so no more of it counts


class Seconds(NamedTuple):
    """Documents that took about as many seconds."""

    seconds: float
    n: float
    n_labels: float
    total_s: float
    n_capped: float


@dataclass(frozen=True)
class Speed:
    """What one annotator did on one day of UTC, or on all days where `day` is None.

    `n_capped` are documents that took longer than `IDLE_S`, whose time counts
    as that much. Rates are None where no time passed.
    """

    day: date | None
    annotator: str
    n_documents: int  # judged, each as often as it was handed in
    n_labels: int  # found present in them
    active_s: float
    n_capped: int
    median_s: float  # to the second
    bins: tuple[Seconds, ...] = field(default=(), repr=False)

    @property
    def documents_per_hour(self) -> float | None:
        """Of active time."""
        return self.n_documents / self.active_s * 3600 if self.active_s else None

    @property
    def labels_per_hour(self) -> float | None:
        """Of active time."""
        return self.n_labels / self.active_s * 3600 if self.active_s else None


def over_all_days(speeds: Sequence[Speed]) -> list[Speed]:
    """One entry per annotator, who did most first."""
    bins: dict[str, list[Seconds]] = defaultdict(list)
    for speed in speeds:
        bins[speed.annotator].extend(speed.bins)
    totals = [speed_of(of, name, None) for name, of in bins.items()]
    return sorted(totals, key=lambda speed: -speed.n_documents)


def speed_of(bins: Sequence[Seconds], annotator: str, day: date | None) -> Speed:
    """Add up documents binned by their seconds."""
    bins = sorted(bins)
    n = int(sum(one.n for one in bins))
    below = np.cumsum([one.n for one in bins])
    middle = [int(np.searchsorted(below, place, side="right")) for place in ((n - 1) // 2, n // 2)]
    return Speed(
        day=day,
        annotator=annotator,
        n_documents=n,
        n_labels=int(sum(one.n_labels for one in bins)),
        active_s=sum(one.total_s for one in bins),
        n_capped=int(sum(one.n_capped for one in bins)),
        median_s=sum(bins[at].seconds for at in middle) / 2,
        bins=tuple(bins),
    )
