"""Looking at a judgement again: confirming or changing it, and taking that back.

A verdict is a submission like any other, so nothing else need know of reviews; the
review beside it remembers why the judgement was looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.domain import JudgementState, ReviewKind, SubmissionKind, SubmissionSource, Verdict
from core.errors import Conflict, InputError
from core.services.exclusive import is_exclusive
from core.services.judgement_matrix import active_spans
from core.services.judgements import Acknowledgement, NewSubmission, record_judgements
from core.services.review_queue import suspicion_of, words_on
from core.settings import Settings
from core.store.tables import Annotator, Document, Project, Review, Submission

OTHER = {
    JudgementState.PRESENT: JudgementState.ABSENT,
    JudgementState.ABSENT: JudgementState.PRESENT,
}


@dataclass(frozen=True)
class NewReview:
    """One verdict, as the client tells it.

    `seen` is the judgement that was on the screen, the one of this moment unless
    given. Where exactly one label applies, a label that does not is flipped by
    naming in `instead_id` the one that does.
    """

    document_id: int
    label_id: int
    kind: ReviewKind
    verdict: Verdict
    client_id: str
    sequence: int
    seen: JudgementState | None = None
    instead_id: int | None = None


@dataclass(frozen=True)
class TakenBack:
    """A verdict that does not count any more, as the client tells it."""

    document_id: int
    client_id: str
    sequence: int
    undoes_sequence: int
    undoes_client_id: str | None = None


def review(
    session: Session,
    settings: Settings,
    project: Project,
    annotator: Annotator,
    new: NewReview,
    *,
    source: SubmissionSource = SubmissionSource.CARD,
) -> Acknowledgement:
    """Store a verdict: the judgement that follows from it, and that it was looked at again.

    Sent again it changes nothing. Raises Conflict where this client id and sequence
    number carried something else before, InputError where nothing was judged, or where
    one label applies to each document and a flip does not say which, or for a document
    of the audit set.
    """
    if stored := _stored(session, new):
        return stored
    _refuse_audited(session, new.document_id)
    seen = new.seen or _judged_now(session, project.id, new)
    submission = _as_submission(project, new, seen)
    round_id, cell = project.active_round_id, (new.document_id, new.label_id)
    suspicion = suspicion_of(session, settings, project.id, new.kind, cell)
    (done,) = record_judgements(session, project, annotator, [submission], source=source)
    session.add(
        Review(
            project_id=project.id,
            document_id=new.document_id,
            label_id=new.label_id,
            round_id=round_id,
            submission_id=done.submission_id,
            kind=new.kind,
            verdict=new.verdict,
            state_before=str(seen),
            suspicion=suspicion,
        )
    )
    session.flush()
    return done


def take_back(
    session: Session,
    project: Project,
    annotator: Annotator,
    undo: TakenBack,
    *,
    source: SubmissionSource = SubmissionSource.CARD,
) -> Acknowledgement:
    """Take a verdict back: the judgement before it counts again, and the review no longer."""
    submission = NewSubmission(
        document_id=undo.document_id,
        kind=SubmissionKind.UNDO,
        client_id=undo.client_id,
        sequence=undo.sequence,
        undoes_sequence=undo.undoes_sequence,
        undoes_client_id=undo.undoes_client_id,
    )
    (done,) = record_judgements(session, project, annotator, [submission], source=source)
    return done


def _stored(session: Session, new: NewReview) -> Acknowledgement | None:
    """The acknowledgement of a verdict that was stored before."""
    submission_id = session.scalar(
        select(Submission.id).where(
            Submission.client_id == new.client_id, Submission.sequence == new.sequence
        )
    )
    if submission_id is None:
        return None
    said = session.scalar(
        select(Review.id).where(
            Review.submission_id == submission_id,
            Review.document_id == new.document_id,
            Review.label_id == new.label_id,
            Review.kind == new.kind,
            Review.verdict == new.verdict,
        )
    )
    if said is None:
        raise Conflict(
            f"Submission {new.sequence} of client '{new.client_id}' is already stored with other "
            "content; send this one under a new client id."
        )
    return Acknowledgement(new.client_id, new.sequence, submission_id, is_repeat=True)


def _refuse_audited(session: Session, document_id: int) -> None:
    """Judged again with the model's opinion beside it, the audit set would flatter the model."""
    if session.scalar(select(Document.is_audited).where(Document.id == document_id)):
        raise InputError(
            f"Document {document_id} belongs to the audit set, which is judged without looking at "
            "the model; judge it anew on the card."
        )


def _judged_now(session: Session, project_id: int, new: NewReview) -> JudgementState:
    spans = {span.id: span for span in active_spans(session, project_id)}
    said = words_on(session, [new.document_id], spans).get((new.document_id, new.label_id))
    if said is None:
        raise InputError(
            f"Label {new.label_id} of document {new.document_id} is not judged, so there is "
            "nothing to look at again; judge it, or tell in 'seen' what was on the screen."
        )
    return JudgementState.PRESENT if said.is_present else JudgementState.ABSENT


def _as_submission(project: Project, new: NewReview, seen: JudgementState) -> NewSubmission:
    if seen not in OTHER:
        raise InputError(f"A judgement that is '{seen}' cannot be looked at again; judge it.")
    if new.verdict is Verdict.UNSURE:
        kind, states = SubmissionKind.PARTIAL, {new.label_id: JudgementState.UNSURE}
    else:
        state = seen if new.verdict is Verdict.CONFIRMED else OTHER[seen]
        kind, states = SubmissionKind.PARTIAL, {new.label_id: state}
        if is_exclusive(project):
            kind, states = _exclusive(project, new, state)
    return NewSubmission(
        document_id=new.document_id,
        kind=kind,
        client_id=new.client_id,
        sequence=new.sequence,
        states=states,
    )


def _exclusive(
    project: Project, new: NewReview, state: JudgementState
) -> tuple[SubmissionKind, dict[int, JudgementState]]:
    """Where one label applies, naming it judges all; ruling one out names the one instead."""
    if state is JudgementState.PRESENT:
        return SubmissionKind.COMPLETE, {new.label_id: state}
    if new.verdict is Verdict.CONFIRMED:
        return SubmissionKind.PARTIAL, {new.label_id: state}
    if new.instead_id is None or new.instead_id == new.label_id:
        raise InputError(
            f"In project '{project.name}' exactly one label applies to each document, so a label "
            "that does not is flipped by naming the one that does; send it in 'instead_id'."
        )
    return SubmissionKind.COMPLETE, {new.instead_id: JudgementState.PRESENT}
