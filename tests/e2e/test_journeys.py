"""What a newcomer does, from the first page to the downloaded labels, in a real browser."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import func, select

from core.store.tables import Annotator, Document, Project, Rejection, Submission
from tests.e2e.app_driver import ROUND_MS, App
from tests.e2e.card_driver import Card
from tests.e2e.serving import Server

LABELS = ("billing", "refund", "outage")
SENTENCES = {
    "": ("Good morning to all of you", "Please send me the new form", "Who is in on Fridays"),
    "1": ("The bill of May is too high", "Why does my invoice show two prices"),
    "2": ("I want my money back", "Send back what I paid"),
    "3": ("Nothing has worked since noon", "The line is dead again"),
    "12": ("The invoice is wrong, give me my money back", "You billed me twice, repay one"),
    "13": ("Dead line for a week and still a full bill", "No service, yet an invoice came"),
}

TABS = {  # of the dashboards, with words that each shows
    "Thresholds": "Threshold sweep",
    "Calibration": "Calibration error by label",
    "Labels": "Precision, recall and F1 by label",
    "Together": "Difference: predicted minus judged",
    "Errors": "Errors by length of the text",
    "Map": "Draw the map",
    "History": "F1 by round",
    "Report": "Write the report",
}


def write_letters(path: Path, n: int) -> None:
    """Texts that end with the keys of their labels."""
    kinds = list(SENTENCES.items())
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["ref", "letter"])
        for i in range(n):
            keys, sentences = kinds[i % len(kinds)]
            text = sentences[i // len(kinds) % len(sentences)]
            writer.writerow([f"r{i}", f'{text}; "reference" {i}. [{keys}]'])


def judge(card: Card, n: int) -> dict[str, str]:
    """Judge n documents by keyboard; returns the keys typed for each text."""
    typed: dict[str, str] = {}
    for _ in range(n):
        text = card.wait_for_document()
        assert text not in typed
        typed[text] = text.rpartition("[")[2].rstrip("]")
        card.press(*typed[text], "Enter")
    card.wait_until_saved()
    return typed


def exported(path: Path) -> dict[str, str]:
    """From the downloaded file: the keys of the labels present, by text."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {
            row["text"]: "".join(
                str(number) for number, name in enumerate(LABELS, 1) if name in row["labels"]
            )
            for row in csv.DictReader(file)
        }


def test_from_a_file_to_labels_through_a_round(
    working_server: Server, page: Page, tmp_path: Path
) -> None:
    app = App(page, working_server)
    letters = tmp_path / "letters.csv"
    write_letters(letters, 90)

    app.open()
    app.see("Welcome to Marginalia")
    app.button("Upload a file").click()
    expect(app.title("Upload")).to_be_visible()
    app.upload(letters)
    app.see("cells separated by semicolons")
    app.button("Import").click()
    app.see("90 of 90 rows accepted, 0 rejected")

    app.button("Now say which labels there are").click()
    expect(app.title("Labels")).to_be_visible()
    page.get_by_role("textbox", name="Your first labels").fill(
        "billing: about an invoice or a price\nrefund: wants money back\noutage: it does not work"
    )
    app.button("Add").click()
    expect(page.get_by_role("textbox", name="Add labels")).to_be_visible()
    app.button("Go on to annotating").click()

    card = Card(page, working_server.url, app.project_id())
    typed = judge(card, 20)

    app.go_to("Train")
    app.button("Run a round").click()
    app.see("Round 1 is done.", timeout_ms=ROUND_MS)

    app.button("See the dashboards").click()
    expect(app.title("Dashboards")).to_be_visible()
    app.see("Which labels fail, and why?")
    for tab, first in TABS.items():
        page.get_by_role("tab", name=tab, exact=True).click()
        app.see(first)
    assert not page.get_by_test_id("stException").count()

    app.go_to("Annotate")
    app.see("Round 1 knows")
    typed |= judge(card, 8)
    assert len(typed) == 28

    app.go_to("Export")
    app.see("The first rows")
    with page.expect_download() as download:
        app.button("Download 28 rows").click()
    target = tmp_path / "labels.csv"
    download.value.save_as(target)
    assert exported(target) == typed


def test_the_demo_opens_with_a_click_and_by_its_address_on_a_cold_server(
    server: Server, page: Page, browser: Browser
) -> None:
    app = App(page, server)
    app.open()
    app.button("Open the demo project").click()
    Card(page, server.url, 0).wait_for_document()
    project_id = app.project_id()

    server.stop()
    server.start()
    stranger = browser.new_context()
    try:
        other = App(stranger.new_page(), server)
        other.open(f"/train?project={project_id}")
        expect(other.title("Train")).to_be_visible()
        expect(other.page.get_by_role("combobox", name="Project")).to_have_value("Help desk (demo)")
        other.page.reload()
        expect(other.title("Train")).to_be_visible()
        assert other.project_id() == project_id
    finally:
        stranger.close()


def test_the_back_button_leads_back(server: Server, page: Page) -> None:
    with server.store.write() as session:
        session.add(Project(name="Letters"))
    app = App(page, server)
    app.open()
    for name in ("Labels", "Train", "Export"):
        app.go_to(name)
    for name in ("Train", "Labels"):
        page.go_back()
        expect(app.title(name)).to_be_visible()
        assert "project=1" in page.url


def test_the_name_on_judgements_outlives_a_reload(server: Server, page: Page) -> None:
    app = App(page, server)
    app.open()
    name = page.get_by_role("textbox", name="Your name")
    expect(name).to_have_value("me")
    name.fill("Ann Øst")
    name.press("Enter")
    app.button("Open the demo project").click()
    card = Card(page, server.url, 0)
    card.wait_for_document()
    page.reload()
    expect(name).to_have_value("Ann Øst", timeout=30_000)
    card.wait_for_document()
    card.press("Enter")
    card.wait_until_saved()
    with server.store.read() as session:
        signed = select(Annotator.name).join(Submission, Submission.annotator_id == Annotator.id)
        assert session.scalars(signed).all() == ["Ann Øst"]


BAD_FILES = {
    "empty.csv": (b"", "'empty.csv' is empty"),
    "header.csv": (b"id,text,labels\n", "but no rows below it"),
    "picture.csv": (b"\x89PNG\r\n\x1a\n" + bytes(200), "is a picture, whatever its name says"),
    "array.jsonl": (b'[{"text": "a"},\n{"text": "b"}]', "not JSON Lines"),
}


def test_files_that_cannot_be_read_get_a_sentence_and_leave_nothing(
    server: Server, page: Page, tmp_path: Path
) -> None:
    app = App(page, server)
    for name, (content, sentence) in BAD_FILES.items():
        path = tmp_path / name
        path.write_bytes(content)
        app.open("/upload")
        app.upload(path)
        app.see(sentence)
    with server.store.read() as session:
        for table in (Project, Document, Rejection):
            assert session.scalar(select(func.count()).select_from(table)) == 0
    assert not list((server.data_dir / "uploads").glob("*"))


def test_a_file_over_the_limit_is_refused_and_the_way_out_is_shown(
    server: Server, page: Page, tmp_path: Path
) -> None:
    app = App(page, server)
    path = tmp_path / "big.csv"
    with path.open("wb") as file:
        file.write(b"text\n")
        file.truncate(51 * 1024 * 1024)
    app.open("/upload")
    app.upload(path)
    expect(page.get_by_test_id("stFileUploader")).to_contain_text(re.compile("50.*MB or smaller"))
    app.see("python -m core import")


@pytest.mark.parametrize("width", [400, 1280])
def test_no_page_is_wider_than_its_window(server: Server, browser: Browser, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800})
    app = App(context.new_page(), server)
    app.open()
    app.button("Open the demo project").click()
    Card(app.page, server.url, 0).wait_for_document()
    project_id = app.project_id()
    try:
        for name in (
            "",
            "upload",
            "labels",
            "annotate",
            "train",
            "dashboards",
            "compare",
            "export",
        ):
            app.open(f"/{name}?project={project_id}")
            is_wide = "e => e.scrollWidth > e.clientWidth"
            assert not app.page.get_by_test_id("stMain").evaluate(is_wide), name
    finally:
        context.close()
