from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.services.exporting import export_rows
from core.store.tables import Project
from pages.widgets.context import Context
from pages.widgets.export_file import as_bytes, file_name, n_rows, write_file
from tests.ui.rooms import Rooms

Said = Callable[[AppTest], str]


def two_voices(rooms: Rooms) -> int:
    project = rooms.project("billing", "=cmd()", n_documents=4)
    rooms.judge(project, ("billing",), ("=cmd()",), annotator="ann")
    rooms.judge(project, (), annotator="ben")
    return project


def context_of(rooms: Rooms, project_id: int) -> Context:
    with rooms.store.read() as session:
        project = session.get_one(Project, project_id)
        session.expunge_all()
    return Context(rooms.store, rooms.settings, project, "ann")


def test_nothing_judged_is_said_and_no_empty_file_is_offered(rooms: Rooms, said: Said) -> None:
    test = rooms.open("export", project=rooms.project("billing", n_documents=2))
    assert "Nothing is judged yet" in said(test)
    assert not test.get("download_button")
    test.checkbox(key="include_unjudged").check().run()
    assert test.get("download_button")[0].label == "Download 2 rows"


@pytest.mark.parametrize(("include", "n"), [(False, 3), (True, 5)])
def test_the_number_of_rows_promised_is_the_number_that_comes(
    rooms: Rooms, include: bool, n: int
) -> None:
    project = two_voices(rooms)
    with rooms.store.read() as session:
        assert n_rows(session, project, include_unjudged=include) == n
        rows = list(
            export_rows(session, project, include_unjudged=include, settings=rooms.settings)
        )
    assert len(rows) == n


def test_the_page_shows_the_first_rows(rooms: Rooms) -> None:
    test = rooms.open("export", project=two_voices(rooms))
    shown = test.dataframe[0].value
    assert shown["annotator"].tolist() == ["ann", "ben", "ann"]
    assert shown["labels"].tolist() == ["billing", "", "=cmd()"]


def test_the_download_holds_what_was_judged(rooms: Rooms) -> None:
    project = two_voices(rooms)
    here = context_of(rooms, project)
    content = as_bytes(here, project, form="csv", include_unjudged=False).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(content)))
    assert [(row["annotator"], row["labels"]) for row in rows] == [
        ("ann", "billing"),
        ("ben", ""),
        ("ann", "'=cmd()"),
    ]
    lines = as_bytes(here, project, form="jsonl", include_unjudged=True).decode().splitlines()
    assert [json.loads(line)["labels"] for line in lines] == [["billing"], [], ["=cmd()"], [], []]


def test_a_file_written_beside_the_database_is_the_same_as_the_download(rooms: Rooms) -> None:
    project_id = two_voices(rooms)
    here = context_of(rooms, project_id)
    assert here.project is not None
    for form in ("csv", "jsonl"):
        path = write_file(
            here, here.project, form=form, include_unjudged=True, on_row=lambda n: None
        )
        assert path.read_bytes() == as_bytes(here, project_id, form=form, include_unjudged=True)
    assert not list(path.parent.glob("*.part"))


def test_file_names_are_safe_everywhere() -> None:
    assert file_name(Project(id=3, name="../../etc/passwd: *?"), "csv") == "etc-passwd-labels.csv"
    assert file_name(Project(id=3, name="///"), "csv") == "project-3-labels.csv"
    assert Path(file_name(Project(id=3, name="x" * 200), "csv")).name == "x" * 60 + "-labels.csv"
