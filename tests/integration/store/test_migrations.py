"""Databases of earlier versions, brought up to date."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, func, select, text
from sqlalchemy.engine import make_url

from core.domain import QueryKind
from core.settings import Settings
from core.store.migrate import configuration, migrate
from core.store.store import Store
from core.store.tables import Job, Query, Submission

ROWS = {
    "annotator": [{"id": 1, "name": "ada"}],
    "project": [
        {
            "id": 1,
            "name": "old",
            "description": "",
            "guidelines": "",
            "settings": "{}",
            "schema_version": 1,
            "is_demo": False,
        }
    ],
    "document": [
        {
            "id": number,
            "project_id": 1,
            "external_id": str(number),
            "text": f"text {number}",
            "content_hash": str(number),
            "is_audited": False,
        }
        for number in (1, 2, 3)
    ],
    "query": [
        {
            "id": id_,
            "project_id": 1,
            "document_id": document,
            "kind": kind,
            "strategy": "s",
            "rank": id_,
            "score": 0.5,
            "reason": "why",
            "selection_probability": probability,
        }
        for id_, document, kind, probability in [
            (103, 1, "cold_start", None),
            (104, 2, "random", 0.25),
            (109, 3, "audit", 1.0),
        ]
    ],
    "submission": [
        {
            "id": 1,
            "project_id": 1,
            "document_id": 1,
            "annotator_id": 1,
            "kind": "complete",
            "source": "card",
            "client_id": "c",
            "sequence": 1,
            "schema_version": 1,
            "query_id": 103,
        }
    ],
    "job": [
        {
            "id": 1,
            "project_id": 1,
            "kind": "prepare",
            "workflow_id": "prepare-1",
            "status": "queued",
            "step": "",
            "fraction": 0.0,
            "detail": "{}",
            "cancel_requested": False,
            "updated_at": datetime(2026, 1, 1),
        }
    ],
}


def first_schema(settings: Settings) -> None:
    """A database as the first version left it, with a judged query in it; its last is gone."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    store = Store(settings.resolved_database_url)
    with store.engine.connect() as connection:
        command.upgrade(configuration(connection), "0001")
        for table, rows in ROWS.items():
            for row in rows:
                row = {**row, "created_at": datetime(2026, 1, 1)}
                names = ", ".join(row)
                values = ", ".join(f":{name}" for name in row)
                statement = text(f'INSERT INTO "{table}" ({names}) VALUES ({values})')
                connection.execute(statement, row)
        connection.execute(text("DELETE FROM query WHERE id = 109"))
        connection.commit()
    store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def old_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a database with the first schema."""
    folders = {"data_dir": tmp_path / "data", "checkpoints_dir": tmp_path / "checkpoints"}
    if request.param == "sqlite":
        settings = Settings(**folders)
        first_schema(settings)
        yield settings
        return
    server = os.environ.get("MARGINALIA_TEST_POSTGRES")
    if not server:
        pytest.skip("MARGINALIA_TEST_POSTGRES names no PostgreSQL server to make a database on")
    name = f"marginalia_{secrets.token_hex(4)}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = make_url(server).set(database=name).render_as_string(hide_password=False)
    settings = Settings(**folders, database_url=url)
    first_schema(settings)
    yield settings
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


def test_queries_and_the_judgements_they_led_to_are_kept(old_settings: Settings) -> None:
    migrate(old_settings)
    store = Store.open(old_settings)
    with store.read() as session:
        queries = session.scalars(select(Query).order_by(Query.id)).all()
        assert [(q.id, q.document_id, q.kind, q.selection_probability) for q in queries] == [
            (103, 1, QueryKind.COLD_START, None),
            (104, 2, QueryKind.RANDOM, 0.25),
        ]
        assert [q.because for q in queries] == [None, None]
        assert session.scalar(select(Submission.query_id)) == 103
        assert session.scalar(select(func.count()).select_from(Job)) == 1
    store.close()


def test_the_new_kinds_and_what_decided_can_be_stored(old_settings: Settings) -> None:
    migrate(old_settings)
    store = Store.open(old_settings)
    because = {"labels": [], "neighbours": [], "wanted_label_id": None, "search": "refunds"}
    for kind in QueryKind:
        with store.write() as session:
            session.add(
                Query(
                    project_id=1,
                    document_id=3,
                    kind=kind,
                    strategy="s",
                    rank=-1,
                    reason="like “refunds”",
                    because=because,
                )
            )
    with store.read() as session:
        stored = session.scalars(select(Query.because).where(Query.rank == -1)).all()
        assert stored == [because] * len(QueryKind)
    store.close()


def test_it_is_then_the_schema_of_the_code(old_settings: Settings) -> None:
    migrate(old_settings)
    store = Store.open(old_settings)
    with store.engine.connect() as connection:
        command.check(configuration(connection))  # raises when they differ
    store.close()


def test_the_id_of_a_deleted_query_does_not_come_again(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", checkpoints_dir=tmp_path / "checkpoints")
    first_schema(settings)
    migrate(settings)
    store = Store.open(settings)
    with store.write() as session:
        query = Query(project_id=1, document_id=3, kind=QueryKind.SEARCH, strategy="s", rank=1)
        session.add(query)
        session.flush()
        assert query.id == 110
    store.close()


def test_checks_are_held_after_the_copy(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", checkpoints_dir=tmp_path / "checkpoints")
    first_schema(settings)
    migrate(settings)
    connection = sqlite3.connect(make_url(settings.resolved_database_url).database or "")
    for change in ("kind = 'maybe'", "selection_probability = 2"):
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(f"UPDATE query SET {change}")
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
