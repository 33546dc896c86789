"""What every test shares: settings and a migrated store in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.settings import Settings
from core.store.migrate import migrate
from core.store.store import Store


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose every folder is this test's own."""
    return Settings(
        data_dir=tmp_path / "data", checkpoints_dir=tmp_path / "checkpoints", shared=None
    )


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    """A real, migrated SQLite file."""
    migrate(settings)
    store = Store.open(settings)
    yield store
    store.close()
