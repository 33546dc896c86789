"""What every journey shares: a real server on a port of its own, a real browser before it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.e2e.serving import BROWSER_FLAGS, Server, make_server, system_browser


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A running server without a worker."""
    server = make_server(tmp_path)
    server.start()
    yield server
    server.stop()
    server.store.close()


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server for journeys that each make a project of their own and leave it running."""
    server = make_server(tmp_path_factory.mktemp("shared"))
    server.start()
    yield server
    server.stop()
    server.store.close()


@pytest.fixture
def working_server(tmp_path: Path) -> Iterator[Server]:
    """A running server with the worker that it starts by itself."""
    server = make_server(tmp_path)
    server.start_worker = True
    server.start()
    yield server
    server.stop()
    server.store.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all journeys."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=system_browser(), args=list(BROWSER_FLAGS)
        )
        yield browser
        browser.close()


@pytest.fixture
def browser_context(browser: Browser) -> Iterator[BrowserContext]:
    """A person's browser: its tabs share one localStorage."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)
    yield context
    context.close()


@pytest.fixture
def page(browser_context: BrowserContext) -> Page:
    """One open tab."""
    return browser_context.new_page()
