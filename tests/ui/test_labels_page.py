from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.services.exclusive import is_exclusive
from core.services.judgement_matrix import judgement_matrix
from core.services.labels import active_labels
from core.services.projects import get_project
from tests.ui.rooms import Rooms


def described(rooms: Rooms, project: int) -> list[tuple[str, str, str | None]]:
    with rooms.store.read() as session:
        return [(x.name, x.description, x.key) for x in active_labels(session, project)]


def add(test: AppTest, typed: str) -> AppTest:
    test.text_area[0].set_value(typed)
    next(button for button in test.button if button.label == "Add").click()
    return test.run()


def edit(test: AppTest, project: int, rows: dict[int, dict[str, str]]) -> AppTest:
    """Change cells of the table of two labels, then save."""
    test.session_state[f"labels_{project}_2_0"] = {
        "edited_rows": rows,
        "added_rows": [],
        "deleted_rows": [],
    }
    return test.run().button(key="save_labels").click().run()


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("billing: about money", [("billing", "about money", "1")]),
        ("billing:", [("billing", "", "1")]),
        ("time 12:30", [("time 12:30", "", "1")]),
        ("a: b: c", [("a", "b: c", "1")]),
        ("\n  x \n\n y: z \n", [("x", "", "1"), ("y", "z", "2")]),
        ("<b>*é*</b>", [("<b>*é*</b>", "", "1")]),
    ],
)
def test_labels_are_added_one_per_line(
    rooms: Rooms, typed: str, stored: list[tuple[str, str, str | None]]
) -> None:
    project = rooms.project()
    test = add(rooms.open("labels", project=project), typed)
    assert described(rooms, project) == stored
    assert not test.error


def test_a_doubled_label_adds_nothing_and_leaves_what_was_typed(rooms: Rooms) -> None:
    project = rooms.project("billing")
    test = add(rooms.open("labels", project=project), "refund\nbilling")
    assert "Label 'billing' is already in project" in test.error[0].value
    assert described(rooms, project) == [("billing", "", "1")]
    assert test.text_area[0].value == "refund\nbilling"


def test_nothing_typed_is_told(rooms: Rooms) -> None:
    test = add(rooms.open("labels", project=rooms.project()), "  \n ")
    assert "Type at least one label" in test.warning[0].value


def test_two_labels_can_swap_their_keys(rooms: Rooms) -> None:
    project = rooms.project("billing", "refund")
    test = edit(
        rooms.open("labels", project=project),
        project,
        {0: {"Key": "2", "Description": "money"}, 1: {"Key": "1"}},
    )
    assert not test.error
    assert described(rooms, project) == [("billing", "money", "2"), ("refund", "", "1")]


@pytest.mark.parametrize(("key", "told"), [("2", "already belongs"), ("r", "cannot be a label")])
def test_a_key_that_cannot_be_had_changes_nothing(rooms: Rooms, key: str, told: str) -> None:
    project = rooms.project("billing", "refund")
    test = edit(
        rooms.open("labels", project=project),
        project,
        {0: {"Key": key, "Description": "money"}},
    )
    assert told in test.error[0].value
    assert described(rooms, project) == [("billing", "", "1"), ("refund", "", "2")]


def test_a_retired_label_is_gone_from_the_list(rooms: Rooms) -> None:
    project = rooms.project("billing", "refund")
    test = rooms.open("labels", project=project)
    test.selectbox(key="retiring").select_index(0)
    test.button(key="retire").click().run()
    assert [name for name, _, _ in described(rooms, project)] == ["refund"]


def retire_first(rooms: Rooms, project: int) -> AppTest:
    test = rooms.open("labels", project=project)
    test.selectbox(key="retiring").select_index(0)
    return test.button(key="retire").click().run()


def test_a_retired_label_can_be_brought_back_with_its_judgements(rooms: Rooms) -> None:
    project = rooms.project("billing", "refund", n_documents=3)
    rooms.judge(project, ("billing",), ())
    test = add(retire_first(rooms, project), "billing")
    assert "Label 'billing' is retired in project" in test.error[0].value
    test.button(key="restore").click().run()
    assert not test.error
    assert described(rooms, project) == [("billing", "", "1"), ("refund", "", "2")]
    with rooms.store.read() as session:
        truth = judgement_matrix(session, project).truth
    np.testing.assert_array_equal(truth, [[1, 0], [0, 0]])


def test_a_label_that_documents_were_judged_without_is_not_brought_back(rooms: Rooms) -> None:
    project = rooms.project("billing", "refund", n_documents=3)
    test = retire_first(rooms, project)
    rooms.judge(project, ("refund",))
    test.button(key="restore").click().run()
    told = test.error[0].value
    assert "1 document has been judged without it since" in told
    assert "add it under another name, such as 'billing 2'" in told
    assert [name for name, _, _ in described(rooms, project)] == ["refund"]


def test_guidelines_are_kept(rooms: Rooms) -> None:
    project = rooms.project()
    test = rooms.open("labels", project=project)
    test.text_area(key=f"guidelines_{project}").set_value("Judge the sender's wish.").run()
    next(button for button in test.button if button.label == "Save guidelines").click().run()
    with rooms.store.read() as session:
        assert get_project(session, project).guidelines == "Judge the sender's wish."


def how_many(rooms: Rooms, project: int) -> AppTest:
    """The Labels page with "exactly one label" chosen, not yet confirmed."""
    test = rooms.open("labels", project=project)
    return test.radio(key="how_many_False").set_value(True).run()


def test_a_project_takes_exactly_one_label_where_nothing_speaks_against_it(rooms: Rooms) -> None:
    project = rooms.project("billing", "refund", n_documents=3)
    rooms.judge(project, ("billing",), ("refund",))
    test = how_many(rooms, project).button(key="change_how_many").click().run()
    assert "Exactly one label holds for each text." in test.markdown[0].value
    with rooms.store.read() as session:
        assert is_exclusive(get_project(session, project))
    assert not test.exception


def test_documents_that_speak_against_one_label_each_are_counted(rooms: Rooms) -> None:
    project = rooms.project("billing", "refund", n_documents=3)
    rooms.judge(project, ("billing", "refund"), (), ("refund",))
    test = how_many(rooms, project)
    (warning,) = [element.value.replace("\\", "") for element in test.warning]
    assert "1 judged document has several labels and 1 judged document has no label" in warning
    assert "change_how_many" not in [button.key for button in test.button]
