from __future__ import annotations

from core.domain import SubmissionKind, SubmissionSource
from core.rounds.prepare import askable
from core.services.judgements import NewSubmission, annotator_named, record_judgements
from core.services.projects import get_project, list_projects

TWO_JUDGED_ONE_TAKEN_BACK = [
    NewSubmission(1, SubmissionKind.COMPLETE, "tab", 1),
    NewSubmission(2, SubmissionKind.COMPLETE, "tab", 2),
    NewSubmission(2, SubmissionKind.UNDO, "tab", 3, undoes_sequence=2),
]


def test_a_judgement_that_was_taken_back_leaves_its_document_unjudged(store, small) -> None:
    with store.write() as session:
        record_judgements(
            session,
            get_project(session, small.project_id),
            annotator_named(session, "ada"),
            TWO_JUDGED_ONE_TAKEN_BACK,
            source=SubmissionSource.CARD,
        )
    with store.read() as session:
        assert list_projects(session)[0].n_judged == 1
        assert askable(session, small.project_id) == list(range(2, 37))
