"""What the loss over epochs and F1 over rounds suggest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from core.evaluation.wording import counted, number

RECENT_ROUNDS = 3
WORTHWHILE = 0.01
STILL_FALLING = 0.05  # share of the whole fall that the last epoch contributed


def what_it_suggests_loss_by_epoch(history: Sequence[Mapping[str, Any]]) -> str:
    """Whether to train longer, shorter or more gently.

    Each entry has "epoch", "loss" and "f1" (None where it was not measured),
    and where documents were set apart to stop by, their "score".
    """
    losses = [float(entry["loss"]) for entry in history]
    if not losses:
        return "No epoch has finished yet."
    if not all(map(isfinite, losses)):
        return "The loss became infinite: training diverged; lower the learning rate and run again."
    if len(losses) < 3:
        return f"{counted(len(losses), 'epoch')} cannot show a trend yet."
    if overfitting := _on_overfitting(history):
        return overfitting
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


def _best_before_the_end(history: Sequence[Mapping[str, Any]]) -> int | None:
    """The epoch with the best score, where a later one was scored too."""
    scored = [(float(e["score"]), int(e["epoch"])) for e in history if e.get("score") is not None]
    if not scored:
        return None
    best = max(scored, key=lambda entry: entry[0])[1]
    return best if best < scored[-1][1] else None


def _on_overfitting(history: Sequence[Mapping[str, Any]]) -> str | None:
    measured = [(e["f1"], e["epoch"], e["loss"]) for e in history if e.get("f1") is not None]
    if len(measured) < 3:
        return None
    peak, epoch, loss_then = max(measured, key=lambda entry: entry[0])
    last, _, loss_now = measured[-1]
    if peak - last < 0.02 or loss_now >= loss_then:
        return None
    return (
        f"F1 peaked at {number(peak)} in epoch {epoch} and fell to {number(last)} while the loss "
        "went on falling: the model is learning its training documents by heart; train for fewer "
        "epochs or judge more."
    )


def what_it_suggests_f1_by_round(rounds: Sequence[Mapping[str, Any]]) -> str:
    """Whether judging still pays.

    Each entry has "number", "n_judged", "micro_f1", "macro_f1" (None where
    undefined), "interval" of micro-F1 (low, high) or None, and "source".
    """
    measured = [entry for entry in rounds if entry["micro_f1"] is not None]
    if not measured:
        return "No round has been measured yet: judge some audit documents and run a round."
    last = measured[-1]
    alike = [entry for entry in measured if entry["source"] == last["source"]]
    if len(alike) < 2:
        if len(measured) > 1:
            return (
                "The latest round is the first one measured on other documents than before, so "
                "its F1 cannot be compared with the earlier ones; run another."
            )
        return "One round is a starting point: judge the documents it asks for and run another."
    return _on_progress(alike)


def _on_progress(alike: list[Mapping[str, Any]]) -> str:
    last, previous = alike[-1], alike[-2]
    if _clearly_below(last, previous):
        return (
            f"Micro-F1 fell from {number(previous['micro_f1'])} to {number(last['micro_f1'])} in "
            f"round {last['number']}, more than chance explains: look at what was judged since, "
            "or roll back."
        )
    if len(alike) <= RECENT_ROUNDS:
        gain = last["micro_f1"] - alike[0]["micro_f1"]
        return (
            f"Micro-F1 went from {number(alike[0]['micro_f1'])} to {number(last['micro_f1'])} in "
            f"{counted(len(alike), 'round')}: "
            + ("judge on." if gain > WORTHWHILE else "too early to tell; judge on.")
        )
    before = alike[-1 - RECENT_ROUNDS]
    n_new = last["n_judged"] - before["n_judged"]
    if last["micro_f1"] - before["micro_f1"] > WORTHWHILE:
        return (
            f"Micro-F1 rose from {number(before['micro_f1'])} to {number(last['micro_f1'])} over "
            f"the last {RECENT_ROUNDS} rounds: judging still pays."
        )
    return (
        f"Micro-F1 has not risen over the last {RECENT_ROUNDS} rounds ({number(before['micro_f1'])}"
        f" to {number(last['micro_f1'])}, {counted(n_new, 'more document')} judged): work on the "
        "weakest labels or the guideline, try a deep round, or stop here."
    )


def _clearly_below(last: Mapping[str, Any], previous: Mapping[str, Any]) -> bool:
    interval = previous["interval"]
    return bool(interval and interval[0] is not None and last["micro_f1"] < interval[0])
