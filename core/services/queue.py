"""Which documents to judge next, and who has them in hand.

A served document is leased to one client, so no two people read it at once. One
in so many belongs to the audit set; of the others, what somebody looked for comes
first, then what the round in force (or the cold start) asks about. When that is used
up, what was judged before the newest label was added is asked about again, because
nothing else tells of that label in texts somebody chose to judge; then come documents
of the pool at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from core.domain import QueryKind
from core.services import free_documents as free
from core.services.projects import ProjectSettings, get_project
from core.settings import Settings
from core.store.tables import Document, Project, Query, Round, now

AUDIT_REASON = "drawn at random for the audit set: it measures the model and never trains it"
RANDOM_REASON = "picked at random: the batch is used up, so run a round for better questions"
UNPREPARED_REASON = "picked at random: no model has read the documents yet"
ALL = 2**31 - 1


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
    because: dict[str, Any] | None
    score: float | None
    selection_probability: float | None
    round_number: int | None
    leased_until: datetime


@dataclass(frozen=True)
class _Caller:
    project_id: int
    annotator_id: int
    client_id: str
    at: datetime
    since: int  # schema version of the newest label


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
    until = at + timedelta(seconds=settings.lease_s)
    labels = session.execute(free.NEWEST_LABELS, {"project_id": project_id}).all()
    since = labels[0].added_in if labels else 1
    caller = _Caller(project_id, annotator_id, client_id, at, since)
    for query in session.scalars(free.PUT_ASIDE_BUT_LEASED, vars(caller)):
        query.leased_until = None  # others may judge it
    served = list(session.scalars(free.IN_HAND, vars(caller)))[:n]
    if len(served) < n:
        deck = _Deck(session, project, caller, rng or np.random.default_rng())
        if labels and labels[-1].added_in < since:
            names = [label.name for label in labels if label.added_in == since]
            deck.ask_again(_again_reason(names), but={query.document_id for query in served})
        served += deck.deal(n - len(served))
    for query in served:
        query.leased_by, query.leased_until = client_id, until
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
    of_project = {"project_id": project_id}
    n_complete = session.scalar(free.N_COMPLETE_IN_POOL, of_project) or 0
    return (session.scalar(free.N_IN_POOL, of_project) or 0) - n_complete


def _again_reason(names: list[str]) -> str:
    if len(names) == 1:
        return f"judged before the label '{names[0]}' was added: judge it again"
    return f"judged before {len(names)} labels were added: judge it again"


class _Deck:
    """Deals documents: audit ones when they are due, finds, ranked, outdated, then random."""

    def __init__(
        self, session: Session, project: Project, caller: _Caller, rng: np.random.Generator
    ) -> None:
        self._session, self._project, self._rng = session, project, rng
        self._values: dict[str, Any] = vars(caller)
        self._n_made = 0
        self._again_reason = ""
        self._in_hand: set[int] = set()

    def ask_again(self, reason: str, *, but: set[int]) -> None:
        """Deal outdated documents also, except these, which the caller has in hand."""
        self._again_reason, self._in_hand = reason, but

    def deal(self, n: int) -> list[Query]:
        """Up to n queries for documents that nobody has in hand."""
        ranked = iter(self._ranked(n))
        every = ProjectSettings.of(self._project).audit_every
        n_in_play, n_audits = self._session.execute(free.N_IN_PLAY, self._values).one()
        places: list[Query | None] = []  # None: to be filled when the ranked ones are used up
        while len(places) < n:
            is_due = (n_in_play + len(places) + 1) // every > n_audits
            audit = self._audit() if is_due else None
            n_audits += audit is not None
            places.append(audit or next(ranked, None))
        dealt = {query.document_id for query in places if query is not None}
        others = self._outdated(places.count(None), dealt)
        others += self._random(places.count(None) - len(others), dealt)
        at_last = iter(others)
        filled = [query or next(at_last, None) for query in places]
        return [query for query in filled if query is not None]

    def _ranked(self, n: int) -> list[Query]:
        """The best free finds, then those of the round in force, or of the cold start before any.

        A document that was found and is asked about as well comes once.
        """
        round_id = self._project.active_round_id
        if round_id is None:  # the finds of searches rank first among them
            ranked = list(
                self._session.scalars(free.RANKED_BEFORE_ANY_ROUND, {**self._values, "n": n})
            )
        else:
            ranked = list(self._session.scalars(free.FOUND, {**self._values, "n": n}))
            values = {**self._values, "n": n, "round_id": round_id}
            ranked += self._session.scalars(free.RANKED_BY_ROUND, values)
        once: dict[int, Query] = {}
        for query in ranked:
            once.setdefault(query.document_id, query)
        return list(once.values())

    @cached_property
    def _free_audits(self) -> list[int]:
        return list(self._session.scalars(free.FREE_AUDITS, self._values))

    @cached_property
    def _outdated_audits(self) -> list[int]:
        return self._outdated_ids(free.OUTDATED_AUDITS, n=ALL, but=set())

    def _audit(self) -> Query | None:
        """One of the audit set, if any is left; what is already judged in part comes first."""
        if left := self._outdated_audits:
            return self._again([left.pop(int(self._rng.integers(len(left))))])[0]
        if not (left := self._free_audits):
            return None
        drawn = left.pop(int(self._rng.integers(len(left))))
        return self._queries_for([drawn], AUDIT_REASON, QueryKind.AUDIT, self._audit_share)[0]

    def _outdated(self, n: int, dealt: set[int]) -> list[Query]:
        """Documents judged before the newest label was added, those of the audit set first."""
        return self._again(self._outdated_ids(free.OUTDATED, n=n, but=dealt)) if n else []

    def _outdated_ids(self, statement: Select[Any], *, n: int, but: set[int]) -> list[int]:
        if not self._again_reason:
            return []
        but = but | self._in_hand
        found = self._session.scalars(statement, {**self._values, "n": n + len(but)})
        return [id_ for id_ in found if id_ not in but][:n]

    def _again(self, document_ids: list[int]) -> list[Query]:
        """Queries that ask about them once more, as if they had not been served before."""
        is_audited = self._audited_among(document_ids)
        queries = []
        for id_ in document_ids:
            kind = QueryKind.AUDIT if id_ in is_audited else QueryKind.RANDOM
            queries += self._queries_for([id_], self._again_reason, kind, None)
        for query in queries:
            query.reason, query.served_at = self._again_reason, None
        return queries

    def _audited_among(self, document_ids: list[int]) -> set[int]:
        return set(self._session.scalars(free.AUDITED_AMONG, {"ids": document_ids}))

    @cached_property
    def _audit_share(self) -> float:
        n_audited = self._session.scalar(free.N_AUDITED, self._values) or 0
        return n_audited / (n_audited + self._n_in_pool)

    @cached_property
    def _n_in_pool(self) -> int:
        return self._session.scalar(free.N_IN_POOL, self._values) or 0

    def _random(self, n: int, dealt: set[int]) -> list[Query]:
        """Free documents of the pool, each as likely as the next."""
        drawn = self._guessed(n, dealt) if n else []
        if len(drawn) < n:
            drawn = self._drawn_from_list(n, dealt)
        if not drawn:
            return []
        reason = UNPREPARED_REASON if self._project.active_round_id is None else RANDOM_REASON
        n_complete = self._session.scalar(free.N_COMPLETE_IN_POOL, self._values) or 0
        probability = min(len(drawn) / max(self._n_in_pool - n_complete, 1), 1.0)
        return self._queries_for(drawn, reason, QueryKind.RANDOM, probability)

    def _guessed(self, n: int, dealt: set[int]) -> list[int]:
        """Free documents hit by drawing ids blindly, which is quick while many are free."""
        lowest = self._session.scalar(free.LOWEST_IN_POOL, self._values)
        highest = self._session.scalar(free.HIGHEST_IN_POOL, self._values)
        if lowest is None or highest is None:
            return []
        guesses = self._rng.integers(lowest, highest + 1, size=64 + 4 * n).tolist()
        values = {**self._values, "ids": guesses}
        is_free = set(self._session.scalars(free.FREE_AMONG, values)) - dealt
        return [id_ for id_ in dict.fromkeys(guesses) if id_ in is_free][:n]

    def _drawn_from_list(self, n: int, dealt: set[int]) -> list[int]:
        """Free documents drawn from a list of all, when few are left."""
        found = self._session.scalars(free.FREE_IN_POOL, self._values)
        left = [id_ for id_ in found if id_ not in dealt]
        return [int(id_) for id_ in self._rng.permutation(left)[:n]]

    def _queries_for(
        self, document_ids: list[int], reason: str, kind: QueryKind, probability: float | None
    ) -> list[Query]:
        """A query about each; one that was served before and let go keeps its record."""
        round_id = self._project.active_round_id
        known = {
            query.document_id: query
            for query in self._session.scalars(free.QUERIES_ABOUT, {"ids": document_ids})
            if query.round_id == round_id
        }
        return [
            known.get(document_id)
            or self._new_query(
                document_id=document_id,
                kind=kind,
                reason=reason,
                selection_probability=probability,
            )
            for document_id in document_ids
        ]

    def _new_query(self, **values: Any) -> Query:
        self._n_made += 1
        query = Query(
            project_id=self._project.id,
            round_id=self._project.active_round_id,
            strategy="random",
            rank=self._last_rank + self._n_made,
            **values,
        )
        self._session.add(query)
        return query

    @cached_property
    def _last_rank(self) -> int:
        return self._session.scalar(free.LAST_RANK, self._values) or 0


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
            because=query.because,
            score=query.score,
            selection_probability=query.selection_probability,
            round_number=numbers.get(query.round_id) if query.round_id else None,
            leased_until=query.leased_until or now(),
        )
        for query in queries
    ]
