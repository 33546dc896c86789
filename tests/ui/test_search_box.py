"""The field to search with, on the Annotate page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamlit.testing.v1 import AppTest

from core.domain import JobStatus
from core.services.jobs import SEARCH, finish_job, latest_job
from core.store.tables import Job
from tests.ui.rooms import Rooms


def search(rooms: Rooms, project_id: int, text: str) -> AppTest:
    """Type something and press the button."""
    page = rooms.open("annotate", project=project_id)
    page.text_input(key="search_text").input(text)
    button = next(button for button in page.button if button.label == "Find")
    return button.click().run()


def end(rooms: Rooms, project_id: int, status: JobStatus, **detail: Any) -> None:
    """What the worker would write."""
    with rooms.store.write() as session:
        found = latest_job(session, project_id, kind=SEARCH)
        assert found is not None
        job = session.get_one(Job, found.id)
        job.detail = detail
        finish_job(session, job, status, error=detail.get("error"))


def test_a_search_is_handed_to_the_worker_and_watched(
    rooms: Rooms, said: Callable[[AppTest], str]
) -> None:
    project_id = rooms.project("late", n_documents=5)
    page = search(rooms, project_id, "a  *lost* parcel")
    with rooms.store.read() as session:
        job = latest_job(session, project_id, kind=SEARCH)
    assert job is not None
    assert job.request == {"text": "a *lost* parcel", "n": 5}
    assert "Looking for texts like" in said(page)
    assert "No worker is running" in said(page)
    end(rooms, project_id, JobStatus.DONE, n_found=1, n_with_words=1)
    page.run()
    assert "1 text like “a \\*lost\\* parcel” comes next, 1 with words of it." in said(page)


def test_every_way_a_search_can_end_has_its_sentence(
    rooms: Rooms, said: Callable[[AppTest], str]
) -> None:
    project_id = rooms.project("late", n_documents=5)
    ends = [
        (JobStatus.DONE, {"n_found": 0}, "Nothing is left to find"),
        (JobStatus.DONE, {"n_found": 0, "n_unread": 5}, "No text that may be found has any word"),
        (JobStatus.DONE, {"n_found": 3, "n_unread": 1}, "1 document has not been read"),
        (JobStatus.DONE, {"n_found": 3, "n_unread": 5, "note": "Only words."}, "Only words"),
        (JobStatus.FAILED, {"error": "It broke."}, "failed. It broke"),
        (JobStatus.CANCELLED, {}, "was stopped"),
    ]
    for status, detail, sentence in ends:
        page = search(rooms, project_id, "parcel")
        end(rooms, project_id, status, **detail)
        assert sentence in said(page.run())


def test_an_empty_search_says_what_to_type(rooms: Rooms, said: Callable[[AppTest], str]) -> None:
    project_id = rooms.project("late", n_documents=5)
    assert "There is nothing to look for; type some words" in said(search(rooms, project_id, " "))


def test_stopping_a_waiting_search_ends_it(rooms: Rooms, said: Callable[[AppTest], str]) -> None:
    project_id = rooms.project("late", n_documents=5)
    page = search(rooms, project_id, "parcel")
    next(button for button in page.button if button.label == "Stop").click().run()
    with rooms.store.read() as session:
        assert latest_job(session, project_id, kind=SEARCH).status is JobStatus.CANCELLED
    assert "was stopped" in said(page.run())


def test_the_search_of_another_tab_is_not_told_of_here(
    rooms: Rooms, said: Callable[[AppTest], str]
) -> None:
    project_id = rooms.project("late", n_documents=5)
    search(rooms, project_id, "parcel")
    assert "Looking for" not in said(rooms.open("annotate", project=project_id))
