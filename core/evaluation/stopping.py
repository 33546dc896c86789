"""Has the model settled? What successive rounds' predictions of the same documents say.

Four published criteria, made right for several labels: every (document, label)
is a decision of its own, and kappa is taken label by label. They look at
predictions alone, so they need no judgements; how good the predictions are, and
what to do about it, is not theirs to say. Undefined is NaN in arrays and None
in dataclasses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.domain import Proba
from core.errors import InputError
from core.evaluation import codec
from core.evaluation.counts import Floats, Mask, defined, mean_of_defined, predict, ratio

WINDOW = 3  # comparisons that have to agree, so four rounds
SETTLED_KAPPA = 0.99  # Bloodgood and Vijay-Shanker (2009)
SETTLED_CHANGE = 0.01  # of the cells; Zhu et al. (2008) ask for none, which no pool ever reaches
SETTLED_UNCERTAINTY = 0.05  # Zhu et al. (2008)
SETTLED_DELTA_F = 0.05  # Altschuler and Bloodgood (2019)


STOP_SET = 2000  # documents, as Bloodgood and Vijay-Shanker (2009) found enough


class Criterion(StrEnum):
    """What is looked at."""

    KAPPA = "kappa"
    CHANGE = "change"
    UNCERTAINTY = "uncertainty"
    DELTA_F = "delta_f"


LIMITS = {  # from where a criterion counts as settled, and the comparisons it takes
    Criterion.KAPPA: (SETTLED_KAPPA, WINDOW),
    Criterion.CHANGE: (SETTLED_CHANGE, 1),
    Criterion.UNCERTAINTY: (SETTLED_UNCERTAINTY, 0),
    Criterion.DELTA_F: (SETTLED_DELTA_F, WINDOW),
}


@dataclass(frozen=True, eq=False)
class Predicted:
    """One round's predictions of the stop set, both (documents, labels).

    `known` is false where the round gave no probability: a label never judged
    before it, or one added since. What is unknown on either side is not compared.
    """

    present: Mask
    known: Mask

    @classmethod
    def cut(cls, proba: Proba, threshold: float) -> Predicted:
        """Predict from probabilities; NaN is unknown."""
        return cls(present=predict(proba, threshold), known=np.isfinite(proba))


def kappa_per_label(before: Predicted, now: Predicted) -> Floats:
    """Cohen's kappa of two successive predictions, label by label: (labels,).

    After Bloodgood and Vijay-Shanker (2009), "A method for stopping active
    learning based on stabilizing predictions". A label that both predict for
    every document, or both for none, has no kappa (0 / 0): NaN, for predicting
    nothing twice says nothing about having learnt the label.
    """
    both = _compared(before, now)
    n = both.sum(axis=0)
    agree = ratio((both & (before.present == now.present)).sum(axis=0), n)
    p, q = (ratio((both & side.present).sum(axis=0), n) for side in (before, now))
    by_chance = p * q + (1 - p) * (1 - q)
    constant = (p == q) & ((p == 0) | (p == 1))
    return ratio(agree - by_chance, np.where(constant, 0.0, 1 - by_chance))


def classification_change(before: Predicted, now: Predicted) -> float:
    """Share of the cells that changed sides, 0 to 1; NaN where none can be compared.

    After Zhu, Wang and Hovy (2008), "Multi-criteria-based strategy to stop
    active learning for data annotation", who count documents; counting whole
    rows would be stricter the more labels there are.
    """
    both = _compared(before, now)
    return float(ratio((both & (before.present != now.present)).sum(), both.sum()))


def delta_f(before: Predicted, now: Predicted) -> float:
    """Predicted change of micro-F1, 0 to 1; NaN where neither predicts anything.

    After Altschuler and Bloodgood (2019), "Stopping active learning based on
    predicted change of F measure for text classification": 1 - 2a / (2a + b + c)
    with a the cells both predict present, b and c those only one does. Theirs
    is for one label; here the cells of all labels are counted together.
    """
    both = _compared(before, now)
    a = (both & before.present & now.present).sum()
    b = (both & before.present & ~now.present).sum()
    c = (both & ~before.present & now.present).sum()
    return float(1 - ratio(2 * a, 2 * a + b + c))


def overall_uncertainty(proba: Proba) -> float:
    """Mean entropy in bits, 0 to 1, each cell its own Bernoulli; NaN where there are none.

    Zhu et al. (2008) normalise the entropy of one distribution over all
    classes, which several labels on a document do not share.
    """
    p = proba[np.isfinite(proba)].astype(np.float64)
    q = 1 - p
    bits = np.zeros_like(p)
    for side in (p, q):
        np.subtract(bits, side * np.log2(side, where=side > 0, out=np.zeros_like(p)), out=bits)
    return float(ratio(bits.sum(), bits.size))


def stop_set(document_ids: NDArray[np.int64], *, n: int = STOP_SET) -> NDArray[np.int64]:
    """Positions of the documents to compare predictions on, in the given order.

    Those with the smallest hash of their id: as good as drawn at random, and
    nearly the same ones after more documents have come.
    """
    mixed = document_ids.astype(np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # splitmix64's
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return np.sort(np.argsort(mixed, kind="stable")[:n])


def _compared(before: Predicted, now: Predicted) -> Mask:
    if before.present.shape != now.present.shape:
        raise InputError(
            f"Predictions of shape {before.present.shape} and {now.present.shape} cannot be "
            "compared; both have to be of the same documents and labels."
        )
    both: Mask = before.known & now.known
    return both


@dataclass(frozen=True)
class Reading:
    """One criterion: its value (None is undefined), and from where it counts as settled.

    `n_steps` is the number of successive comparisons the value is made of.
    """

    criterion: Criterion
    value: float | None
    limit: float
    n_steps: int
    n_steps_needed: int

    @property
    def is_met(self) -> bool:
        """Whether enough comparisons are on the settled side; undefined is not."""
        if self.value is None or self.n_steps < self.n_steps_needed:
            return False
        if self.criterion is Criterion.KAPPA:
            return self.value >= self.limit
        return self.value < self.limit


@dataclass(frozen=True)
class StoppingState:
    """What the latest rounds say about the stop set.

    `n_known` says how many judgements each compared round knew, oldest first;
    kappa, change and delta F look at the last `WINDOW` steps between them.
    """

    n_documents: int
    n_labels: int  # that every compared round gives a probability
    n_known: tuple[int, ...]
    readings: tuple[Reading, ...]
    kappas: tuple[float | None, ...]  # per label, of the last step

    @property
    def n_steps(self) -> int:
        """Comparisons made."""
        return max(len(self.n_known) - 1, 0)

    def reading(self, criterion: Criterion) -> Reading:
        """One criterion's reading."""
        return next(r for r in self.readings if r.criterion is criterion)

    @property
    def is_settled(self) -> bool:
        """Whether both criteria that look at positives are met.

        Few changes and low entropy are met from the start where most labels
        are absent from most documents, so they alone say nothing.
        """
        return all(self.reading(c).is_met for c in (Criterion.KAPPA, Criterion.DELTA_F))

    def to_json(self) -> dict[str, Any]:
        """Plain data for storing; undefined is None."""
        stored: dict[str, Any] = codec.to_json(self)
        return stored

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> StoppingState:
        """Read back what `to_json` wrote."""
        return codec.from_json(cls, stored)


def stopping_state(
    rounds: Sequence[Predicted], *, n_known: Sequence[int], proba: Proba
) -> StoppingState:
    """Compare successive rounds on the stop set.

    Parameters
    ----------
    rounds : oldest first, of the same documents and labels; the last is the latest
    n_known : judgements each of them knew
    proba : (documents, labels) the latest round's calibrated probabilities
    """
    steps = list(pairwise(rounds))[-WINDOW:]
    kappas = [kappa_per_label(*step) for step in steps]
    mean_kappas = np.array([mean_of_defined(kappa) for kappa in kappas])
    changes = np.array([classification_change(*step) for step in steps])
    deltas = np.array([delta_f(*step) for step in steps])
    last = kappas[-1] if kappas else np.full(proba.shape[1], np.nan)
    known: Mask = np.logical_and.reduce([r.known for r in rounds])
    return StoppingState(
        n_documents=len(proba),
        n_labels=int(known.any(axis=0).sum()),
        n_known=tuple(int(n) for n in n_known),
        readings=(
            _reading(Criterion.KAPPA, mean_kappas.mean() if steps else np.nan, len(steps)),
            _reading(Criterion.CHANGE, _largest(changes), len(steps)),
            _reading(Criterion.UNCERTAINTY, overall_uncertainty(proba), len(steps)),
            _reading(Criterion.DELTA_F, _largest(deltas), len(steps)),
        ),
        kappas=tuple(defined(float(kappa)) for kappa in last),
    )


def _largest(values: Floats) -> float:
    return float(values.max()) if len(values) else float("nan")


def _reading(criterion: Criterion, value: float, n_steps: int) -> Reading:
    limit, needed = LIMITS[criterion]
    return Reading(criterion, defined(float(value)), limit, n_steps, needed)
