"""What a threshold sweep and a choice of thresholds suggest doing."""

from __future__ import annotations

from core.evaluation.operating_points import ENOUGH_PER_STATE, Aim, Goal, Scope
from core.evaluation.report import Evaluation
from core.evaluation.summary import Estimate
from core.evaluation.thresholds import Sweep, best_threshold
from core.evaluation.trying import PER, Trial, is_gain
from core.evaluation.wording import (
    FEW_POSITIVES,
    caution,
    counted,
    listed,
    nothing_to_say,
    number,
)

HALF = 0.5
MUCH = 0.8
LARGE_GAIN = 0.1
TINY = 0.005  # less than what two decimals show


def what_it_suggests_threshold_sweep(evaluation: Evaluation) -> str:
    """What the sweep suggests doing about the threshold."""
    if silent := nothing_to_say(evaluation):
        return silent
    told = _on_threshold(evaluation)
    if told.startswith(("Leave", "Keep")):
        told += _on_balance(evaluation)
    return caution(evaluation) + told + _on_rare_labels(evaluation)


def _on_threshold(evaluation: Evaluation) -> str:
    swept, cut, best = evaluation.sweep, evaluation.threshold, evaluation.best_threshold
    at_half, at_cut, at_best = (float(swept.micro_f1[swept.at(t)]) for t in (HALF, cut, best))
    if at_best < 0.05:
        return (
            "No threshold finds the labels: the model does not rank them yet. Judge more documents "
            "that have labels and run another round."
        )
    low_or_high = "low" if best < cut else "high"
    if at_cut < at_best / 2 and at_best - at_cut > LARGE_GAIN:
        return (
            f"Micro-F1 is {number(at_cut)} at {cut:.2f} but {number(at_best)} at {best:.2f}: "
            f"probabilities are {low_or_high}, not wrong; use the tuned threshold."
        )
    if at_best - at_cut > _doubt(evaluation):
        return (
            f"Moving the threshold from {cut:.2f} to {best:.2f} would raise micro-F1 from "
            f"{number(at_cut)} to {number(at_best)}, more than chance explains; use the tuned one."
        )
    if at_half < at_best / 2 and at_best - at_half > LARGE_GAIN:
        return (
            f"Keep the tuned threshold of {cut:.2f}: micro-F1 is {number(at_cut)} there and would "
            f"be {number(at_half)} at 0.50, because probabilities are "
            f"{'low' if cut < HALF else 'high'}, not wrong."
        )
    return f"Leave the threshold at {cut:.2f}: {_not_better(cut, best)}"


def _not_better(cut: float, best: float) -> str:
    if f"{cut:.2f}" == f"{best:.2f}":
        return "it is the best on these documents."
    return f"the best on these documents, {best:.2f}, is not better by more than chance."


def _on_balance(evaluation: Evaluation) -> str:
    """What the best F1 can hide: that nearly all mistakes are of one kind."""
    at = evaluation.sweep.at(evaluation.threshold)
    precision, recall = float(evaluation.sweep.precision[at]), float(evaluation.sweep.recall[at])
    if recall >= MUCH and precision < HALF:
        return (
            f" Recall is high ({number(recall)}) with low precision ({number(precision)}): of ten "
            f"labels it gives, {round(10 * (1 - precision))} are wrong. Where that costs you, "
            "raise the threshold or choose by a precision floor."
        )
    if precision >= MUCH and recall < HALF:
        return (
            f" Precision is high ({number(precision)}) with low recall ({number(recall)}): of ten "
            f"labels that apply, {round(10 * (1 - recall))} are missed. Where that costs you, "
            "lower the threshold or choose by a recall floor."
        )
    return ""


def _doubt(evaluation: Evaluation) -> float:
    """Half the width of micro-F1's interval."""
    estimate = evaluation.summary.micro_f1
    if estimate.low is None or estimate.high is None:
        return 1.0
    return (estimate.high - estimate.low) / 2


def _on_rare_labels(evaluation: Evaluation) -> str:
    """From the sweep at the threshold in force, as the curves show it."""
    swept = evaluation.sweep
    at = swept.at(evaluation.threshold)
    micro, macro = float(swept.micro_f1[at]), float(swept.macro_f1[at])
    if not micro - macro >= 0.15:  # either may be undefined
        return ""
    return (
        f" Macro-F1 ({number(macro)}) is far below micro-F1 ({number(micro)}): some labels lag "
        "behind; look at the scores per label."
    )


def what_it_suggests_label_sweep(
    swept: Sweep, *, name: str, n_present: int, threshold: float, doubt: float
) -> str:
    """What one label's sweep suggests; `doubt` is half the width of its F1's interval."""
    if n_present < FEW_POSITIVES:
        return (
            f"“{name}” was judged present in {counted(n_present, 'document')}: too few to choose a "
            "threshold by. Let it share the others', and judge more that have it."
        )
    best = best_threshold(swept)
    at_cut, at_best = (float(swept.micro_f1[swept.at(t)]) for t in (threshold, best))
    if at_best < 0.05:
        return (
            f"No threshold finds “{name}”: the model does not rank it yet. Judge more documents "
            "that have it."
        )
    few = (
        f" With {n_present} judged to have it, an aim leaves it at the shared threshold; "
        f"{ENOUGH_PER_STATE} present and as many absent give it one of its own."
        if n_present < ENOUGH_PER_STATE
        else ""
    )
    if at_best - at_cut > doubt:
        return (
            f"F1 of “{name}” is {number(at_cut)} at {threshold:.2f} and {number(at_best)} at "
            f"{best:.2f} on these documents, more than chance explains: give it a threshold of "
            f"its own.{few}"
        )
    return f"Leave “{name}” at {threshold:.2f}: {_not_better(threshold, best)}{few}"


def what_it_suggests_choice(
    trial: Trial,
    gained: Estimate,
    *,
    names: tuple[str, ...] = (),
    over_shared: tuple[Estimate, Estimate] | None = None,
) -> str:
    """What trying an aim suggests.

    gained : over what is in force, in the aim's own figure
    over_shared : of one threshold per label over one for all, in the aim's own
        figure and in macro-F1; None where it is one for all
    """
    aim = trial.aim
    told = _on_floor(trial, names) if _has_floor(aim) else _on_gain(trial, gained)
    if over_shared is not None:
        told += _on_scope(trial, *over_shared)
    return told + _on_flattery(trial)


def _has_floor(aim: Aim) -> bool:
    return aim.goal in (Goal.PRECISION, Goal.RECALL)


def _on_gain(trial: Trial, gained: Estimate) -> str:
    figure, is_cost = _name(trial.aim), trial.aim.goal is Goal.COST
    if gained.value is None:
        return "Nothing can be compared: a figure is undefined on these documents."
    if not is_cost and abs(gained.value) < TINY and not is_gain(gained):
        return f"It changes {figure} by next to nothing: leave the thresholds as they are."
    is_up = (gained.value >= 0) is not is_cost
    change = f"{'raises' if is_up else 'lowers'} {figure} by {_size(gained, is_cost=is_cost)}"
    if is_gain(gained):
        return f"It {change}, more than chance explains: use these thresholds."
    if gained.high is not None and gained.high < 0:
        return f"It is worse than what is in force: it {change}. Leave the thresholds as they are."
    return f"It {change}, which chance alone can do: leave the thresholds as they are."


def _size(estimate: Estimate, *, is_cost: bool) -> str:
    """How large a difference is, whichever way: `0.05 (0.02 to 0.08)`."""
    value, form = estimate.value or 0.0, ".1f" if is_cost else ".2f"
    told = f"{abs(value):{form}}"
    if estimate.low is not None and estimate.high is not None:
        ends = (estimate.low, estimate.high) if value >= 0 else (-estimate.high, -estimate.low)
        told += f" ({ends[0]:{form}} to {ends[1]:{form}})"
    return f"{told} per {PER} documents" if is_cost else told


def _on_floor(trial: Trial, names: tuple[str, ...]) -> str:
    """Whether the floor holds on documents that did not choose the cut."""
    aim, figures = trial.aim, trial.honest
    kept = figures.precision if aim.goal is Goal.PRECISION else figures.recall
    if trial.cuts.falls_short.any():
        return _on_falling_short(trial, names)
    if kept.value is None:
        return (
            f"The {aim.goal} is undefined: nothing is predicted on documents that did not choose."
        )
    floor = f"{aim.floor:.2f}"
    if kept.low is not None and kept.low >= aim.floor:
        return f"The floor of {floor} holds: {aim.goal} is {_told(kept)}."
    if kept.value >= aim.floor:
        return (
            f"The floor of {floor} probably holds, but not surely: {aim.goal} is {_told(kept)}. "
            "Ask for a little more to be safe."
        )
    return (
        f"The floor of {floor} does not hold on documents that did not choose the cut: {aim.goal} "
        f"is {_told(kept)}. Ask for a little more, or judge more documents."
    )


def _on_falling_short(trial: Trial, names: tuple[str, ...]) -> str:
    short = [name for name, falls in zip(names, trial.cuts.falls_short, strict=False) if falls]
    everywhere = trial.aim.scope is Scope.SHARED or len(short) == len(names)
    whom = "" if everywhere or not short else f" of {listed(short)}"
    return (
        f"No threshold reaches {trial.aim.goal} {trial.aim.floor:.2f}{whom} on the documents that "
        "choose, so the nearest is taken. Ask for less, or judge more documents."
    )


def _told(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return number(estimate.value)
    return f"{number(estimate.value)} ({number(estimate.low)} to {number(estimate.high)})"


def _on_scope(trial: Trial, served: Estimate, macro: Estimate) -> str:
    if _has_floor(trial.aim) and trial.cuts.falls_short.any():
        return ""
    if _has_floor(trial.aim):
        return (
            " Each label is held to the floor by itself, which one threshold for all does not "
            "promise."
        )
    if is_gain(served):
        return " One per label is better than one for all, by more than chance explains."
    if is_gain(macro):
        return (
            " One per label helps rare labels and not the whole: macro-F1 gains "
            f"{number(macro.value)} over one for all, {_name(trial.aim)} nothing that is sure."
        )
    return " One per label gives no honest gain over one for all: prefer one for all."


def _name(aim: Aim) -> str:
    return {Goal.COST: "the cost", Goal.F1: "micro-F1"}.get(aim.goal, "F-beta")


def _on_flattery(trial: Trial) -> str:
    tuned, honest = trial.tuned.micro_f1.value, trial.honest.micro_f1.value
    if tuned is None or honest is None or trial.is_apart or tuned - honest < 0.02:
        return ""
    return (
        f" The documents that chose these thresholds show micro-F1 {number(tuned)}; documents that "
        f"did not, {number(honest)}: only the latter is to be expected."
    )
