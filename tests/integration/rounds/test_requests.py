"""What is refused before any work, and what a cancelled or finished round leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from core.domain import JobStatus, JudgementState, RoundKind, SubmissionKind, SubmissionSource
from core.errors import Conflict, InputError, NotFound, NotReady
from core.services.judgements import NewSubmission, annotator_named, record_judgements
from core.services.labels import active_labels
from core.services.projects import change_settings, get_project
from core.services.rounds import (
    RoundRequest,
    active_round,
    cancel_job,
    list_rounds,
    load_evaluation,
    request_round,
    roll_back,
    usual_request,
)
from core.store.tables import Document, Job, Round
from tests.integration.rounds.office import Office


def ask(office: Office, project_id: int, request: RoundRequest | None = None) -> int:
    request = request or RoundRequest(seed=1)
    return request_round(office.store, office.settings, project_id, request).id


def n_rows(office: Office) -> tuple[int, int]:
    with office.store.read() as session:
        count = func.count()
        return (
            session.scalar(select(count).select_from(Round)),
            session.scalar(select(count).select_from(Job)),
        )


def test_a_round_without_labels_says_so(office: Office) -> None:
    project_id = office.new_project("bare", labels={})
    with pytest.raises(NotReady, match="has no labels; add some under Labels"):
        ask(office, project_id)
    assert n_rows(office) == (0, 0)


def test_a_round_without_judgements_says_so(office: Office) -> None:
    project_id = office.new_project("unjudged")
    with pytest.raises(NotReady, match="No document has been judged yet; judge a few"):
        ask(office, project_id)
    assert n_rows(office) == (0, 0)


def test_judgements_of_the_audit_set_alone_are_not_learnt_from(office: Office) -> None:
    project_id = office.new_project("audited only")
    with office.store.write() as session:
        session.execute(update(Document).values(is_audited=True))
    office.judge(project_id, range(3))
    with pytest.raises(NotReady, match=r"\(3 of the audit set are, but those are never trained on"):
        ask(office, project_id)


def test_all_judgements_alike_leave_nothing_to_tell_apart(office: Office) -> None:
    project_id = office.new_project("alike")
    office.judge(project_id, range(12), lambda i: {"refund"})
    with pytest.raises(NotReady, match="The 12 judged documents are all judged alike"):
        ask(office, project_id)


def test_labels_named_present_and_never_absent_are_told_apart_from_judging_alike(
    office: Office,
) -> None:
    project_id = office.new_project("partial")
    with office.store.write() as session:
        project = get_project(session, project_id)
        refund, delivery, _ = (label.id for label in active_labels(session, project_id))
        ids = session.scalars(select(Document.id).order_by(Document.id).limit(4)).all()
        submissions = [
            NewSubmission(
                document_id=document_id,
                kind=SubmissionKind.PARTIAL,
                client_id="test",
                sequence=at,
                states={(refund, delivery)[at % 2]: JudgementState.PRESENT},
            )
            for at, document_id in enumerate(ids)
        ]
        record_judgements(
            session,
            project,
            annotator_named(session, "tester"),
            submissions,
            source=SubmissionSource.API,
        )
    with pytest.raises(NotReady, match=r"Nothing was judged absent yet.* Press Enter on some"):
        ask(office, project_id)


def test_no_label_present_anywhere_leaves_nothing_to_tell_apart(office: Office) -> None:
    project_id = office.new_project("empty")
    office.judge(project_id, range(12), lambda i: set())
    with pytest.raises(NotReady, match="Not one label is present in the 12 judged documents"):
        ask(office, project_id)
    assert n_rows(office) == (0, 0)


def test_a_deep_round_needs_enough_to_train_on_and_to_measure_on(office: Office) -> None:
    project_id = office.new_project("shallow")
    office.judge(project_id, range(27))
    with pytest.raises(NotReady, match=r"27 judged documents are too few for a deep .* 3 more, or"):
        ask(office, project_id, RoundRequest(RoundKind.DEEP))
    assert n_rows(office) == (0, 0)


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (RoundRequest(strategy="balb"), "no strategy 'balb'; did you mean 'bald'"),
        (RoundRequest(query_size=0), "query_size is 0; give a whole number from 1 to 1000"),
        (RoundRequest(n_passes=1), "n_passes is 1"),
        (RoundRequest(seed=-1), "seed is -1"),
        (
            RoundRequest(learner={"kind": "mlp", "layer": 3}),
            "The learner 'mlp' has no option 'layer' .did you mean 'layers'",
        ),
        (RoundRequest(learner={"kind": "cnn"}), "'cnn' is for deep ones, not for quick rounds"),
        (RoundRequest(kind=RoundKind.DEEP, learner={"epochs": 2.5}), "give a whole number"),
    ],
)
def test_options_that_do_not_exist_are_refused(
    office: Office, request_: RoundRequest, sentence: str
) -> None:
    project_id = office.new_project("options")
    office.judge(project_id, range(30))
    with pytest.raises(InputError, match=sentence):
        ask(office, project_id, request_)
    assert n_rows(office) == (0, 0)


@pytest.mark.parametrize(
    ("learner", "sentence"),
    [
        ({"kind": "student"}, "taught by the round in force, and there is none yet"),
        ({"warm_start": True}, "no deep round yet whose weights this one could go on from"),
    ],
)
def test_a_learner_that_goes_by_an_earlier_round_wants_one(
    office: Office, learner: dict[str, object], sentence: str
) -> None:
    project_id = office.new_project("first")
    office.judge(project_id, range(30))
    with pytest.raises(NotReady, match=sentence):
        ask(office, project_id, RoundRequest(RoundKind.DEEP, learner=learner))
    assert n_rows(office) == (0, 0)


def test_an_unknown_project_is_not_found(office: Office) -> None:
    with pytest.raises(NotFound, match="There is no project 99"):
        ask(office, 99)


def test_a_second_round_is_refused_while_one_is_under_way(office: Office) -> None:
    project_id = office.new_project("busy")
    office.judge(project_id, range(30))
    first = ask(office, project_id)
    with pytest.raises(Conflict, match="already under way; wait until it is done, or cancel it"):
        ask(office, project_id)
    cancel_job(office.store, office.settings, office.job_of_round(first).id)
    with office.store.read() as session:
        (cancelled,) = list_rounds(session, project_id)
    assert (cancelled.status, cancelled.number) == (JobStatus.CANCELLED, 1)
    second = ask(office, project_id)
    with office.store.read() as session:
        assert list_rounds(session, project_id)[0].id == second
        assert load_evaluation(session, second) is None
        with pytest.raises(Conflict, match="Round 2 is queued, so it has no result to go back to"):
            roll_back(session, project_id, second)


def test_a_request_follows_the_settings_of_its_project(office: Office) -> None:
    project_id = office.new_project("settings")
    with office.store.write() as session:
        change_settings(session, project_id, strategy="entropy", n_passes=5, query_size=9)
        change_settings(session, project_id, learner={"deep": {"kind": "cnn", "epochs": 3}})
        request = usual_request(session, project_id, RoundKind.DEEP)
        assert usual_request(session, project_id, RoundKind.QUICK).learner == {}
    cnn = {"kind": "cnn", "epochs": 3}
    assert request == RoundRequest(RoundKind.DEEP, "entropy", n_passes=5, query_size=9, learner=cnn)


def test_a_round_asked_for_before_any_worker_ran_is_taken_up_later(office: Office) -> None:
    """The queue's database does not exist yet: the waiting row is the promise."""
    project_id = office.new_project("early", labels={"refund": ""})
    office.judge(project_id, range(30))
    early = ask(office, project_id)
    assert not Path(office.settings.data_dir / "worker.json").exists()
    office.start_worker()
    job = office.wait_until_finished(office.job_of_round(early).id)
    assert job.status is JobStatus.DONE, job.error
    with office.store.read() as session:
        assert active_round(session, project_id).id == early  # and with a single label
    later = ask(office, project_id)
    office.wait_until_finished(office.job_of_round(later).id)
    with office.store.write() as session:
        assert active_round(session, project_id).id == later
        assert roll_back(session, project_id, early).is_active
    with office.store.read() as session:
        assert [r.is_active for r in list_rounds(session, project_id)] == [False, True]
