"""The sentence under a round's figures: what was measured on, and what would measure better."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain import EvaluationSource
from core.evaluation.counts import ENOUGH_TO_MEASURE
from core.evaluation.summary import Estimate

ENOUGH_AUDITED = 30  # complete judgements; below that the out-of-fold predictions say more
SMALLEST_AUDIT_SET = ENOUGH_TO_MEASURE  # documents; a smaller one is never measured on


@dataclass(frozen=True)
class Evidence:
    """What there was to measure on."""

    source: EvaluationSource
    n_documents: int  # measured on
    n_audit_set: int  # judged or not
    n_unseen: int  # judged documents outside the audit set that the model did not see
    n_seen_by_encoder: int  # judged documents that the encoder was tuned on in an earlier round
    n_by_model: int = 0  # measured documents that the model chose to ask about
    weighted: Estimate | None = None  # micro-F1 weighted by the chance of selection


def audit_judgements_needed(n_audit_set: int) -> int | None:
    """How many judged audit documents a round is measured on; None where the set is too small."""
    return None if n_audit_set < SMALLEST_AUDIT_SET else min(ENOUGH_AUDITED, n_audit_set)


def note_on(evidence: Evidence) -> str:
    """What the figures rest on, or what is missing for any."""
    n = evidence.n_documents
    if evidence.source is EvaluationSource.AUDIT:
        return f"Measured on {n} audit documents, never trained on."
    if evidence.source is EvaluationSource.OUT_OF_FOLD:
        return (
            f"Measured on {n} judged documents, each predicted by a model that did not see it"
            f"{_on_audit_set(evidence.n_audit_set)}{_on_choice(evidence)}"
        )
    if evidence.source is EvaluationSource.HELD_OUT:
        return (
            f"Measured on {n} judged documents kept out of training"
            f"{_on_audit_set(evidence.n_audit_set)}{_on_choice(evidence)}"
        )
    return _on_nothing(evidence)


def _on_choice(evidence: Evidence) -> str:
    """A warning where the measured documents were chosen rather than drawn."""
    if not evidence.n_by_model:
        return ""
    told = (
        f" The model chose {evidence.n_by_model} of them to ask about: they are harder than the "
        "pool, so these figures are not what to expect there"
    )
    micro = evidence.weighted
    if micro is None or micro.value is None:
        return f"{told}."
    return (
        f"{told}; weighted by the chance of selection micro-F1 is {micro.value:.2f} "
        f"[{micro.low:.2f}, {micro.high:.2f}]."
    )


def _on_audit_set(n_audit_set: int) -> str:
    needed = audit_judgements_needed(n_audit_set)
    if needed is not None:
        return f", until {needed} audit documents are judged."
    size = {0: "it has none", 1: "it has 1 document"}.get(
        n_audit_set, f"it has {n_audit_set} documents"
    )
    return (
        f": the project is too small for an audit set of its own ({size}, and under "
        f"{SMALLEST_AUDIT_SET} nothing is measured)."
    )


def _on_nothing(evidence: Evidence) -> str:
    needed = audit_judgements_needed(evidence.n_audit_set)
    audited = "" if needed is None else f", or {needed} of the audit set"
    n_more = ENOUGH_TO_MEASURE - evidence.n_unseen
    why = ""
    if evidence.n_seen_by_encoder:
        why = (
            f" The encoder was tuned on {evidence.n_seen_by_encoder} of the judged documents in "
            f"an earlier deep round, so they measure nothing; {evidence.n_unseen} others are left."
        )
    return f"Too few documents to measure on.{why} Judge {n_more} more{audited}, then run a round."
