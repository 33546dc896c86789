"""The tab that offers a round's report: asked for, watched, read and taken away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest

from core.domain import EvaluationSource, JobStatus
from core.evaluation.outputs import OUTPUTS, EvaluationOutputs, write_outputs
from core.services.checkpoints import folder_of_round
from core.services.jobs import REPORT, finish_job
from core.services.reports import page_beside, report_path
from core.store.tables import Job, Round
from pages.widgets.context import PAGE_FILES
from tests.ui.rooms import SHELL, Rooms

Said = Callable[[AppTest], str]


def measured(rooms: Rooms, *, with_outputs: bool = True) -> int:
    project = rooms.project("billing", "refund", n_documents=3)
    round_id = rooms.finished_round(project, micro_f1=0.62)
    if with_outputs:
        outputs = EvaluationOutputs(
            proba=np.array([[0.9, 0.2], [0.4, 0.7], [0.8, 0.3]], dtype=np.float32),
            truth=np.array([[1, 0], [0, 1], [1, 1]], dtype=np.int8),
            names=("billing", "refund"),
            thresholds=np.full(2, 0.5),
            source=EvaluationSource.AUDIT,
        )
        with rooms.store.read() as session:
            folder = folder_of_round(rooms.settings, session.get_one(Round, round_id))
        write_outputs(folder / OUTPUTS, outputs)
    return project


def opened(project: int) -> AppTest:
    test = AppTest.from_file(SHELL, default_timeout=60)
    test.query_params["project"] = str(project)
    test.query_params["view"] = "Report"
    test.run()
    return test.switch_page(PAGE_FILES["dashboards"]).run()


def written(rooms: Rooms, **detail: object) -> Path:
    """Do as the worker does once it is asked."""
    with rooms.store.write() as session:
        job = session.query(Job).filter_by(kind=REPORT).one()
        job.detail = detail
        finish_job(session, job, JobStatus.DONE)
        path = report_path(session, rooms.settings, session.query(Round).one())
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PK")
    page_beside(path).write_text("<!doctype html><title>t</title><p>told</p>", encoding="utf-8")
    return path


def test_a_report_is_asked_for_watched_and_offered(rooms: Rooms, said: Said) -> None:
    project = measured(rooms)
    test = opened(project)
    assert not test.exception
    assert "one page with every figure" in said(test)
    test.checkbox(key="report_texts").uncheck()
    test.button(key="write_report").click().run()
    with rooms.store.read() as session:
        job = session.query(Job).filter_by(kind=REPORT).one()
        assert job.request["with_texts"] is False
    assert "Waiting for the worker" in str(test.get("progress")[0].proto.text)
    assert not test.get("download_button")

    written(rooms, n_figures=12, n_tables=9, notes=["No figure is there as PNG: no Chrome."])
    test = opened(project)
    assert not test.exception
    assert "12 figures and 9 tables" in said(test)
    assert "no Chrome" in said(test)
    assert len(test.get("download_button")) == 2
    assert test.button(key="write_report").label == "Write it again"
    test.toggle(key="read_report").set_value(True).run()
    assert not test.exception
    assert len(test.get("iframe")) == 1


def test_it_can_be_called_off(rooms: Rooms, said: Said) -> None:
    project = measured(rooms)
    test = opened(project)
    test.button(key="write_report").click().run()
    test.button(key="cancel_report").click().run()
    assert "Cancelled before it started" in said(test)
    assert test.button(key="write_report").label == "Write the report"


def test_an_old_round_says_why_it_has_none(rooms: Rooms, said: Said) -> None:
    test = opened(measured(rooms, with_outputs=False))
    assert not test.exception
    assert "are not kept with it" in said(test)
    assert "write_report" not in [button.key for button in test.button]
