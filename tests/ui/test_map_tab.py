from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from core.domain import ABSENT, PRESENT, JobStatus
from core.services.jobs import MAP, latest_job
from core.services.judgement_matrix import judgement_matrix
from core.services.maps import MapAbout
from core.store.tables import Document
from pages.widgets.context import PAGE_FILES
from pages.widgets.dashboard.map import which_are_drawn
from pages.widgets.map_watch import what_it_costs
from tests.ui.mapped import give_map, give_scores
from tests.ui.rooms import SHELL, Rooms

Said = Callable[[AppTest], str]


def open_map(project: int) -> AppTest:
    test = AppTest.from_file(SHELL, default_timeout=60)
    test.query_params["project"] = str(project)
    test.query_params["view"] = "Map"
    test.run()
    return test.switch_page(PAGE_FILES["dashboards"]).run()


@pytest.fixture
def mapped(rooms: Rooms) -> int:
    """Thirty documents on a map: two judged whole, the last three in the audit set."""
    project = rooms.project("billing", "refund", n_documents=30)
    rooms.finished_round(project, micro_f1=0.6)
    rooms.judge(project, ("billing",), ("refund",))
    with rooms.store.write() as session:
        for document in session.query(Document).order_by(Document.id.desc()).limit(3):
            document.is_audited = True
    give_scores(rooms.store, rooms.settings, project)
    give_map(rooms.store, rooms.settings, project)
    return project


def choose(test: AppTest, project: int, ids: list[int]) -> AppTest:
    """As a lasso does; the test runner cannot draw one."""
    test.session_state[f"map_chosen_{project}"] = ids
    return test.run()


def do(test: AppTest, what: str) -> AppTest:
    return test.segmented_control(key="map_do").set_value(what).run()


def truth(rooms: Rooms, project: int) -> dict[int, list[int]]:
    with rooms.store.read() as session:
        matrix = judgement_matrix(session, project)
    return dict(zip(matrix.document_ids.tolist(), matrix.truth.tolist(), strict=True))


def test_without_a_map_it_is_said_what_it_is_for_and_what_it_costs(
    rooms: Rooms, said: Said
) -> None:
    project = rooms.project("billing", "refund", n_documents=30)
    rooms.finished_round(project, micro_f1=0.6)
    test = open_map(project)
    assert "those that read alike near each other" in said(test)
    assert "It takes about 8 s in the background" in said(test)
    test.button(key="draw_map").click().run()
    with rooms.store.read() as session:
        job = latest_job(session, project, kind=MAP)
    assert job is not None
    assert job.status is JobStatus.QUEUED
    assert not test.exception
    test.button(key=f"cancel_{job.id}").click().run()
    with rooms.store.read() as session:
        job = latest_job(session, project, kind=MAP)
    assert job is not None
    assert job.status is JobStatus.CANCELLED
    assert test.button(key="draw_map").label == "Draw the map"


def test_costs_grow_with_what_is_drawn_and_no_further() -> None:
    assert "It takes about 18 s" in what_it_costs(10_000)
    assert "20,000 of 50,000 documents are drawn" in what_it_costs(50_000)
    assert "It takes about 28 s" in what_it_costs(50_000)


@pytest.mark.parametrize("by", ["state", "label", "uncertainty", "round", "proba"])
def test_every_colour_and_every_part_is_drawn(mapped: int, by: str) -> None:
    test = open_map(mapped)
    test.segmented_control(key="map_by").set_value(by).run()
    for show in ("all", "judged", "unjudged", "audit", "label", "chosen"):
        test.selectbox(key="map_show").set_value(show).run()
        assert not test.exception
        assert not test.error
        assert len(test.get("plotly_chart")) == 1


def test_the_map_says_what_it_shows(mapped: int, said: Said) -> None:
    words = said(open_map(mapped))
    assert "All 30 documents of the day it was drawn" in words.replace("\\", "")
    assert "Nothing is chosen" in words
    assert ":material/lightbulb: Judged documents lie in every part" in words
    assert "Draw it again" not in [b.label for b in open_map(mapped).button]


def test_newer_documents_are_counted_and_it_can_be_drawn_again(
    rooms: Rooms, mapped: int, said: Said
) -> None:
    with rooms.store.write() as session:
        session.add(
            Document(project_id=mapped, external_id="new", text="New", content_hash="n" * 64)
        )
    test = open_map(mapped)
    assert "1 document is newer than the map." in said(test)
    assert test.button(key="draw_map").label == "Draw it again"
    assert len(test.get("plotly_chart")) == 1


def test_chosen_documents_are_opened(mapped: int, said: Said) -> None:
    test = do(choose(open_map(mapped), mapped, [1, 2, 3]), "Open them")
    assert "**3 documents chosen**" in said(test)
    assert "Letter number 2" in said(test)
    assert not test.exception
    test.button(key="map_clear").click().run()
    assert "Nothing is chosen" in said(test)


def test_a_choice_outlasts_other_colours(mapped: int, said: Said) -> None:
    test = choose(open_map(mapped), mapped, [4, 5])
    test.segmented_control(key="map_by").set_value("round").run()
    assert "**2 documents chosen**" in said(test)
    test.selectbox(key="map_show").set_value("chosen").run()
    assert "**2 documents chosen**" in said(test)


def test_judging_at_once_says_what_is_stored_stores_it_and_takes_it_back(
    rooms: Rooms, mapped: int, said: Said
) -> None:
    before = truth(rooms, mapped)
    test = do(choose(open_map(mapped), mapped, [1, 2, 3, 4, 28, 29]), "Judge them at once")
    test.selectbox(key="map_bulk_label").set_value(1).run()
    words = said(test)
    assert "**2 documents: “refund” is present.**" in words
    assert "1 document is judged otherwise and stays as it is, unless you tick the box." in words
    assert "1 document is judged so already." in words
    assert "2 documents are left out: the audit set" in words
    assert truth(rooms, mapped) == before
    button = test.button(key="map_bulk_store")
    assert button.label == "Judge 2 documents"
    button.click().run()
    assert "2 documents: “refund” is present." in test.success[0].value
    assert truth(rooms, mapped)[3][1] == PRESENT
    assert truth(rooms, mapped)[1][1] == ABSENT
    assert 28 not in truth(rooms, mapped)
    assert test.button(key="map_bulk_store").disabled
    test.button(key="map_bulk_undo").click().run()
    assert "2 judgements taken back." in test.success[0].value
    assert {k: v for k, v in truth(rooms, mapped).items() if k in (1, 2)} == before
    assert truth(rooms, mapped).get(3, [-1, -1]) == [-1, -1]
    test.button(key="map_bulk_store").click().run()  # again: another lot, not a repeat
    assert truth(rooms, mapped)[3][1] == PRESENT
    assert not test.exception


def test_what_is_judged_otherwise_is_changed_where_the_box_is_ticked(
    rooms: Rooms, mapped: int, said: Said
) -> None:
    test = do(choose(open_map(mapped), mapped, [1, 2]), "Judge them at once")
    test.selectbox(key="map_bulk_label").set_value(0).run()
    test.segmented_control(key="map_bulk_state").set_value("absent").run()
    assert "**Nothing.**" in said(test)
    test.checkbox(key="map_bulk_anew").check().run()
    assert "**1 document: “billing” is absent.**" in said(test)
    assert "Of them 1 is judged otherwise by now." in said(test)
    test.button(key="map_bulk_store").click().run()
    assert truth(rooms, mapped)[1] == [ABSENT, ABSENT]


def test_too_many_at_once_are_refused(mapped: int, said: Said) -> None:
    test = do(choose(open_map(mapped), mapped, list(range(1, 2500))), "Judge them at once")
    assert "Judge at most 2,000 documents at once" in said(test)


def test_a_map_of_a_part_says_of_which() -> None:
    about = MapAbout("k", "e", 20_000, 100_000, 9, 1, None, "umap")
    assert "20,000 of 100,000 documents: those that were judged" in which_are_drawn(about)
