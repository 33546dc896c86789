"""A search: documents that read like a sentence, by meaning and by its words, put first.

It runs beside the other jobs with an encoder of its own, and reads the cached
vectors. Documents without one are compared by their words alone, as are all of
them where the encoder cannot be loaded; the outcome says so.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from core.domain import Embeddings, JobStatus, QueryKind, RoundStep
from core.errors import Cancelled, MarginaliaError
from core.rounds import files
from core.rounds.encode import current_encoder, encode_documents
from core.rounds.prepare import askable
from core.rounds.progress import Progress
from core.rounds.task import EncoderUse, Task, Workshop, all_document_ids
from core.services.jobs import active_job, finish_job, job_of_workflow
from core.services.seeding import put_first
from core.store.tables import Document, Project, Query, now
from core.strategies.looking_up import DEPTH, Wording, that_differ, word_scores
from core.strategies.reasons import because_of_search, sentence

NOTE = "note.json"
TEXTS_AT_ONCE = 2000
ROWS_AT_ONCE = 1 << 16


def read_for_search(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """See that documents have vectors, unless another job is about to; say what is in the way."""
    shutil.rmtree(task.folder, ignore_errors=True)  # of an attempt that was killed here
    note = ""
    try:
        use = current_encoder(workshop.beside, task)
        if not _is_being_read(workshop, task):
            encode_documents(
                workshop.beside,
                task,
                use,
                all_document_ids(workshop.store, task.project.id),
                on_progress=progress.count,
                should_stop=progress.should_stop,
            )
        files.write_json(task.folder / files.ENCODER, asdict(use))
    except Cancelled:
        raise
    except (MarginaliaError, OSError, ValueError) as error:
        note = f"Only the words were looked for, as there is no encoder to read with: {error}"
    files.write_json(task.folder / NOTE, note)
    return {"note": note}


def _is_being_read(workshop: Workshop, task: Task) -> bool:
    with workshop.store.read() as session:
        return active_job(session, task.project.id) is not None


def find_texts(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Choose the documents that answer best, of those that nobody judged or has in hand."""
    text, n = str(task.request["text"]), int(task.request["n"])
    ids, by_words = _score_words(workshop, task, Wording(text), progress)
    vectors = _vectors_of(workshop, task, ids)
    scores = by_words
    if vectors.has_any:
        scores = by_words + vectors.cosine(_sought(workshop, task, text))
    candidates = np.flatnonzero(vectors.has_one | (by_words > 0))
    ranked = candidates[np.argsort(-scores[candidates], kind="stable")[: n * DEPTH]]
    chosen = ranked[that_differ(vectors.rows(ranked), n)]
    because = because_of_search(text)
    queries = [
        {
            "document_id": int(ids[at]),
            "score": float(scores[at]),
            "reason": sentence(because, QueryKind.SEARCH, {}),
            "because": because.to_json(),
        }
        for at in chosen
    ]
    files.write_json(task.folder / files.QUERIES, queries)
    about = {
        "n_found": len(queries),
        "n_with_words": int((by_words[chosen] > 0).sum()),
        "n_unread": int((~vectors.has_one).sum()),
        "note": files.read_json(task.folder / NOTE),
    }
    files.write_json(task.folder / files.STATISTICS, about)
    return about


def publish_finds(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Put them first in the queue."""
    with workshop.store.write() as session:
        job = job_of_workflow(session, task.workflow_id)
        project = session.get(Project, task.project.id)
        if job is None or project is None:
            raise Cancelled("The project of this search has been deleted.")
        if job.status is JobStatus.DONE:
            return job.detail  # done, and killed before it could say so
        if job.cancel_requested:
            raise Cancelled("Cancelled before anything was put in the queue.")
        put_first(session, project, files.read_json(task.folder / files.QUERIES))
        job.step, job.fraction = RoundStep.PUBLISH, 1.0
        job.detail = about = files.read_json(task.folder / files.STATISTICS)
        finish_job(session, job, JobStatus.DONE)
    shutil.rmtree(task.folder, ignore_errors=True)
    return dict(about)


def _score_words(
    workshop: Workshop, task: Task, wording: Wording, progress: Progress
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Ids of the documents that may be found, and what each has of the words.

    The database finds texts with any of them; which, and whether all of it, is seen here.
    """
    places: list[int] = []
    hits: list[list[bool]] = []
    with workshop.store.read() as session:
        ids = np.setdiff1d(
            np.array(askable(session, task.project.id), dtype=np.int64),
            _in_hands(session, task.project.id),
        )
        for part in session.execute(_texts_with(wording, task.project.id)).partitions():
            if progress.should_stop():
                raise Cancelled("The search was cancelled.")
            found = {id_: hit for id_, text in part if any(hit := wording.hits(text))}
            is_there = np.isin(np.array(list(found), dtype=np.int64), ids)
            kept = [id_ for id_, is_kept in zip(found, is_there, strict=True) if is_kept]
            places += np.searchsorted(ids, kept).tolist()
            hits += [found[id_] for id_ in kept]
    scores = np.zeros(len(ids), dtype=np.float32)
    if places:
        scores[places] = word_scores(np.array(hits, dtype=bool), len(ids))
    return ids, scores


def _in_hands(session: Session, project_id: int) -> list[int]:
    leased = select(Query.document_id).where(
        Query.project_id == project_id, Query.leased_by.is_not(None), Query.leased_until > now()
    )
    return list(session.scalars(leased))


def _texts_with(wording: Wording, project_id: int) -> Select[int, str]:
    return (
        select(Document.id, Document.text)
        .where(
            Document.project_id == project_id,
            Document.is_audited.is_(False),
            or_(*(_has(word) for word in wording.words)),
        )
        .execution_options(yield_per=TEXTS_AT_ONCE)
    )


def _has(word: str) -> ColumnElement[bool]:
    """Case is ignored; SQLite knows of it in ASCII alone, so other words are tried as written."""
    spellings = {word} if word.isascii() else {word, word.capitalize(), word.upper()}
    return or_(*(Document.text.icontains(spelling, autoescape=True) for spelling in spellings))


@dataclass(frozen=True)
class _Vectors:
    """The stored vectors of some documents; those that have none count as zeros."""

    stored: Embeddings  # mapped
    row_of: NDArray[np.int64]  # by document, -1 where there is none

    @property
    def has_one(self) -> NDArray[np.bool_]:
        return self.row_of >= 0

    @property
    def has_any(self) -> bool:
        return bool(self.has_one.any())

    def rows(self, at: NDArray[np.int64]) -> Embeddings:
        found = np.zeros((len(at), self.stored.shape[1]), dtype=np.float32)
        there = self.row_of[at] >= 0
        found[there] = self.stored[self.row_of[at[there]]]
        return found

    def cosine(self, sought: NDArray[np.float32]) -> NDArray[np.float32]:
        parts = [
            self.rows(np.arange(start, min(start + ROWS_AT_ONCE, len(self.row_of)))) @ sought
            for start in range(0, len(self.row_of), ROWS_AT_ONCE)
        ]
        return np.asarray(np.concatenate(parts), dtype=np.float32)


def _vectors_of(workshop: Workshop, task: Task, ids: NDArray[np.int64]) -> _Vectors:
    row_of = np.full(len(ids), -1, dtype=np.int64)
    if not (task.folder / files.ENCODER).exists():
        return _Vectors(np.empty((0, 1), dtype=np.float32), row_of)
    use = EncoderUse.read(task.folder)
    stored_ids, stored = use.cache(workshop.settings, task.project).view()
    _, here, there = np.intersect1d(ids, stored_ids, return_indices=True)
    row_of[here] = there
    return _Vectors(stored, row_of)


def _sought(workshop: Workshop, task: Task, text: str) -> NDArray[np.float32]:
    name = EncoderUse.read(task.folder).load_name(workshop.settings)
    vector: NDArray[np.float32] = workshop.beside.encoder(name).encode([text])[0]
    return vector
