"""Which documents to judge next, and who has them in hand.

A served document is leased to one client, so no two people read it at once. One
in so many belongs to the audit set; the others come from the round in force (or
the cold start), and when that batch is used up, from the pool at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Select, exists, false, func, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased
from sqlalchemy.orm.util import AliasedClass

from core.domain import QueryKind, SubmissionKind
from core.services.projects import ProjectSettings, get_project
from core.settings import Settings
from core.store.tables import Document, Project, Query, Round, Submission, now

AUDIT_REASON = "drawn at random for the audit set: it measures the model and never trains it"
RANDOM_REASON = "picked at random: the batch is used up, so run a round for better questions"
UNPREPARED_REASON = "picked at random: no model has read the documents yet"


@dataclass(frozen=True)
class ServedQuery:
    """A document in one client's hands, and why it was chosen."""

    query_id: int
    document_id: int
    external_id: str
    text: str
    kind: QueryKind
    strategy: str
    reason: str
    score: float | None
    selection_probability: float | None
    round_number: int | None
    leased_until: datetime


@dataclass(frozen=True)
class _Caller:
    annotator_id: int
    client_id: str
    at: datetime
    until: datetime


def next_queries(
    session: Session,
    project_id: int,
    *,
    annotator_id: int,
    client_id: str,
    n: int,
    settings: Settings,
    rng: np.random.Generator | None = None,
    at: datetime | None = None,
) -> list[ServedQuery]:
    """Lease up to n documents to this client; those it still has in hand come first.

    Needs a writing transaction. Fewer than n come back when the pool is used up.
    """
    project = get_project(session, project_id)
    at = at or now()
    caller = _Caller(annotator_id, client_id, at, at + timedelta(seconds=settings.lease_s))
    served = _in_hand(session, project, caller)[:n]
    if len(served) < n:
        deck = _Deck(session, project, caller, rng or np.random.default_rng())
        served += deck.deal(n - len(served))
    for query in served:
        query.leased_by, query.leased_until = client_id, caller.until
        query.served_at = query.served_at or at
    session.flush()
    return _described(session, served)


def release_queries(
    session: Session, project_id: int, client_id: str, document_ids: Sequence[int]
) -> None:
    """Let documents go that this client has in hand, so that anybody may be given them."""
    session.execute(
        update(Query)
        .where(
            Query.project_id == project_id,
            Query.leased_by == client_id,
            Query.document_id.in_(document_ids),
        )
        .values(leased_by=None, leased_until=None)
    )


def pool_size(session: Session, project_id: int) -> int:
    """How many documents of the pool have no complete judgement."""
    n_pool = session.scalar(
        select(func.count()).where(
            Document.project_id == project_id, Document.is_audited == false()
        )
    )
    said = aliased(Submission)
    n_complete = session.scalar(
        select(func.count(func.distinct(said.document_id)))
        .join(Document, Document.id == said.document_id)
        .where(
            said.project_id == project_id,
            said.kind == SubmissionKind.COMPLETE,
            ~_undone(said),
            Document.is_audited == false(),
        )
    )
    return (n_pool or 0) - (n_complete or 0)


def _undone(submission: type[Submission] | AliasedClass[Submission]) -> ColumnElement[bool]:
    undo = aliased(Submission)
    return exists().where(undo.undoes_id == submission.id)


def _is_complete() -> ColumnElement[bool]:
    """Somebody judged the whole document."""
    said = aliased(Submission)
    return exists().where(
        said.document_id == Document.id, said.kind == SubmissionKind.COMPLETE, ~_undone(said)
    )


def _is_done_for(caller: _Caller, since: InstrumentedAttribute[Any] | None) -> ColumnElement[bool]:
    """The caller skipped it, or judged part of it (since the query was made)."""
    said = aliased(Submission)
    partly = said.kind == SubmissionKind.PARTIAL
    if since is not None:
        partly = partly & (said.created_at >= since)
    return exists().where(
        said.document_id == Document.id,
        said.annotator_id == caller.annotator_id,
        (said.kind == SubmissionKind.SKIP) | partly,
        ~_undone(said),
    )


def _is_leased_elsewhere(caller: _Caller) -> ColumnElement[bool]:
    other = aliased(Query)
    return exists().where(
        other.document_id == Document.id,
        other.leased_until > caller.at,
        other.leased_by != caller.client_id,
    )


def _is_in_hand(caller: _Caller) -> ColumnElement[bool]:
    own = aliased(Query)
    return exists().where(own.document_id == Document.id, own.leased_by == caller.client_id)


def _let_go_of_done(session: Session, project: Project, caller: _Caller) -> None:
    """Free what the caller skipped or judged in part, for others to judge."""
    done = session.scalars(
        select(Query)
        .join(Document, Document.id == Query.document_id)
        .where(
            Query.project_id == project.id,
            Query.leased_by == caller.client_id,
            Query.leased_until > caller.at,
            _is_done_for(caller, Query.served_at),
        )
    )
    for query in done:
        query.leased_until = None
    session.flush()


def _in_hand(session: Session, project: Project, caller: _Caller) -> list[Query]:
    return list(
        session.scalars(
            select(Query)
            .join(Document, Document.id == Query.document_id)
            .where(
                Query.project_id == project.id,
                Query.leased_by == caller.client_id,
                ~_is_complete(),
                ~_is_done_for(caller, Query.served_at),
                ~_is_leased_elsewhere(caller),
            )
            .order_by(Query.served_at, Query.id)
        )
    )


def _free(statement: Select[Query], caller: _Caller) -> Select[Query]:
    return statement.where(
        ~_is_complete(),
        ~_is_done_for(caller, Query.created_at),
        ~_is_leased_elsewhere(caller),
        ~_is_in_hand(caller),
    )


class _Deck:
    """Deals documents to one caller: audit ones when they are due, then ranked, then random."""

    def __init__(
        self, session: Session, project: Project, caller: _Caller, rng: np.random.Generator
    ) -> None:
        self._session, self._project = session, project
        self._caller, self._rng = caller, rng
        self._dealt: set[int] = set()  # document ids

    def deal(self, n: int) -> list[Query]:
        """Up to n queries for documents that nobody has in hand."""
        ranked = iter(self._ranked(n))
        every = ProjectSettings.of(self._project).audit_every
        n_served, n_audits = self._count_served()
        dealt: list[Query] = []
        while len(dealt) < n:
            is_due = (n_served + len(dealt) + 1) // every > n_audits
            audit = self._audit() if is_due else None
            query = audit or next(ranked, None) or self._random()
            if query is None:
                break
            n_audits += audit is not None
            self._dealt.add(query.document_id)
            dealt.append(query)
        return dealt

    def _count_served(self) -> tuple[int, int]:
        """How many queries were served so far, and how many of them were audits."""
        n_served, n_audits = self._session.execute(
            select(
                func.count(Query.id),
                func.count(Query.id).filter(Query.kind == QueryKind.AUDIT),
            ).where(Query.project_id == self._project.id, Query.served_at.is_not(None))
        ).one()
        return n_served, n_audits

    def _ranked(self, n: int) -> list[Query]:
        """The best free queries of the round in force, or of the cold start before any round."""
        round_id = self._project.active_round_id
        of_round = Query.round_id.is_(None) if round_id is None else Query.round_id == round_id
        statement = (
            select(Query)
            .join(Document, Document.id == Query.document_id)
            .where(Query.project_id == self._project.id, of_round, Query.kind != QueryKind.AUDIT)
            .order_by(Query.rank)
            .limit(n)
        )
        return list(self._session.scalars(_free(statement, self._caller)))

    def _audit(self) -> Query | None:
        """An audit document, when one is left."""
        candidates = [
            id_
            for id_ in self._session.scalars(
                _unserved(self._project, self._caller)
                .where(Document.is_audited)
                .order_by(Document.id)
            )
            if id_ not in self._dealt
        ]
        if not candidates:
            return None
        n_audited, n_all = self._session.execute(
            select(
                func.count(Document.id).filter(Document.is_audited), func.count(Document.id)
            ).where(Document.project_id == self._project.id)
        ).one()
        return self._query_for(
            int(self._rng.choice(candidates)),
            kind=QueryKind.AUDIT,
            reason=AUDIT_REASON,
            selection_probability=n_audited / n_all,
        )

    def _random(self) -> Query | None:
        """Any free document of the pool, each as likely as the next."""
        document_id = self._guess() or self._listed()
        if document_id is None:
            return None
        return self._query_for(
            document_id,
            kind=QueryKind.RANDOM,
            reason=UNPREPARED_REASON if self._project.active_round_id is None else RANDOM_REASON,
            selection_probability=1 / max(self._pool_size, 1),
        )

    def _guess(self) -> int | None:
        """A free document hit by drawing ids blindly, which is quick while many are free."""
        if self._id_span is None:
            return None
        lowest, highest = self._id_span
        guesses = [int(id_) for id_ in self._rng.integers(lowest, highest + 1, size=64)]
        free = set(self._session.scalars(self._eligible.where(Document.id.in_(guesses))))
        return next((id_ for id_ in guesses if id_ in free - self._dealt), None)

    def _listed(self) -> int | None:
        """A free document chosen from a list of all, when few are left."""
        free = self._session.scalars(self._eligible.order_by(Document.id)).all()
        left = [id_ for id_ in free if id_ not in self._dealt]
        return int(self._rng.choice(left)) if left else None

    @property
    def _eligible(self) -> Select[int]:
        return _unserved(self._project, self._caller).where(Document.is_audited == false())

    @cached_property
    def _id_span(self) -> tuple[int, int] | None:
        in_pool = select(Document.id).where(
            Document.project_id == self._project.id, Document.is_audited == false()
        )
        lowest = self._session.scalar(in_pool.order_by(Document.id).limit(1))
        highest = self._session.scalar(in_pool.order_by(Document.id.desc()).limit(1))
        return None if lowest is None or highest is None else (lowest, highest)

    @cached_property
    def _pool_size(self) -> int:
        return pool_size(self._session, self._project.id)

    @cached_property
    def _last_rank(self) -> int:
        of_project = Query.project_id == self._project.id
        return self._session.scalar(select(func.max(Query.rank)).where(of_project)) or 0

    def _query_for(
        self, document_id: int, *, kind: QueryKind, reason: str, selection_probability: float
    ) -> Query:
        round_id = self._project.active_round_id
        of_round = Query.round_id.is_(None) if round_id is None else Query.round_id == round_id
        existing = self._session.scalar(
            select(Query).where(Query.document_id == document_id, of_round).limit(1)
        )
        if existing is not None:  # served before and let go; its record stands
            return existing
        query = Query(
            project_id=self._project.id,
            round_id=round_id,
            document_id=document_id,
            kind=kind,
            strategy="random",
            rank=self._last_rank + len(self._dealt) + 1,
            reason=reason,
            selection_probability=selection_probability,
        )
        self._session.add(query)
        return query


def _unserved(project: Project, caller: _Caller) -> Select[int]:
    """Ids of documents that nobody has in hand or has judged, and the caller has not put aside."""
    return select(Document.id).where(
        Document.project_id == project.id,
        ~_is_complete(),
        ~_is_done_for(caller, None),
        ~_is_leased_elsewhere(caller),
        ~_is_in_hand(caller),
    )


def _described(session: Session, queries: list[Query]) -> list[ServedQuery]:
    documents = {
        document.id: document
        for document in session.scalars(
            select(Document).where(Document.id.in_([query.document_id for query in queries]))
        )
    }
    rounds = session.execute(
        select(Round.id, Round.number).where(Round.id.in_({q.round_id for q in queries}))
    )
    numbers = {row.id: row.number for row in rounds}
    return [
        ServedQuery(
            query_id=query.id,
            document_id=query.document_id,
            external_id=documents[query.document_id].external_id,
            text=documents[query.document_id].text,
            kind=query.kind,
            strategy=query.strategy,
            reason=query.reason,
            score=query.score,
            selection_probability=query.selection_probability,
            round_number=numbers.get(query.round_id) if query.round_id else None,
            leased_until=query.leased_until or now(),
        )
        for query in queries
    ]
