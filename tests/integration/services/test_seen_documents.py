from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.domain import PRESENT, SubmissionKind, SubmissionSource
from core.evaluation.outputs import OUTPUTS, read_outputs
from core.services.judgements import NewSubmission, annotator_named, record_judgements
from core.services.predictions import LABEL_IDS, POOL_IDS, POOL_PROBA
from core.services.projects import get_project
from core.services.seen_documents import Seen, seen_documents, seen_in
from core.settings import Settings
from core.store.store import Store
from tests.measured_rounds import measured_round, outputs_of

PROBA = np.array([[0.9, 0.2], [0.4, 0.7]], dtype=np.float32)
TRUTH = np.array([[1, 0], [1, -1]], dtype=np.int8)


@pytest.fixture
def project(settings: Settings, store: Store) -> int:
    """Documents 1 and 2 are measured, 3 is scored in the pool, 4 the round never saw."""
    outputs = outputs_of(PROBA, TRUTH, names=["billing", "refund"])
    texts = ["first", "second", "third " * 100, "fourth"]
    project_id = measured_round(settings, store, outputs, texts=texts, is_judged=True)
    np.save(folder(settings) / POOL_IDS, np.array([3]))
    np.save(folder(settings) / POOL_PROBA, np.array([[0.3, 0.8]], dtype=np.float16))
    (folder(settings) / LABEL_IDS).write_text(json.dumps([1, 2]))
    return project_id


def folder(settings: Settings) -> Path:
    """The round's."""
    return next(settings.checkpoints_dir.rglob(OUTPUTS)).parent


def look(store: Store, settings: Settings, project: int, *, measured=True, **more) -> Seen:
    with store.read() as session:
        outputs = read_outputs(folder(settings) / OUTPUTS) if measured else None
        return seen_in(
            session, project, outputs=outputs, folder=folder(settings), threshold=0.5, **more
        )


def test_documents_come_in_the_order_asked_as_the_round_saw_them(store, settings, project):
    seen = look(store, settings, project)
    with store.read() as session:
        third, second, first = seen_documents(session, seen, [3, 2, 99, 1], length=10)

    assert (first.judged_present, first.predicted_present) == ([0], [0])
    assert (second.judged_present, second.predicted_present) == ([0], [1])
    assert second.truth.tolist() == [1, -1]
    assert (third.judged_present, third.predicted_present) == ([], [1])
    assert (first.is_measured, third.is_measured) == (True, False)
    assert (first.is_judged, third.is_judged) == (True, False)
    assert third.brief.text == "third thir"
    assert third.brief.n_characters == 600


def test_a_document_the_round_never_saw_has_no_probability_and_no_prediction(
    store, settings, project
):
    with store.read() as session:
        (fourth,) = seen_documents(session, look(store, settings, project), [4], length=10)

    assert np.isnan(fourth.proba).all()
    assert fourth.predicted_present == []


def test_where_labels_exclude_each_other_the_most_probable_is_predicted(store, settings, project):
    seen = look(store, settings, project, exclusive=True)
    with store.read() as session:
        third, fourth = seen_documents(session, seen, [3, 4], length=10)

    assert third.predicted_present == [1]
    assert fourth.predicted_present == []


def test_what_was_judged_since_is_told_apart(store, settings, project):
    seen = look(store, settings, project)
    with store.write() as session:
        record_judgements(
            session,
            get_project(session, project),
            annotator_named(session, "bea"),
            [
                NewSubmission(
                    document_id=1,
                    kind=SubmissionKind.PARTIAL,
                    client_id="later",
                    sequence=1,
                    states={1: "absent", 2: "present"},
                )
            ],
            source=SubmissionSource.API,
        )
    with store.read() as session:
        first, second = seen_documents(session, seen, [1, 2], length=10)

    assert first.is_judged_anew
    assert not second.is_judged_anew
    assert first.judged_present == [0]
    assert np.flatnonzero(first.truth_now == PRESENT).tolist() == [1]


def test_rounds_without_outputs_go_by_their_files_and_the_schema(store, settings, project):
    seen = look(store, settings, project, measured=False)
    with store.read() as session:
        first, third = seen_documents(session, seen, [1, 3], length=10)

    assert seen.names == ("billing", "refund")
    assert (first.is_measured, first.judged_present, first.predicted_present) == (False, [0], [])
    assert third.predicted_present == [1]
