"""Pages run by Streamlit's own test runner, on a real database, always from the shell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.settings import get_settings
from core.store.migrate import migrate
from core.store.store import Store
from tests.ui.rooms import Rooms


@pytest.fixture
def rooms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rooms]:
    """Pages that read their settings from the environment, as in earnest."""
    monkeypatch.setenv("MARGINALIA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MARGINALIA_CHECKPOINTS_DIR", str(tmp_path / "checkpoints"))
    get_settings.cache_clear()
    settings = get_settings()
    migrate(settings)
    store = Store.open(settings)
    yield Rooms(settings, store)
    store.close()
    st.cache_resource.clear()
    get_settings.cache_clear()


@pytest.fixture
def said() -> Callable[[AppTest], str]:
    """Everything a page says in words."""

    def words(test: AppTest) -> str:
        kinds = ("title", "subheader", "markdown", "caption", "info", "warning", "error", "success")
        return "\n".join(str(element.value) for kind in kinds for element in test.get(kind))

    return words
