"""Projects with exactly one label per document: judged by keys, uploaded, trained."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.domain import SubmissionKind
from core.services.projects import change_settings
from core.services.rounds import list_rounds
from tests.e2e.app_driver import ROUND_MS, App
from tests.e2e.card_driver import Card, seed_project, stored_submissions
from tests.e2e.serving import Server


@pytest.fixture
def card(shared_server: Server, page: Page) -> Card:
    """An open card of a project with eight labels, of which one applies to each document."""
    project_id = seed_project(shared_server.store, 30)
    with shared_server.store.write() as session:
        change_settings(session, project_id, exclusive=True, audit_every=1000)
    return Card(page, shared_server.url, project_id).open()


def said(server: Server, card: Card) -> list[tuple[SubmissionKind, str, str]]:
    project_id = int(card.address.rpartition("=")[2])
    stored = stored_submissions(server.store, project_id)
    return [(one.kind, one.keys, one.absent) for one in stored]


def test_a_label_takes_the_place_of_another_and_enter_wants_one(
    shared_server: Server, card: Card
) -> None:
    first = card.wait_for_document()
    card.press("Enter")
    expect(card.part("hint")).to_contain_text("Choose the one label that applies")
    assert card.wait_for_document() == first
    card.press("1", "3")
    assert {name for name, state in card.states().items() if state == "present"} == {"delivery"}
    card.press("Enter", "2", "4", "Enter")
    card.chip("login").click()
    card.press("Space", "Shift+Enter")  # present became absent: ruled out, and no more
    card.wait_until_saved()
    complete, partial = SubmissionKind.COMPLETE, SubmissionKind.PARTIAL
    assert said(shared_server, card) == [
        (complete, "3", ""),
        (complete, "4", ""),
        (partial, "", "4"),
    ]


def test_a_key_alone_judges_and_goes_on_where_that_is_wanted(
    shared_server: Server, card: Card
) -> None:
    card.page.get_by_label("judges and goes on").check()
    card.press(*"1234512345")
    card.wait_until_saved()
    assert [keys for _, keys, _ in said(shared_server, card)] == list("1234512345")
    card.press("z")
    expect(card.part("hint")).to_contain_text("Taken back")
    card.press("8")
    card.wait_until_saved()
    assert said(shared_server, card)[-1] == (SubmissionKind.COMPLETE, "8", "")


def write_news(path: Path) -> None:
    """Sixty texts with one label, thirty without, one with two."""
    words = ("ball goal match", "vote law party", "film song stage")
    names = ("sport", "politics", "culture")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for i in range(90):
            label = names[i % 3] if i < 60 else ""
            writer.writerow([f"Story {i}: {words[i % 3]} [{i % 3 + 1}]", label])


def test_a_file_of_single_labels_becomes_such_a_project_and_is_trained(
    working_server: Server, page: Page, tmp_path: Path
) -> None:
    app = App(page, working_server)
    news = tmp_path / "news.csv"
    write_news(news)
    app.open("/upload")
    app.upload(news)
    app.see("60 of 60 labelled rows have exactly one of 3 labels.")
    app.button("Import").click()
    app.see("90 of 90 rows accepted")
    app.button("Go on to annotating").click()
    card = Card(page, working_server.url, app.project_id())
    for _ in range(5):
        card.judge_what_is_written()
    card.wait_until_saved()

    app.go_to("Train")
    page.get_by_test_id("stExpander").get_by_text("Options", exact=True).click()
    page.get_by_role("combobox", name="Learn with").click()
    page.get_by_role("option", name="Logistic regression").click()
    app.see("One regularised regression per label.")
    app.button("Run a round").click()
    app.see("Round 1 is done.", timeout_ms=ROUND_MS)
    app.see("Learner: Logistic regression.")
    app.see("Accuracy")
    with working_server.store.read() as session:
        (round_,) = list_rounds(session, app.project_id())
    assert round_.is_exclusive
    assert round_.learner == {"kind": "logistic"}
    app.button("See the dashboards").click()
    expect(page.get_by_test_id("stMetric").first).to_contain_text("Accuracy")
    expect(page.get_by_role("tab", name="Thresholds")).to_have_count(0)
