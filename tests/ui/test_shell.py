from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from core.palette import PALETTE
from core.settings import ROOT
from pages.widgets.context import PAGE_FILES
from pages.widgets.text import escaped
from tests.ui.rooms import Rooms

Said = Callable[[AppTest], str]
NEEDING_A_PROJECT = [page for page in PAGE_FILES if page not in ("projects", "upload")]


@pytest.mark.parametrize("page", NEEDING_A_PROJECT)
def test_a_page_without_any_project_says_where_to_get_one(
    rooms: Rooms, said: Said, page: str
) -> None:
    test = rooms.open(page)
    assert "There is no project yet" in said(test)
    assert not test.error
    assert not test.exception


@pytest.mark.parametrize("page", PAGE_FILES)
def test_every_page_opens_on_a_project_without_documents(rooms: Rooms, page: str) -> None:
    test = rooms.open(page, project=rooms.project())
    assert not test.error
    assert not test.exception


def test_the_address_says_which_project_is_open(rooms: Rooms) -> None:
    first = rooms.project(name="First")
    rooms.project(name="Second")
    test = rooms.open("labels", project=first)
    assert test.sidebar.selectbox(key="project").value == first


@pytest.mark.parametrize("asked", ["999", "-1", "x", "1 OR 1", "٣"])
@pytest.mark.parametrize("page", PAGE_FILES)
def test_an_address_of_no_project_opens_none_and_says_so(
    rooms: Rooms, said: Said, page: str, asked: str
) -> None:
    rooms.project(name="First")
    test = rooms.open(page, project=asked)
    assert test.warning[0].value == f"There is no project {escaped(asked)}."
    assert not [box for box in test.sidebar.selectbox if box.key == "project"]
    assert not test.error
    assert not test.exception


def test_an_address_that_names_no_project_opens_the_newest(rooms: Rooms) -> None:
    rooms.project(name="First")
    newest = rooms.project(name="Second")
    test = rooms.open("labels", project="")
    assert test.query_params["project"] == str(newest)
    assert not test.warning


def test_choosing_a_project_changes_the_address(rooms: Rooms) -> None:
    first = rooms.project(name="First")
    second = rooms.project(name="Second")
    test = rooms.open("labels", project=second)
    test.sidebar.selectbox(key="project").select(first).run()
    assert test.query_params["project"] == str(first)


def test_the_sidebar_tells_how_far_a_project_is(rooms: Rooms, said: Said) -> None:
    project = rooms.project("billing", n_documents=5)
    rooms.judge(project, ("billing",), ())
    status = sidebar_words(rooms.open("labels", project=project))
    assert "5 documents, 2 judged, 3 left in the pool" in status
    assert "No round yet" in status
    assert "No worker running" in status


def test_beside_the_card_stands_no_count_that_judging_would_make_false(
    rooms: Rooms, said: Said
) -> None:
    project = rooms.project("billing", n_documents=5)
    status = sidebar_words(rooms.open("annotate", project=project))
    assert status == "No worker running."


def sidebar_words(test: AppTest) -> str:
    return "\n".join(caption.value for caption in test.sidebar.caption)


def test_what_nobody_expected_shows_an_id_and_no_traceback(
    rooms: Rooms, said: Said, caplog: pytest.LogCaptureFixture
) -> None:
    project = rooms.project()
    with rooms.store.write() as session:
        session.execute(text("ALTER TABLE label RENAME TO gone"))
    test = rooms.open("labels", project=project)
    told = test.error[0].value
    assert "Something went wrong" in told
    assert "label" not in told
    error_id = told.split("(error ")[1][:8]
    assert error_id in caplog.text


def test_no_page_loads_torch(rooms: Rooms) -> None:
    rooms.finished_round(rooms.project("billing", "refund", n_documents=3), micro_f1=0.5)
    code = f"""
import sys
from streamlit.testing.v1 import AppTest
for page in {list(PAGE_FILES.values())!r}:
    test = AppTest.from_file("pages/shell.py", default_timeout=120).run()
    test.switch_page(page).run()
    assert not test.error and not test.exception, (page, test.error, test.exception)
print(sorted({{"torch", "transformers", "small_text"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_charts_and_theme_share_one_palette() -> None:
    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
    for scheme in ("light", "dark"):
        assert tuple(theme[scheme]["chartCategoricalColors"]) == PALETTE
