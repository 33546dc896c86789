"""How far the probabilities of one label, or of all, can be believed, and in which way not.

A gap counts only where it is larger than chance gives on as many documents: a
faultless model has a calibration error too, of nothing but luck. In words it is
told by `advice_calibration`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from core.domain import Proba, Truth
from core.evaluation.counts import Floats, ratio
from core.evaluation.decomposition import BrierParts, brier_parts
from core.evaluation.intervals import normal_quantile
from core.evaluation.outputs import EvaluationOutputs
from core.evaluation.reliability import (
    N_BINS,
    BinKind,
    JudgedCells,
    Reliability,
    adaptive_calibration_error,
    bin_of,
    binned_cells,
    effective_cells,
    expected_calibration_error,
    judged_cells,
    maximum_calibration_error,
    mean_log_loss,
)
from core.evaluation.tendency import Tendency, tendency_of
from core.evaluation.wording import FEW_POSITIVES

MIN_DOCUMENTS = 20  # as for fitting a temperature
CELLS_PER_BIN = 10  # fewer bins rather than thinner ones
BELIEVABLE_ECE = 0.03
SURE_ENOUGH = 2.58  # standard errors: one faultless model in a hundred is accused
NARROW = 0.01  # share of the question's variance that the probabilities span
RANKED = 0.7  # area under the ROC curve from which an order is worth using
STEEP = 1.5  # stretched so much, what is surely off is off in that direction
N_DRAWS = 400


class Verdict(StrEnum):
    """What is wrong with probabilities, the first that holds."""

    THIN = "too few to tell"
    COLLAPSED = "all nearly the same"
    PEAKED = "close together, in the right order"
    HIGH = "too high"
    LOW = "too low"
    OVERCONFIDENT = "overconfident"
    UNDERCONFIDENT = "underconfident"
    UNEVEN = "off in no one direction"
    BELIEVED = "believable"


@dataclass(frozen=True, eq=False)
class Belief:
    """One label's probabilities, or those of all labels, held against the judgements."""

    label: int | None
    n_documents: int
    n_cells: int
    n_present: int
    binned: Reliability
    ece: float
    ece_by_chance: float  # what a faultless model stays below 19 times in 20
    adaptive_ece: float
    largest_gap: float
    brier: BrierParts
    log_loss: float
    tendency: Tendency
    mean_predicted: float
    auc: float  # of all labels: their mean; NaN without both states
    verdict: Verdict


@dataclass(frozen=True, eq=False)
class Compared:
    """As reported, and before calibration where that is known."""

    after: Belief
    before: Belief | None


def compared(
    outputs: EvaluationOutputs, label: int | None = None, *, kind: BinKind = "equal_width"
) -> Compared:
    """The measured documents' probabilities, before and after calibration."""
    raw = outputs.raw
    differs = raw is not None and not np.array_equal(raw, outputs.proba, equal_nan=True)
    return Compared(
        after=belief(outputs.proba, outputs.truth, label=label, kind=kind, seed=outputs.seed),
        before=(
            belief(raw, outputs.truth, label=label, kind=kind, seed=outputs.seed)
            if raw is not None and differs
            else None
        ),
    )


def belief(
    proba: Proba,
    truth: Truth,
    *,
    label: int | None = None,
    kind: BinKind = "equal_width",
    seed: int = 0,
    among: int = 1,
) -> Belief:
    """Hold probabilities against judgements, on cells that are judged and have one.

    Parameters
    ----------
    proba, truth : (documents, labels); cells unjudged or without a probability are left out.
    label : this one alone; None: all together
    kind : of the bins; with few cells there are fewer than ten
    seed : of the faultless models that say what chance gives
    among : of how many this is one: of many faultless ones some would be accused
    """
    cells = judged_cells(proba, truth, label)
    n_bins = int(np.clip(len(cells) // CELLS_PER_BIN, 1, N_BINS))
    binned = binned_cells(cells, n_bins=n_bins, kind=kind)
    tendency, auc = tendency_of(cells), _auc(cells)
    ece, by_chance = expected_calibration_error(binned), _ece_by_chance(cells, binned, seed)
    if label is None:
        adaptive = adaptive_calibration_error(proba, truth, n_bins=n_bins)
    else:
        in_mass = binned_cells(cells, n_bins=n_bins, kind="equal_mass")
        adaptive = expected_calibration_error(in_mass)
    return Belief(
        label=label,
        n_documents=cells.n_documents,
        n_cells=len(cells),
        n_present=int(cells.present.sum()),
        binned=binned,
        ece=ece,
        ece_by_chance=by_chance,
        adaptive_ece=adaptive,
        largest_gap=maximum_calibration_error(binned),
        brier=brier_parts(cells, binned),
        log_loss=mean_log_loss(cells),
        tendency=tendency,
        mean_predicted=float(ratio(cells.proba.sum(), len(cells))),
        auc=auc,
        verdict=_verdict(
            cells, tendency, auc=auc, ece=ece, by_chance=by_chance, sure=_sure_enough(among)
        ),
    )


def beliefs_by_label(proba: Proba, truth: Truth, *, seed: int = 0) -> list[Belief]:
    """Every label on its own, in bins of equal mass."""
    return [
        belief(proba, truth, label=label, kind="equal_mass", seed=seed, among=proba.shape[1])
        for label in range(proba.shape[1])
    ]


def _verdict(
    cells: JudgedCells,
    tendency: Tendency,
    *,
    auc: float,
    ece: float,
    by_chance: float,
    sure: float,
) -> Verdict:
    n_present = int(cells.present.sum())
    if cells.n_documents < MIN_DOCUMENTS or min(n_present, len(cells) - n_present) < FEW_POSITIVES:
        return Verdict.THIN
    if _span(cells) < NARROW:
        return Verdict.PEAKED if auc >= RANKED else Verdict.COLLAPSED
    share = n_present / len(cells)
    if ece > min(BELIEVABLE_ECE, max(0.005, share / 4)):
        if abs(tendency.slope - 1) > sure * tendency.slope_error:
            return Verdict.OVERCONFIDENT if tendency.slope < 1 else Verdict.UNDERCONFIDENT
        if abs(tendency.bias) > sure * tendency.bias_error:
            return Verdict.HIGH if tendency.bias > 0 else Verdict.LOW
    if ece > BELIEVABLE_ECE and ece > 1.5 * by_chance:
        if tendency.slope < 1 / STEEP:
            return Verdict.OVERCONFIDENT
        return Verdict.UNDERCONFIDENT if tendency.slope > STEEP else Verdict.UNEVEN
    return Verdict.BELIEVED


def _sure_enough(among: int) -> float:
    """Standard errors beyond which a gap is no chance, one accused in twenty times so many."""
    return max(SURE_ENOUGH, normal_quantile(1 - 0.05 / max(among, 1)))


def _usual(cells: JudgedCells) -> Floats:
    """(labels,) the share of each label's cells that are present."""
    return ratio(np.bincount(cells.label, weights=cells.present), np.bincount(cells.label))


def _span(cells: JudgedCells) -> float:
    """Variance of the probabilities within labels, as a share of the judgements' own."""
    n = np.bincount(cells.label)
    mean = ratio(np.bincount(cells.label, weights=cells.proba), n)
    share = _usual(cells)
    spread = ((cells.proba - mean[cells.label]) ** 2).sum()
    return float(ratio(spread, np.nansum(n * share * (1 - share))))


def _auc(cells: JudgedCells) -> float:
    """How often a present cell stands above an absent one of the same label, mean over labels."""
    order = np.argsort(cells.label, kind="stable")
    starts = np.flatnonzero(np.diff(cells.label[order])) + 1
    found = []
    for part in np.split(order, starts):
        present = cells.present[part]
        n_present, n_absent = int(present.sum()), int((~present).sum())
        if n_present and n_absent:
            _, place, ties = np.unique(cells.proba[part], return_inverse=True, return_counts=True)
            ranks = (np.cumsum(ties) - (ties - 1) / 2)[place]
            above = ranks[present].sum() - n_present * (n_present + 1) / 2
            found.append(above / (n_present * n_absent))
    return float(np.mean(found)) if found else float("nan")


def _ece_by_chance(cells: JudgedCells, binned: Reliability, seed: int) -> float:
    """The calibration error that a model faultless on these probabilities stays below, 19 in 20.

    Judgements are drawn anew from the probabilities (Bröcker and Smith 2007), as
    many in each bin as its cells tell as much as.
    """
    filled = binned.count > 0
    if not filled.any():
        return float("nan")
    bins = bin_of(cells.proba, binned.edges)
    effective = effective_cells(cells, bins, len(binned.count))[filled]
    predicted = np.clip(binned.mean_predicted[filled], 0, 1)
    trials = np.maximum(np.round(effective), 1).astype(np.int64)
    drawn = np.random.default_rng(seed).binomial(trials, predicted, size=(N_DRAWS, len(trials)))
    weights = binned.count[filled] / len(cells)
    return float(np.quantile((np.abs(drawn / trials - predicted) * weights).sum(axis=1), 0.95))
