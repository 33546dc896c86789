from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select

from core.domain import SubmissionSource
from core.errors import ImportRefused, InputError
from core.exchange.guess import guess
from core.exchange.mapping import LabelLayout, Mapping
from core.services.importing import ImportReport, import_file, import_named
from core.services.judgement_matrix import judgement_matrix
from core.services.label_counts import LabelCounts, count_labels
from core.services.labels import NewLabel, active_labels, add_labels, retire_label
from core.services.projects import change_settings, create_project
from core.settings import Settings
from core.store.store import Store
from core.store.tables import (
    Annotator,
    Document,
    Import,
    Judgement,
    Label,
    Project,
    Rejection,
    Submission,
)

Load = Callable[..., ImportReport]


@pytest.fixture
def project_id(store: Store) -> int:
    with store.write() as session:
        return create_project(session, "letters").id


@pytest.fixture
def load(store: Store, settings: Settings, project_id: int, tmp_path: Path) -> Load:
    """Import a text as a file, with what is guessed unless a mapping is given."""

    def load(content: str | bytes, mapping: Mapping | None = None, **options: Any) -> ImportReport:
        path = tmp_path / "letters.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        found = guess(path, path.name)
        return import_file(
            store,
            settings,
            project_id,
            path=path,
            file_name=path.name,
            mapping=mapping or found.mapping(),
            dialect=found.dialect,
            **options,
        )

    return load


def stored(store: Store) -> dict[str, int]:
    """Rows in every table that an import writes to."""
    tables = (Document, Label, Submission, Judgement, Import, Rejection, Annotator)
    with store.read() as session:
        counts = [session.scalar(select(func.count()).select_from(table)) for table in tables]
    return {table.__tablename__: n or 0 for table, n in zip(tables, counts, strict=True)}


def truth(store: Store, project_id: int) -> dict[str, dict[str, int]]:
    """State by document and label: 1, 0, or −1 where unjudged."""
    with store.read() as session:
        matrix = judgement_matrix(session, project_id)
        documents = dict(session.execute(select(Document.id, Document.text)).all())
        labels = {label.id: label.name for label in active_labels(session, project_id)}
    return {
        documents[int(document_id)]: {
            labels[label_id]: int(value)
            for label_id, value in zip(matrix.label_ids, row, strict=True)
        }
        for document_id, row in zip(matrix.document_ids, matrix.truth, strict=True)
    }


def test_labelled_rows_become_judgements_and_others_documents(
    store: Store, project_id: int, load: Load
) -> None:
    report = load("id,text,labels\n7,Hello there,a|b\n8,Good bye,b\n9,Not read yet,\n")
    assert (report.n_rows, report.n_accepted, report.n_rejected, report.n_judged) == (3, 3, 0, 2)
    assert truth(store, project_id) == {
        "Hello there": {"a": 1, "b": 1},
        "Good bye": {"a": 0, "b": 1},
    }
    with store.read() as session:
        assert session.scalars(select(Document.external_id)).all() == ["7", "8", "9"]
        submissions = session.scalars(select(Submission)).all()
        assert {s.source for s in submissions} == {SubmissionSource.IMPORT}
        assert [s.sequence for s in submissions] == [2, 3]
        assert {s.client_id for s in submissions} == {f"import-{report.import_id}"}


def test_importing_the_same_file_again_adds_nothing(store: Store, load: Load) -> None:
    content = "text,labels\nHello there,a|b\nGood bye,b\n"
    load(content)
    before = stored(store)
    report = load(content)
    assert (report.n_accepted, report.n_rejected) == (0, 2)
    assert "'" in report.rejections[0].reason
    after = stored(store)
    assert after == before | {"import": 2, "rejection": 2}


def test_every_row_is_accepted_or_listed_with_number_and_reason(store: Store, load: Load) -> None:
    report = load(
        "id,text,labels\n"
        "1,Hello there,a\n"
        "2,,a\n"
        "3,Hello there,b\n"
        "1,Another text,a\n"
        "4,too,many,cells\n"
        "\n"
        "5,The last one,b\n"
    )
    assert report.n_rows == 7 == report.n_accepted + report.n_rejected
    said = {row.number: row.reason for row in report.rejections}
    assert list(said) == [3, 4, 5, 6, 7]
    assert "empty" in said[3]
    assert "same as in row 2" in said[4]
    assert "'1' already belongs to row 2" in said[5]
    with store.read() as session:
        listed = session.execute(select(Rejection.row_number, Rejection.reason)).all()
    assert dict(listed) == said


def test_a_repeat_far_below_names_the_row_it_repeats(load: Load) -> None:
    rows = "".join(f"Text number {i},a\n" for i in range(2_500))
    report = load(f"text,labels\n{rows}Text number 1700,b\n")
    assert report.n_accepted == 2_500
    assert report.rejections[0].number == 2_502
    assert "row 1702" in report.rejections[0].reason


def test_all_rejections_are_stored_and_the_first_thousand_reported(
    store: Store, load: Load
) -> None:
    report = load("text,labels\nfine words,a\n" + ",a\n" * 1_500)
    assert (report.n_rejected, len(report.rejections)) == (1_500, 1_000)
    assert stored(store)["rejection"] == 1_500


def test_labels_of_later_rows_are_judged_absent_in_earlier_ones(
    store: Store, project_id: int, load: Load
) -> None:
    rows = "".join(f"Text number {i},common\n" for i in range(1_200))
    load(f"text,labels\n{rows}The last,rare\n")
    assert truth(store, project_id)["Text number 0"] == {"common": 1, "rare": 0}


def test_labels_the_file_never_asked_about_stay_unjudged(
    store: Store, project_id: int, load: Load
) -> None:
    with store.write() as session:
        add_labels(session, project_id, [NewLabel("elsewhere")])
    report = load("text,a,b\nHello there,1,0\nGood bye,0,0\n")
    assert truth(store, project_id) == {
        "Hello there": {"elsewhere": -1, "a": 1, "b": 0},
        "Good bye": {"elsewhere": -1, "a": 0, "b": 0},
    }
    assert "'elsewhere'" in report.warnings[0]


def test_blank_cells_among_zeros_and_ones_stay_unjudged(
    store: Store, project_id: int, load: Load
) -> None:
    load("text,a,b\nHello there,1,\nGood bye,0,1\n")
    assert truth(store, project_id)["Hello there"] == {"a": 1, "b": -1}


def test_a_retired_label_is_kept_out_and_said_so(store: Store, project_id: int, load: Load) -> None:
    with store.write() as session:
        retire_label(
            session, add_labels(session, project_id, [NewLabel("old"), NewLabel("new")])[0].id
        )
    report = load("text,labels\nHello there,old|new\n")
    assert truth(store, project_id) == {"Hello there": {"new": 1}}
    assert any("'old'" in warning for warning in report.warnings)


def test_part_of_the_documents_joins_the_audit_set(
    store: Store, project_id: int, load: Load
) -> None:
    report = load("text\n" + "".join(f"Text number {i}\n" for i in range(200)))
    assert report.n_audited == 20
    with store.read() as session:
        audited = session.scalars(select(Document.id).where(Document.is_audited)).all()
    assert len(audited) == 20
    assert np.ptp(audited) > 50


def test_a_failure_on_the_way_leaves_nothing_behind(
    store: Store, load: Load, project_id: int
) -> None:
    before = stored(store)

    class PulledPlug(Exception):
        pass

    def pull(n_rows: int, fraction: float) -> None:
        if n_rows > 1_500:
            raise PulledPlug

    rows = "".join(f"Text number {i},label {i % 7}\n" for i in range(3_000))
    with pytest.raises(PulledPlug):
        load(f"text,labels\n{rows}", on_progress=pull)
    assert stored(store) == before
    report = load(f"text,labels\n{rows}")
    assert report.n_accepted == 3_000


def test_progress_goes_from_the_first_chunk_to_the_whole_file(load: Load) -> None:
    seen: list[tuple[int, float]] = []
    rows = "".join(f"Text number {i} {'word ' * 100}\n" for i in range(2_500))
    load(f"text\n{rows}", on_progress=lambda n, fraction: seen.append((n, fraction)))
    assert [n for n, _ in seen] == [1_000, 2_000, 2_500]
    assert 0.3 < seen[0][1] < 0.6
    assert seen[-1][1] == 1.0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"text,labels\n", "no rows below"),
        (b"\n\n\n", "blank"),
        (os.urandom(4_096), "no text|UTF-16"),
        (b"PK\x03\x04 xl/workbook.xml", "Excel"),
    ],
)
def test_a_file_that_is_no_table_is_refused_and_nothing_stays(
    content: bytes, said: str, store: Store, load: Load
) -> None:
    before = stored(store)
    with pytest.raises(ImportRefused, match=said) as refused:
        load(content)
    assert "'letters.csv'" in str(refused.value)
    assert stored(store) == before


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        (Mapping("body"), r"'body' is not in 'letters\.csv'"),
        (
            Mapping("text", label_layout=LabelLayout.SEPARATED, label_columns=("lables",)),
            "'lables' is not in",
        ),
    ],
)
def test_a_column_that_does_not_exist_is_named(
    mapping: Mapping, said: str, store: Store, load: Load
) -> None:
    before = stored(store)
    with pytest.raises(ImportRefused, match=said):
        load("text,labels\nHello there,a\n", mapping)
    assert stored(store) == before


def test_a_wrong_delimiter_is_found_out_before_anything_is_stored(
    store: Store, settings: Settings, project_id: int, tmp_path: Path
) -> None:
    path = tmp_path / "letters.csv"
    path.write_text("text;labels\nHello, you there;a\n")
    found = guess(path, path.name)
    with pytest.raises(ImportRefused, match=r"'text;labels'.*another delimiter"):
        import_file(
            store,
            settings,
            project_id,
            path=path,
            file_name=path.name,
            mapping=found.mapping(),
            dialect=replace(found.dialect, delimiter=","),
        )
    assert stored(store)["import"] == 0


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16_comes_in_as_it_was_meant(
    encoding: str, store: Store, project_id: int, load: Load
) -> None:
    load("text,labels\nUn café en Málaga,comida\nOtro día,viaje\n".encode(encoding))
    assert truth(store, project_id)["Un café en Málaga"] == {"comida": 1, "viaje": 0}


def test_a_megabyte_in_one_cell_rejects_that_row_alone(store: Store, load: Load) -> None:
    report = load(f"text,labels\n{'word ' * 200_000},a\nshort words,a\n")
    assert (report.n_accepted, report.n_rejected) == (1, 1)
    assert "1,000,000 characters; the limit is 500,000" in report.rejections[0].reason


def test_one_label_is_enough_and_is_remarked_upon(load: Load) -> None:
    report = load("text,labels\nHello there,spam\nGood bye,spam\n")
    assert report.n_judged == 2
    assert "one label, 'spam'" in report.warnings[-1]


def test_more_than_a_thousand_labels_are_a_warning(load: Load) -> None:
    report = load("text,labels\n" + "".join(f"Text number {i},l{i}\n" for i in range(1_001)))
    assert report.n_accepted == 1_001
    assert "1,001 labels" in report.warnings[0]


def test_labels_that_look_alike_are_pointed_out(load: Load) -> None:
    report = load("text,labels\nHello there,Sport\nGood bye,sport\n")
    assert "'Sport' and 'sport' look alike" in report.warnings[0]


def test_a_label_column_with_too_long_a_name_leaves_nothing(store: Store, load: Load) -> None:
    before = stored(store)
    with pytest.raises(InputError, match="301 characters"):
        load(f"text,{'x' * 301},b\nHello there,1,0\n")
    assert stored(store) == before


def test_an_audit_target_of_nothing_is_respected(store: Store, project_id: int, load: Load) -> None:
    with store.write() as session:
        change_settings(session, project_id, audit_target=0)
    assert load("text\nHello there\nGood bye\n").n_audited == 0


def named_projects(store: Store) -> list[str]:
    with store.read() as session:
        return list(session.scalars(select(Project.name)))


def test_a_file_can_go_to_a_project_by_name_with_columns_by_name(
    store: Store, settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "letters.csv"
    path.write_text("text,notes,about\nHello there,long words here,a;b\nGood bye,more words,\n")
    report, found = import_named(
        store,
        settings,
        path,
        project_name="by name",
        text_column="notes",
        label_column="about",
        empty_means="no_label_applies",
    )
    assert (found.text_column, found.separator) == ("notes", ";")
    assert (report.n_accepted, report.n_judged) == (2, 2)
    again, _ = import_named(store, settings, path, project_name="by name", text_column="notes")
    assert again.n_accepted == 0
    assert named_projects(store) == ["by name"]


def test_a_project_made_for_a_refused_file_is_taken_away(
    store: Store, settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "letters.csv"
    path.write_text(f"text,{'x' * 301},b\nHello there,1,0\n")
    with pytest.raises(InputError):
        import_named(store, settings, path, project_name="short-lived")
    assert named_projects(store) == []


def test_an_encoding_that_does_not_fit_is_refused_with_a_sentence(
    store: Store, settings: Settings, project_id: int, tmp_path: Path
) -> None:
    path = tmp_path / "letters.csv"
    path.write_text("text,labels\nHello there,a\n")
    found = guess(path, path.name)
    with pytest.raises(ImportRefused, match="another encoding"):
        import_file(
            store,
            settings,
            project_id,
            path=path,
            file_name=path.name,
            mapping=found.mapping(),
            dialect=replace(found.dialect, encoding="utf-16"),
        )
    assert stored(store)["import"] == 0


def test_rows_are_counted_by_how_many_labels_they_have(tmp_path: Path) -> None:
    path = tmp_path / "news.csv"
    path.write_text("text,label\none,a\ntwo,b\nthree,a\nfour,\n", encoding="utf-8")
    found = guess(path, path.name)
    counts = count_labels(path, found.dialect, found.mapping())
    assert counts == LabelCounts(n_rows=4, is_all=True, n_labelled=3, n_one=3, n_labels=2)
    assert counts.speaks_for_one_each
    first = count_labels(path, found.dialect, found.mapping(), most_rows=2)
    assert (first.n_rows, first.is_all) == (2, False)
    assert not first.speaks_for_one_each  # two rows with two labels say nothing


def test_a_row_without_its_one_label_is_rejected_also_from_columns_of_yes_and_no(
    store: Store, load: Load, project_id: int
) -> None:
    with store.write() as session:
        change_settings(session, project_id, exclusive=True)
    report = load("text,a,b\nfirst,1,0\nsecond,1,1\nthird,0,0\n")
    assert (report.n_accepted, report.n_judged) == (1, 1)
    assert [(row.number, row.reason.split(",")[0]) for row in report.rejections] == [
        (3, "It has 2 labels ('a'"),
        (4, "No label applies to it"),
    ]
