"""Projects in which exactly one label applies to each document."""

from __future__ import annotations

import itertools

import pytest

from core.domain import ABSENT, PRESENT, UNJUDGED, JudgementState, SubmissionKind, SubmissionSource
from core.errors import Conflict, InputError
from core.services.exclusive import documents_against
from core.services.judgement_matrix import judgement_matrix
from core.services.judgements import NewSubmission, annotator_named, record_judgements
from core.services.labels import retire_label
from core.services.projects import ProjectSettings, change_settings, get_project
from core.store.store import Store
from tests.integration.services.conftest import Small

COMPLETE, PARTIAL, SKIP = SubmissionKind.COMPLETE, SubmissionKind.PARTIAL, SubmissionKind.SKIP
SEQUENCE = itertools.count()


def say(store: Store, small: Small, at: int, kind: SubmissionKind, **states: str) -> None:
    """Judge the document at this place; `red` and `blue` are the labels."""
    ids = dict(zip(("red", "blue"), small.label_ids, strict=True))
    new = NewSubmission(
        document_id=small.document_ids[at],
        kind=kind,
        client_id="exclusive",
        sequence=next(SEQUENCE),
        states={ids[name]: JudgementState(state) for name, state in states.items()},
    )
    with store.write() as session:
        project = get_project(session, small.project_id)
        annotator = annotator_named(session, small.annotator)
        record_judgements(session, project, annotator, [new], source=SubmissionSource.API)


def make_exclusive(store: Store, small: Small) -> None:
    with store.write() as session:
        change_settings(session, small.project_id, exclusive=True)


def truth(store: Store, small: Small) -> dict[int, list[int]]:
    with store.read() as session:
        matrix = judgement_matrix(session, small.project_id)
    rows = zip(matrix.document_ids.tolist(), matrix.truth.tolist(), strict=True)
    return {small.document_ids.index(id_): row for id_, row in rows}


def test_a_document_judged_whole_has_exactly_one_label(store: Store, small: Small) -> None:
    make_exclusive(store, small)
    say(store, small, 0, COMPLETE, red="present")
    with pytest.raises(InputError, match=r"judged whole with no label present.*choose that one"):
        say(store, small, 1, COMPLETE)
    with pytest.raises(InputError, match="with 2 labels present, but in project 'small' exactly"):
        say(store, small, 1, COMPLETE, red="present", blue="present")
    say(store, small, 2, SKIP)
    assert truth(store, small) == {0: [PRESENT, ABSENT]}


def test_labels_may_be_ruled_out_but_not_the_last_one(store: Store, small: Small) -> None:
    make_exclusive(store, small)
    say(store, small, 0, PARTIAL, red="absent")
    assert truth(store, small)[0] == [ABSENT, UNJUDGED]
    with pytest.raises(InputError, match=r"would leave document .* without any label"):
        say(store, small, 0, PARTIAL, blue="absent")
    say(store, small, 1, COMPLETE, blue="present")
    with pytest.raises(InputError, match="without any label"):
        say(store, small, 1, PARTIAL, blue="absent")
    with pytest.raises(InputError, match=r"as present, but .* send it as a complete one"):
        say(store, small, 1, PARTIAL, red="present")
    say(store, small, 1, COMPLETE, red="present")
    assert truth(store, small)[1] == [PRESENT, ABSENT]


def test_the_rule_is_taken_on_only_while_no_document_breaks_it(store: Store, small: Small) -> None:
    say(store, small, 0, COMPLETE, red="present", blue="present")
    say(store, small, 1, COMPLETE)
    say(store, small, 2, COMPLETE, red="present")
    say(store, small, 3, PARTIAL, red="absent")
    sentence = "1 judged document has several labels and 1 judged document has no label; with"
    with pytest.raises(Conflict, match=sentence):
        make_exclusive(store, small)
    say(store, small, 0, COMPLETE, red="present")
    say(store, small, 1, COMPLETE, blue="present")
    with store.read() as session:
        assert not documents_against(session, small.project_id)
        version = get_project(session, small.project_id).schema_version
    make_exclusive(store, small)
    with store.write() as session:
        project = get_project(session, small.project_id)
        assert ProjectSettings.of(project).exclusive
        assert project.schema_version == version + 1  # open cards look again
        assert not change_settings(session, small.project_id, exclusive=False).exclusive


def test_a_document_whose_one_label_was_retired_counts_as_unjudged(
    store: Store, small: Small
) -> None:
    make_exclusive(store, small)
    say(store, small, 0, COMPLETE, red="present")
    say(store, small, 1, COMPLETE, blue="present")
    with store.write() as session:
        retire_label(session, small.label_ids[0])
    with store.read() as session:
        matrix = judgement_matrix(session, small.project_id)
    assert matrix.truth.tolist() == [[UNJUDGED], [PRESENT]]
    assert matrix.is_complete.tolist() == [False, True]
