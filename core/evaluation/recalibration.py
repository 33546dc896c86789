"""Recalibration per label: which way of mending probabilities helps, tried on documents left out.

Four ways are compared with none: one temperature for all labels, and per label
Platt's sigmoid, Kull's beta map or an isotonic one. A label with few judgements
keeps the shared temperature. What is chosen is applied by `Recalibration.apply`;
what may be reported on the same documents comes from `nested_recalibration`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from core.domain import PRESENT, Proba, Truth
from core.evaluation.calibration import (
    MIN_DOCUMENTS,
    MIN_PER_STATE,
    SMALLEST_PROBA,
    TEMPERATURE_RANGE,
    Temperature,
    fit_temperature,
)
from core.evaluation.calibration_maps import MOST_STEPS, fit_maps
from core.evaluation.calibration_maps import Map as Map
from core.evaluation.calibration_maps import Method as Method
from core.evaluation.calibration_maps import fit_map as fit_map
from core.evaluation.counts import Floats, Mask, check_folds, check_shapes, usable_cells

ENOUGH_PER_STATE = 25  # present, and as many absent: two parameters fitted on fewer are noise
ENOUGH_FOR_ISOTONIC = 200  # judged cells: a step function follows chance in fewer
N_FOLDS = 5
N_HALVINGS = 30  # closer than float32 tells apart


@dataclass(frozen=True)
class LabelChoice:
    """What was tried for one label: log loss by method on documents left out; and why."""

    map: Map
    losses: dict[str, float]
    reason: str


@dataclass(frozen=True)
class Recalibration:
    """A temperature for all labels, and for some a map of their own instead.

    Without `labels` the temperature is all there is, as where labels exclude each other.
    """

    temperature: Temperature
    labels: tuple[LabelChoice, ...] = ()

    def apply(self, proba: Proba) -> Proba:
        """Mended probabilities (documents, labels); cells without one stay so."""
        shared = self.temperature.apply(proba)
        mended = shared.copy()
        for label, choice in enumerate(self.labels):
            if choice.map.method is not Method.TEMPERATURE:
                mended[:, label] = choice.map.apply(proba[:, label].astype(np.float64))
        return mended

    def undo(self, thresholds: Floats) -> Floats:
        """(labels,): the least raw probability that becomes a threshold or more; 1 if none does."""
        low = np.zeros((1, len(thresholds)), dtype=np.float32)
        high = np.ones_like(low)
        with np.errstate(divide="ignore"):
            for _ in range(N_HALVINGS):
                middle = ((low + high) / 2).astype(np.float32)
                reaches = self.apply(middle) >= thresholds.astype(np.float32)
                low, high = np.where(reaches, low, middle), np.where(reaches, middle, high)
        return np.asarray(high[0], dtype=np.float64)

    @property
    def is_own(self) -> Mask:
        """(labels,) which have a map of their own."""
        return np.array([one.map.method is not Method.TEMPERATURE for one in self.labels], bool)

    def to_json(self) -> dict[str, Any]:
        """Plain data for storing."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Read back what `to_json` wrote, or the one temperature of earlier versions."""
        if "temperature" not in stored:
            return cls(Temperature(**stored))
        return cls(
            Temperature(**stored["temperature"]),
            tuple(
                LabelChoice(
                    Map(Method(one["map"]["method"]), tuple(one["map"]["values"])),
                    one["losses"],
                    one["reason"],
                )
                for one in stored["labels"]
            ),
        )


@dataclass(frozen=True, eq=False)
class Nested:
    """A recalibration with what may be said of the documents it was chosen on.

    `mended` is (documents, labels), each fold by what the other folds chose.
    `within` is (folds, documents, labels): for each fold left out, the others, each
    by what the rest of them fitted; NaN in the fold itself. `folds` are those used,
    from 0.
    """

    chosen: Recalibration
    mended: Proba
    within: NDArray[np.float32]
    folds: NDArray[np.int64]


def recalibrate(
    proba: Proba, truth: Truth, *, methods: Sequence[Method] = tuple(Method), seed: int = 0
) -> Recalibration:
    """Choose for each label the way with the least log loss on documents left out.

    A label's own way must beat the shared temperature by one standard error of
    the difference, or the temperature stays: a tie goes to the simpler.

    Parameters
    ----------
    proba, truth : (documents, labels), of documents the model did not train on;
        cells unjudged or without a probability are left out.
    methods : which ways may be chosen; the shared temperature always may.
    seed : of the folds
    """
    check_shapes(proba, truth)
    folds = np.random.default_rng(seed).permutation(len(proba)) % N_FOLDS
    return _Trial(proba, truth, folds, methods, depth=1).choice()


def nested_recalibration(
    proba: Proba,
    truth: Truth,
    folds: NDArray[np.integer],
    *,
    methods: Sequence[Method] = tuple(Method),
    seed: int = 0,
) -> Nested:
    """Choose as `recalibrate` does, and for each fold on the other folds alone.

    Parameters
    ----------
    folds : (documents,) any integers; more than five are joined to five, and
        fewer are drawn anew by the seed.
    """
    check_shapes(proba, truth)
    check_folds(folds, len(proba))
    known, used = np.unique(folds, return_inverse=True)
    if len(known) < N_FOLDS:
        used = np.random.default_rng(seed).permutation(len(proba))
    used = used.astype(np.int64) % N_FOLDS
    trial = _Trial(proba, truth, used, methods, depth=2)
    chosen = trial.choice()
    return Nested(chosen, trial.mended.astype(proba.dtype), trial.within, used)


def cross_fitted_recalibration(
    proba: Proba, truth: Truth, folds: NDArray[np.integer], *, seed: int = 0
) -> Proba:
    """Mend each fold by what the other folds ask for, for reporting on these documents."""
    return nested_recalibration(proba, truth, folds, seed=seed).mended


class _Trial:
    """Everything fitted on the documents without one fold, and without two where it is nested.

    `left_out` lists the sets of folds: none, each, and (depth 2) each pair. A fit
    without some folds is judged on those: the fits without one say what to choose
    of all, those without two what to choose without one.
    """

    def __init__(
        self,
        proba: Proba,
        truth: Truth,
        folds: NDArray[np.int64],
        methods: Sequence[Method],
        *,
        depth: int,
    ) -> None:
        self.truth, self.folds, self.depth = truth, folds, depth
        self.proba = proba.astype(np.float64)
        self.usable, self.present = usable_cells(proba, truth), truth == PRESENT
        self.own = [one for one in Method if one in methods and one is not Method.TEMPERATURE]
        self.left_out = [
            frozenset(folds) for n in range(depth + 1) for folds in combinations(range(N_FOLDS), n)
        ]
        self.at = {folds: number for number, folds in enumerate(self.left_out)}
        self.keeps = np.array(
            [[fold not in out for fold in range(N_FOLDS)] for out in self.left_out]
        )  # (fits, folds)
        self.fit_without = np.array(  # (folds, folds): the fit without both, or without one
            [
                [self.at.get(frozenset({one, other}), -1) for other in range(N_FOLDS)]
                for one in range(N_FOLDS)
            ]
        )
        self.temperatures = _temperatures(proba, truth, self.keeps[:, folds])
        self.mended, self.within = self._by_temperature()

    def choice(self) -> Recalibration:
        """Choose for every label, filling in what may be reported of it."""
        labels = tuple(self._label(label) for label in range(self.proba.shape[1]))
        return Recalibration(self.temperatures[0], labels)

    def _by_temperature(self) -> tuple[Floats, NDArray[np.float32]]:
        mended = self.proba.copy()
        nested = self.depth > 1
        within = np.full((N_FOLDS if nested else 0, *self.proba.shape), np.nan, dtype=np.float32)
        for fold in range(N_FOLDS):
            inside = self.folds == fold
            mended[inside] = self.temperatures[self.fit_without[fold, fold]].apply(
                self.proba[inside]
            )
            for other in range(N_FOLDS) if nested else ():
                if other != fold:
                    temperature = self.temperatures[self.fit_without[other, fold]]
                    within[other, inside] = temperature.apply(self.proba[inside])
        return mended, within

    def _label(self, label: int) -> LabelChoice:
        rows = np.flatnonzero(self.usable[:, label])
        cells, present = self.proba[rows, label], self.present[rows, label]
        if reason := _too_thin(present):
            return LabelChoice(Map(Method.TEMPERATURE), {}, reason)
        column = _Column(self, cells, present, self.folds[rows])
        for fold in range(N_FOLDS) if self.depth > 1 else ():
            best, _, _ = column.choose(frozenset({fold}))
            if best is Method.TEMPERATURE:
                continue
            answers = column.answers[best]
            inside = column.folds == fold
            self.mended[rows[inside], label] = answers[self.fit_without[fold, fold], inside]
            fits = self.fit_without[fold, column.folds[~inside]]
            self.within[fold, rows[~inside], label] = answers[fits, np.flatnonzero(~inside)]
        best, losses, reason = column.choose(frozenset())
        return LabelChoice(column.maps[best][0], losses, reason)


class _Column:
    """One label's cells, and what every fit of every way makes of them."""

    def __init__(
        self, trial: _Trial, cells: Floats, present: Mask, folds: NDArray[np.int64]
    ) -> None:
        self.trial, self.present, self.folds = trial, present, folds
        parts = trial.keeps[:, folds]
        self.n_present = (parts & present).sum(axis=1)
        self.n_absent = (parts & ~present).sum(axis=1)
        scores = logit(np.clip(cells, SMALLEST_PROBA, 1 - SMALLEST_PROBA))
        by_temperature = np.array([1 / one.value for one in trial.temperatures])
        self.answers = {Method.TEMPERATURE: expit(by_temperature[:, None] * scores)}
        self.maps = {Method.TEMPERATURE: [Map(Method.TEMPERATURE)]}
        for method in trial.own:
            maps = fit_maps(method, cells, present, parts)
            self.maps[method] = maps
            self.answers[method] = np.array([one.apply(cells) for one in maps])
        self.losses = {
            method: _losses(answers, present) for method, answers in self.answers.items()
        }

    def choose(self, out: frozenset[int]) -> tuple[Method, dict[str, float], str]:
        """The best way without these folds: each other one is judged by a fit without it too."""
        at = self.trial.at[out]
        if reason := _thin(int(self.n_present[at]), int(self.n_absent[at])):
            return Method.TEMPERATURE, {}, reason
        rows = np.flatnonzero(self.trial.keeps[at, self.folds])
        fits = np.array([self.trial.at.get(out | {fold}, -1) for fold in range(N_FOLDS)])
        losses = {
            method: by_fit[fits[self.folds[rows]], rows]
            for method, by_fit in self.losses.items()
            if method is not Method.ISOTONIC or len(rows) >= ENOUGH_FOR_ISOTONIC
        }
        best = min(losses, key=lambda method: float(losses[method].mean()))
        gain = losses[Method.TEMPERATURE] - losses[best]
        told = {str(method): round(float(loss.mean()), 6) for method, loss in losses.items()}
        if best is Method.TEMPERATURE or gain.mean() <= gain.std(ddof=1) / np.sqrt(len(gain)):
            return Method.TEMPERATURE, told, "No way of its own is clearly better."
        return best, told, f"Clearly less surprise left than before ({best})."


def _temperatures(proba: Proba, truth: Truth, parts: Mask) -> list[Temperature]:
    """The temperature of each part of the documents, (parts, documents), as `fit_temperature`.

    Found from that of all by Newton's steps in the inverse temperature, in which the
    loss is convex.
    """
    whole = fit_temperature(proba, truth)
    found = [whole]
    usable, present = usable_cells(proba, truth), truth == PRESENT
    rows = np.nonzero(usable)[0]
    cells, states = proba[usable].astype(np.float64), present[usable]
    scores = logit(np.clip(cells, SMALLEST_PROBA, 1 - SMALLEST_PROBA))
    for part in parts[1:]:
        inside = part[rows]
        n_present = int(states[inside].sum())
        n_absent = int(inside.sum()) - n_present
        n_documents = int(usable[part].any(axis=1).sum())
        if n_documents < MIN_DOCUMENTS or min(n_present, n_absent) < MIN_PER_STATE:
            found.append(fit_temperature(proba[part], truth[part]))  # says why it is 1
            continue
        targets = np.where(states[inside], (n_present + 1) / (n_present + 2), 1 / (n_absent + 2))
        found.append(Temperature(_newton_temperature(scores[inside], targets, whole.value)))
    return found


def _newton_temperature(scores: Floats, targets: Floats, start: float) -> float:
    low, high = (1 / end for end in reversed(TEMPERATURE_RANGE))
    inverse, wanted = 1 / start, float(targets @ scores)
    for _ in range(MOST_STEPS):
        p = expit(inverse * scores)
        steep, bend = float(p @ scores) - wanted, float((p * (1 - p)) @ scores**2)
        step = np.clip(steep / max(bend, 1e-12), -inverse, inverse / 2)
        inverse = float(np.clip(inverse - step, low, high))
        if abs(step) < 1e-6 * inverse:
            break
    return 1 / inverse


def _too_thin(present: Mask) -> str | None:
    return _thin(int(present.sum()), int((~present).sum()))


def _thin(n_present: int, n_absent: int) -> str | None:
    if min(n_present, n_absent) >= ENOUGH_PER_STATE:
        return None
    return (
        f"{n_present} present and {n_absent} absent judgements are too few for a way of its "
        f"own; {ENOUGH_PER_STATE} of each do."
    )


def _losses(cells: Floats, present: Mask) -> Floats:
    p = np.clip(cells, SMALLEST_PROBA, 1 - SMALLEST_PROBA)
    losses: Floats = -np.log(np.where(present, p, 1 - p))
    return losses
