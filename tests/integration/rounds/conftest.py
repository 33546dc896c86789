"""One worker shared by a module's tests, or a data folder of a test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.rounds.office import Office, open_office


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One worker for a module's tests: it takes ten seconds to start."""
    office = open_office(tmp_path_factory.mktemp("office"))
    office.start_worker()
    yield office
    office.stop_workers()
    office.store.close()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """A data folder that nobody serves yet."""
    office = open_office(tmp_path)
    yield office
    office.stop_workers()
    office.store.close()
