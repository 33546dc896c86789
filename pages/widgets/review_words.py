"""The words about looking at judgements again: kinds of doubt, and what it has brought."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain import ReviewKind
from core.services.review_effect import ReviewEffect, RoundAfter
from pages.widgets.text import counted


@dataclass(frozen=True)
class KindWords:
    """How one kind of doubt is called and explained."""

    title: str
    about: str


KINDS = {
    ReviewKind.SUSPECT: KindWords(
        "Suspects",
        "Judgements that a model which did not see them finds unlikely, the most doubtful first.",
    ),
    ReviewKind.COPIES: KindWords(
        "Copies", "Texts that say the same, or nearly, and were judged differently."
    ),
    ReviewKind.PAIR: KindWords(
        "Unusual pairs", "Labels judged together that hardly ever go together."
    ),
    ReviewKind.COMPANION: KindWords(
        "Missing companions", "A label without the one that nearly always goes with it."
    ),
}


def told_of(effect: ReviewEffect) -> list[str]:
    """How much of the queue was wrong, and what the next round said."""
    said = []
    if effect.precision is not None and effect.precision_interval is not None:
        low, high = effect.precision_interval
        said.append(
            f"Of those decided, {effect.precision:.0%} were changed (95 %: {low:.0%} to "
            f"{high:.0%}). {_worth_it(effect)}"
        )
    if effect.after is not None:
        said.append(_next_round(effect.after))
    elif effect.n_flipped:
        said.append("No round has learnt from the changes yet; run one under Train.")
    return said


def _worth_it(effect: ReviewEffect) -> str:
    n_decided = effect.n_confirmed + effect.n_flipped
    if n_decided < 10:
        return "A few more will tell whether going on is worth it."
    if (effect.precision or 0.0) >= 0.2:
        return "Going on is worth it."
    return "Most were right: the time may be better spent on new documents."


def _next_round(after: RoundAfter) -> str:
    known = f"Round {after.number} is the first that knew {counted(after.n_flipped, 'change')}"
    if after.micro_f1 is None or after.micro_f1_before is None:
        return f"{known}; it was not measured, or the one before was not."
    told = f"{known}: micro-F1 {after.micro_f1:.2f}, after {after.micro_f1_before:.2f} in round "
    told += f"{after.number_before}."
    if after.is_comparable:
        return f"{told} Both were measured on the audit set."
    return (
        f"{told} They were measured on different documents, or with other judgements, so the "
        "difference proves little."
    )
