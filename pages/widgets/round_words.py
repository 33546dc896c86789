"""Rounds in words and figures, as Train and Dashboards tell of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from core.domain import EvaluationSource
from core.services.learner_choice import learner_title
from core.services.rounds import RoundInfo
from core.strategies.catalogue import STRATEGIES
from pages.widgets.text import counted

STRATEGY_TITLES = {strategy.name: strategy.title for strategy in STRATEGIES}
UNDEFINED = "undefined"
MEASURED_ON = {
    EvaluationSource.AUDIT: "{n} audit documents",
    EvaluationSource.OUT_OF_FOLD: "{n} judged documents, out of fold",
    EvaluationSource.HELD_OUT: "{n} judged documents, held out",
    EvaluationSource.NONE: "nothing yet",
}


def score(metrics: Mapping[str, Any], name: str) -> str:
    """`0.61`, or that it is undefined."""
    value = metrics.get(name)
    return UNDEFINED if value is None else f"{value:.2f}"


def interval(metrics: Mapping[str, Any], name: str) -> str:
    """`0.55 to 0.66`, or nothing."""
    low, high = metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
    return "" if low is None or high is None else f"{low:.2f} to {high:.2f}"


def measured_on(metrics: Mapping[str, Any]) -> str:
    """`100 audit documents`, `268 judged documents, out of fold` …"""
    source = EvaluationSource(metrics.get("source") or EvaluationSource.NONE)
    return MEASURED_ON[source].format(n=f"{metrics.get('n_documents') or 0:,}")


def n_judged(round_: RoundInfo) -> int:
    """Judged documents that the round knew: trained on, or held out to measure on."""
    return (round_.n_judged or 0) + n_held_out(round_)


def n_held_out(round_: RoundInfo) -> int:
    """Judged documents that a deep round kept out of training."""
    return int(round_.metrics.get("n_held_out") or 0)


def is_accuracy(round_: RoundInfo) -> bool:
    """Whether its micro-F1 is a share of documents: one label predicted of each, one judged.

    Then every wrong label is one missed and one too many, so precision and recall are the same.
    """
    figures = {round_.metrics.get(name) for name in ("micro_f1", "precision", "recall")}
    return round_.is_exclusive and len(figures) == 1 and None not in figures


def name_of_score(rounds: Sequence[RoundInfo]) -> str:
    """What the first figure of these rounds is called."""
    measured = [r for r in rounds if r.metrics.get("micro_f1") is not None]
    return "Accuracy" if measured and all(map(is_accuracy, measured)) else "Micro-F1"


def what_changed(rounds: list[RoundInfo], latest: RoundInfo) -> str:
    """What the latest finished round did to its score, with what it is compared with."""
    after = score(latest.metrics, "micro_f1")
    learnt = f"It learnt from {counted(latest.n_judged or 0, 'judged document')}"
    learnt += f", {kept:,} more were held out." if (kept := n_held_out(latest)) else "."
    earlier = next((r for r in rounds if r.number < latest.number and r.metrics), None)
    if latest.metrics.get("micro_f1") is None:
        return f"{learnt} {latest.metrics.get('note', '')}"
    told = f"{name_of_score([latest])} **{after}** ({interval(latest.metrics, 'micro_f1')}), "
    told += f"measured on {measured_on(latest.metrics)}."
    if earlier is None or earlier.metrics.get("micro_f1") is None:
        return f"{told} {learnt}"
    before = score(earlier.metrics, "micro_f1")
    sources = {r.metrics.get("source") for r in (earlier, latest)}
    if sources != {EvaluationSource.AUDIT}:
        return (
            f"{told} Round {earlier.number} had {before} on {measured_on(earlier.metrics)}: "
            f"different documents, so the two cannot be compared. {learnt}"
        )
    return f"{told} Round {earlier.number} had {before}. {learnt}"


def rounds_table(rounds: list[RoundInfo]) -> pd.DataFrame:
    """All rounds, the newest first."""
    main = name_of_score(rounds)
    return pd.DataFrame(
        [
            {
                "Round": round_.number,
                "In force": "✓" if round_.is_active else "",
                "Status": str(round_.status),
                "Judged": "" if round_.n_judged is None else f"{n_judged(round_):,}",
                main: score(round_.metrics, "micro_f1") if round_.metrics else "",
                "95 % interval": interval(round_.metrics, "micro_f1"),
                "Macro-F1": score(round_.metrics, "macro_f1") if round_.metrics else "",
                "Measured on": measured_on(round_.metrics) if round_.metrics else "",
                "Learner": learner_title(round_.kind, round_.learner),
                "Kind": str(round_.kind),
                "Asks by": STRATEGY_TITLES.get(round_.strategy, round_.strategy),
                "Seed": str(round_.seed),
                "Finished": round_.finished_at,
            }
            for round_ in rounds
        ]
    )


def history_entries(rounds: list[RoundInfo]) -> list[dict[str, Any]]:
    """What `f1_by_round` draws, the oldest first."""
    entries = [
        {
            "number": round_.number,
            "n_judged": n_judged(round_),
            "micro_f1": round_.metrics.get("micro_f1"),
            "macro_f1": round_.metrics.get("macro_f1"),
            "interval": (
                round_.metrics.get("micro_f1_low"),
                round_.metrics.get("micro_f1_high"),
            ),
            "source": round_.metrics.get("source") or EvaluationSource.NONE,
        }
        for round_ in rounds
        if round_.metrics
    ]
    return entries[::-1]
