"""Which documents somebody may be given now: the statements behind the queue.

They are built once, with the caller's values left open, because building one of
them takes longer than running it. A document is free for a caller when nobody has
judged it whole, the caller has not put it aside, and nobody has it in hand. One that
was judged whole before the newest label was added (in schema version `since`) is
outdated: it has left the pool, but is asked about again.
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
    true,
)
from sqlalchemy.orm import aliased

from core.domain import QueryKind, SubmissionKind
from core.store.tables import Document, Label, Query, Submission, UtcDateTime

_PROJECT = bindparam("project_id", type_=Integer)
_ANNOTATOR = bindparam("annotator_id", type_=Integer)
_CLIENT = bindparam("client_id", type_=String)
_AT = bindparam("at", type_=UtcDateTime)
_SINCE = bindparam("since", type_=Integer)

_undo, _said, _old = aliased(Submission), aliased(Submission), aliased(Submission)
_other, _own = aliased(Query), aliased(Query)

_is_undone = exists().where(_undo.undoes_id == _said.id)
_is_skip = _said.kind == SubmissionKind.SKIP
_is_partial = _said.kind == SubmissionKind.PARTIAL

_is_current = _said.schema_version >= _SINCE
_whole = (_said.document_id == Document.id, _said.kind == SubmissionKind.COMPLETE, ~_is_undone)

_is_complete = exists().where(*_whole)
_is_complete_now = exists().where(*_whole, _is_current)  # for every label there is
_is_complete_since_served = exists().where(
    *_whole, _is_current | (_said.created_at >= Query.served_at)
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

IN_HAND = _LEASED.where(
    ~_is_complete_since_served, ~_is_put_aside_since_served, ~_is_leased_elsewhere
).order_by(Query.served_at, Query.id)

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
# What searches found ranks below all else; said of the rank, an index finds it.
FOUND = _ranked(Query.round_id.is_(None) & (Query.rank < 1) & (Query.kind == QueryKind.SEARCH))

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

# What the caller judged before is in hand no more, so who holds its query says nothing;
# the queue leaves out what it has just found in the caller's hands.
OUTDATED = (
    select(Document.id)
    .join(_old, _old.document_id == Document.id)
    .where(
        _old.project_id == _PROJECT,
        _old.kind == SubmissionKind.COMPLETE,
        _old.schema_version < _SINCE,
        ~exists().where(_undo.undoes_id == _old.id),
        ~_is_complete_now,
        ~_is_put_aside(_is_skip | (_is_partial & _is_current)),
        ~_is_leased_elsewhere,
    )
    .order_by(Document.is_audited.desc(), Document.id)
    .group_by(Document.id)
    .limit(bindparam("n"))
)
OUTDATED_AUDITS = OUTDATED.where(Document.is_audited, Document.project_id == _PROJECT)

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
# Documents of the queue, all and of the audit set, that are judged or being judged.
N_IN_PLAY = (
    select(
        func.count(func.distinct(Document.id)),
        func.count(func.distinct(Document.id)).filter(Document.is_audited),
    )
    .join(Query, Query.document_id == Document.id)
    .where(
        Query.project_id == _PROJECT,
        Query.served_at.is_not(None),
        (Query.leased_until > _AT) | _is_complete_now,
    )
)

N_AUDITED = select(func.count()).where(
    Document.project_id == _PROJECT, Document.is_audited == true()
)  # as a value to look up: an index holds it

NEWEST_LABELS = (
    select(Label.added_in, Label.name)
    .where(Label.project_id == _PROJECT, Label.retired_in.is_(None))
    .order_by(Label.added_in.desc(), Label.position)
)
LAST_RANK = select(func.max(Query.rank)).where(Query.project_id == _PROJECT)
AUDITED_AMONG = select(Document.id).where(
    Document.id.in_(bindparam("ids", expanding=True)), Document.is_audited
)
QUERIES_ABOUT = select(Query).where(Query.document_id.in_(bindparam("ids", expanding=True)))
