"""Small words: numbers, lists of labels, what was measured on, when there is too little to say."""

from __future__ import annotations

from collections.abc import Sequence

from core.domain import PRESENT, UNJUDGED, EvaluationSource
from core.errors import NotFound
from core.evaluation.counts import masked_truth
from core.evaluation.outputs import EvaluationOutputs
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


HARDER = "most were chosen by the model, so they may be harder than the pool"
_SOURCES = {
    EvaluationSource.AUDIT: ("Audit set", "drawn at random and never trained on"),
    EvaluationSource.OUT_OF_FOLD: (
        "Out of fold",
        f"each predicted by a model that did not see it; {HARDER}",
    ),
    EvaluationSource.HELD_OUT: ("Held out", f"kept out of training; {HARDER}"),
    EvaluationSource.NONE: ("No fair measure", "take the figures as a hint"),
}


def measured_on(
    measured: Evaluation | EvaluationOutputs,
    label: str | int | None = None,
    *,
    weighted: bool = False,
) -> str:
    """Which documents a chart is about, how many, and how many positives; of one label or all.

    `weighted` where each document counts for as many of the pool as it stands for.
    """
    name, how = _SOURCES[measured.source]
    if weighted:
        how = how.replace(HARDER, "weighted by how likely each was to be chosen")
    n, positives, judged = _counts(measured, label)
    if n == 0:
        return f"{name}: nothing is{judged or ' judged'} yet."
    few = f", too few to tell (under {FEW_POSITIVES})" if positives < FEW_POSITIVES else ""
    documents, found = counted(n, "document"), counted(positives, "positive")
    return f"{name}: {documents}{judged}, {found}{few}; {how}."


def _counts(
    measured: Evaluation | EvaluationOutputs, label: str | int | None
) -> tuple[int, int, str]:
    """Documents, positives, and the words that say for which label they were judged."""
    if label is not None:
        position = _position(measured, label)
        words = f" judged for “{measured.names[position]}”"
        if isinstance(measured, Evaluation):
            scores = measured.labels[position]
            return scores.n_judged, scores.support, words
        cells = masked_truth(measured.proba, measured.truth)[:, position]
        return int((cells != UNJUDGED).sum()), int((cells == PRESENT).sum()), words
    if isinstance(measured, Evaluation):
        return measured.n_documents, sum(measured.positives), ""
    truth = masked_truth(measured.proba, measured.truth)
    return int((truth != UNJUDGED).any(axis=1).sum()), int((truth == PRESENT).sum()), ""


def _position(measured: Evaluation | EvaluationOutputs, label: str | int) -> int:
    if isinstance(measured, Evaluation):
        return measured.position_of(label)
    if isinstance(label, int) and 0 <= label < len(measured.names):
        return label
    if isinstance(label, str) and label in measured.names:
        return measured.names.index(label)
    raise NotFound(f"Label '{label}' is not among the {len(measured.names)} that were measured.")
