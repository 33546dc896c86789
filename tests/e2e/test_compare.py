"""Which way of asking saves reading: from the judged demo project to the strategy in use."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Page, expect

from core.services.demo import open_demo, play_annotator
from core.services.projects import ProjectSettings, get_project
from tests.e2e.app_driver import ROUND_MS, App
from tests.e2e.serving import Server


def test_a_comparison_from_the_form_to_the_strategy_in_use(
    working_server: Server, page: Page, tmp_path: Path
) -> None:
    app = App(page, working_server)
    store = working_server.store
    project_id = open_demo(store, working_server.settings)
    play_annotator(store, project_id, n=160, settings=working_server.settings)

    app.open(f"/?project={project_id}")
    app.go_to("Compare strategies")
    app.see("160 documents are judged completely")
    page.get_by_text("Options", exact=True).click()
    for label, number in (("Rounds", 2), ("Seeds", 2)):
        page.get_by_role("spinbutton", name=label, exact=True).fill(str(number))
        page.keyboard.press("Enter")
        app.wait_until_still()
    app.see("14 trainings in all")
    app.button("Run the comparison").click()
    app.see("Comparing 2 strategies")

    expect(page.get_by_role("heading", name="What was found")).to_be_visible(timeout=ROUND_MS)
    app.see("2 seeds make narrow intervals")
    app.see_charts(1)

    chooser = page.get_by_test_id("stSelectbox").filter(has_text="Strategy for this project")
    chooser.locator("input").click()  # its list closes when the page scrolls, so from the top
    page.get_by_role("option", name="Random", exact=True).click()
    app.button("Use this strategy").click()
    app.see("This project's rounds ask by Random already.")
    with store.read() as session:
        assert ProjectSettings.of(get_project(session, project_id)).strategy == "random"

    with page.expect_download() as download:
        app.button("Download statistics.json").click()
    download.value.save_as(tmp_path / "statistics.json")
    record = json.loads((tmp_path / "statistics.json").read_text(encoding="utf-8"))
    assert record["statistics"]["seeds"] == [0, 1]
    assert set(record["statistics"]["arms"]) == {"random", "bait"}
