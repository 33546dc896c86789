from __future__ import annotations

import threading

import pytest
from sqlalchemy import func, select

from core.domain import JudgementState, SubmissionKind, SubmissionSource
from core.errors import Conflict, InputError, NotFound
from core.services.judgement_matrix import judgement_matrix
from core.services.judgements import (
    Acknowledgement,
    NewSubmission,
    annotator_named,
    record_judgements,
)
from core.services.labels import NewLabel, add_labels
from core.services.projects import get_project
from core.store.store import Store
from core.store.tables import Judgement, Submission

PRESENT = JudgementState.PRESENT


def submit(store: Store, project_id: int, *new: NewSubmission) -> list[Acknowledgement]:
    with store.write() as session:
        return record_judgements(
            session,
            get_project(session, project_id),
            annotator_named(session, "ada"),
            new,
            source=SubmissionSource.CARD,
        )


def complete(document_id: int, sequence: int, **more: object) -> NewSubmission:
    return NewSubmission(document_id, SubmissionKind.COMPLETE, "tab", sequence, **more)  # type: ignore[arg-type]


def truth_of(store: Store, project_id: int) -> list[list[int]]:
    with store.read() as session:
        return judgement_matrix(session, project_id).truth.tolist()


def test_sending_a_submission_again_stores_it_once_and_acknowledges_it_again(store, small) -> None:
    new = complete(1, 1, states={small.label_ids[0]: PRESENT})
    (first,) = submit(store, small.project_id, new)
    (second,) = submit(store, small.project_id, new)
    assert (first.is_repeat, second.is_repeat) == (False, True)
    assert first.submission_id == second.submission_id
    with store.read() as session:
        assert session.scalar(select(func.count(Submission.id))) == 1
        assert session.scalar(select(func.count(Judgement.label_id))) == 1


def test_the_same_number_with_other_content_is_a_conflict_and_stores_nothing(store, small) -> None:
    submit(store, small.project_id, complete(1, 1))
    with pytest.raises(Conflict, match="new client id"):
        submit(store, small.project_id, complete(3, 2), complete(2, 1))
    assert len(truth_of(store, small.project_id)) == 1


def test_an_undo_brings_the_state_before_back(store, small) -> None:
    red = small.label_ids[0]
    submit(store, small.project_id, complete(1, 1, states={red: PRESENT}), complete(1, 2))
    assert truth_of(store, small.project_id) == [[0, 0]]
    undo = NewSubmission(1, SubmissionKind.UNDO, "tab", 3, undoes_sequence=2)
    submit(store, small.project_id, undo)
    assert truth_of(store, small.project_id) == [[1, 0]]


def test_the_same_submission_cannot_be_undone_twice(store, small) -> None:
    submit(store, small.project_id, complete(1, 1))
    submit(
        store, small.project_id, NewSubmission(1, SubmissionKind.UNDO, "tab", 2, undoes_sequence=1)
    )
    with pytest.raises(Conflict, match="already"):
        submit(
            store,
            small.project_id,
            NewSubmission(1, SubmissionKind.UNDO, "tab", 3, undoes_sequence=1),
        )


def test_a_skip_judges_nothing(store, small) -> None:
    submit(store, small.project_id, NewSubmission(1, SubmissionKind.SKIP, "tab", 1))
    assert truth_of(store, small.project_id) == []


def test_a_label_added_afterwards_is_unjudged_in_older_documents(store, small) -> None:
    submit(store, small.project_id, complete(1, 1))
    with store.write() as session:
        add_labels(session, small.project_id, [NewLabel("green")])
    submit(store, small.project_id, complete(2, 2))
    assert truth_of(store, small.project_id) == [[0, 0, -1], [0, 0, 0]]


def test_unknown_documents_and_labels_are_named(store, small) -> None:
    with pytest.raises(NotFound, match="Document 999"):
        submit(store, small.project_id, complete(999, 1))
    with pytest.raises(NotFound, match="Label 77"):
        submit(store, small.project_id, complete(1, 1, states={77: PRESENT}))
    with pytest.raises(InputError, match="at least one label"):
        submit(store, small.project_id, NewSubmission(1, SubmissionKind.PARTIAL, "tab", 1))
    assert truth_of(store, small.project_id) == []


def test_a_snapshot_does_not_see_what_was_said_after_it(store, small) -> None:
    (first,) = submit(store, small.project_id, complete(1, 1))
    submit(
        store,
        small.project_id,
        complete(2, 2),
        NewSubmission(1, SubmissionKind.UNDO, "tab", 3, undoes_sequence=1),
    )
    with store.read() as session:
        matrix = judgement_matrix(session, small.project_id, up_to_submission=first.submission_id)
    assert matrix.document_ids.tolist() == [1]
    assert truth_of(store, small.project_id) == [[0, 0]]


def test_eight_threads_sending_the_same_batch_store_it_once(store, small) -> None:
    batch = [complete(document_id, document_id) for document_id in small.document_ids[:20]]
    failures: list[BaseException] = []

    def send() -> None:
        try:
            submit(store, small.project_id, *batch)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    with store.read() as session:
        assert session.scalar(select(func.count(Submission.id))) == 20
