"""The audit set: documents drawn at random, judged like the rest, never trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import floor

import numpy as np
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.services.projects import ProjectSettings, get_project
from core.store.tables import Document, Query, Submission

ONE_IN = 10  # of a small project's documents


def audit_size(n_documents: int, target: int, *, start: float) -> int:
    """How many of so many documents belong in the audit set: the target, at most a tenth.

    `start`, from 0 to 1 and drawn once per project, decides which way a fraction is rounded, so
    that a document that comes alone is drawn with probability 1 in 10 and not always or never.
    """
    return floor(min(target, n_documents / ONE_IN) + start)


def draw_audit_set(session: Session, project_id: int, *, new_from: int, seed: int) -> int:
    """Draw audit documents among those with ids from `new_from` on; returns how many.

    Every document of the project, early or late, is left with the same probability of being in
    the set. While the project is small the set grows with it. Once it is full, new documents
    take the places of old ones, which join the pool, as in reservoir sampling (Vitter 1985,
    Algorithm R). No old document is moved into the set, because a model may have seen it.

    Two things stay approximate. An old document that somebody judged or was served keeps its
    place, so the set exceeds its target by those, and they count for more than their share.
    After the target is changed, documents drawn before keep the rate of then.
    """
    target = ProjectSettings.of(get_project(session, project_id)).audit_target
    in_project = Document.project_id == project_id
    n_all = session.scalar(select(func.count()).where(in_project)) or 0
    new_ids = session.scalars(
        select(Document.id).where(in_project, Document.id >= new_from).order_by(Document.id)
    ).all()
    if not new_ids:
        return 0
    old = session.scalars(
        select(Document.id)
        .where(in_project, Document.is_audited, Document.id < new_from)
        .order_by(Document.id)
    ).all()
    start = float(np.random.default_rng(seed).random())
    rng = np.random.default_rng([seed, new_from])
    new = rng.permutation(np.array(new_ids, dtype=np.int64)).tolist()
    n_old = n_all - len(new)
    n_early = min(max(target * ONE_IN - n_old, 0), len(new))  # they come while the set grows
    size_before = audit_size(n_old, target, start=start)
    size_grown = audit_size(n_old + n_early, target, start=start)
    early = new[: size_grown - size_before]
    late = new[n_early:]
    n_late = int(rng.hypergeometric(size_grown, n_all - size_grown, len(late))) if late else 0
    members = rng.permutation(np.array([*old, *early], dtype=np.int64)).tolist()
    n_leaving = floor(len(members) * n_late / max(size_grown, 1) + rng.random())
    leaving = set(members[:n_leaving])
    drawn = [id_ for id_ in early if id_ not in leaving] + late[:n_late]
    _mark(session, _untouched(session, leaving.intersection(old)), is_audited=False)
    _mark(session, drawn, is_audited=True)
    return len(drawn)


def _untouched(session: Session, document_ids: set[int]) -> list[int]:
    """Those that nobody judged, skipped or was served."""
    left = set(document_ids)
    for ids in _chunks(sorted(document_ids)):
        said = select(Submission.document_id).where(Submission.document_id.in_(ids))
        served = select(Query.document_id).where(
            Query.document_id.in_(ids), Query.served_at.is_not(None)
        )
        left -= {*session.scalars(said), *session.scalars(served)}
    return sorted(left)


def _mark(session: Session, document_ids: Sequence[int], *, is_audited: bool) -> None:
    for ids in _chunks(document_ids):
        session.execute(update(Document).where(Document.id.in_(ids)).values(is_audited=is_audited))


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + 500] for start in range(0, len(ids), 500))
