from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from core.errors import Conflict
from core.services.judgements import annotator_named
from core.services.labels import NewLabel, add_labels
from core.services.projects import create_project, delete_project, get_project
from core.store.migrate import configuration
from core.store.store import Store
from core.store.tables import Document, Label, Project, Submission

ROOT = Path(__file__).resolve().parents[3]


def test_the_migrations_make_exactly_the_tables_of_the_code(store: Store) -> None:
    with store.engine.connect() as connection:
        command.check(configuration(connection))  # raises when they differ


def test_sqlite_keeps_a_write_ahead_log_and_holds_foreign_keys(store: Store) -> None:
    with store.engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2


@pytest.mark.parametrize(
    "row",
    [
        {"kind": "maybe"},
        {"document_id": 99},
        {"annotator_id": 99},
        {"kind": "undo"},
        {"seconds": -1.0},
    ],
    ids=lambda row: next(iter(row)),
)
def test_the_database_itself_refuses_what_makes_no_sense(store: Store, row: dict) -> None:
    with store.write() as session:
        project = create_project(session, "p")
        annotator = annotator_named(session, "ada")
        document = Document(project_id=project.id, external_id="1", text="t", content_hash="h")
        session.add(document)
        session.flush()
        good = {
            "project_id": project.id,
            "document_id": document.id,
            "annotator_id": annotator.id,
            "kind": "complete",
            "source": "card",
            "client_id": "c",
            "sequence": 1,
            "schema_version": 1,
        }
        session.execute(insert(Submission), [good])
    columns = {**good, "sequence": 2, **row}
    names = ", ".join(columns)
    values = ", ".join(f":{name}" for name in columns)
    statement = text(
        f"INSERT INTO submission ({names}, created_at) VALUES ({values}, '2026-01-01 00:00:00')"
    )
    with pytest.raises(IntegrityError), store.write() as session:
        session.execute(statement, columns)


def test_a_failed_transaction_leaves_nothing(store: Store) -> None:
    with pytest.raises(Conflict), store.write() as session:
        create_project(session, "half"), create_project(session, "half")
    with store.read() as session:
        assert session.scalars(select(Project)).all() == []


def test_deleting_a_project_takes_everything_in_it_along(store: Store) -> None:
    with store.write() as session:
        project = create_project(session, "p")
        add_labels(session, project.id, [NewLabel("a")])
        session.add(Document(project_id=project.id, external_id="1", text="t", content_hash="h"))
    with store.write() as session:
        delete_project(session, get_project(session, project.id).id)
    with store.read() as session:
        assert session.scalars(select(Document)).all() == []
        assert session.scalars(select(Label)).all() == []


def test_several_processes_may_migrate_at_once(settings) -> None:
    code = "from core.settings import get_settings as g; from core.store.migrate import migrate; "
    environment = {"MARGINALIA_DATA_DIR": str(settings.data_dir), "PYTHONPATH": str(ROOT)}
    running = [
        subprocess.Popen([sys.executable, "-c", code + "migrate(g())"], env=environment)
        for _ in range(3)
    ]
    assert [process.wait(timeout=60) for process in running] == [0, 0, 0]
