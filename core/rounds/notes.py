"""The sentence under a round's figures: what was measured on, and what would measure better."""

from __future__ import annotations

from core.domain import EvaluationSource
from core.evaluation.counts import ENOUGH_TO_MEASURE
from core.rounds.task import Snapshot

ENOUGH_AUDITED = 30  # complete judgements; below that the out-of-fold predictions say more
SMALLEST_AUDIT_SET = ENOUGH_TO_MEASURE  # documents; a smaller one is never measured on


def audit_judgements_needed(snapshot: Snapshot) -> int | None:
    """How many judged audit documents a round is measured on; None where the set is too small."""
    n_audit_set = int(snapshot.is_audited.sum())
    return None if n_audit_set < SMALLEST_AUDIT_SET else min(ENOUGH_AUDITED, n_audit_set)


def note_on(source: EvaluationSource, n_documents: int, *, snapshot: Snapshot) -> str:
    """What the figures of `n_documents` rest on."""
    if source is EvaluationSource.AUDIT:
        return f"Measured on {n_documents} audit documents, never trained on."
    if source is EvaluationSource.OUT_OF_FOLD:
        return (
            f"Measured on {n_documents} judged documents, each predicted by a model that did "
            f"not see it{_on_audit_set(snapshot)}"
        )
    if source is EvaluationSource.HELD_OUT:
        return (
            f"Measured on {n_documents} judged documents kept out of training"
            f"{_on_audit_set(snapshot)}"
        )
    return _on_nothing(snapshot)


def _on_audit_set(snapshot: Snapshot) -> str:
    needed = audit_judgements_needed(snapshot)
    if needed is None:
        return (
            f": the project is too small for an audit set of its own ({_size(snapshot)}, "
            f"and under {SMALLEST_AUDIT_SET} nothing is measured)."
        )
    return f", until {needed} audit documents are judged."


def _on_nothing(snapshot: Snapshot) -> str:
    needed = audit_judgements_needed(snapshot)
    audited = "" if needed is None else f", or {needed} of the audit set,"
    return (
        f"Too few documents to measure on; {ENOUGH_TO_MEASURE} judged ones that the model "
        f"did not see{audited} are needed."
    )


def _size(snapshot: Snapshot) -> str:
    n = int(snapshot.is_audited.sum())
    return "it has none" if n == 0 else f"it has {n} document{'' if n == 1 else 's'}"
