from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.domain import JobStatus, JudgementState, RoundKind, SubmissionKind, SubmissionSource
from core.exchange.guess import guess
from core.services.exporting import export_rows, write_csv, write_jsonl
from core.services.importing import import_file
from core.services.judgements import NewSubmission, annotator_named, record_judgements
from core.services.labels import NewLabel, add_labels
from core.services.projects import change_settings, create_project
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Document, Project, Round

P, U = JudgementState.PRESENT, JudgementState.UNSURE
COMPLETE, PARTIAL = SubmissionKind.COMPLETE, SubmissionKind.PARTIAL
Export = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def project_id(store: Store) -> int:
    """Three documents, labels a and b."""
    with store.write() as session:
        project = create_project(session, "letters")
        add_labels(session, project.id, [NewLabel("a"), NewLabel("b")])
        for name in ("one", "two", "three"):
            session.add(
                Document(
                    project_id=project.id,
                    external_id=name,
                    text=f"text {name}",
                    content_hash=name.ljust(64, "0"),
                )
            )
        return project.id


@pytest.fixture
def export(store: Store, settings: Settings, project_id: int) -> Export:
    def export(**options: Any) -> list[dict[str, Any]]:
        with store.read() as session:
            return list(export_rows(session, project_id, settings=settings, **options))

    return export


def say(store: Store, project_id: int, who: str, *said: tuple[Any, ...]) -> None:
    """Submissions of one person: (document, kind, states by label number)."""
    with store.write() as session:
        project = session.get_one(Project, project_id)
        record_judgements(
            session,
            project,
            annotator_named(session, who),
            [
                NewSubmission(document, kind, who, i, states)
                for i, (document, kind, states) in enumerate(said)
            ],
            source=SubmissionSource.CARD,
        )


def test_each_person_has_a_row_with_their_newest_word(
    store: Store, project_id: int, export: Export
) -> None:
    say(store, project_id, "ann", (1, COMPLETE, {1: P}), (1, PARTIAL, {2: U}))
    say(store, project_id, "bob", (1, COMPLETE, {2: P}))
    rows = export()
    assert [(r["id"], r["annotator"], r["labels"], r["absent"], r["unsure"]) for r in rows] == [
        ("one", "ann", ["a"], [], ["b"]),
        ("one", "bob", ["b"], ["a"], []),
    ]
    assert rows[0]["source"] == "card"
    assert rows[0]["judged_at"].endswith("+00:00")


def test_where_one_label_applies_it_stands_in_a_column_of_its_own(
    store: Store, project_id: int, export: Export
) -> None:
    with store.write() as session:
        change_settings(session, project_id, exclusive=True)
    say(store, project_id, "ann", (1, COMPLETE, {2: P}), (2, PARTIAL, {1: JudgementState.ABSENT}))
    rows = export()
    assert [(row["label"], row["labels"], row["threshold"]) for row in rows] == [
        ("b", ["b"], None),
        ("", [], None),
    ]
    sheet = io.StringIO(newline="")
    write_csv(rows, sheet)
    read = list(csv.DictReader(io.StringIO(sheet.getvalue().lstrip("\ufeff"))))
    assert [row["label"] for row in read] == ["b", ""]


def test_labels_added_later_are_in_no_list(store: Store, project_id: int, export: Export) -> None:
    say(store, project_id, "ann", (1, COMPLETE, {1: P}))
    with store.write() as session:
        add_labels(session, project_id, [NewLabel("late")])
    (row,) = export()
    assert "late" not in row["labels"] + row["absent"] + row["unsure"]


def test_undone_and_skipped_documents_have_no_row(
    store: Store, project_id: int, export: Export
) -> None:
    say(store, project_id, "ann", (1, COMPLETE, {1: P}), (2, SubmissionKind.SKIP, {}))
    with store.write() as session:
        project = session.get_one(Project, project_id)
        undo = NewSubmission(1, SubmissionKind.UNDO, "ann", 9, undoes_sequence=0)
        ann = annotator_named(session, "ann")
        record_judgements(session, project, ann, [undo], source=SubmissionSource.CARD)
    assert export() == []
    assert [row["id"] for row in export(include_unjudged=True)] == ["one", "two", "three"]


def test_probabilities_and_threshold_come_from_the_round_in_force(
    store: Store, settings: Settings, project_id: int, export: Export
) -> None:
    folder = settings.checkpoints_dir / "1/round-1"
    folder.mkdir(parents=True)
    np.save(folder / "pool_ids.npy", np.array([1, 3]))
    np.save(folder / "pool_proba.npy", np.array([[0.25, 0.75], [0.5, 1.0]], dtype=np.float16))
    (folder / "label_ids.json").write_text("[1, 2]")
    with store.write() as session:
        round_ = Round(
            project_id=project_id,
            number=1,
            kind=RoundKind.QUICK,
            status=JobStatus.DONE,
            strategy="bald",
            seed=0,
            label_ids=[1, 2],
            threshold=0.4,
            checkpoint="1/round-1",
        )
        session.add(round_)
        session.flush()
        session.get_one(Project, project_id).active_round_id = round_.id
    say(store, project_id, "ann", (1, COMPLETE, {1: P}), (2, COMPLETE, {}))
    one, two = export()
    assert (one["probabilities"], one["threshold"]) == ({"a": 0.25, "b": 0.75}, 0.4)
    assert one["round"] == 1
    assert two["probabilities"] == {"a": None, "b": None}
    text = io.StringIO(newline="")
    write_csv([one, two], text)
    header = next(csv.reader(io.StringIO(text.getvalue())))
    assert header[-2:] == ["p:a", "p:b"]


def test_json_lines_hold_the_same_rows(store: Store, project_id: int, export: Export) -> None:
    say(store, project_id, "ann", (1, COMPLETE, {1: P}), (3, COMPLETE, {}))
    text = io.StringIO()
    write_jsonl(export(), text)
    assert [json.loads(line) for line in text.getvalue().splitlines()] == export()


text_of_a_document = st.text(min_size=1).filter(lambda t: not t.isspace() and "\0" not in t)
label_name = (
    st.one_of(
        st.text(min_size=1, max_size=20), st.sampled_from(["a|b", "\\", "[1]", '"', "=1", "nan"])
    )
    .map(str.strip)
    .filter(lambda t: t and "\0" not in t)
)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@given(
    texts=st.lists(text_of_a_document, min_size=1, max_size=6, unique=True),
    names=st.lists(label_name, min_size=1, max_size=5, unique=True),
    data=st.data(),
)
@hypothesis_settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_is_exported_comes_back_as_it_was(
    form: str, texts: list[str], names: list[str], data: st.DataObject, store: Store,
    settings: Settings, tmp_path: Path,
) -> None:  # fmt: skip
    source = tmp_path / "source.jsonl"
    lists = st.lists(st.sampled_from(names), unique=True)
    rows = [{"text": t, "labels": data.draw(st.none() | lists)} for t in texts]
    source.write_text("\n".join(map(json.dumps, rows)))
    first = brought_in(store, settings, source, empty_means="no_label_applies")
    path = tmp_path / f"export.{form}"
    with store.read() as session, path.open("w", encoding="utf-8", newline="") as file:
        write = write_csv if form == "csv" else write_jsonl
        write(export_rows(session, first, settings=settings, include_unjudged=True), file)
    second = brought_in(store, settings, path)
    assert cells(store, settings, second) == cells(store, settings, first)


def brought_in(store: Store, settings: Settings, path: Path, **changes: Any) -> int:
    """The id of a new project with the file's rows, all of them accepted."""
    found = guess(path, path.name)
    with store.write() as session:
        n_before = session.query(Project).count()
        project_id = create_project(session, f"project {n_before}").id
    report = import_file(
        store,
        settings,
        project_id,
        path=path,
        file_name=path.name,
        mapping=replace(found.mapping(), **changes),
        dialect=found.dialect,
    )
    assert report.n_rejected == 0, report.rejections
    return project_id


def cells(store: Store, settings: Settings, project_id: int) -> list[tuple[Any, ...]]:
    """What a project says, without the order of its labels."""
    with store.read() as session:
        rows = export_rows(session, project_id, settings=settings, include_unjudged=True)
        return [
            (row["id"], row["text"], sorted(row["labels"]), sorted(row["absent"])) for row in rows
        ]
