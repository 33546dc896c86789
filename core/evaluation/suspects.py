"""Which judgements are probably wrong: those a model that did not see them finds unlikely.

A suspicion is per (document, label). It orders a queue in which people confirm or
flip; nothing is changed by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.domain import ABSENT, PRESENT, UNJUDGED, Proba, Truth
from core.errors import InputError
from core.evaluation.counts import Counts, Floats, Mask, check_shapes, usable_cells
from core.evaluation.wording import FEW_POSITIVES

USUAL_ERROR_RATE = 0.05  # of judgements: what careful annotators leave
HIGHEST_RATE = 0.1  # more is rather a label the model does not understand than a mistake
ONE_IN_TWENTY = 1.645  # standard errors, on one side
PRIOR_LABELS = 20  # present labels that the usual rate counts as, beside those that were judged


@dataclass(frozen=True)
class ErrorRates:
    """How often a label that applies was left out, and one that does not was given."""

    left_out: float = USUAL_ERROR_RATE  # share of the truly present judged absent
    given: float = USUAL_ERROR_RATE  # share of the truly absent judged present

    def __post_init__(self) -> None:
        for rate in (self.left_out, self.given):
            if not 0 < rate < 1:
                raise InputError(
                    f"An error rate of {rate:g} is no share; give one between 0 and 1."
                )


@dataclass(frozen=True, eq=False)
class Suspects:
    """Judged cells, the most suspect first; each array (cells,).

    rows, labels : where the cell stands in the matrices given
    suspicion : probability that the judgement is wrong
    is_present : what was judged
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    suspicion: Floats
    is_present: Mask

    def __len__(self) -> int:
        return len(self.rows)


def estimate_error_rates(proba: Proba, truth: Truth) -> ErrorRates:
    """How often either mistake is made, from the half of the cells the model is surest of.

    Half as many cells as were judged absent, those with the least probability, tell
    how often a label is given that does not apply; half as many as were judged
    present, those with the most, how often one that applies is left out. Where the
    model is sure, a contradiction is rather a mistake; elsewhere it is rather a hard
    text. Cells of equal probability count by their share. Both rates lean on the usual
    one while judgements are few, and stay between a ten-thousandth and a tenth.

    Parameters
    ----------
    proba, truth : (documents, labels), as for `find_suspects`
    """
    check_shapes(proba, truth)
    usable = usable_cells(proba, truth)
    chance, present = proba[usable].astype(np.float64), truth[usable] == PRESENT
    n_present, n_absent = int(present.sum()), int((~present).sum())
    if not n_present or not n_absent:
        return ErrorRates()
    given = n_absent * _share_of_first(present, chance, n_absent / 2)
    left_out = n_present * _share_of_first(~present, -chance, n_present / 2)
    prior, share = PRIOR_LABELS * USUAL_ERROR_RATE, PRIOR_LABELS / n_present
    return ErrorRates(
        left_out=_bounded((left_out + prior) / (n_present + PRIOR_LABELS)),
        given=_bounded((given + prior) / (n_absent + share * n_absent)),
    )


def _share_of_first(is_contradicted: Mask, order: Floats, n: float) -> float:
    """The share among the first `n` cells; ties at the end count by their own share."""
    values, at = np.unique(order, return_inverse=True)
    n_of = np.bincount(at, minlength=len(values))
    n_contradicted = np.bincount(at, weights=is_contradicted, minlength=len(values))
    taken = np.clip(n - (np.cumsum(n_of) - n_of), 0, n_of)
    return float((n_contradicted * taken / n_of).sum() / n)


def _bounded(rate: float) -> float:
    return float(min(max(rate, 1e-4), HIGHEST_RATE))


def find_suspects(
    proba: Proba,
    truth: Truth,
    *,
    rates: ErrorRates | None = None,
    most: int | None = None,
) -> Suspects:
    """Order judged cells by how probably they are wrong.

    Where a label is present with probability p, a share g of absent labels was
    given by mistake and a share l of present ones left out, a judgement "present"
    is wrong with probability g(1-p) / (g(1-p) + (1-l)p), and "absent" with
    lp / (lp + (1-g)(1-p)). Among judgements of one kind the order is that of p,
    whatever the rates; they decide how the two kinds are merged.

    Parameters
    ----------
    proba : (documents, labels), calibrated, by models that did not see the
        document; cells without one are left out.
    truth : (documents, labels); unjudged cells are left out.
    rates : of both kinds of mistake; the usual one for both unless given
    most : how many cells, all unless given; ties stay in the order of documents
    """
    check_shapes(proba, truth)
    rates = rates or ErrorRates()
    rows, labels = np.nonzero(usable_cells(proba, truth))
    present = truth[rows, labels] == PRESENT
    suspicion = chance_of_error(proba[rows, labels], present, rates)
    order = np.argsort(-suspicion, kind="stable")[:most]
    return Suspects(
        rows=rows[order],
        labels=labels[order],
        suspicion=suspicion[order],
        is_present=present[order],
    )


def chance_of_error(proba: NDArray[np.floating], is_present: Mask, rates: ErrorRates) -> Floats:
    """The probability that each judgement is wrong, as `find_suspects` has it; all (cells,)."""
    p = proba.astype(np.float64)
    wrong = np.where(is_present, rates.given * (1 - p), rates.left_out * p)
    right = np.where(is_present, (1 - rates.left_out) * p, (1 - rates.given) * (1 - p))
    chance: Floats = wrong / (wrong + right)
    return chance


def only_applied(truth: Truth) -> Truth:
    """Of exclusive labels, the judgements that can be wrong by themselves: those of what applies.

    Where a document has its one label, the absence of the others follows from it.
    """
    has_one = (truth == PRESENT).any(axis=1)[:, None]
    return np.where(has_one & (truth == ABSENT), UNJUDGED, truth).astype(np.int8)


@dataclass(frozen=True, eq=False)
class Askable:
    """The judgements that a model can doubt, (documents, labels), and how many others it cannot.

    n_rare : judged present of labels with too few other documents, `n_rare_labels` of them
    """

    truth: Truth
    n_rare: int
    n_rare_labels: int


def askable(proba: Proba, truth: Truth, *, exclusive: bool = False) -> Askable:
    """Leave out the judgements about which the model's surprise says nothing.

    Those of labels that it does not rank above chance (`understood`); where labels
    exclude each other, those that follow from the one that applies (`only_applied`);
    and the present ones of labels judged present in fewer than five other documents:
    a model that did not see this one cannot know them, right or wrong.
    """
    usable = usable_cells(proba, truth)
    judged = only_applied(truth) if exclusive else truth
    is_rare = ((truth == PRESENT) & usable).sum(axis=0) <= FEW_POSITIVES
    rare = is_rare & (judged == PRESENT) & usable
    known = understood(proba, truth) & usable & ~rare
    return Askable(
        truth=np.where(known, judged, UNJUDGED).astype(np.int8),
        n_rare=int(rare.sum()),
        n_rare_labels=int(rare.any(axis=0).sum()),
    )


def understood(proba: Proba, truth: Truth) -> Mask:
    """Which labels the model can speak of, (labels,): it ranks present above absent.

    By the rank sum of Mann and Whitney (1947), beyond what chance does in one of
    twenty. What a model without a clue contradicts is no mistake; so it is with a
    label of two or three examples, whatever they are.
    """
    check_shapes(proba, truth)
    from scipy.stats import rankdata  # slow to import, wanted by the worker only

    usable = usable_cells(proba, truth)
    known = np.zeros(proba.shape[1], dtype=np.bool_)
    for label in range(proba.shape[1]):
        cells = usable[:, label]
        present = truth[cells, label] == PRESENT
        n, m = int(present.sum()), int((~present).sum())
        if n and m:
            surplus = rankdata(proba[cells, label])[present].sum() - n * (n + m + 1) / 2
            known[label] = surplus > ONE_IN_TWENTY * np.sqrt(n * m * (n + m + 1) / 12)
    return known


def expected_wrong(suspects: Suspects, n_labels: int) -> Floats:
    """How many judgements of each label are probably wrong, (labels,)."""
    return np.bincount(suspects.labels, weights=suspects.suspicion, minlength=n_labels).astype(
        np.float64
    )


def conflicting_copies(pairs: NDArray[np.int64], truth: Truth) -> tuple[NDArray[np.int64], Counts]:
    """Which pairs of near-copies were judged differently, and on how many labels.

    Parameters
    ----------
    pairs : (pairs, 2) of rows of `truth`
    truth : (documents, labels); only labels judged in both documents can conflict

    Returns
    -------
    conflicting, n_labels : the pairs that do, (conflicts, 2), the most labels first.
    """
    first, second = truth[pairs[:, 0]], truth[pairs[:, 1]]
    n_differing = ((first >= 0) & (second >= 0) & (first != second)).sum(axis=1)
    order = np.argsort(-n_differing, kind="stable")
    order = order[n_differing[order] > 0]
    return pairs[order], n_differing[order].astype(np.int64)
