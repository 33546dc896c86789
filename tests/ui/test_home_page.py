from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import func, select
from streamlit.testing.v1 import AppTest

from core.services.jobs import PREPARE, latest_job
from core.services.projects import list_projects
from core.store.tables import Document, Project
from tests.ui.rooms import Rooms

Said = Callable[[AppTest], str]


def test_a_newcomer_is_offered_the_demo_or_an_upload(rooms: Rooms, said: Said) -> None:
    test = rooms.open()
    assert "Welcome" in said(test)
    assert {button.key for button in test.button} >= {"open_demo", "to_upload"}


def test_opening_the_demo_makes_it_and_has_it_prepared(rooms: Rooms) -> None:
    test = rooms.open()
    test.button(key="open_demo").click().run()
    with rooms.store.read() as session:
        (demo,) = list_projects(session)
        job = latest_job(session, demo.id, kind=PREPARE)
    assert demo.is_demo
    assert demo.n_documents >= 1500
    assert job is not None
    assert test.query_params["project"] == str(demo.id)


def test_opening_the_demo_again_makes_no_second_one(rooms: Rooms) -> None:
    rooms.open().button(key="open_demo").click().run()
    rooms.open().button(key="open_demo").click().run()
    with rooms.store.read() as session:
        assert len(list_projects(session)) == 1


def test_the_demo_annotator_judges_fifty(rooms: Rooms, said: Said) -> None:
    rooms.open().button(key="open_demo").click().run()
    test = rooms.open()
    test.button(key="play").click().run()
    with rooms.store.read() as session:
        assert list_projects(session)[0].n_judged == 50
    assert any("50 of" in node.proto.text for node in test.get("progress"))


def create(test: AppTest, name: str) -> AppTest:
    test.text_input[0].set_value(name)
    next(button for button in test.button if button.label == "Create").click()
    return test.run()


def test_an_empty_project_is_made_and_opened(rooms: Rooms) -> None:
    test = create(rooms.open(), "  Letters ")
    with rooms.store.read() as session:
        (project,) = list_projects(session)
    assert project.name == "Letters"
    assert test.query_params["project"] == str(project.id)


def test_a_project_without_a_name_is_refused_with_a_sentence(rooms: Rooms) -> None:
    test = create(rooms.open(), " ")
    assert "A project needs a name" in test.error[0].value
    with rooms.store.read() as session:
        assert list_projects(session) == []


def test_a_taken_name_is_refused_with_a_sentence(rooms: Rooms) -> None:
    rooms.project(name="Letters")
    test = create(rooms.open(), "Letters")
    assert "already a project called 'Letters'" in test.error[0].value


def test_names_are_shown_as_typed_whatever_markdown_says(rooms: Rooms, said: Said) -> None:
    rooms.project(name="*a* [b](c) $x$")
    assert "\\*a\\* \\[b\\]\\(c\\) \\$x\\$" in said(rooms.open())


def test_deleting_asks_first_and_then_removes_everything(rooms: Rooms, said: Said) -> None:
    kept = rooms.project(name="Kept")
    gone = rooms.project("billing", n_documents=3, name="Gone")
    rooms.judge(gone, ("billing",))
    rooms.finished_round(gone, micro_f1=0.5)
    files = rooms.settings.checkpoints_dir / str(gone) / "round-1"
    files.mkdir(parents=True)
    named = rooms.settings.checkpoints_dir / f"{gone}-gone" / "bait_seed1_round1"
    named.mkdir(parents=True)
    test = rooms.open(project=gone)
    test.button(key=f"delete_{gone}").click().run()
    assert "3 documents, 1 of them judged" in said(test).replace("\\", "")
    with rooms.store.read() as session:
        assert session.get(Project, gone) is not None
    test.button(key="delete_for_good").click().run()
    with rooms.store.read() as session:
        assert [project.id for project in list_projects(session)] == [kept]
        assert session.scalar(select(func.count(Document.id))) == 0
    assert not files.exists()
    assert not named.parent.exists()
    assert test.query_params["project"] == str(kept)
