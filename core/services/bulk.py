"""One judgement of many documents at once: what it would store, storing it, taking it back.

The audit set is left out: its documents are there to be judged one by one, by somebody who
reads them. What is judged otherwise stays unless that is wanted, and everything is stored in
one transaction or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from core.domain import (
    ABSENT,
    PRESENT,
    UNJUDGED,
    JudgementState,
    ReviewKind,
    SubmissionKind,
    SubmissionSource,
    Truth,
    Verdict,
)
from core.errors import Conflict, InputError, NotFound
from core.services.exclusive import is_exclusive
from core.services.judgement_matrix import active_spans, load_events, resolve
from core.services.judgements import NewSubmission, annotator_named, record_judgements
from core.services.projects import get_project, lock_project
from core.store.tables import Annotator, Document, Judgement, Label, Project, Review, Submission

MOST_AT_ONCE = 2_000  # documents; more would keep others from saving for too long
CHUNK = 500  # submissions stored by one statement's worth of parameters
STATES = {JudgementState.PRESENT: PRESENT, JudgementState.ABSENT: ABSENT}
IN_WORDS = {PRESENT: "present", ABSENT: "absent", UNJUDGED: "unjudged"}


@dataclass(frozen=True)
class BulkPlan:
    """What judging these documents at once would do; every document asked for is in one part."""

    label_id: int
    label: str
    state: JudgementState  # present or absent
    is_whole: bool  # the one label of a document: judged whole, all others absent
    unjudged: tuple[int, ...]  # document ids that get the judgement
    otherwise: tuple[int, ...]  # judged otherwise by now
    same: tuple[int, ...]  # judged so already: nothing is stored
    audited: tuple[int, ...]  # never judged by the lot
    impossible: tuple[int, ...]  # would be left without the one label that applies
    gone: tuple[int, ...]  # not in the project any more
    changes_judged: bool  # whether `otherwise` is judged anew

    @property
    def to_store(self) -> tuple[int, ...]:
        """Documents that get a submission."""
        return self.unjudged + (self.otherwise if self.changes_judged else ())


@dataclass(frozen=True)
class BulkDone:
    """A stored lot."""

    bulk_id: str
    n_stored: int
    is_repeat: bool  # it had been stored before


def plan_bulk(
    session: Session,
    project_id: int,
    document_ids: Sequence[int],
    *,
    label_id: int,
    state: JudgementState,
    changes_judged: bool = False,
) -> BulkPlan:
    """Say what would be stored; stores nothing.

    Raises InputError for no document, too many, or a state that is no judgement, NotFound for a
    label that does not count in the project.
    """
    project, label = get_project(session, project_id), _label(session, project_id, label_id)
    asked = _checked(document_ids, state)
    there = dict(
        session.execute(
            select(Document.id, Document.is_audited).where(
                Document.project_id == project_id, Document.id.in_(asked)
            )
        ).all()
    )
    present = np.array([id_ for id_ in asked if there.get(id_) is False], dtype=np.int64)
    truth, column = _truth_of(session, project_id, present, label_id)
    cell, value = truth[:, column], STATES[state]
    impossible = np.zeros(len(present), dtype=np.bool_)
    if is_exclusive(project) and value == PRESENT:
        has_another = (truth == PRESENT).any(axis=1) & (cell != PRESENT)
        cell = np.where(has_another, np.int8(ABSENT), cell)
    elif is_exclusive(project):
        others_are_absent = (np.delete(truth, column, axis=1) == ABSENT).all(axis=1)
        impossible = (cell != ABSENT) & others_are_absent

    def those(mask: NDArray[np.bool_]) -> tuple[int, ...]:
        return tuple(present[mask].tolist())

    return BulkPlan(
        label_id=label_id,
        label=label.name,
        state=state,
        is_whole=is_exclusive(project) and value == PRESENT,
        unjudged=those((cell == UNJUDGED) & ~impossible),
        otherwise=those((cell == 1 - value) & ~impossible),
        same=those((cell == value) & ~impossible),
        audited=tuple(id_ for id_ in asked if there.get(id_)),
        impossible=those(impossible),
        gone=tuple(id_ for id_ in asked if id_ not in there),
        changes_judged=changes_judged,
    )


def judge_in_bulk(
    session: Session, project_id: int, annotator: str, plan: BulkPlan, *, bulk_id: str
) -> BulkDone:
    """Store what a plan says, under an id that its maker chose; again, it stores nothing more.

    Raises Conflict where it is no longer what would happen, because somebody judged or deleted
    some of these documents in the meantime, and for an id used for something else.
    """
    project, who = lock_project(session, project_id), annotator_named(session, annotator)
    if stored := _stored(session, bulk_id):
        if not _is_of(session, stored, plan):
            raise Conflict(
                f"Bulk judgement '{bulk_id}' is already stored with other content; make a new id."
            )
        return BulkDone(bulk_id, len(stored), is_repeat=True)
    now = plan_bulk(
        session,
        project_id,
        _asked(plan),
        label_id=plan.label_id,
        state=plan.state,
        changes_judged=plan.changes_judged,
    )
    if now != plan:
        raise Conflict(
            "Some of these documents were judged or removed since you looked; look at what "
            "would be stored now, and confirm again."
        )
    if not plan.to_store:
        raise InputError("There is nothing to store: no chosen document would be judged anew.")
    submissions = [
        NewSubmission(
            document_id=document_id,
            kind=SubmissionKind.COMPLETE if plan.is_whole else SubmissionKind.PARTIAL,
            client_id=_client(bulk_id),
            sequence=sequence,
            states={plan.label_id: plan.state},
        )
        for sequence, document_id in enumerate(plan.to_store)
    ]
    ids = _record(session, project, who, submissions)
    _note_reviews(session, project, plan, ids)
    return BulkDone(bulk_id, len(ids), is_repeat=False)


def take_back_bulk(session: Session, project_id: int, annotator: str, *, bulk_id: str) -> int:
    """Undo a lot as a whole; what was judged before counts again. Returns how many it undid.

    Taken back twice, the second undoes nothing. Raises NotFound for an id under which this
    annotator stored nothing.
    """
    project, who = lock_project(session, project_id), annotator_named(session, annotator)
    stored = [row for row in _stored(session, bulk_id) if row.annotator_id == who.id]
    if not stored:
        raise NotFound(f"{who.name} stored no bulk judgement '{bulk_id}', so none is taken back.")
    undone = _undone(session, bulk_id)
    undos = [
        NewSubmission(
            document_id=row.document_id,
            kind=SubmissionKind.UNDO,
            client_id=_client(bulk_id),
            sequence=len(stored) + row.sequence,
            undoes_sequence=row.sequence,
        )
        for row in stored
        if row.id not in undone
    ]
    _record(session, project, who, undos)
    return len(undos)


def _checked(document_ids: Sequence[int], state: JudgementState) -> list[int]:
    asked = sorted({int(id_) for id_ in document_ids})
    if state not in STATES:
        raise InputError(f"Many documents are judged 'present' or 'absent', not '{state}'.")
    if not asked:
        raise InputError("No document is chosen; draw around some points first.")
    if len(asked) > MOST_AT_ONCE:
        raise InputError(
            f"{len(asked):,} documents are chosen; judge at most {MOST_AT_ONCE:,} at once."
        )
    return asked


def _label(session: Session, project_id: int, label_id: int) -> Label:
    label = session.get(Label, label_id)
    if label is None or label.project_id != project_id or label.retired_in is not None:
        raise NotFound(f"Label {label_id} does not count in this project; choose one that does.")
    return label


def _truth_of(
    session: Session, project_id: int, document_ids: NDArray[np.int64], label_id: int
) -> tuple[Truth, int]:
    """The states of these documents, those that nobody judged included, and a label's column."""
    spans = active_spans(session, project_id)
    events = load_events(session, project_id, document_ids=document_ids.tolist())
    judged, states = resolve(events, spans)
    truth: Truth = np.full((len(document_ids), len(spans)), UNJUDGED, dtype=np.int8)
    _, here, there = np.intersect1d(
        document_ids, np.array(judged, dtype=np.int64), return_indices=True
    )
    truth[here] = states[there]
    return truth, [span.id for span in spans].index(label_id)


def _asked(plan: BulkPlan) -> list[int]:
    parts = (plan.unjudged, plan.otherwise, plan.same, plan.audited, plan.impossible, plan.gone)
    return [id_ for part in parts for id_ in part]


def _client(bulk_id: str) -> str:
    return f"bulk-{bulk_id}"


def _record(
    session: Session, project: Project, who: Annotator, submissions: Sequence[NewSubmission]
) -> dict[int, int]:
    """Submission ids by document."""
    ids: dict[int, int] = {}
    for part in _chunks(submissions):
        done = record_judgements(session, project, who, part, source=SubmissionSource.API)
        ids |= {new.document_id: ack.submission_id for new, ack in zip(part, done, strict=True)}
    return ids


def _chunks(submissions: Sequence[NewSubmission]) -> Iterator[Sequence[NewSubmission]]:
    for start in range(0, len(submissions), CHUNK):
        yield submissions[start : start + CHUNK]


def _note_reviews(session: Session, project: Project, plan: BulkPlan, ids: dict[int, int]) -> None:
    """Judgements that were turned round are kept as looked at again, with what they were."""
    before = IN_WORDS[1 - STATES[plan.state]]
    session.add_all(
        Review(
            project_id=project.id,
            document_id=document_id,
            label_id=plan.label_id,
            round_id=project.active_round_id,
            submission_id=ids[document_id],
            kind=ReviewKind.MAP,
            verdict=Verdict.FLIPPED,
            state_before=before,
        )
        for document_id in (plan.otherwise if plan.changes_judged else ())
    )


def _stored(session: Session, bulk_id: str) -> list[Submission]:
    return list(
        session.scalars(
            select(Submission)
            .where(Submission.client_id == _client(bulk_id), Submission.kind != SubmissionKind.UNDO)
            .order_by(Submission.sequence)
        )
    )


def _undone(session: Session, bulk_id: str) -> set[int]:
    """Submissions of the lot that are taken back, by whatever client."""
    undo = aliased(Submission)
    return set(
        session.scalars(
            select(Submission.id)
            .join(undo, undo.undoes_id == Submission.id)
            .where(Submission.client_id == _client(bulk_id))
        )
    )


def _is_of(session: Session, stored: Sequence[Submission], plan: BulkPlan) -> bool:
    """Whether these are what the plan stores."""
    first, last = stored[0].id, stored[-1].id
    n_alike = session.scalar(
        select(func.count())
        .select_from(Judgement)
        .join(Submission, Submission.id == Judgement.submission_id)
        .where(
            Submission.id.between(first, last),
            Submission.client_id == stored[0].client_id,
            Judgement.label_id == plan.label_id,
            Judgement.state == plan.state,
        )
    )
    documents = {row.document_id for row in stored}
    return n_alike == len(stored) and documents <= set(_asked(plan))
