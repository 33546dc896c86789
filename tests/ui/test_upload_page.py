from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import func, select
from streamlit.testing.v1 import AppTest

from core.services.exclusive import is_exclusive
from core.services.jobs import PREPARE, latest_job
from core.services.judgement_matrix import judgement_matrix
from core.services.labels import active_labels
from core.services.projects import list_projects
from core.store.tables import Annotator, Document, Import, Label, Project, Rejection, Submission
from tests.ui.rooms import Rooms

Said = Callable[[AppTest], str]

LETTERS = """id,letter,topics
a1,I was charged twice and want it back,billing;refund
a2,Nothing works since this morning,outage
a3,Please send me the form,
a4,,billing
a5,I was charged twice and want it back,billing
"""
TRUTH = (Project, Document, Label, Submission, Import, Rejection, Annotator)


def upload(rooms: Rooms, content: bytes | str, name: str = "letters.csv", **where: int) -> AppTest:
    data = content.encode() if isinstance(content, str) else content
    test = rooms.open("upload", **where)
    test.file_uploader[0].set_value((name, data, "text/csv"))
    return test.run()


def press_import(test: AppTest) -> AppTest:
    return test.button(key="import").click().run()


def counts(rooms: Rooms) -> dict[str, int]:
    with rooms.store.read() as session:
        return {
            table.__tablename__: session.scalar(select(func.count()).select_from(table)) or 0
            for table in TRUTH
        }


def waiting_files(rooms: Rooms) -> list[str]:
    return [path.name for path in (rooms.settings.data_dir / "uploads").glob("*")]


def test_what_was_found_is_shown_with_its_reasons_before_anything_is_stored(
    rooms: Rooms, said: Said
) -> None:
    test = upload(rooms, LETTERS)
    words = said(test).replace("\\", "")
    assert "separated by commas" in words
    assert "'letter' has the most words" in words
    assert "'topics' is named like labels" in words
    assert test.dataframe[0].value["Labels"].tolist()[:4] == [
        "billing, refund",
        "outage",
        "not judged",
        "rejected: There is no text: 'letter' is empty.",
    ]
    assert sum(counts(rooms).values()) == 0


def test_a_confirmed_file_is_imported_and_every_rejected_row_is_listed(
    rooms: Rooms, said: Said
) -> None:
    test = press_import(upload(rooms, LETTERS))
    words = said(test).replace("\\", "")
    assert "letters.csv" in words
    assert "3 of 5 rows accepted, 2 rejected, 2 came with labels." in words
    assert test.dataframe[0].value["Row"].tolist() == [5, 6]
    with rooms.store.read() as session:
        (project,) = list_projects(session)
        assert (project.name, project.n_documents, project.n_judged) == ("letters", 3, 2)
        assert {label.name for label in active_labels(session, project.id)} == {
            "billing",
            "refund",
            "outage",
        }
        assert latest_job(session, project.id, kind=PREPARE) is not None
    assert test.query_params["project"] == str(project.id)
    assert waiting_files(rooms) == []


def test_an_empty_label_cell_can_mean_that_no_label_applies(rooms: Rooms) -> None:
    test = upload(rooms, LETTERS)
    radio = next(r for r in test.radio if r.label == "A text without any label means")
    radio.set_value("no_label_applies").run()
    assert test.dataframe[0].value["Labels"].tolist()[2] == "no label applies"
    press_import(test)
    with rooms.store.read() as session:
        (project,) = list_projects(session)
        matrix = judgement_matrix(session, project.id)
    assert matrix.is_complete.sum() == 3
    assert matrix.truth[2].tolist() == [0, 0, 0]


def test_another_text_column_can_be_chosen(rooms: Rooms) -> None:
    test = upload(rooms, "note,body,tags\nshort one,a much longer text here,x\nb c,d e f g h,y\n")
    next(s for s in test.selectbox if s.label == "The text is in").select("note").run()
    assert test.dataframe[0].value["Text"].tolist() == ["short one", "b c"]


def test_a_delimiter_that_was_not_found_can_be_said(rooms: Rooms) -> None:
    test = upload(rooms, LETTERS)
    next(s for s in test.selectbox if s.label == "Cells are separated by").select("\t").run()
    assert not test.exception
    columns = next(s for s in test.selectbox if s.label == "The text is in").options
    assert columns == ["id,letter,topics"]


def test_multi_hot_columns_become_labels(rooms: Rooms) -> None:
    test = upload(rooms, "text,billing,refund\nmoney please,1,1\nall is fine today,0,0\n")
    assert test.dataframe[0].value["Labels"].tolist() == ["billing, refund", "no label applies"]
    press_import(test)
    with rooms.store.read() as session:
        (project,) = list_projects(session)
        assert judgement_matrix(session, project.id).truth.tolist() == [[1, 1], [0, 0]]


def test_a_file_goes_into_the_open_project_when_asked(rooms: Rooms) -> None:
    project = rooms.project("billing", n_documents=2)
    test = upload(rooms, LETTERS, project=project)
    press_import(test)
    with rooms.store.read() as session:
        (only,) = list_projects(session)
    assert (only.id, only.n_documents) == (project, 5)


def test_a_taken_project_name_is_refused_and_nothing_is_left_behind(rooms: Rooms) -> None:
    rooms.project(name="letters")
    before = counts(rooms)
    test = upload(rooms, LETTERS)
    next(r for r in test.radio if r.label == "Import into").set_value(True).run()
    press_import(test)
    assert "already a project called 'letters'" in test.error[0].value
    assert counts(rooms) == before


def test_a_mapping_that_cannot_work_leaves_no_empty_project(rooms: Rooms) -> None:
    test = upload(rooms, LETTERS)
    next(r for r in test.radio if r.label == "Labels are").set_value("multi_hot").run()
    test.multiselect[0].set_value([]).run()
    press_import(test)
    assert "No label columns are chosen" in test.error[0].value
    assert sum(counts(rooms).values()) == 0


BAD_FILES = {
    "empty.csv": (b"", "is empty"),
    "blank.csv": (b"\n\n \n", "is blank"),
    "header.csv": (b"id,text,labels\n", "no rows below it"),
    "binary.csv": (bytes(range(256)) * 20, "is no text"),
    "book.csv": (b"PK\x03\x04" + b"[Content_Types].xml" + bytes(100), "Excel workbook"),
    "array.jsonl": (b'[{"text": "a"},\n {"text": "b"}]\n', "not JSON Lines"),
    "no_text.csv": (b"text,labels\n,\n,\n", "No column"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_cannot_be_read_gets_a_sentence_and_leaves_nothing(
    rooms: Rooms, name: str
) -> None:
    content, sentence = BAD_FILES[name]
    test = upload(rooms, content, name=name)
    assert sentence in test.error[0].value.replace("\\", "")
    assert name in test.error[0].value.replace("\\", "")
    assert sum(counts(rooms).values()) == 0
    assert waiting_files(rooms) == []


def test_utf16_with_semicolons_is_read(rooms: Rooms) -> None:
    content = "text;labels\nDer Strom fällt aus;störung\nDie Rechnung stimmt;\n".encode("utf-16")
    test = upload(rooms, content)
    assert test.dataframe[0].value["Text"].tolist()[0] == "Der Strom fällt aus"
    assert test.dataframe[0].value["Labels"].tolist()[0] == "störung"


def test_choosing_another_file_lets_go_of_the_first(rooms: Rooms) -> None:
    test = upload(rooms, LETTERS)
    assert len(waiting_files(rooms)) == 1
    test.button(key="forget").click().run()
    assert waiting_files(rooms) == []
    assert len(test.file_uploader) == 1


NEWS = """text,label
The ball was in the goal,sport
The law was passed,politics
Extra time and no goal,sport
Nobody has read this,
"""


def test_a_file_of_single_labels_suggests_such_a_project_and_says_why(
    rooms: Rooms, said: Said
) -> None:
    test = upload(rooms, NEWS, "news.csv")
    assert test.radio(key="how_many_True").value is True
    assert "3 of 3 labelled rows have exactly one of 2 labels." in said(test)
    press_import(test)
    with rooms.store.read() as session:
        (project,) = session.scalars(select(Project))
        assert is_exclusive(project)


def test_rows_with_several_labels_are_rejected_one_by_one_where_one_is_wanted(
    rooms: Rooms, said: Said
) -> None:
    test = upload(rooms, LETTERS)
    assert test.radio(key="how_many_False").value is False
    test.radio(key="how_many_False").set_value(True).run()
    assert "The other 1 would be rejected." in said(test)
    press_import(test)
    with rooms.store.read() as session:
        reasons = {r.row_number: r.reason for r in session.scalars(select(Rejection))}
        texts = session.scalars(select(Document.external_id)).all()
    assert sorted(texts) == ["a2", "a3", "a5"]
    assert reasons[2] == (
        "It has 2 labels ('billing', 'refund'), but in this project exactly one applies to "
        "each document."
    )
