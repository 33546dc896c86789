"""Which judgements are probably wrong: those a model that did not see them finds unlikely.

A suspicion is per (document, label). It orders a queue in which people confirm or
flip; nothing is changed by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.domain import ABSENT, PRESENT, Proba, Truth
from core.errors import InputError
from core.evaluation.counts import Counts, Floats, Mask, check_shapes, usable_cells

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
    """How often either mistake is made, from judgements the model contradicts with confidence.

    The confident joint of Northcutt, Jiang and Chuang (2021) over all labels
    together: a cell counts as truly present when its probability reaches the mean
    of those judged present, as truly absent when that of being absent does
    likewise. Both rates lean on the usual one while judgements are few, and stay
    between a ten-thousandth and a tenth.

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
    is_there = chance >= chance[present].mean()
    is_gone = (1 - chance) >= (1 - chance[~present]).mean()
    given = n_present * _share(present & is_gone, present & is_there)
    left_out = n_absent * _share(~present & is_there, ~present & is_gone)
    prior, share = PRIOR_LABELS * USUAL_ERROR_RATE, PRIOR_LABELS / n_present
    truly_present, truly_absent = n_present - given + left_out, n_absent - left_out + given
    return ErrorRates(
        left_out=_bounded((left_out + prior) / (truly_present + PRIOR_LABELS)),
        given=_bounded((given + prior) / (truly_absent + share * n_absent)),
    )


def _share(some: Mask, others: Mask) -> float:
    n_some, n_others = int(some.sum()), int(others.sum())
    return n_some / (n_some + n_others) if n_some else 0.0


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
    return np.where(has_one & (truth == ABSENT), -1, truth).astype(np.int8)


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
