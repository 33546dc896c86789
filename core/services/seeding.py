"""Somebody looks for texts like a sentence: asking for it, and how the last search went.

The search itself runs in the worker (`core.rounds.search`), which has the encoder.
What it finds comes first in the queue, whatever round is in force.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.domain import JobStatus, QueryKind
from core.errors import InputError
from core.services import job_queue
from core.services.jobs import ACTIVE, SEARCH, JobInfo, job_info, latest_job
from core.services.projects import get_project
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Job, Project, Query, now

LONGEST_SEARCH = 300  # characters: a sentence or two
MOST_FOUND = 100
USUAL_FOUND = 5
STRATEGY = "search"


@dataclass(frozen=True)
class Search:
    """One search at one moment."""

    job_id: int
    status: JobStatus
    text: str
    n_wanted: int
    n_found: int = 0
    n_with_words: int = 0  # of those found, how many hold words of the search
    n_unread: int = 0  # documents that have no vector yet: compared by their words alone
    note: str = ""  # what could not be done
    error: str | None = None
    step: str = ""  # a RoundStep, or empty before the first
    fraction: float = 0.0  # of that step

    @property
    def is_active(self) -> bool:
        """Whether it is waiting or running."""
        return self.status in ACTIVE


def request_search(
    store: Store, settings: Settings, project_id: int, *, text: str, n: int = USUAL_FOUND
) -> Search:
    """Have the worker find unjudged texts like this one and put them first in the queue.

    Asked again while the same search waits or runs, it is the same job. Raises
    InputError for an empty or endless text, or a number out of bounds.
    """
    text = checked_text(text)
    if not 1 <= n <= MOST_FOUND:
        raise InputError(f"{n} texts cannot be looked for; ask for 1 to {MOST_FOUND}.")
    request = {"text": text, "n": n}
    with store.write() as session:
        get_project(session, project_id)
        job = _same_search(session, project_id, request) or job_queue.add_job(
            session, project_id=project_id, kind=SEARCH, request=request
        )
        search = _search(job_info(job))
    job_queue.enqueue(settings, job.workflow_id, queue=job_queue.SEARCH_QUEUE)
    return search


def checked_text(text: str) -> str:
    """The sought words on one line; raises InputError where there are none or too many."""
    text = " ".join(text.replace("\x00", " ").split())
    if not any(character.isalnum() for character in text):
        raise InputError("There is nothing to look for; type some words, or a name.")
    if len(text) > LONGEST_SEARCH:
        raise InputError(
            f"The search has {len(text)} characters; use at most {LONGEST_SEARCH}, "
            "for example one typical sentence."
        )
    return text


def latest_search(session: Session, project_id: int) -> Search | None:
    """The search that was asked for last."""
    job = latest_job(session, project_id, kind=SEARCH)
    return None if job is None else _search(job)


def newest_finds(session: Session, project_id: int) -> int | None:
    """The newest finished search: a client that sees it change has older questions in hand."""
    return session.scalar(
        select(func.max(Job.id)).where(
            Job.project_id == project_id, Job.status == JobStatus.DONE, Job.kind == SEARCH
        )
    )


def put_first(session: Session, project: Project, finds: Sequence[Mapping[str, Any]]) -> None:
    """Ask about these documents before all others, the first of them first.

    A find belongs to no round, so the next round does not sweep it away, and the
    queries of the round in force stay as the round made them. Its rank is below
    every other's: a newer search comes before an older one.
    """
    lowest = session.scalar(
        select(func.min(Query.rank)).where(Query.project_id == project.id, Query.round_id.is_(None))
    )
    first = min(1, 1 if lowest is None else lowest) - len(finds)
    known = _raisable(session, project, [find["document_id"] for find in finds])
    for rank, find in enumerate(finds, start=first):
        query = known.get(find["document_id"])
        if query is None:
            query = Query(project_id=project.id, document_id=find["document_id"])
            session.add(query)
        query.kind, query.strategy, query.rank = QueryKind.SEARCH, STRATEGY, rank
        query.score, query.reason, query.because = find["score"], find["reason"], find["because"]
        query.selection_probability, query.created_at = None, now()


def _raisable(session: Session, project: Project, ids: list[int]) -> dict[int, Query]:
    """Queries of no round about these: earlier finds, and before the first round all of them."""
    found = select(Query).where(Query.document_id.in_(ids), Query.round_id.is_(None))
    if project.active_round_id is not None:
        found = found.where(Query.kind == QueryKind.SEARCH)
    return {query.document_id: query for query in session.scalars(found.order_by(Query.id))}


def _same_search(session: Session, project_id: int, request: dict[str, Any]) -> Job | None:
    waiting = session.scalars(
        select(Job).where(Job.project_id == project_id, Job.kind == SEARCH, Job.status.in_(ACTIVE))
    )
    return next((job for job in waiting if job.request == request), None)


def _search(job: JobInfo) -> Search:
    return Search(
        job_id=job.id,
        status=job.status,
        text=str(job.request.get("text", "")),
        n_wanted=int(job.request.get("n", USUAL_FOUND)),
        n_found=int(job.detail.get("n_found", 0)),
        n_with_words=int(job.detail.get("n_with_words", 0)),
        n_unread=int(job.detail.get("n_unread", 0)),
        note=str(job.detail.get("note", "")),
        error=job.error,
        step=job.step,
        fraction=job.fraction,
    )
