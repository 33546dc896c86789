"""What the histograms of probabilities by true state suggest."""

from __future__ import annotations

import numpy as np

from core.evaluation.per_label import ProbabilityHistogram
from core.evaluation.report import Evaluation
from core.evaluation.wording import FEW_POSITIVES, NOTHING_MEASURED, caution

RANGE_UNDECIDED = (0.3, 0.7)
HALF = 0.5  # where one label applies, it is more probable than all others together
ALIKE = 0.9  # of the two histograms' mass in common


def what_it_suggests_probability_histograms(
    evaluation: Evaluation, label: str | int | None = None
) -> str:
    """What the histogram of one label, or of all cells, suggests."""
    if evaluation.n_documents == 0:
        return NOTHING_MEASURED
    if label is None:
        chosen, whose = evaluation.histogram, "any label"
    else:
        position = evaluation.position_of(label)
        chosen, whose = evaluation.histograms[position], f"“{evaluation.names[position]}”"
    n_present, n_absent = int(chosen.present.sum()), int(chosen.absent.sum())
    if n_present == 0 or n_absent == 0:
        missing = "present" if n_present == 0 else "absent"
        return f"Nothing was judged {missing} for {whose}, so there is nothing to tell apart yet."

    if is_alike(chosen):
        return caution(evaluation) + (
            "Present and absent have the same probabilities, so the model does not tell them "
            "apart yet; judge more documents of both kinds, or say more clearly what is meant."
        )
    lower_edges = np.arange(len(chosen.present)) / len(chosen.present)
    cut = HALF if evaluation.exclusive else evaluation.threshold
    above = lower_edges >= cut - 1e-9
    found = float(chosen.present[above].sum() / n_present)
    alarms = float(chosen.absent[above].sum() / n_absent)
    undecided = (lower_edges >= RANGE_UNDECIDED[0]) & (lower_edges < RANGE_UNDECIDED[1])
    torn = float((chosen.present + chosen.absent)[undecided].sum() / (n_present + n_absent))
    return caution(evaluation) + _on_separation(found, alarms, torn, evaluation)


def _on_separation(found: float, alarms: float, torn: float, evaluation: Evaluation) -> str:
    exclusive = evaluation.exclusive
    where = f"above {HALF}" if exclusive else f"above the threshold of {evaluation.threshold:.2f}"
    if found < 0.1:
        return f"Hardly any present cell lies {where}: " + (
            "judge on." if exclusive else "look at the threshold sweep before judging more."
        )
    if torn > 0.5:
        return (
            f"{torn:.0%} of probabilities lie between {RANGE_UNDECIDED[0]} and "
            f"{RANGE_UNDECIDED[1]}: the model is still undecided, and documents it is unsure of "
            "are the ones to judge next."
        )
    if found >= 0.8 and alarms <= 0.05:
        return (
            f"Present and absent are well apart: {found:.0%} of the present and {alarms:.0%} of "
            f"the absent lie {where}."
        )
    if found < 0.5:
        return (
            f"Only {found:.0%} of the present lie {where}: look at those far left, "
            "they are either missed by the model or misjudged."
        )
    return (
        f"{found:.0%} of the present and {alarms:.0%} of the absent lie {where}: the "
        "overlap in between is where further judgements help most."
    )


def is_alike(histogram: ProbabilityHistogram) -> bool:
    """Whether what is present and what is absent got nearly the same probabilities."""
    n_present, n_absent = int(histogram.present.sum()), int(histogram.absent.sum())
    if min(n_present, n_absent) < FEW_POSITIVES:
        return False
    shares = histogram.present / n_present, histogram.absent / n_absent
    return float(np.minimum(*shares).sum()) >= ALIKE
