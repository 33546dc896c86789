"""Projects in which exactly one label applies to each document: the rule, and keeping to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from core.domain import PRESENT, JudgementState, SubmissionKind, Truth
from core.errors import Conflict, InputError
from core.services.judgement_matrix import (
    STATE_VALUE,
    Event,
    active_spans,
    is_possible,
    load_events,
    resolve,
)
from core.store.tables import Project

if TYPE_CHECKING:
    from core.services.judgements import NewSubmission


@dataclass(frozen=True)
class Against:
    """Judged documents that speak against exactly one label per document."""

    n_none: int = 0  # no label is left that could apply
    n_several: int = 0

    def __bool__(self) -> bool:
        return self.n_none + self.n_several > 0

    def in_words(self) -> str:
        """`3 judged documents have several labels`."""
        several = f"{_documents(self.n_several)} several labels" if self.n_several else ""
        none = f"{_documents(self.n_none)} no label" if self.n_none else ""
        return " and ".join(filter(None, (several, none)))


def _documents(n: int) -> str:
    return "1 judged document has" if n == 1 else f"{n:,} judged documents have"


def is_exclusive(project: Project) -> bool:
    """Whether exactly one label applies to each of its documents."""
    return bool(project.settings.get("exclusive"))


def documents_against(session: Session, project_id: int) -> Against:
    """How many documents, as they are judged now, could not be in such a project."""
    labels = active_spans(session, project_id)
    if not labels:
        return Against()
    _, truth = resolve(load_events(session, project_id), labels)
    several = _n_present(truth) > 1
    return Against(n_none=int((~is_possible(truth) & ~several).sum()), n_several=int(several.sum()))


def check_can_be_exclusive(session: Session, project_id: int) -> None:
    """Raise Conflict, with a count, while a judged document would break the rule."""
    if against := documents_against(session, project_id):
        raise Conflict(
            f"{against.in_words()}; with exactly one label per document they could not be. "
            "Judge them again, add a label for those that have none, or begin a new project."
        )


def check_submission(session: Session, project: Project, new: NewSubmission) -> None:
    """Raise InputError for a judgement that leaves a document without its one label.

    What is judged whole names the label that applies. What is judged in part only rules labels
    out, and not the one that the document is judged to have.
    """
    present = [id_ for id_, state in new.states.items() if state == JudgementState.PRESENT]
    rule = f"in project '{project.name}' exactly one label applies to each document"
    if new.kind is SubmissionKind.COMPLETE and len(present) != 1:
        how_many = f"{len(present)} labels" if present else "no label"
        raise InputError(
            f"Document {new.document_id} is judged whole with {how_many} present, but {rule}; "
            "choose that one, or send a partial judgement of labels that do not apply."
        )
    if new.kind is not SubmissionKind.PARTIAL:
        return
    if present:
        raise InputError(
            f"A partial judgement names a label of document {new.document_id} as present, but "
            f"{rule}, so the others are absent: send it as a complete one."
        )
    if not _leaves_a_label(session, project.id, new):
        raise InputError(
            f"This would leave document {new.document_id} without any label, but {rule}; judge "
            "it whole, with the label that applies."
        )


def _leaves_a_label(session: Session, project_id: int, new: NewSubmission) -> bool:
    said = load_events(session, project_id, document_id=new.document_id)
    states = {label_id: STATE_VALUE[JudgementState(s)] for label_id, s in new.states.items()}
    said.append(Event(new.document_id, new.kind, new.schema_version or 1, states))
    _, truth = resolve(said, active_spans(session, project_id))
    return bool(is_possible(truth).all())


def why_not_one(labels: Sequence[str]) -> str:
    """Why an imported row cannot be taken; empty where it can."""
    if len(labels) == 1:
        return ""
    if not labels:
        return "No label applies to it, but in this project exactly one does to each document."
    named = ", ".join(f"'{name}'" for name in labels[:3]) + (", …" if len(labels) > 3 else "")
    return (
        f"It has {len(labels)} labels ({named}), but in this project exactly one applies to "
        "each document."
    )


def _n_present(truth: Truth) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = (truth == PRESENT).sum(axis=1)
    return counts
