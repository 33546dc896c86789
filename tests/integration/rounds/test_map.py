"""A map is asked for, and a real worker draws it."""

from __future__ import annotations

import signal

import numpy as np
import pytest
from sqlalchemy import insert, select

from core.domain import JobStatus, RoundStep
from core.errors import NotReady
from core.services.jobs import active_job
from core.services.maps import MapState, map_folder, map_in_force, map_state, request_map
from core.services.projects import create_project, get_project
from core.services.rounds import cancel_job
from core.store.tables import Document
from tests.integration.rounds.office import Office
from tests.integration.rounds.texts import TEXTS


def state_of(office: Office, project_id: int) -> MapState:
    with office.store.read() as session:
        return map_state(session, office.settings, project_id)


def drawn(office: Office, project_id: int) -> MapState:
    """Ask, wait, and look."""
    job = request_map(office.store, office.settings, project_id)
    done = office.wait_until_finished(job.id)
    assert done.status is JobStatus.DONE, done.error
    return state_of(office, project_id)


def test_texts_of_one_meaning_lie_together_and_the_map_is_kept(served: Office) -> None:
    project_id = served.new_project("map")
    assert state_of(served, project_id).about is None
    state = drawn(served, project_id)
    assert state.is_current
    assert state.about is not None
    assert (state.about.n_drawn, state.about.method) == (len(TEXTS), "umap")
    with served.store.read() as session:
        found = map_in_force(session, served.settings, project_id)
        ids = session.scalars(
            select(Document.id).where(Document.project_id == project_id).order_by(Document.id)
        ).all()
        folder = map_folder(served.settings, get_project(session, project_id), state.about.key)
    assert found is not None
    assert found.document_ids.tolist() == list(ids)
    assert np.isfinite(found.xy).all()
    said = [present for _, present in TEXTS[:24]]  # one label each, and three kinds of it
    apart = np.linalg.norm(found.xy[:24, None] - found.xy[None, :24], axis=2)
    np.fill_diagonal(apart, np.inf)
    alike = [said[i] == said[j] for i, j in enumerate(apart.argmin(axis=1))]
    assert np.mean(alike) > 0.5  # a third, by lot
    before = (folder / "points.npy").stat().st_mtime_ns
    assert drawn(served, project_id).is_current
    assert (folder / "points.npy").stat().st_mtime_ns == before


def test_documents_that_come_later_are_counted_until_it_is_drawn_again(served: Office) -> None:
    project_id = served.new_project("newer")
    drawn(served, project_id)
    rows = [
        {"project_id": project_id, "external_id": f"n{i}", "text": text, "content_hash": f"n{i}"}
        for i, text in enumerate(["Where is the invoice?", "A lamp, please."])
    ]
    with served.store.write() as session:
        session.execute(insert(Document), rows)
    state = state_of(served, project_id)
    assert (state.n_newer, state.is_current, state.n_documents) == (2, False, len(TEXTS) + 2)
    again = drawn(served, project_id)
    assert (again.n_newer, again.about and again.about.n_drawn) == (0, len(TEXTS) + 2)


def test_very_few_documents_are_laid_out_and_too_few_are_refused(served: Office) -> None:
    with served.store.write() as session:
        project_id = create_project(session, "few").id
        session.add_all(
            Document(project_id=project_id, external_id=str(i), text=text, content_hash=str(i))
            for i, text in enumerate(["A lamp.", "A sofa."])
        )
    with pytest.raises(NotReady, match="has 2 documents; a map needs at least 3"):
        request_map(served.store, served.settings, project_id)
    with served.store.write() as session:
        session.add(
            Document(project_id=project_id, external_id="2", text="A chair.", content_hash="2")
        )
    state = drawn(served, project_id)
    assert state.about is not None
    assert (state.about.method, state.about.n_drawn) == ("pca", 3)


def test_asked_twice_it_is_one_job_that_nobody_waits_for(served: Office) -> None:
    project_id = served.new_project("twice", copies=3)
    job = request_map(served.store, served.settings, project_id)
    assert request_map(served.store, served.settings, project_id).id == job.id
    with served.store.read() as session:
        assert active_job(session, project_id) is None
    served.wait_until_finished(job.id)


def test_a_map_that_is_cancelled_leaves_the_one_before(served: Office) -> None:
    project_id = served.new_project("cancelled")
    before = drawn(served, project_id)
    job = request_map(served.store, served.settings, project_id)
    cancel_job(served.store, served.settings, job.id)
    served.wait_until_finished(job.id)
    assert state_of(served, project_id).about == before.about


def test_killed_while_it_lays_out_the_worker_draws_it_after_all(office: Office) -> None:
    project_id = office.new_project("killed", copies=10)
    job = request_map(office.store, office.settings, project_id)
    office.start_worker()
    office.wait_for(lambda: office.job(job.id).step == RoundStep.PROJECT, "the drawing to begin")
    office.workers[-1].send_signal(signal.SIGKILL)
    office.workers[-1].wait()
    assert office.job(job.id).is_active
    office.start_worker()
    done = office.wait_until_finished(job.id)
    assert done.status is JobStatus.DONE, done.error
    with office.store.read() as session:
        found = map_in_force(session, office.settings, project_id)
    assert found is not None
    assert len(found.document_ids) == 10 * len(TEXTS)
    assert np.isfinite(found.xy).all()
