"""The card's hot path: lease documents, hand judgements in."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.api.backend import Backend, OpenBackend, ProjectCaller
from core.api.present import served
from core.api.schemas import (
    AcknowledgementBody,
    Acknowledgements,
    Id,
    Lease,
    LeaseRequest,
    SubmissionBatch,
    ThresholdsBody,
)
from core.domain import QueryKind
from core.services.judgements import NewSubmission, annotator_named, record_judgements
from core.services.operating_points import thresholds_in_force
from core.services.projects import get_project
from core.services.queue import ServedQuery, next_queries, release_queries
from core.services.seeding import newest_finds
from core.store.tables import Project, Query, Round

router = APIRouter(prefix="/projects/{project_id}", tags=["judging"])


@router.post("/queries")
async def lease(
    project_id: Id, backend: OpenBackend, caller: ProjectCaller, request: LeaseRequest
) -> Lease:
    """Take up to `n` documents in hand; nobody else gets them until the lease runs out.

    Asking again renews the lease of what is in hand.
    """

    def run(session: Session) -> list[ServedQuery]:
        if request.release:
            release_queries(session, project_id, request.client_id, request.release)
        return next_queries(
            session,
            project_id,
            annotator_id=annotator_named(session, caller.annotator).id,
            client_id=request.client_id,
            n=request.n,
            settings=backend.settings,
        )

    queries = await backend.write(run, can_wait=True)
    return await run_in_threadpool(_lease, backend, project_id, request, queries)


def _lease(
    backend: Backend, project_id: int, request: LeaseRequest, queries: list[ServedQuery]
) -> Lease:
    have = set(request.have)
    fresh = [query for query in queries if query.document_id not in have]
    with backend.store.read() as session:
        project = get_project(session, project_id)
        in_force = select(Round.number).where(Round.id == project.active_round_id)
        return Lease(
            schema_version=project.schema_version,
            round_number=session.scalar(in_force),
            is_ordered=_is_ordered(session, project),
            newest_finds=newest_finds(session, project_id),
            thresholds=ThresholdsBody.model_validate(thresholds_in_force(session, project_id)),
            lease_s=backend.settings.lease_s,
            in_hand=[query.document_id for query in queries],
            documents=served(session, backend.settings, project_id, fresh),
        )


def _is_ordered(session: Session, project: Project) -> bool:
    if project.active_round_id is not None:
        return True
    cold_start = select(Query.id).where(
        Query.project_id == project.id,
        Query.round_id.is_(None),
        Query.kind.in_((QueryKind.COLD_START, QueryKind.COVERAGE)),
    )
    return session.scalar(cold_start.limit(1)) is not None


@router.post("/judgements")
async def judge(
    project_id: Id, backend: OpenBackend, caller: ProjectCaller, batch: SubmissionBatch
) -> Acknowledgements:
    """Store a batch, all of it or nothing; answered once it is committed.

    Sending the same batch again is harmless. An answer 409 means that this client id and
    sequence number carried something else before: send it under a new client id.
    """
    new = [NewSubmission(**dict(submission)) for submission in batch.submissions]

    def run(session: Session) -> list[AcknowledgementBody]:
        stored = record_judgements(
            session,
            get_project(session, project_id),
            annotator_named(session, caller.annotator),
            new,
            source=batch.source,
        )
        return [AcknowledgementBody.model_validate(one) for one in stored]

    return Acknowledgements(acknowledged=await backend.write(run))
