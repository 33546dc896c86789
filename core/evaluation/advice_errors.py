"""What the figures about errors and about drift show, and what they suggest doing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.evaluation.errors import Errors, LabelErrors, LengthGroups
from core.evaluation.wording import FEW_POSITIVES, counted, listed
from core.evaluation.words import Word

FEW_ERRORS = 10  # below this their kinds and places are chance
SURE = 0.9
MOST_SHARE = 0.8  # of all errors of one kind, to be called one-sided
LONG = 600  # characters: about where a small encoder begins to cut
TOLD_APART = 0.6  # area under the curve from which drift is worth a word


@dataclass(frozen=True)
class Share:
    """A label's share among the judged documents, its 95 % interval, and what is expected."""

    name: str
    n_judged: int
    judged: float | None
    low: float | None
    high: float | None
    expected: float | None
    label_id: int = 0

    @property
    def is_off(self) -> bool:
        """Whether chance does not explain the difference."""
        if self.low is None or self.high is None or self.expected is None:
            return False
        return self.n_judged > 0 and not self.low <= self.expected <= self.high

    @property
    def gap(self) -> float:
        """Judged minus expected, 0 where either is unknown."""
        if self.judged is None or self.expected is None:
            return 0.0
        return self.judged - self.expected


def how_to_read_errors_by_label() -> str:
    """How to read `errors_by_label`."""
    return (
        "Hatched bars to the left count documents where a label was missed, bars to the right "
        "documents where it was predicted and does not apply. Click a bar to read them."
    )


def what_it_suggests_errors_by_label(
    names: Sequence[str], by_label: LabelErrors, errors: Errors
) -> str:
    """Whether errors are one-sided, gathered in few labels, or made with confidence."""
    n = len(errors)
    if n == 0:
        return "Nothing measured was predicted wrongly."
    if n < FEW_ERRORS:
        return f"Only {counted(n, 'error')}: read them, there is no pattern to see in so few."
    order = np.argsort(-by_label.total, kind="stable")
    top = [names[i] for i in order[:3] if by_label.total[i]]
    share = float(by_label.total[order[:3]].sum()) / n
    said = [f"{share:.0%} of the {n:,} errors are in {listed(top)}."]
    missed = float(errors.is_missed.mean())
    if missed >= MOST_SHARE:
        said.append(f"{missed:.0%} are missed labels: a lower threshold would find more of them.")
    elif missed <= 1 - MOST_SHARE:
        said.append(
            f"{1 - missed:.0%} are false alarms: a higher threshold would raise fewer of them."
        )
    sure = int((errors.confidence >= SURE).sum())
    if sure >= max(3, 0.1 * n):
        said.append(
            f"The model was at least {SURE:.0%} sure of {counted(sure, 'error')}: some of "
            "those are mistakes in judging; read the surest first."
        )
    return " ".join(said[:2]) if len(said) < 3 else " ".join([said[0], said[2]])


def how_to_read_errors_by_length() -> str:
    """How to read `errors_by_length`."""
    return (
        "Texts are put in groups of about equal size by their length in characters; each point is "
        "the share of documents with at least one error, with its 95 % interval."
    )


def what_it_suggests_errors_by_length(groups: LengthGroups) -> str:
    """Whether short or long texts are harder than chance explains."""
    if len(groups) < 2:
        return "All texts are of about one length, so it explains nothing."
    worst, best = int(np.argmax(groups.share)), int(np.argmin(groups.share))
    if groups.low[worst] <= groups.high[best]:
        return "Errors do not depend on length more than chance explains."
    told = (
        f"Texts of {groups.name(worst)} characters go wrong in {groups.share[worst]:.0%}, those of "
        f"{groups.name(best)} in {groups.share[best]:.0%}."
    )
    if worst > best and groups.longest[worst] >= LONG:
        return (
            f"{told} Long texts may be cut by the encoder, or hold several labels: check its "
            "maximal length, and judge more long ones."
        )
    if worst > best:
        return f"{told} Longer texts have room for more labels, and so for more mistakes."
    return f"{told} Short texts say little: let people see what stands around them, or judge more."


def how_to_read_words_in_errors() -> str:
    """How to read `words_in_errors`."""
    return (
        "Words that documents with an error have more of than those without, by how many standard "
        "errors; a word counts once per document. Click one to read the errors it is in."
    )


def what_it_suggests_words_in_errors(words: Sequence[Word]) -> str:
    """Which words to look at."""
    if not words:
        return "No word stands out among the errors."
    first = words[0]
    return (
        f"{listed([word.word for word in words[:3]])} stand out; “{first.word}” is in "
        f"{counted(first.n_wrong, 'document')} with an error and {first.n_right:,} without. Read "
        "these: they may want a line in the guidelines, or more judged examples."
        if len(words) > 1
        else f"“{first.word}” stands out: it is in {counted(first.n_wrong, 'document')} with an "
        f"error and {first.n_right:,} without. Read these."
    )


def how_to_read_shares() -> str:
    """How to read `shares_judged_expected`."""
    return (
        "Each line is a label: the filled mark its share among judged documents with its 95 % "
        "interval, the open one what the model expects in the documents that are not judged yet."
    )


def what_it_suggests_shares(shares: Sequence[Share]) -> str:
    """Which labels are over- and under-represented among the judged documents."""
    off = sorted((one for one in shares if one.is_off), key=lambda one: -abs(one.gap))
    if not off:
        return "Judged documents have the labels about as often as the model expects elsewhere."
    many = [one.name for one in off if one.gap > 0]
    few = [one.name for one in off if one.gap < 0]
    said = []
    if many:
        said.append(f"over-represented: {listed(many)}")
    if few:
        said.append(f"under-represented: {listed(few)}")
    return (
        f"Among judged documents {'; '.join(said)}. That is what choosing by the model does; do "
        "not take shares among judged documents for shares in the pool."
    )


def on_drift(
    auc: float | None, low: float | None, high: float | None, *, n_judged: int, n_pool: int
) -> str:
    """One sentence: whether judged and waiting documents can be told apart."""
    if auc is None or low is None or high is None:
        return (
            f"Whether judged documents are like the others cannot be told: {n_judged:,} are judged "
            f"and {n_pool:,} wait, and 20 of each are needed."
        )
    measured = f"told apart with an area under the curve of {auc:.2f} ({low:.2f} to {high:.2f})"
    if low <= 0.5 or auc < TOLD_APART:
        return (
            f"Judged documents are like those that wait: they are {measured}, where 0.5 is not "
            "at all."
        )
    how = "easily" if auc >= 0.8 else "somewhat"
    return (
        f"Judged documents are {how} told from those that wait ({measured}). After choosing by a "
        "model that is as it should be; after an import of new texts it says that the model has "
        "not seen their like: judge a random batch."
    )


def has_few(share: Share) -> bool:
    """Whether a label's share rests on too few judgements to draw."""
    return share.n_judged < FEW_POSITIVES
