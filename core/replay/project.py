"""A project's own judgements as gold data for a replay."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from core.errors import NotReady
from core.replay.data import SPLIT_SEED, TEST_SHARE, ReplayData, VectorsOfDocuments
from core.services.judgement_matrix import judgement_matrix
from core.services.labels import active_labels
from core.services.projects import get_project
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Document, Label, Project

ENOUGH_AUDITED = 50  # documents; fewer would rank strategies by chance
FEWEST_JUDGED = 20
TEXTS_PER_READ = 500  # below the number of parameters every database takes
EARLIER_CHOICES = (
    " The pool are documents that were judged already, so it leans towards what was asked before."
)


def project_data(store: Store, settings: Settings, project_id: int) -> ReplayData:
    """The completely judged documents; unsure and later added cells stay unjudged.

    The audit set is the test where 50 of its documents are judged; otherwise
    documents drawn by lot join it until it is 30 % of all. Raises NotReady
    where too little is judged.
    """
    with store.read() as session:
        project = get_project(session, project_id)
        labels = active_labels(session, project_id)
        matrix = judgement_matrix(session, project_id)
        complete = np.flatnonzero(matrix.is_complete)
        if len(complete) < FEWEST_JUDGED or not labels:
            raise NotReady(
                f"Project '{project.name}' has {len(complete)} completely judged documents; "
                f"a replay needs {FEWEST_JUDGED} at least, and some hundreds to tell anything."
            )
        pool, test, note = _parted(complete, matrix.is_audited[complete])
        ids, test_ids = matrix.document_ids[pool], matrix.document_ids[test]
        return ReplayData(
            name=project.name,
            labels=[label.name for label in labels],
            texts=_texts(store, ids),
            truth=matrix.truth[pool],
            test_texts=_texts(store, test_ids),
            test_truth=matrix.truth[test],
            label_texts=[_described(label) for label in labels],
            note=note + EARLIER_CHOICES,
            vectors=VectorsOfDocuments(_vectors_folder(settings, project), ids, test_ids),
        )


def _parted(
    rows: NDArray[np.int64], is_audited: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], str]:
    audited, others = rows[is_audited], rows[~is_audited]
    if len(audited) >= ENOUGH_AUDITED:
        return others, audited, f"Tested on the {len(audited)} judged documents of the audit set."
    n_more = max(0, round(TEST_SHARE * len(rows)) - len(audited))
    order = np.random.default_rng(SPLIT_SEED).permutation(others)
    test = np.sort(np.concatenate([audited, order[:n_more]]))
    note = (
        f"Tested on {len(test)} judged documents, {n_more} of them drawn by lot: with "
        f"{len(audited)} of its documents judged, the audit set alone would tell too little "
        f"(from {ENOUGH_AUDITED} on it is used alone)."
    )
    return np.sort(order[n_more:]), test, note


def _vectors_folder(settings: Settings, project: Project) -> Path:
    """Where rounds keep the project's vectors too, so that none is made twice."""
    return settings.embeddings_dir / f"{project.id}-{project.created_at:%Y%m%d%H%M%S}"


def _texts(store: Store, ids: NDArray[np.int64]) -> list[str]:
    wanted: list[int] = ids.tolist()
    text_of: dict[int, str] = {}
    with store.read() as session:
        for start in range(0, len(wanted), TEXTS_PER_READ):
            some = wanted[start : start + TEXTS_PER_READ]
            rows = session.execute(select(Document.id, Document.text).where(Document.id.in_(some)))
            for id_, text in rows:
                text_of[id_] = text
    return [text_of[id_] for id_ in wanted]


def _described(label: Label) -> str:
    return f"{label.name}: {label.description}" if label.description else label.name
