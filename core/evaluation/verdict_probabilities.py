"""At what threshold to run, and whether the probabilities can be believed."""

from __future__ import annotations

import numpy as np

from core.evaluation.advice_belief import what_it_suggests_reliability_curves
from core.evaluation.answers import Answer, Known, Question, Severity, too_early
from core.evaluation.belief import BELIEVABLE_ECE, Belief, Compared, Verdict
from core.evaluation.counts import Floats
from core.evaluation.intervals import wilson_interval
from core.evaluation.reliability import Reliability
from core.evaluation.report import Evaluation
from core.evaluation.wording import nothing_to_say, number

HALF = 0.5
NOT_RANKED = 0.05  # the best micro-F1 over all thresholds, below which nothing is found
LARGE_GAIN = 0.05  # of micro-F1, by another threshold
FEW_SURE = 20  # cells said yes to; of fewer the share that is right tells little
SMALL_ERROR, LARGE_ERROR = 0.05, 0.1  # of all probabilities, on average
SMALL_CLAIM, LARGE_CLAIM = 0.1, 0.2  # between what a yes claims and how often it is right

REPLIES = {
    Severity.FINE: "Yes. ",
    Severity.LOOK: "Not quite. ",
    Severity.ACT: "No. ",
    Severity.UNKNOWN: "Too early to say: ",
}


def at_what_threshold(known: Known) -> Answer:
    """The threshold to run at, and micro-F1 there."""
    question, evaluation = Question.THRESHOLD, known.evaluation
    if known.exclusive:
        return Answer(
            question,
            Severity.FINE,
            "None: the most probable label is predicted of each document, however probable.",
        )
    if early := too_early(question, known):
        return early
    if known.set_by_people is not None:
        return _set_by_people(evaluation, known.set_by_people)
    if silent := nothing_to_say(evaluation):
        return Answer(question, Severity.UNKNOWN, silent)
    swept, best = evaluation.sweep, evaluation.best_threshold
    at_best = float(swept.micro_f1[swept.at(best)])
    if at_best < NOT_RANKED:
        return Answer(
            question,
            Severity.ACT,
            f"No threshold helps: the best micro-F1 over all of them is {number(at_best)}. Judge "
            "more documents that have labels and run another round.",
            number(at_best),
            "best micro-F1 at any threshold",
        )
    if known.thresholds is not None and np.ptp(known.thresholds) > 0:
        return _of_their_own(known)
    return _shared(evaluation, at_best)


def _set_by_people(evaluation: Evaluation, cuts: Floats) -> Answer:
    """The figures are made at the round's own thresholds, so they do not hold for others."""
    low, high = float(cuts.min()), float(cuts.max())
    told = f"{low:.2f}" if low == high else f"{low:.2f}–{high:.2f}"
    where = f"{told} for all labels" if low == high else f"{low:.2f} to {high:.2f} by label"
    return Answer(
        Question.THRESHOLD,
        Severity.LOOK,
        f"People set {where}, and suggestions and exports go by that. The figures here are made "
        f"at the round's own, {evaluation.threshold:.2f}: see what yours give under Thresholds.",
        told,
        "set by people, in force",
    )


def _of_their_own(known: Known) -> Answer:
    assert known.thresholds is not None
    low, high = float(known.thresholds.min()), float(known.thresholds.max())
    return Answer(
        Question.THRESHOLD,
        Severity.FINE,
        f"Each label at its own, from {low:.2f} to {high:.2f}, as it does now: micro-F1 is "
        f"{_micro(known.evaluation)}.",
        f"{low:.2f}–{high:.2f}",
        "thresholds in force, by label",
    )


def _shared(evaluation: Evaluation, at_best: float) -> Answer:
    cut, best, swept = evaluation.threshold, evaluation.best_threshold, evaluation.sweep
    at_cut = float(swept.micro_f1[swept.at(cut)])
    if at_best - at_cut > half_width(evaluation):
        gain = at_best - at_cut
        return Answer(
            Question.THRESHOLD,
            Severity.ACT if gain > LARGE_GAIN else Severity.LOOK,
            f"At {best:.2f} rather than {cut:.2f}: on these documents micro-F1 would be "
            f"{number(at_best)} instead of {number(at_cut)}, more than chance explains.",
            f"{best:.2f}",
            f"better threshold; {cut:.2f} is in force",
        )
    return Answer(
        Question.THRESHOLD,
        Severity.FINE,
        f"At {cut:.2f}, as it does now: micro-F1 is {_micro(evaluation)}, and no other threshold "
        "is better by more than chance.",
        f"{cut:.2f}",
        "threshold in force",
    )


def _micro(evaluation: Evaluation) -> str:
    micro = evaluation.summary.micro_f1
    return f"{number(micro.value)} ({number(micro.low)} to {number(micro.high)})"


def half_width(evaluation: Evaluation) -> float:
    """Of micro-F1's interval: what chance explains; everything where it is unknown."""
    estimate = evaluation.summary.micro_f1
    if estimate.low is None or estimate.high is None:
        return 1.0
    return (estimate.high - estimate.low) / 2


def can_they_be_believed(known: Known) -> Answer:
    """Whether to take probabilities at their word; in the words of the Calibration tab."""
    question = Question.PROBABILITIES
    if early := too_early(question, known):
        return early
    if known.belief is None:
        return _by_stored_bins(known.evaluation)
    figure, of_what = _figure(known.belief)
    if _is_good_enough(known.belief):
        told = f"Yes, nearly: they are off by {number(known.belief.ece)} on average"
        return Answer(
            question, Severity.FINE, f"{told}; it is {figure} {of_what}.", figure, of_what
        )
    told = what_it_suggests_reliability_curves(Compared(known.belief, None))
    severity = _severity(known.belief)
    return Answer(question, severity, f"{REPLIES[severity]}{told}", figure, of_what)


def _is_good_enough(belief: Belief) -> bool:
    """Off beyond chance, but by so little that nobody need care."""
    claimed, right, n_sure = sure_answers(belief.binned)
    return (
        belief.verdict in (Verdict.HIGH, Verdict.LOW, Verdict.UNEVEN, Verdict.UNDERCONFIDENT)
        and belief.ece <= BELIEVABLE_ECE
        and n_sure >= FEW_SURE
        and abs(claimed - right) < SMALL_CLAIM
    )


def _severity(belief: Belief) -> Severity:
    match belief.verdict:
        case Verdict.THIN:
            return Severity.UNKNOWN
        case Verdict.BELIEVED:
            claimed, right, n_sure = sure_answers(belief.binned)
            is_off = n_sure >= FEW_SURE and claimed - right > SMALL_CLAIM
            return Severity.LOOK if is_off else Severity.FINE
        case Verdict.COLLAPSED:
            return Severity.ACT
    return Severity.ACT if belief.ece > LARGE_ERROR else Severity.LOOK


def _figure(belief: Belief) -> tuple[str, str]:
    claimed, right, n_sure = sure_answers(belief.binned)
    if n_sure < FEW_SURE:
        return number(belief.ece), "average error of a probability"
    return f"{right:.0%}", f"right where it claims {claimed:.0%}"


def _by_stored_bins(evaluation: Evaluation) -> Answer:
    """For rounds of earlier versions, which kept no documents."""
    question, ece = Question.PROBABILITIES, evaluation.calibration.ece
    claimed, right, n_sure = sure_answers(evaluation.calibration.reliability)
    if n_sure < FEW_SURE:
        return _without_sure_answers(ece, n_sure)
    low, high = (float(end) for end in wilson_interval(right * n_sure, n_sure))
    gap = 0.0 if low <= claimed <= high else claimed - right
    figure, of_what = f"{right:.0%}", f"right where it claims {claimed:.0%}"
    told = (
        f"where the model says yes it claims {claimed:.0%} on average and is right in {right:.0%} "
        f"of {n_sure:,}"
    )
    if abs(gap) < SMALL_CLAIM and ece <= SMALL_ERROR:
        return Answer(question, Severity.FINE, f"Yes: {told}.", figure, of_what)
    severe = abs(gap) >= LARGE_CLAIM or ece > LARGE_ERROR
    return Answer(
        question,
        Severity.ACT if severe else Severity.LOOK,
        f"{'No' if severe else 'Not quite'}: {told}; all probabilities are off by {number(ece)} "
        f"on average. {_remedy(gap)}",
        figure,
        of_what,
    )


def _remedy(gap: float) -> str:
    if gap > 0:
        return "It is too sure: do not accept suggestions unread."
    if gap < 0:
        return "It is too timid: it is right more often than it says, so trust its order."
    return "Read them as an order, and let the threshold decide."


def _without_sure_answers(ece: float, n_sure: int) -> Answer:
    figure, of_what = number(ece), "average error of a probability"
    if ece > SMALL_ERROR:
        return Answer(
            Question.PROBABILITIES,
            Severity.ACT if ece > LARGE_ERROR else Severity.LOOK,
            f"Not as they stand: they are off by {number(ece)} on average, and hardly any reaches "
            "0.50. Read them as an order, and let the tuned threshold decide.",
            figure,
            of_what,
        )
    return Answer(
        Question.PROBABILITIES,
        Severity.UNKNOWN,
        f"The low ones, yes: they are off by {number(ece)} on average. Only {n_sure:,} reach 0.50, "
        "too few to tell whether a yes can be believed.",
        figure,
        of_what,
    )


def sure_answers(binned: Reliability) -> tuple[float, float, int]:
    """Of cells with probability 0.5 or more: mean claimed, share right, how many."""
    sure = (binned.mean_predicted >= HALF) & (binned.count > 0)
    n_sure = int(binned.count[sure].sum())
    if not n_sure:
        return float("nan"), float("nan"), 0
    claimed = float((binned.mean_predicted * binned.count)[sure].sum() / n_sure)
    right = float((binned.observed * binned.count)[sure].sum() / n_sure)
    return claimed, right, n_sure
