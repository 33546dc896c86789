"""How to read what went on over rounds and days, and what it suggests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.evaluation.advice_stopping import what_more_would_bring
from core.evaluation.label_progress import Progress
from core.evaluation.outlook import Outlook
from core.evaluation.speed import IDLE_S, Speed, over_all_days
from core.evaluation.wording import FEW_POSITIVES, counted, listed, number

RECENT_ROUNDS = 3
WORTHWHILE = 0.01
ENOUGH_JUDGED = 20  # documents of one person; a speed from fewer is that of getting used to it
SLOWER = 0.7  # times the earlier speed
TWICE = 2.0  # from where one person is much faster than another


def how_to_read_f1_by_round() -> str:
    """How to read `f1_by_round`."""
    return (
        "Each point is a round, placed at the number of documents judged when it ran; whiskers are "
        "the 95 % interval of micro-F1. Macro-F1 counts rare labels as much as frequent ones. "
        "Compare only points measured on the same kind of documents."
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


def how_to_read_learning_curve() -> str:
    """How to read `learning_curve`."""
    return (
        "Points are learners trained on parts of the judged documents and measured on documents "
        "they had not seen; whiskers and band are 95 % intervals. Right of the dotted line the "
        "curve is a forecast, which supposes that documents are chosen as those so far. Its level "
        "may differ a little from the round's own score, which chose among variants."
    )


def what_it_suggests_learning_curve(outlook: Outlook) -> str:
    """What the next judgements would bring, and where that would lead."""
    ahead, told = outlook.forecast, what_more_would_bring(outlook)
    if ahead is None:
        return told
    now, then = ahead.after(ahead.n_judged), ahead.after(ahead.n_judged + ahead.n_more)
    if now.value is None or then.low is None or then.high is None:
        return told
    return (
        f"{told} The curve stands at {number(now.value)}; with "
        f"{counted(ahead.n_more, 'more judgement')} it would be at {number(then.low)} to "
        f"{number(then.high)}."
    )


def how_to_read_label_strip() -> str:
    """How to read `label_strip`."""
    return (
        "A row is a label, a column a round; the stronger its colour, the higher its F1. On the "
        "right stands F1 now, and how far it has come since the first round measured on the same "
        f"kind of documents. Empty cells had fewer than {FEW_POSITIVES} positives to measure on."
    )


def how_to_read_label_lines() -> str:
    """How to read `label_lines`."""
    return (
        "Each line is a label in its own colour. Only rounds measured on the same kind of "
        "documents are joined; the kinds have marks of their own. Hold the pointer over a mark "
        "for its interval: where intervals overlap widely, a rise or fall may be chance."
    )


def what_it_suggests_label_strip(labels: Sequence[Progress]) -> str:
    """Which labels rose and which fell beyond chance."""
    told = [label for label in labels if label.change is not None]
    if not told:
        return (
            "No label can be followed yet: that takes two rounds measured on the same kind of "
            f"documents, and {FEW_POSITIVES} positives; judge on and run another round."
        )
    clear = sorted(
        (label for label in told if label.is_clear), key=lambda label: abs(label.change or 0.0)
    )[::-1]
    fallen = [label.name for label in clear if (label.change or 0.0) < 0]
    risen = [label.name for label in clear if (label.change or 0.0) > 0]
    if fallen:
        worst = next(label for label in clear if label.name == fallen[0])
        return (
            f"{listed(fallen)} fell beyond chance, most by {number(abs(worst.change or 0.0))}: "
            "look at what was judged since, whether its meaning has shifted, or roll back."
        )
    n_up = sum((label.change or 0.0) > 0 for label in told)
    if risen:
        verb = "has" if len(risen) == 1 else "have"
        return (
            f"{listed(risen)} {verb} clearly risen, and {n_up:,} of {counted(len(told), 'label')} "
            "stand higher than at first; the weakest below gain most from more examples."
        )
    return (
        f"{n_up:,} of {counted(len(told), 'label')} stand higher than at first, none by more than "
        "chance explains: judge on before reading anything into single labels."
    )


def how_to_read_speed_by_day() -> str:
    """How to read `speed_by_day`."""
    return (
        "Each point is one person's day, larger for more documents. Active time adds up the "
        f"seconds from seeing a document to handing it in, at most {IDLE_S // 60} minutes each, so "
        "breaks hardly count. Imported judgements are left out, and so is what was undone."
    )


def what_it_suggests_speed_by_day(speeds: Sequence[Speed]) -> str:
    """How fast judging goes, whether it slows down, and whether people differ much."""
    totals = [speed for speed in over_all_days(speeds) if speed.active_s]
    if not totals:
        return "Nobody has judged at the card yet, so there is no speed to tell."
    n = sum(speed.n_documents for speed in totals)
    active_s = sum(speed.active_s for speed in totals)
    told = f"{counted(n, 'document')} in {_duration(active_s)} of active time, "
    told += f"{n / active_s * 3600:,.0f} an hour"
    if n < ENOUGH_JUDGED:
        return f"{told}: too few to tell how fast it goes in the long run."
    return f"{told}.{_on_slowing(speeds)}{_on_people(totals)}"


def _duration(seconds: float) -> str:
    if seconds >= 3600:
        return f"{seconds / 3600:.1f} hours"
    return counted(max(round(seconds / 60), 1), "minute")


def _on_slowing(speeds: Sequence[Speed]) -> str:
    """The latest day against all before."""
    days = sorted({speed.day for speed in speeds if speed.day is not None})
    if len(days) < 2:
        return ""
    now = [speed for speed in speeds if speed.day == days[-1]]
    before = [speed for speed in speeds if speed.day != days[-1]]
    if min(sum(s.n_documents for s in some) for some in (now, before)) < ENOUGH_JUDGED:
        return ""
    latest, usual = _hourly(now), _hourly(before)
    if latest >= SLOWER * usual:
        return ""
    return (
        f" The last day went slower, {latest:,.0f} an hour against {usual:,.0f} before: the model "
        "may be asking harder documents, or the guideline leaves doubts."
    )


def _hourly(speeds: Sequence[Speed]) -> float:
    active_s = sum(speed.active_s for speed in speeds)
    return sum(speed.n_documents for speed in speeds) / active_s * 3600 if active_s else 0.0


def _on_people(totals: Sequence[Speed]) -> str:
    """Two people of whom one takes at least twice as long."""
    enough = [speed for speed in totals if speed.n_documents >= ENOUGH_JUDGED]
    if len(enough) < 2:
        return ""
    fast, slow = (pick(enough, key=lambda speed: speed.median_s) for pick in (min, max))
    if fast.median_s <= 0 or slow.median_s < TWICE * fast.median_s:
        return ""
    return (
        f" {listed([slow.annotator])} takes {slow.median_s:.0f} s for half of the documents and "
        f"{listed([fast.annotator])} {fast.median_s:.0f} s: see whether they read the guideline "
        "alike before the figures are compared."
    )


what_it_suggests_label_lines = what_it_suggests_label_strip  # the same labels, drawn otherwise
