"""Which documents somebody may be given now: the statements behind the queue.

They are built once, with the caller's values left open, because building one of
them takes longer than running it. A document is free for a caller when nobody has
judged it whole, the caller has not put it aside, and nobody has it in hand.
"""

from __future__ import annotations

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    String,
    bindparam,
    exists,
    false,
    func,
    select,
)
from sqlalchemy.orm import aliased

from core.domain import QueryKind, SubmissionKind
from core.store.tables import Document, Query, Submission, UtcDateTime

_PROJECT = bindparam("project_id", type_=Integer)
_ANNOTATOR = bindparam("annotator_id", type_=Integer)
_CLIENT = bindparam("client_id", type_=String)
_AT = bindparam("at", type_=UtcDateTime)

_undo, _said = aliased(Submission), aliased(Submission)
_other, _own = aliased(Query), aliased(Query)

_is_undone = exists().where(_undo.undoes_id == _said.id)
_is_skip = _said.kind == SubmissionKind.SKIP
_is_partial = _said.kind == SubmissionKind.PARTIAL

_is_complete = exists().where(
    _said.document_id == Document.id, _said.kind == SubmissionKind.COMPLETE, ~_is_undone
)
_is_leased_elsewhere = exists().where(
    _other.document_id == Document.id, _other.leased_until > _AT, _other.leased_by != _CLIENT
)
_is_in_hand = exists().where(_own.document_id == Document.id, _own.leased_by == _CLIENT)


def _is_put_aside(put_aside: ColumnElement[bool]) -> ColumnElement[bool]:
    """The caller skipped it, or judged part of it."""
    return exists().where(
        _said.document_id == Document.id,
        _said.annotator_id == _ANNOTATOR,
        put_aside,
        ~_is_undone,
    )


_is_put_aside_since_served = _is_put_aside(
    _is_skip | (_is_partial & (_said.created_at >= Query.served_at))
)
_LEASED = (
    select(Query)
    .join(Document, Document.id == Query.document_id)
    .where(Query.project_id == _PROJECT, Query.leased_by == _CLIENT)
)

IN_HAND = _LEASED.where(~_is_complete, ~_is_put_aside_since_served, ~_is_leased_elsewhere).order_by(
    Query.served_at, Query.id
)

PUT_ASIDE_BUT_LEASED = _LEASED.where(Query.leased_until > _AT, _is_put_aside_since_served)


def _ranked(of_round: ColumnElement[bool]) -> Select[Query]:
    return (
        select(Query)
        .join(Document, Document.id == Query.document_id)
        .where(
            Query.project_id == _PROJECT,
            of_round,
            Query.kind != QueryKind.AUDIT,
            ~_is_complete,
            ~_is_put_aside(_is_skip | (_is_partial & (_said.created_at >= Query.created_at))),
            ~_is_leased_elsewhere,
            ~_is_in_hand,
        )
        .order_by(Query.rank)
        .limit(bindparam("n"))
    )


RANKED_BEFORE_ANY_ROUND = _ranked(Query.round_id.is_(None))
RANKED_BY_ROUND = _ranked(Query.round_id == bindparam("round_id"))

_UNSERVED = (
    select(Document.id)
    .where(
        Document.project_id == _PROJECT,
        ~_is_complete,
        ~_is_put_aside(_is_skip | _is_partial),
        ~_is_leased_elsewhere,
        ~_is_in_hand,
    )
    .order_by(Document.id)
)
_in_pool = Document.is_audited == false()

FREE_AUDITS = _UNSERVED.where(Document.is_audited)
FREE_IN_POOL = _UNSERVED.where(_in_pool)
FREE_AMONG = FREE_IN_POOL.where(Document.id.in_(bindparam("ids", expanding=True)))

_POOL_IDS = select(Document.id).where(Document.project_id == _PROJECT, _in_pool).limit(1)
LOWEST_IN_POOL = _POOL_IDS.order_by(Document.id)
HIGHEST_IN_POOL = _POOL_IDS.order_by(Document.id.desc())

N_IN_POOL = select(func.count()).where(Document.project_id == _PROJECT, _in_pool)
N_COMPLETE_IN_POOL = (
    select(func.count(func.distinct(_said.document_id)))
    .join(Document, Document.id == _said.document_id)
    .where(
        _said.project_id == _PROJECT,
        _said.kind == SubmissionKind.COMPLETE,
        ~_is_undone,
        _in_pool,
    )
)
N_SERVED = select(func.count(Query.id)).where(
    Query.project_id == _PROJECT, Query.served_at.is_not(None)
)
N_AUDITS_IN_PLAY = (
    N_SERVED.join(Document, Document.id == Query.document_id)
    .where(Query.kind == QueryKind.AUDIT)
    .where((Query.leased_until > _AT) | _is_complete)
)

N_AUDITED = select(
    func.count(Document.id).filter(Document.is_audited), func.count(Document.id)
).where(Document.project_id == _PROJECT)

LAST_RANK = select(func.max(Query.rank)).where(Query.project_id == _PROJECT)
QUERIES_ABOUT = select(Query).where(Query.document_id.in_(bindparam("ids", expanding=True)))
