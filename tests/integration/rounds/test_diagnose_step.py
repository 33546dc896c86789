"""What a round writes down about its judgements: suspects, copies, drift. In this process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from core.domain import RoundStep
from core.errors import Cancelled
from core.rounds.diagnose import diagnose
from core.rounds.progress import Progress
from core.rounds.task import Task, Workshop, load_task
from core.rounds.workflow import STEPS, begin, perform
from core.services.diagnoses import COPIES, DRIFT, SUSPECTS, read_cells, read_drift
from core.services.jobs import ROUND
from core.services.rounds import RoundRequest, request_round
from core.store.tables import Document, Job
from tests.integration.rounds.office import Office
from tests.integration.rounds.texts import TEXTS

WRONG = 3  # "The kettle broke on day one. Money back, please."


def run_round(office: Office, project_id: int) -> tuple[Workshop, Task]:
    """Every step of a quick round, one after the other."""
    info = request_round(office.store, office.settings, project_id, RoundRequest(seed=1))
    workshop = Workshop(settings=office.settings, store=office.store)
    with office.store.read() as session:
        workflow_id = session.get_one(Job, office.job_of_round(info.id).id).workflow_id
    begin(workshop, workflow_id)
    for step in STEPS[ROUND]:
        done = perform(workshop, workflow_id, step)
        assert "done" in done, done
    return workshop, load_task(workshop, workflow_id)


def document_id(office: Office, project_id: int, external_id: str) -> int:
    with office.store.read() as session:
        found = session.scalar(
            select(Document.id).where(
                Document.project_id == project_id, Document.external_id == external_id
            )
        )
    assert found is not None
    return found


def folder_with_a_mistake(office: Office) -> tuple[Path, int]:
    """Two copies of the texts are judged; one refund was judged praise in the first."""
    project_id = office.new_project("doubtful", copies=3)

    def judged(at: int) -> set[str]:
        return {"praise"} if at == WRONG else TEXTS[at][1]

    office.judge(project_id, range(40), judged)
    office.judge(project_id, range(40), copy=1)
    with office.store.write() as session:  # the same words, shouted
        text = TEXTS[WRONG][0].upper()
        session.add(
            Document(
                project_id=project_id, external_id=f"9-{WRONG}", text=text, content_hash="loud"
            )
        )
    office.judge(project_id, range(WRONG, WRONG + 1), copy=9)
    _, task = run_round(office, project_id)
    return task.folder, project_id


def test_a_misjudged_document_leads_the_suspects_and_contradicts_its_copy(office: Office) -> None:
    folder, project_id = folder_with_a_mistake(office)
    wrong = document_id(office, project_id, f"0-{WRONG}")
    copy = document_id(office, project_id, f"9-{WRONG}")
    suspects = read_cells(folder / SUSPECTS)
    assert suspects is not None
    assert wrong in suspects.document_ids[:2].tolist()
    assert (np.diff(suspects.suspicion) <= 0).all()
    assert (suspects.suspicion >= 0.05).all()
    assert suspects.alternatives.tolist() == [0] * len(suspects)

    copies = read_cells(folder / COPIES)
    assert copies is not None
    is_exact = copies.cosine == 1.0
    pairs = set(
        zip(copies.document_ids[is_exact].tolist(), copies.others[is_exact].tolist(), strict=True)
    )
    assert pairs == {(wrong, copy)}
    assert set(copies.is_present[is_exact].tolist()) == {True, False}  # praise given, not refund

    told = read_drift(folder)
    assert told is not None
    assert (told["n_judged"], told["n_waiting"]) == (81, 40)
    assert told["n_suspects"] == len(suspects)
    assert [label["name"] for label in told["labels"]] == ["refund", "delivery", "praise"]
    assert all(0 <= label["expected"] <= 1 for label in told["labels"])
    assert told["findings"] == []


def test_a_cancelled_round_stops_looking(office: Office) -> None:
    project_id = office.new_project("cancelled")
    office.judge(project_id, range(30))
    workshop, task = run_round(office, project_id)
    progress = Progress(office.store, task.workflow_id, RoundStep.DIAGNOSE)
    (task.folder / DRIFT).unlink()
    with office.store.write() as session:
        job = session.scalars(select(Job).where(Job.workflow_id == task.workflow_id)).one()
        job.cancel_requested = True
    with pytest.raises(Cancelled):
        diagnose(workshop, task, progress)
    assert not (task.folder / DRIFT).exists()


def test_too_few_judgements_raise_no_suspicion(office: Office) -> None:
    project_id = office.new_project("few")
    office.judge(project_id, range(5, 12))
    _, task = run_round(office, project_id)
    suspects = read_cells(task.folder / SUSPECTS)
    assert suspects is not None
    assert len(suspects) == 0
    told = read_drift(task.folder)
    assert told is not None
    assert told["auc"] is None
