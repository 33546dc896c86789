"""Takes the README's pictures from the running app: real server, real clicks, the demo project.

    python -m benchmarks.screenshots

Runs in folders of its own, so nothing of yours is touched. Takes two minutes on two cores.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from core.services.demo import GOLD, play_annotator
from core.services.labels import active_labels
from core.store.tables import Document
from tests.e2e.app_driver import ROUND_MS, App
from tests.e2e.card_driver import Card
from tests.e2e.serving import BROWSER_FLAGS, ROOT, make_server, system_browser

SIZE = {"width": 1280, "height": 800}
IMAGES = ROOT / "docs" / "images"
PREPARED_MS = 600_000
BATCHES = (150, 200, 250)  # documents judged before each round


def main() -> None:
    """Work through the demo project and take the pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = make_server(Path(folder))
        server.start_worker = True
        server.start()
        browser = playwright.chromium.launch(
            executable_path=system_browser(), args=list(BROWSER_FLAGS)
        )
        try:
            first, second = (browser.new_page(viewport=SIZE) for _ in range(2))
            project_id = work_through_the_demo(App(first, server))
            picture_dashboards(App(first, server))
            picture_card(App(second, server), project_id)
        finally:
            browser.close()
            server.stop()
            server.store.close()


def work_through_the_demo(app: App) -> int:
    """From the first page to the third round; returns the project."""
    app.open()
    app.button("Open the demo project").click()
    Card(app.page, app.server.url, 0).wait_for_document()
    project_id = app.project_id()
    app.go_to("Train")
    expect(app.page.locator(".st-key-job")).to_be_hidden(timeout=PREPARED_MS)
    for number, n in enumerate(BATCHES, 1):
        play_annotator(app.server.store, project_id, n=n, settings=app.server.settings)
        app.open(f"/train?project={project_id}")
        app.button("Run a round").click()
        app.see(f"Round {number} is done.", timeout_ms=ROUND_MS)
    play_annotator(app.server.store, project_id, n=18, settings=app.server.settings)
    return project_id


def picture_dashboards(app: App) -> None:
    """What the first tab says of the round in force in short."""
    app.button("See the dashboards").click()
    expect(app.title("Dashboards")).to_be_visible()
    expect(app.says("Which labels fail, and why?")).to_be_visible()
    save(app.page, "dashboards")


def picture_card(app: App, project_id: int) -> None:
    """A document that the model chose, with its labels set by keyboard, in a fresh tab.

    The first tab still has documents in hand from before the first round.
    """
    card = Card(app.page, app.server.url, project_id).open()
    while not (keys := keys_of_a_telling_document(app, card)):
        shown = card.text.text_content() or ""
        card.press("s")
        expect(card.text).not_to_have_text(shown)
        expect(card.part("saved")).not_to_contain_text("saving")
    card.press(*keys)
    save(app.page, "annotate")


def keys_of_a_telling_document(app: App, card: Card) -> list[str]:
    """The keys of the labels that apply, if the model chose it and there are two or more."""
    document_id = int(card.root.get_attribute("data-document-id") or 0)
    with app.server.store.read() as session:
        document = session.get_one(Document, document_id)
        gold = (document.details or {}).get(GOLD, [])
        keys = {label.name: label.key for label in active_labels(session, document.project_id)}
        is_telling = not document.is_audited and len(gold) > 1 and len(document.text) > 200
        return [str(keys[name]) for name in gold] if is_telling else []


def save(page: Page, name: str) -> None:
    """Wait until nothing moves any more, then keep what is seen."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.wait_for_function("document.fonts.status === 'loaded'")
    page.mouse.move(640, 20)
    path = IMAGES / f"{name}.png"
    page.screenshot(path=path, animations="disabled")
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
