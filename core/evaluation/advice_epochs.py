"""How to read loss and scores by epoch, and what they suggest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from core.evaluation.counts import ENOUGH_TO_MEASURE
from core.evaluation.epochs import band, runs_within
from core.evaluation.wording import counted, number

STILL_FALLING = 0.05  # share of the whole fall that the last epoch contributed
WORSE = 0.02  # of F1 or the validation score: below that, a fall is chance
MUCH_OF_THE_LOSS = 0.2  # a fall of the loss by such a share shows that something was learnt
FOLDS_APART = 0.2  # of F1 between the best and the worst fold
MEASURES = {"f1": "F1", "score": "the validation score"}

Entry = Mapping[str, Any]


def how_to_read_loss_by_epoch() -> str:
    """How to read `loss_by_epoch`."""
    return (
        "Loss is how surprised the model is by the training judgements after each pass over them; "
        "it should fall and then level out, while F1 on documents it did not train on should rise. "
        "F1 is taken at each epoch's own best threshold on those documents, so it compares epochs "
        f"and flatters the model a little; below {ENOUGH_TO_MEASURE} documents there is none. "
        "A band lies between the lowest and the highest of several folds."
    )


def what_it_suggests_loss_by_epoch(history: Sequence[Entry]) -> str:
    """Whether to train longer, shorter or more gently.

    Each entry has "epoch", "loss" and "f1" (None where it was not measured),
    where documents were set apart to stop by, their "score", and where there
    were folds, loss and f1 of each.
    """
    losses = [float(entry["loss"]) for entry in history]
    if not losses:
        return "No epoch has finished yet."
    if not all(map(isfinite, losses)):
        return "The loss became infinite: training diverged; lower the learning rate and run again."
    if len(losses) < 3:
        return f"{counted(len(losses), 'epoch')} cannot show a trend yet."
    return (_on_overfitting(history) or _on_no_gain(history) or _on_loss(history)) + _on_folds(
        history
    )


def _on_overfitting(history: Sequence[Entry]) -> str | None:
    """Scores of unseen documents that fell while the loss went on falling."""
    for key, name in MEASURES.items():
        measured = _measured(history, key)
        if len(measured) < 3:
            continue
        peak, epoch, loss_then = max(measured, key=lambda entry: entry[0])
        last, _, loss_now = measured[-1]
        if peak - last < WORSE or loss_now >= loss_then:
            continue
        return (
            f"{_capital(name)} peaked at {number(peak)} in epoch {epoch} and fell to "
            f"{number(last)} while the loss went on falling: the model is learning its training "
            "documents by heart; train for fewer epochs or judge more."
        )
    return None


def _on_no_gain(history: Sequence[Entry]) -> str | None:
    """Scores of unseen documents that never rose, though the loss fell."""
    first, last = float(history[0]["loss"]), float(history[-1]["loss"])
    if first - last < MUCH_OF_THE_LOSS * first:
        return None
    for key, name in MEASURES.items():
        measured = _measured(history, key)
        if len(measured) < 3:
            continue
        best = max(score for score, _, _ in measured)
        if best - measured[0][0] >= WORSE:
            return None
        return (
            f"The loss fell from {number(first)} to {number(last)}, but {name} never rose above "
            f"the {number(measured[0][0])} of epoch {measured[0][1]} by more than chance: the "
            "training documents teach nothing that holds for others; train for one epoch, try "
            "another learner, or judge more."
        )
    return None


def _measured(history: Sequence[Entry], key: str) -> list[tuple[float, int, float]]:
    """Score, epoch and loss of the epochs that were measured."""
    return [
        (float(e[key]), int(e["epoch"]), float(e["loss"]))
        for e in history
        if e.get(key) is not None
    ]


def _on_loss(history: Sequence[Entry]) -> str:
    losses = [float(entry["loss"]) for entry in history]
    lowest = min(losses)
    if losses[-1] > lowest * 1.1 + 1e-9:
        return (
            f"The loss rose from {number(lowest)} to {number(losses[-1])} at the end: the learning "
            "rate may be too high."
        )
    fall = losses[0] - losses[-1]
    if fall > 0 and (losses[-2] - losses[-1]) / fall > STILL_FALLING:
        if best := _best_before_the_end(history):
            return (
                "The loss is still falling, but on the documents set apart nothing was gained "
                f"after epoch {best}: longer training would not help."
            )
        return "The loss is still falling: a few more epochs will probably help."
    return "The loss has levelled out: more epochs would change little."


def _best_before_the_end(history: Sequence[Entry]) -> int | None:
    """The epoch with the best score, where a later one was scored too."""
    scored = _measured(history, "score")
    if not scored:
        return None
    best = max(scored, key=lambda entry: entry[0])[1]
    return best if best < scored[-1][1] else None


def _on_folds(history: Sequence[Entry]) -> str:
    """Folds that end far apart."""
    between = band(runs_within(history), "f1")
    if between.is_one_line or between.high[-1] - between.low[-1] < FOLDS_APART:
        return ""
    return (
        f" The {between.n_runs[-1]} folds end between F1 {number(between.low[-1])} and "
        f"{number(between.high[-1])}: how good the model is depends on which documents it saw, so "
        "judge more before comparing learners."
    )


def _capital(name: str) -> str:
    return name[0].upper() + name[1:]
