"""How many judgements of a round are probably wrong, in all and label by label."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from core.domain import UNJUDGED
from core.evaluation.answers import SuspectCounts
from core.evaluation.counts import ENOUGH_TO_MEASURE, usable_cells
from core.evaluation.outputs import EvaluationOutputs
from core.evaluation.suspects import askable, estimate_error_rates, find_suspects

IN_DOUBT = 0.5  # suspicion from which a judgement of the measured documents is in doubt


def suspects_by_label(
    label_ids: NDArray[np.int64], suspicion: NDArray[np.float64], names: Mapping[int, str]
) -> SuspectCounts:
    """Add up what a round wrote down, each array (cells,); labels without a name are retired."""
    known, at = np.unique(label_ids, return_inverse=True)
    expected = np.bincount(at, weights=suspicion, minlength=len(known))
    by_label = {
        names[int(label)]: float(n)
        for label, n in zip(known, expected, strict=True)
        if int(label) in names
    }
    return SuspectCounts(float(suspicion.sum()), len(suspicion), by_label)


def suspects_measured(outputs: EvaluationOutputs) -> SuspectCounts | None:
    """Look among the measured documents, for rounds that wrote nothing down.

    None where there are too few, or where no judgement can be doubted.
    """
    truth = askable(outputs.proba, outputs.truth, exclusive=outputs.exclusive).truth
    n_judged = int(usable_cells(outputs.proba, outputs.truth).any(axis=1).sum())
    if n_judged < ENOUGH_TO_MEASURE or not (truth != UNJUDGED).any():
        return None
    rates = estimate_error_rates(outputs.proba, truth)
    found = find_suspects(outputs.proba, truth, rates=rates)
    doubted = found.suspicion > IN_DOUBT
    return suspects_by_label(
        found.labels[doubted], found.suspicion[doubted], dict(enumerate(outputs.names))
    )
