"""Small words for advice: numbers, lists of labels, and when there is too little to say."""

from __future__ import annotations

from collections.abc import Sequence

from core.evaluation.report import Evaluation

FEW_DOCUMENTS = 30  # below this an interval of micro-F1 is wider than most changes
FEW_POSITIVES = 5  # below this one document moves recall by 20 points or more

NOTHING_MEASURED = (
    "Nothing is measured yet: judge some documents of the audit set, then run a round."
)
NO_POSITIVES = (
    "None of the {n} measured documents was judged to have a label, so there is nothing to find "
    "yet; judge on until some have one."
)


def number(value: float | None) -> str:
    """Two decimals, or "undefined"."""
    return "undefined" if value is None or value != value else f"{value:.2f}"


def counted(n: int, noun: str) -> str:
    """ "1 document", "2 documents"."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def listed(names: Sequence[str], *, limit: int = 3) -> str:
    """ "“a”, “b” and 4 more": quoted, and cut where a list would be long."""
    quoted = [f"“{name}”" for name in names]
    if len(quoted) > limit + 1:
        quoted = [*quoted[:limit], f"{len(names) - limit} more"]
    if len(quoted) < 2:
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def nothing_to_say(evaluation: Evaluation) -> str | None:
    """The sentence for an evaluation without positives, or None."""
    if evaluation.n_documents == 0:
        return NOTHING_MEASURED
    if not any(evaluation.positives):
        return NO_POSITIVES.format(n=evaluation.n_documents)
    return None


def caution(evaluation: Evaluation) -> str:
    """A sentence to put first when few documents were measured, else nothing."""
    n = evaluation.n_documents
    if n >= FEW_DOCUMENTS:
        return ""
    return (
        f"Only {counted(n, 'document')} measured, and below {FEW_DOCUMENTS} chance is large: "
        "take this as a hint. "
    )
