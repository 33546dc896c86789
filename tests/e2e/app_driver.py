"""A person before the app: goes to pages, presses what is written on the buttons, reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.e2e.serving import Server

ROUND_MS = 240_000  # a worker that has to load torch first, on a busy machine


@dataclass(frozen=True)
class App:
    """One tab."""

    page: Page
    server: Server

    def open(self, path: str = "/") -> None:
        """Type an address."""
        self.page.goto(self.server.url + path)
        self.wait_until_still()

    def go_to(self, name: str) -> None:
        """Use the navigation in the sidebar."""
        sidebar = self.page.get_by_test_id("stSidebar")
        sidebar.get_by_role("link", name=name, exact=True).click()
        if name not in ("Annotate", "Projects"):
            expect(self.title(name)).to_be_visible()
        self.wait_until_still()

    def title(self, words: str) -> Locator:
        """The page's heading."""
        return self.page.get_by_role("heading", name=words, exact=True, level=1)

    def button(self, words: str) -> Locator:
        """A button by what is written on it."""
        return self.page.get_by_role("button", name=words, exact=True)

    def says(self, words: str) -> Locator:
        """A sentence on the page, or a part of one."""
        return self.page.get_by_test_id("stMain").get_by_text(words).first

    def see(self, words: str, *, timeout_ms: int = 30_000) -> None:
        """Wait until the page says so."""
        expect(self.says(words)).to_be_visible(timeout=timeout_ms)

    def see_charts(self, n: int) -> None:
        """Wait until so many charts are drawn."""
        charts = self.page.locator(".js-plotly-plot:visible")
        expect(charts).to_have_count(n, timeout=60_000)

    def upload(self, path: Path) -> None:
        """Hand a file to the upload page."""
        self.page.locator("input[type=file]").set_input_files(path)

    def wait_until_still(self) -> None:
        """Until the script has run through."""
        self.page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()

    def project_id(self) -> int:
        """The project of the address."""
        return int(self.page.url.partition("project=")[2].partition("&")[0])
