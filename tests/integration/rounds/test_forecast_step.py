"""Looking ahead in earnest: several rounds of one project, step by step in this process."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from core.domain import EvaluationSource, JobStatus, RoundKind, RoundStep
from core.errors import Cancelled
from core.evaluation.outlook import Outlook
from core.evaluation.stopping import Criterion
from core.rounds import files
from core.rounds.forecast import ENOUGH_JUDGED, compare_with_earlier, forecast
from core.rounds.progress import Progress
from core.rounds.task import Snapshot, Task, Workshop, load_task
from core.rounds.workflow import STEPS, begin, perform
from core.services.jobs import ROUND
from core.services.labels import NewLabel, add_labels
from core.services.predictions import POOL_PROBA
from core.services.rounds import RoundRequest, list_rounds, request_round
from core.store.tables import Document, Job
from tests.integration.rounds.office import Office


def run_round(
    office: Office, project_id: int, *, seed: int = 5, kind: RoundKind = RoundKind.QUICK
) -> Task:
    """Every step of a round; gives its task."""
    learner = {"epochs": 1} if kind is RoundKind.DEEP else {"kind": "mlp", "epochs": 3}
    request = RoundRequest(kind, query_size=4, seed=seed, learner=learner)
    info = request_round(office.store, office.settings, project_id, request)
    job_id = office.job_of_round(info.id).id
    workshop = Workshop(settings=office.settings, store=office.store)
    with office.store.read() as session:
        workflow_id = session.get_one(Job, job_id).workflow_id
    begin(workshop, workflow_id)
    for step in STEPS[ROUND]:
        outcome = perform(workshop, workflow_id, step)
        assert "done" in outcome, outcome
    assert office.job(job_id).status is JobStatus.DONE
    return load_task(workshop, workflow_id)


def judge(office: Office, project_id: int, n: int) -> None:
    """Judge the first `n` documents that are not judged yet, copy by copy."""
    for copy in range(-(-n // 40)):
        office.judge(project_id, range(min(40, n - 40 * copy)), copy=copy)


def outlook_of(task: Task) -> Outlook:
    return Outlook.from_json(files.read_json(task.folder / files.OUTLOOK))


@pytest.fixture
def project_id(office: Office) -> int:
    return office.new_project("ahead", copies=4)


def test_a_first_round_on_few_judgements_says_what_is_missing(
    office: Office, project_id: int
) -> None:
    judge(office, project_id, 30)
    found = outlook_of(run_round(office, project_id))
    assert found.forecast is None
    assert f"needs {ENOUGH_JUDGED} judged documents" in found.note
    assert "there are 30" in found.note
    assert found.agreement.n_steps == 0
    assert [label.n_present for label in found.labels] == [12, 14, 10]


def test_a_forecast_is_made_and_published_with_the_round(office: Office, project_id: int) -> None:
    judge(office, project_id, 100)
    task = run_round(office, project_id)
    found = outlook_of(task)
    ahead = found.forecast
    assert ahead.source is EvaluationSource.OUT_OF_FOLD
    assert ahead.n_trained == (20, 40, 80)
    assert 60 <= ahead.n_measured <= 100
    assert ahead.gain.low <= ahead.gain.value <= ahead.gain.high
    with office.store.read() as session:
        (info,) = list_rounds(session, project_id)
    assert Outlook.from_json(info.metrics["stopping"]) == found.in_brief()


def test_rounds_are_compared_only_where_judgements_lie_between(
    office: Office, project_id: int
) -> None:
    judge(office, project_id, 20)
    run_round(office, project_id)
    judge(office, project_id, 35)
    run_round(office, project_id, seed=6)
    again = outlook_of(run_round(office, project_id, seed=7))
    assert again.agreement.n_known == (20, 35)
    assert again.agreement.n_documents == 160
    assert again.agreement.reading(Criterion.CHANGE).value is not None


def test_a_label_added_since_is_not_compared(office: Office, project_id: int) -> None:
    judge(office, project_id, 20)
    run_round(office, project_id)
    with office.store.write() as session:
        add_labels(session, project_id, [NewLabel("complaint")])
    office.judge(project_id, range(20), lambda i: {"complaint"} if i % 2 else set(), copy=1)
    found = outlook_of(run_round(office, project_id)).agreement
    assert found.n_known == (20, 40)
    assert found.n_labels == 3
    assert found.kappas[-1] is None


def test_a_round_whose_files_are_gone_is_passed_over(office: Office, project_id: int) -> None:
    judge(office, project_id, 20)
    first = run_round(office, project_id)
    (first.folder / POOL_PROBA).unlink()
    judge(office, project_id, 40)
    assert outlook_of(run_round(office, project_id)).agreement.n_known == (40,)


def test_audit_documents_are_neither_trained_on_nor_in_the_stop_set(
    office: Office, project_id: int
) -> None:
    with office.store.write() as session:
        documents = session.scalars(select(Document).where(Document.project_id == project_id))
        for document in documents:
            document.is_audited = document.external_id.startswith(("2-", "3-"))
    judge(office, project_id, 70)
    office.judge(project_id, range(40), copy=2)
    task = run_round(office, project_id)
    workshop = Workshop(settings=office.settings, store=office.store)
    assert compare_with_earlier(workshop, task, Snapshot.read(task.folder)).n_documents == 80
    ahead = outlook_of(task).forecast
    assert ahead.source is EvaluationSource.OUT_OF_FOLD  # forty audited are too few
    assert ahead.n_judged == 70


def test_a_large_audit_set_is_what_the_curve_is_measured_on(
    office: Office, project_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.rounds.forecast.ENOUGH_AUDITED", 40)
    with office.store.write() as session:
        documents = session.scalars(select(Document).where(Document.project_id == project_id))
        for document in documents:
            document.is_audited = document.external_id.startswith("2-")
    judge(office, project_id, 80)
    office.judge(project_id, range(40), copy=2)
    ahead = outlook_of(run_round(office, project_id)).forecast
    assert ahead.source is EvaluationSource.AUDIT
    assert (ahead.n_trained, ahead.n_measured) == ((20, 40, 80), 40)


def test_where_the_encoder_has_learnt_from_the_judgements_no_curve_is_drawn(
    office: Office,
) -> None:
    project_id = office.new_project("tuned", copies=2)
    judge(office, project_id, 40)
    found = outlook_of(run_round(office, project_id, kind=RoundKind.DEEP))
    assert found.forecast is None
    assert "encoder itself" in found.note


def test_looking_ahead_again_writes_the_same(office: Office, project_id: int) -> None:
    judge(office, project_id, 80)
    task = run_round(office, project_id)
    before = (task.folder / files.OUTLOOK).read_bytes()
    workshop = Workshop(settings=office.settings, store=office.store)
    forecast(workshop, task, Progress(office.store, task.workflow_id, RoundStep.FORECAST))
    assert (task.folder / files.OUTLOOK).read_bytes() == before


def test_a_cancel_is_heard_while_looking_ahead(office: Office, project_id: int) -> None:
    judge(office, project_id, 80)
    task = run_round(office, project_id)
    with office.store.write() as session:
        job = session.scalars(select(Job).where(Job.workflow_id == task.workflow_id)).one()
        job.cancel_requested = True
    workshop = Workshop(settings=office.settings, store=office.store)
    progress = Progress(office.store, task.workflow_id, RoundStep.FORECAST)
    with pytest.raises(Cancelled):
        forecast(workshop, task, progress)
