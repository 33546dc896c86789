"""The API over a real SQLite file, called as a program would."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from sqlalchemy import insert
from starlette.testclient import TestClient

from core.api.app import build_api
from core.api.backend import open_backend
from core.api.tokens import issue_token
from core.services.labels import NewLabel, add_labels
from core.services.projects import create_project
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Document

N_DOCUMENTS = 40


@dataclass(frozen=True)
class Desk:
    """A project with three labels and forty documents, none of them audited."""

    project_id: int
    label_ids: tuple[int, int, int]
    document_ids: tuple[int, ...]


def add_project(store: Store, name: str, n_documents: int = N_DOCUMENTS) -> Desk:
    """A project of one-word documents."""
    with store.write() as session:
        project = create_project(session, name)
        labels = add_labels(session, project.id, [NewLabel("red"), NewLabel("blue"), NewLabel("x")])
        rows = [
            {
                "project_id": project.id,
                "external_id": f"d{number}",
                "text": f"{name} {number}",
                "content_hash": f"{number:064d}",
            }
            for number in range(n_documents)
        ]
        ids = session.scalars(insert(Document).returning(Document.id), rows).all()
        red, blue, other = (label.id for label in labels)
        return Desk(project.id, (red, blue, other), tuple(ids))


@pytest.fixture
def desk(store: Store) -> Desk:
    return add_project(store, "desk")


@pytest.fixture
def other_desk(store: Store, desk: Desk) -> Desk:
    return add_project(store, "other")


@pytest.fixture
def api(settings: Settings, store: Store) -> Iterator[FastAPI]:
    """The running ASGI app."""
    api = build_api()
    with open_backend(settings) as backend:
        api.state.backend = backend
        yield api


@pytest.fixture
def client(api: FastAPI, settings: Settings, desk: Desk) -> Iterator[TestClient]:
    """A client with Ada's token for the desk."""
    token = issue_token(settings, annotator="ada", project_id=desk.project_id)
    with TestClient(api, raise_server_exceptions=False, headers=bearer(token)) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
