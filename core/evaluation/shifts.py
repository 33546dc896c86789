"""Whether labels kept their meaning while people judged: one that stops as another begins.

The order of judging is compared with a model that does not know it. What was
asked first and last differs, so only documents that were given about the same
probability are compared with each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from core.domain import PRESENT, UNJUDGED, Proba, Truth
from core.evaluation.counts import Floats, Mask, check_shapes, ratio
from core.evaluation.wording import listed

CUTS = (0.25, 0.5, 0.75)  # shares of the judged documents
STRATA = np.array([0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9])  # edges between probabilities
CHANCE = 0.001  # of one false alarm in a project where nothing changed
FEW = 8  # present judgements on its side: with fewer nothing has begun or stopped
TIMES_LIKELIER = 3.0  # than elsewhere, for the documents of two labels to be alike
LEAST_LIKELY = 0.1
STOPS = 0.5  # of its odds a label keeps, at most, to be said to stop


@dataclass(frozen=True)
class Renamed:
    """Two labels, one of which stops where the other begins, on texts that are alike.

    `at` counts the documents judged before; `labels` are columns.
    """

    before: int
    after: int
    at: int
    strength: float  # standard errors that the weaker of the two changes measures

    def sentence(self, names: tuple[str, ...]) -> str:
        """What it may mean, and what to do."""
        old, new = names[self.before], names[self.after]
        return (
            f"“{old}” stops after about {self.at:,} judged documents and “{new}” begins, on texts "
            "that are alike: they may be one label under two names. Merge them, or say in the "
            "guidelines where one ends."
        )


@dataclass(frozen=True)
class Shifted:
    """A label that was given more or less readily later on, to texts that look the same."""

    label: int
    at: int
    is_rarer: bool  # later
    strength: float

    def sentence(self, names: tuple[str, ...]) -> str:
        """What it may mean, and what to do."""
        how = "less" if self.is_rarer else "more"
        return (
            f"{listed([names[self.label]])} was given {how} readily after about {self.at:,} judged "
            "documents, to texts the model finds alike: its meaning may have moved. Look at its "
            "suspects, and write down what it means."
        )


def find_shifts(
    proba: Proba, truth: Truth, order: NDArray[np.integer]
) -> tuple[list[Renamed], list[Shifted]]:
    """Labels whose judgements changed in the course of judging, the clearest first.

    Each label's early and late judgements are compared within strata of the
    probability given to them, by the test of Cochran (1954) and Mantel and
    Haenszel (1959), at three moments; a change is told where chance would make
    one in a thousand projects tell any. A label that stops and one that begins are
    paired where the model, which cannot know the names apart, gives each to the
    documents of the other.

    Parameters
    ----------
    proba : (documents, labels), by models that did not see the document
    truth : (documents, labels)
    order : (documents,) anything that rises in the order of judging
    """
    check_shapes(proba, truth)
    n_documents, n_labels = truth.shape
    place = np.argsort(np.argsort(order, kind="stable"), kind="stable")
    limit = float(norm.isf(CHANCE / 2 / max(n_labels * len(CUTS), 1)))
    renamed: dict[tuple[int, int], Renamed] = {}
    shifted: dict[int, Shifted] = {}
    for share in CUTS:
        at = round(share * n_documents)
        early = place < at
        z = change(proba, truth, early)
        stops, begins = _stops(truth, early, z, limit), _stops(truth, ~early, -z, limit)
        for a in np.flatnonzero(stops):
            for b in np.flatnonzero(begins):
                if a != b and _are_alike(proba, truth, early, (int(a), int(b))):
                    strength = min(_strength(z[a]), _strength(z[b]))
                    _keep(renamed, (int(a), int(b)), Renamed(int(a), int(b), at, strength))
        for label in np.flatnonzero(np.abs(np.nan_to_num(z)) > limit):
            found = Shifted(int(label), at, bool(z[label] > 0), _strength(z[label]))
            _keep(shifted, int(label), found)
    paired = {label for one in renamed.values() for label in (one.before, one.after)}
    alone = [one for label, one in shifted.items() if label not in paired]
    return (
        sorted(renamed.values(), key=lambda one: -one.strength),
        sorted(alone, key=lambda one: -one.strength),
    )


def change(proba: Proba, truth: Truth, early: Mask) -> Floats:
    """Cochran-Mantel-Haenszel's z per label, (labels,): above 0, given more readily early on.

    NaN where a label was judged on one side alone, or always the same.
    """
    judged = (truth != UNJUDGED) & np.isfinite(proba)
    present = (truth == PRESENT) & judged
    stratum = np.searchsorted(STRATA, proba, side="right")
    surplus, spread = np.zeros(truth.shape[1]), np.zeros(truth.shape[1])
    for number in range(len(STRATA) + 1):
        here = judged & (stratum == number)
        n, m = here.sum(axis=0), (here & present).sum(axis=0)
        first = (here & early[:, None]).sum(axis=0)
        both = (here & present & early[:, None]).sum(axis=0)
        expected = np.nan_to_num(ratio(first * m, n))
        squared = n.astype(np.float64) ** 2 * (n - 1)
        surplus += both - expected
        spread += np.nan_to_num(ratio(first * (n - first) * 1.0 * m * (n - m), squared))
    return ratio(surplus, np.sqrt(spread))


def _stops(truth: Truth, before: Mask, z: Floats, limit: float) -> Mask:
    """(labels,) present often on this side, and hardly, or not even asked for, on the other."""
    present, judged = truth == PRESENT, truth != UNJUDGED
    n_here, n_there = present[before].sum(axis=0), present[~before].sum(axis=0)
    share_here = ratio(n_here, judged[before].sum(axis=0))
    share_there = np.nan_to_num(ratio(n_there, judged[~before].sum(axis=0)))
    is_unasked = judged[~before].sum(axis=0) < FEW
    is_less = (np.nan_to_num(z) > limit) & (share_there < STOPS * share_here)
    stops: Mask = (n_here >= FEW) & (is_less | is_unasked)
    return stops


def _are_alike(proba: Proba, truth: Truth, early: Mask, labels: tuple[int, int]) -> bool:
    """Whether the model gives each label to the documents of the other, across the cut."""
    a, b = labels
    has_a, has_b = truth[:, a] == PRESENT, truth[:, b] == PRESENT
    neither = ~has_a & ~has_b
    return _gives(proba[:, b], early & has_a, neither) and _gives(
        proba[:, a], ~early & has_b, neither
    )


def _gives(proba: NDArray[np.float32], documents: Mask, others: Mask) -> bool:
    known = np.isfinite(proba)
    here, there = proba[documents & known], proba[others & known]
    if not len(here):
        return False
    usual = float(there.mean()) if len(there) else 0.0
    return float(here.mean()) >= max(LEAST_LIKELY, TIMES_LIKELIER * usual)


def _strength(z: float) -> float:
    """Standard errors; of a label that was not asked for on one side, infinitely many."""
    return float("inf") if np.isnan(z) else abs(float(z))


def _keep(found: dict, key: object, one: Renamed | Shifted) -> None:  # type: ignore[type-arg]
    if key not in found or found[key].strength < one.strength:
        found[key] = one
