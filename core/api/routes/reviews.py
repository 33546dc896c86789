"""Judgements to look at again: the queue, the verdicts, and what they brought."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session

from core.api.backend import OpenBackend, ProjectCaller
from core.api.review_schemas import (
    BesideBody,
    ReviewEffectBody,
    ReviewPageBody,
    ToReviewBody,
    VerdictBatch,
    VerdictBody,
)
from core.api.schemas import AcknowledgementBody, Acknowledgements, Id, Number
from core.domain import JudgementState, ReviewKind, SubmissionSource
from core.services.judgements import Acknowledgement, annotator_named
from core.services.projects import get_project
from core.services.review_effect import review_effect
from core.services.review_queue import LARGEST_PAGE, ToReview, suspect_queue
from core.services.reviews import NewReview, TakenBack, review, take_back
from core.settings import Settings
from core.store.tables import Annotator, Project

router = APIRouter(prefix="/projects/{project_id}/reviews", tags=["judging"])


@router.get("")
def queue(
    project_id: Id,
    backend: OpenBackend,
    caller: ProjectCaller,
    kind: ReviewKind = ReviewKind.SUSPECT,
    after: Number | None = None,
    round_id: Id | None = None,
    n: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 20,
) -> ReviewPageBody:
    """The next judgements that the round in force finds doubtful, the most doubtful first.

    Go on with `next_after`, and tell the `round_id` it belongs to: after a new round the
    queue begins anew.
    """
    with backend.store.read() as session:
        page = suspect_queue(
            session, backend.settings, project_id, kind=kind, after=after, n=n, round_id=round_id
        )
    return ReviewPageBody(
        kind=kind,
        is_ready=page.is_ready,
        round_id=page.round_id,
        n_left=page.n_left,
        next_after=page.next_after,
        items=[_shown(item) for item in page.items],
    )


def _shown(item: ToReview) -> ToReviewBody:
    beside = item.beside
    return ToReviewBody(
        place=item.place,
        document_id=item.document.id,
        external_id=item.document.external_id,
        text=item.document.text,
        label_id=item.label_id,
        state=JudgementState.PRESENT if item.said.is_present else JudgementState.ABSENT,
        judged_by=item.said.annotator,
        judged_at=item.said.at,
        proba=item.proba,
        suspicion=item.suspicion,
        with_id=item.with_id,
        instead_id=item.instead_id,
        beside=None
        if beside is None
        else BesideBody(
            document_id=beside.document.id,
            external_id=beside.document.external_id,
            text=beside.document.text,
            cosine=beside.cosine,
        ),
    )


@router.post("")
async def decide(
    project_id: Id, backend: OpenBackend, caller: ProjectCaller, batch: VerdictBatch
) -> Acknowledgements:
    """Store verdicts, all of them or nothing; answered once they are committed.

    Each becomes a judgement. Sending the same batch again is harmless.
    """

    def run(session: Session) -> list[AcknowledgementBody]:
        project = get_project(session, project_id)
        annotator = annotator_named(session, caller.annotator)
        return [
            AcknowledgementBody.model_validate(
                _stored(session, backend.settings, project, annotator, one, source=batch.source)
            )
            for one in batch.verdicts
        ]

    return Acknowledgements(acknowledged=await backend.write(run))


def _stored(
    session: Session,
    settings: Settings,
    project: Project,
    annotator: Annotator,
    one: VerdictBody,
    *,
    source: SubmissionSource,
) -> Acknowledgement:
    if one.label_id is not None and one.verdict is not None:
        new = NewReview(
            document_id=one.document_id,
            label_id=one.label_id,
            kind=one.kind,
            verdict=one.verdict,
            client_id=one.client_id,
            sequence=one.sequence,
            seen=one.seen,
            instead_id=one.instead_id,
        )
        return review(session, settings, project, annotator, new, source=source)
    undo = TakenBack(
        document_id=one.document_id,
        client_id=one.client_id,
        sequence=one.sequence,
        undoes_sequence=one.undoes_sequence or 0,
        undoes_client_id=one.undoes_client_id,
    )
    return take_back(session, project, annotator, undo, source=source)


@router.get("/effect")
def effect(
    project_id: Id, backend: OpenBackend, caller: ProjectCaller, kind: ReviewKind | None = None
) -> ReviewEffectBody:
    """What the verdicts of one kind, or all, have brought so far."""
    with backend.store.read() as session:
        get_project(session, project_id)
        told = review_effect(session, backend.settings, project_id, kind=kind)
    return ReviewEffectBody.model_validate(told)
