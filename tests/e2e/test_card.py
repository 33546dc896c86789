"""The card in a real browser before a real server: what is typed is what is stored."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Error, Page, expect
from sqlalchemy import select

from core.domain import SubmissionKind, SubmissionSource
from core.services.judgement_matrix import judgement_matrix
from core.services.judgements import NewSubmission, annotator_named, record_judgements
from core.services.labels import NewLabel, active_labels, add_labels
from core.services.operating_points import set_operating_point
from core.services.projects import get_project
from core.store.tables import Document, Query, Round
from tests.e2e.card_driver import (
    LABELS,
    Card,
    Stored,
    keys_for,
    rank_documents,
    seed_project,
    stored_submissions,
)
from tests.e2e.serving import Server, make_server

COMPLETE, PARTIAL = SubmissionKind.COMPLETE, SubmissionKind.PARTIAL
SKIP, UNDO = SubmissionKind.SKIP, SubmissionKind.UNDO


def what(stored: list[Stored]) -> list[tuple[int, SubmissionKind, str]]:
    return [(one.number, one.kind, one.keys) for one in stored]


def test_fifty_documents_typed_without_a_pause_are_fifty_saved_and_fifty_right(
    shared_server: Server, page: Page
) -> None:
    project_id = seed_project(shared_server.store, 60)
    card = Card(page, shared_server.url, project_id).open()
    for number in range(50):
        card.wait_for_document()
        card.press(*keys_for(number), "Enter")
    card.wait_until_saved()
    expected = [(number, COMPLETE, keys_for(number)) for number in range(50)]
    assert what(stored_submissions(shared_server.store, project_id)) == expected


def test_a_server_that_is_killed_in_the_middle_costs_nothing(server: Server, page: Page) -> None:
    project_id = seed_project(server.store, 60)
    card = Card(page, server.url, project_id).open()
    for number in range(50):
        if number == 20:
            server.stop(kill=True)
        if number == 32:  # the documents in hand are typed on while nobody answers
            expect(card.part("banner")).to_contain_text(re.compile(r"\d+ judgements wait"))
            page.wait_for_timeout(2000)
            server.start()
        card.wait_for_document()
        card.press(*keys_for(number), "Enter")
    card.wait_until_saved()
    expect(card.part("banner")).to_be_hidden()
    expected = [(number, COMPLETE, keys_for(number)) for number in range(50)]
    assert what(stored_submissions(server.store, project_id)) == expected


def test_two_tabs_share_the_work_and_never_a_document(
    shared_server: Server, browser_context: BrowserContext
) -> None:
    project_id = seed_project(shared_server.store, 60)
    tabs = [
        Card(browser_context.new_page(), shared_server.url, project_id).open() for _ in range(2)
    ]
    for _ in range(25):
        for card in tabs:
            card.judge_what_is_written()
    for card in tabs:
        card.wait_until_saved()
    stored = stored_submissions(shared_server.store, project_id)
    assert len(stored) == 50
    assert max(Counter(one.number for one in stored).values()) == 1
    assert all(one.keys == keys_for(one.number) for one in stored)
    assert Counter(Counter(one.client_id for one in stored).values()) == {25: 2}


def test_a_duplicated_tab_becomes_a_client_of_its_own(
    shared_server: Server, browser_context: BrowserContext, page: Page
) -> None:
    project_id = seed_project(shared_server.store, 60)
    first = Card(page, shared_server.url, project_id).open()
    with browser_context.expect_page() as opened:  # it inherits the opener's session memory
        page.evaluate("address => void window.open(address)", first.address)
    second = Card(opened.value, shared_server.url, project_id)
    second.wait_for_document()
    for _ in range(5):
        first.judge_what_is_written()
        second.judge_what_is_written()
    first.wait_until_saved()
    second.wait_until_saved()
    stored = stored_submissions(shared_server.store, project_id)
    assert len({one.number for one in stored}) == len(stored) == 10
    assert Counter(Counter(one.client_id for one in stored).values()) == {5: 2}


def test_what_a_closed_tab_could_not_send_is_sent_by_the_next_one(
    server: Server, browser_context: BrowserContext
) -> None:
    project_id = seed_project(server.store, 60)
    first = Card(browser_context.new_page(), server.url, project_id).open()
    server.stop(kill=True)
    for number in range(5):
        first.press(*keys_for(number), "Enter")
    expect(first.part("banner")).to_contain_text("5 judgements wait")
    first.page.close()
    server.start()
    second = Card(browser_context.new_page(), server.url, project_id).open()
    second.judge_what_is_written()
    second.wait_until_saved()
    stored = stored_submissions(server.store, project_id)
    assert what(stored)[:5] == [(number, COMPLETE, keys_for(number)) for number in range(5)]
    assert len(stored) == 6
    assert stored[5].keys == keys_for(stored[5].number)


def test_a_reload_keeps_the_draft_and_the_document(shared_server: Server, page: Page) -> None:
    project_id = seed_project(shared_server.store, 30)
    card = Card(page, shared_server.url, project_id).open()
    card.press("Enter", "Enter", "2", "5", "u")
    before = card.wait_for_document(), card.states()
    assert before[1]["refund"] == "present"
    assert before[1]["praise"] == "unsure"
    card.wait_until_saved()
    page.reload()
    assert (card.wait_for_document(), card.states()) == before
    card.press("Enter")
    card.wait_until_saved()
    third = stored_submissions(shared_server.store, project_id)[2]
    assert (third.number, third.keys, third.unsure) == (2, "2", "5")


def test_a_reload_while_the_server_is_down_keeps_the_draft_though_another_tab_is_open(
    server: Server, browser_context: BrowserContext
) -> None:
    project_id = seed_project(server.store, 60)
    first, second = (
        Card(browser_context.new_page(), server.url, project_id).open() for _ in range(2)
    )
    server.stop(kill=True)
    first.press("1", "Enter", "2", "3")
    before = first.wait_for_document(), first.states()
    assert before[1]["refund"] == before[1]["delivery"] == "present"
    with pytest.raises(Error, match="ERR_CONNECTION_REFUSED"):
        first.page.reload()
    expect(second.part("banner")).to_contain_text("1 judgement waits", timeout=30_000)
    server.start()
    first.open()
    assert (first.wait_for_document(), first.states()) == before
    expect(first.part("count")).to_contain_text("1 judged here")
    first.press("Enter")
    second.press("4", "Enter")
    first.wait_until_saved()
    second.wait_until_saved()
    stored = stored_submissions(server.store, project_id)
    assert sorted(one.keys for one in stored) == ["1", "23", "4"]
    assert Counter(Counter(one.client_id for one in stored).values()) == {2: 1, 1: 1}


def test_a_tab_that_has_to_change_its_client_id_remembers_what_it_did(
    shared_server: Server, browser_context: BrowserContext, page: Page
) -> None:
    project_id = seed_project(shared_server.store, 60)
    first = Card(page, shared_server.url, project_id).open()
    first.press("1", "Enter", "2", "Enter")
    first.wait_until_saved()
    with browser_context.expect_page() as opened:  # it inherits the memory, but not the claim
        page.evaluate("address => void window.open(address)", first.address)
    second = Card(opened.value, shared_server.url, project_id)
    second.wait_for_document()
    second.page.reload()
    second.wait_for_document()
    second.press("z")
    expect(second.text).to_contain_text("Message 1.")
    assert second.states()["refund"] == "present"
    second.wait_until_saved()
    stored = stored_submissions(shared_server.store, project_id)
    assert what(stored) == [(0, COMPLETE, "1"), (1, COMPLETE, "2"), (1, UNDO, "")]
    assert stored[1].client_id != stored[2].client_id


def test_undo_takes_the_last_one_back_and_opens_it_again(shared_server: Server, page: Page) -> None:
    project_id = seed_project(shared_server.store, 30)
    card = Card(page, shared_server.url, project_id).open()
    card.press("1", "Enter", "2", "Enter", "z")
    assert "Message 1." in card.wait_for_document()
    assert card.states()["refund"] == "present"
    card.press("2", "3", "Enter")
    card.wait_until_saved()
    assert what(stored_submissions(shared_server.store, project_id)) == [
        (0, COMPLETE, "1"),
        (1, COMPLETE, "2"),
        (1, UNDO, ""),
        (1, COMPLETE, "3"),
    ]


def test_back_opens_earlier_documents_and_the_new_word_counts(
    shared_server: Server, page: Page
) -> None:
    project_id = seed_project(shared_server.store, 30)
    card = Card(page, shared_server.url, project_id).open()
    card.press("1", "Enter", "2", "Enter", "s", "b", "b")
    assert "Message 1." in card.wait_for_document()
    assert card.states()["refund"] == "present"
    card.press("4", "Enter")
    assert "Message 3." in card.wait_for_document()
    card.press("b", "Escape")
    assert "Message 3." in card.wait_for_document()
    card.press("Enter")
    card.wait_until_saved()
    stored = stored_submissions(shared_server.store, project_id)
    assert what(stored) == [
        (0, COMPLETE, "1"),
        (1, COMPLETE, "2"),
        (2, SKIP, ""),
        (1, COMPLETE, "24"),
        (3, COMPLETE, ""),
    ]
    with shared_server.store.read() as session:
        truth = judgement_matrix(session, project_id).truth
    assert truth[1].tolist() == [0, 1, 0, 1, 0, 0, 0, 0]


def test_back_after_a_reload_fetches_the_text_again(shared_server: Server, page: Page) -> None:
    project_id = seed_project(shared_server.store, 30)
    card = Card(page, shared_server.url, project_id).open()
    card.press("3", "Enter")
    card.wait_until_saved()
    page.reload()
    card.wait_for_document()
    card.press("b")
    expect(card.text).to_contain_text("Message 0.")
    assert card.states()["delivery"] == "present"


def test_shift_enter_records_only_what_was_touched(shared_server: Server, page: Page) -> None:
    project_id = seed_project(shared_server.store, 30)
    card = Card(page, shared_server.url, project_id).open()
    card.press("Shift+Enter")
    expect(card.part("hint")).to_contain_text("mark a label first")
    card.press("1", "3", " ", "Shift+Enter")
    assert "Message 1." in card.wait_for_document()
    card.wait_until_saved()
    [only] = stored_submissions(shared_server.store, project_id)
    assert (only.kind, only.keys, only.absent) == (PARTIAL, "1", "3")


def test_space_cycles_and_arrows_move_over_the_labels(shared_server: Server, page: Page) -> None:
    project_id = seed_project(shared_server.store, 30)
    card = Card(page, shared_server.url, project_id).open()
    card.press("ArrowRight", " ")
    assert card.states()["billing"] == "present"
    card.press(" ")
    assert card.states()["billing"] == "absent"
    card.press(" ")
    assert card.states()["billing"] == "unjudged"
    card.press("ArrowDown", "u", "Tab", " ")
    assert card.states() == {
        **dict.fromkeys(LABELS, "unjudged"),
        "refund": "unsure",
        "delivery": "present",
    }
    assert card.chip("refund").get_attribute("aria-pressed") == "mixed"
    expect(card.chip("delivery")).to_be_focused()


def test_arrows_find_the_labels_of_the_next_document_too(shared_server: Server, page: Page) -> None:
    project_id = seed_project(shared_server.store, 30)
    card = Card(page, shared_server.url, project_id).open()
    card.press("3", "Enter", "ArrowRight", " ", "ArrowRight", "u", "Enter")
    card.wait_until_saved()
    second = stored_submissions(shared_server.store, project_id)[1]
    assert (second.keys, second.unsure) == ("1", "2")


def test_more_labels_than_keys_are_reached_by_typing_their_names(
    shared_server: Server, page: Page
) -> None:
    names = [f"topic {number:02}" for number in range(53)] + ["Überweisung"]
    project_id = seed_project(shared_server.store, 30, labels=names)
    card = Card(page, shared_server.url, project_id).open()
    card.press("/", *"uberw")
    assert card.page.locator("[data-label-id]:visible").count() == 1
    card.press("Enter", "/", *"topic 41", "Enter")
    assert {name for name, state in card.states().items() if state == "present"} == {
        "topic 41",
        "Überweisung",
    }
    assert card.page.locator("[data-label-id]:visible").count() == 54
    card.press("/", *"1s", "Escape", "Enter")
    card.wait_until_saved()
    [only] = stored_submissions(shared_server.store, project_id)
    assert (only.kind, only.keys) == (COMPLETE, "4254")


def test_a_text_is_never_taken_for_html(shared_server: Server, page: Page) -> None:
    text = "<img src=x onerror=\"document.title='run'\"><b>bold</b>\n  two  spaces &amp; more"
    project_id = seed_project(shared_server.store, 1, texts=[text])
    card = Card(page, shared_server.url, project_id).open()
    assert card.text.text_content() == text
    assert card.text.locator("*").count() == 0
    assert page.title() != "run"


def test_keys_typed_into_a_field_of_the_page_do_not_judge(
    shared_server: Server, page: Page
) -> None:
    project_id = seed_project(shared_server.store, 30)
    card = Card(page, shared_server.url, project_id).open()
    page.get_by_role("textbox", name="Your name").click()
    card.press("1", "2", "s", "z")
    assert set(card.states().values()) == {"unjudged"}
    assert "Message 0." in card.wait_for_document()


def test_held_down_enter_judges_one_document(shared_server: Server, page: Page) -> None:
    project_id = seed_project(shared_server.store, 30)
    card = Card(page, shared_server.url, project_id).open()
    for _ in range(5):
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    assert "Message 1." in card.wait_for_document()
    card.wait_until_saved()
    assert len(stored_submissions(shared_server.store, project_id)) == 1


def test_the_mouse_can_do_all_of_it(shared_server: Server, page: Page) -> None:
    project_id = seed_project(shared_server.store, 30)
    card = Card(page, shared_server.url, project_id).open()
    card.chip("login").click()
    card.chip("praise").click()
    page.get_by_role("button", name="Unsure").click()
    card.chip("hours").click()
    page.get_by_role("button", name="Absent").click()
    page.get_by_role("button", name="Only marked").click()
    page.get_by_role("button", name="Skip").click()
    page.get_by_role("button", name="Done, next").click()
    card.wait_until_saved()
    stored = stored_submissions(shared_server.store, project_id)
    assert what(stored) == [(0, PARTIAL, "4"), (1, SKIP, ""), (2, COMPLETE, "")]
    assert (stored[0].unsure, stored[0].absent) == ("5", "8")


@pytest.mark.parametrize("width", [320, 768])
def test_a_narrow_window_shows_everything_without_scrolling_sideways(
    shared_server: Server, page: Page, width: int
) -> None:
    project_id = seed_project(shared_server.store, 30)
    page.set_viewport_size({"width": width, "height": 700})
    card = Card(page, shared_server.url, project_id).open()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert card.root.evaluate("card => card.scrollWidth <= card.clientWidth")
    for box in card.root.locator("button:visible").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect()).map(r => [r.left, r.right])"
    ):
        assert box[0] >= 0
        assert box[1] <= width


def test_when_all_is_judged_the_card_says_what_to_do_next(
    shared_server: Server, page: Page
) -> None:
    project_id = seed_project(shared_server.store, 3)
    card = Card(page, shared_server.url, project_id).open()
    card.press("Enter", "Enter", "Enter")
    expect(card.part("empty")).to_contain_text("Run a round under Train")
    assert len(stored_submissions(shared_server.store, project_id)) == 3


def test_a_project_that_is_not_ready_says_what_comes_first(
    shared_server: Server, page: Page
) -> None:
    without_labels = seed_project(shared_server.store, 3, labels=[])
    page.goto(f"{shared_server.url}/annotate?project={without_labels}")
    expect(page.get_by_text("There are no labels yet.")).to_be_visible()
    page.get_by_role("link", name="Add labels").click()
    page.wait_for_url(f"**/labels?project={without_labels}")
    without_documents = seed_project(shared_server.store, 0)
    page.goto(f"{shared_server.url}/annotate?project={without_documents}")
    expect(page.get_by_text("There are no documents yet.")).to_be_visible()
    expect(page.get_by_role("link", name="Upload some")).to_be_visible()


def test_a_browser_without_room_says_so_and_takes_nothing_more(
    shared_server: Server, page: Page
) -> None:
    project_id = seed_project(shared_server.store, 30)
    card = Card(page, shared_server.url, project_id).open()
    page.evaluate(
        """() => {
            let size = 1 << 22;
            while (size >= 1) {
                try { localStorage.setItem(`fill${size}${Math.random()}`, 'x'.repeat(size)); }
                catch { size = size >> 1; }
            }
        }"""
    )
    card.press("1", "Enter")
    expect(card.part("problem")).to_contain_text("no room left")
    assert "Message 0." in card.wait_for_document()
    page.evaluate(
        "Object.keys(localStorage).filter(k => k.startsWith('fill'))"
        ".forEach(k => localStorage.removeItem(k))"
    )
    card.press("2", "Enter")
    card.wait_until_saved()
    assert what(stored_submissions(shared_server.store, project_id)) == [(0, COMPLETE, "2")]


def test_a_label_added_meanwhile_appears_and_was_not_judged_before(
    shared_server: Server, page: Page
) -> None:
    project_id = seed_project(shared_server.store, 60)
    card = Card(page, shared_server.url, project_id).open()
    with shared_server.store.write() as session:
        add_labels(session, project_id, [NewLabel("new one")])
    card.press("Enter")  # the card still shows the old labels
    while card.page.locator("[data-label-id]").count() == len(LABELS):
        card.wait_for_document()
        card.press("Enter")
    card.press("9", "Enter")
    card.wait_until_saved()
    with shared_server.store.read() as session:
        truth = judgement_matrix(session, project_id).truth
    assert truth[0, -1] == -1  # it was not on the screen then
    assert truth[-1, -1] == 1


def test_labelling_causes_no_run_of_the_page(shared_server: Server, page: Page) -> None:
    frames: list[object] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: frames.append(frame)))
    project_id = seed_project(shared_server.store, 60)
    card = Card(page, shared_server.url, project_id).open()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    assert frames  # the page itself was asked for in this way
    frames.clear()
    for number in range(20):
        card.wait_for_document()
        card.press(*keys_for(number), "Enter")
    card.wait_until_saved()
    assert frames == []


def test_leaving_the_page_and_coming_back_keeps_everything(
    shared_server: Server, page: Page
) -> None:
    project_id = seed_project(shared_server.store, 60)
    card = Card(page, shared_server.url, project_id).open()
    card.press("1", "Enter", "2")
    page.get_by_test_id("stSidebar").get_by_role("link", name="Labels").click()
    card.root.wait_for(state="detached")
    page.get_by_test_id("stSidebar").get_by_role("link", name="Annotate").click()
    assert "Message 1." in card.wait_for_document()
    card.press("3", "Enter", "z", "z", "Enter")
    card.wait_until_saved()
    assert what(stored_submissions(shared_server.store, project_id)) == [
        (0, COMPLETE, "1"),
        (1, COMPLETE, "23"),
        (1, UNDO, ""),
        (0, UNDO, ""),
        (0, COMPLETE, "1"),
    ]


def test_the_link_that_led_to_the_card_does_not_take_the_first_enter(
    shared_server: Server, page: Page
) -> None:
    project_id = seed_project(shared_server.store, 30)
    page.goto(f"{shared_server.url}/labels?project={project_id}")
    card = Card(page, shared_server.url, project_id)
    for _ in range(3):
        page.get_by_role("link", name="Annotate").click()
        first = card.wait_for_document()
        card.press("Enter")
        assert card.wait_for_document() != first
        page.get_by_role("link", name="Labels").click()
        card.part("card").wait_for(state="detached")


def test_a_number_that_is_taken_is_sent_under_a_fresh_client_id(
    shared_server: Server, page: Page
) -> None:
    project_id = seed_project(shared_server.store, 60)
    card = Card(page, shared_server.url, project_id).open()
    card.press("1", "Enter")
    card.wait_until_saved()
    [first] = stored_submissions(shared_server.store, project_id)
    with shared_server.store.write() as session:  # another tab with the same memory was faster
        taken = session.scalar(select(Document.id).where(Document.project_id == project_id)) or 0
        record_judgements(
            session,
            get_project(session, project_id),
            annotator_named(session, "me"),
            [NewSubmission(taken + 50, COMPLETE, first.client_id, 2)],
            source=SubmissionSource.CARD,
        )
    card.press("2", "Enter", "z", "4", "Enter", "3", "Enter")
    card.wait_until_saved()
    later = stored_submissions(shared_server.store, project_id)[2:]
    assert what(later) == [
        (1, COMPLETE, "2"),
        (1, UNDO, ""),
        (1, COMPLETE, "24"),
        (2, COMPLETE, "3"),
    ]
    assert {one.client_id for one in later} & {first.client_id} == set()


def test_what_the_server_refuses_is_shown_and_holds_nothing_else_up(
    shared_server: Server, page: Page
) -> None:
    project_id = seed_project(shared_server.store, 60)
    card = Card(page, shared_server.url, project_id).open()
    with shared_server.store.write() as session:
        gone = session.scalar(
            select(Document).where(Document.project_id == project_id, Document.external_id == "1")
        )
        session.delete(gone)
    card.press("1", "Enter", "2", "Enter", "3", "Enter")
    card.wait_until_saved()
    expect(card.part("problem")).to_contain_text("1 could not be saved: Document")
    assert what(stored_submissions(shared_server.store, project_id)) == [
        (0, COMPLETE, "1"),
        (2, COMPLETE, "3"),
    ]
    page.get_by_role("button", name="Forget it").click()
    expect(card.part("problem")).to_be_hidden()


def test_a_token_that_ran_out_is_renewed_and_nothing_is_lost(tmp_path: Path, page: Page) -> None:
    server = make_server(tmp_path, token_ttl_s=3)
    project_id = seed_project(server.store, 60)
    server.start()
    try:
        card = Card(page, server.url, project_id).open()
        card.press("1", "Enter")
        page.wait_for_timeout(4500)
        card.press("2", "Enter")
        card.wait_until_saved()
        stored = stored_submissions(server.store, project_id)
        assert what(stored) == [(0, COMPLETE, "1"), (1, COMPLETE, "2")]
    finally:
        server.stop()
        server.store.close()


def test_suggestions_can_be_hidden_and_set_nothing(shared_server: Server, page: Page) -> None:
    project_id = seed_project(shared_server.store, 30)
    put_suggestions(shared_server, project_id)
    card = Card(page, shared_server.url, project_id).open()
    expect(card.chip("refund").locator(".number")).to_have_text("0.90")
    assert set(card.states().values()) == {"unjudged"}
    card.press("h")
    expect(card.chip("refund").locator(".number")).to_be_hidden()
    page.reload()
    card.wait_for_document()
    expect(card.chip("refund").locator(".number")).to_be_hidden()


def test_a_threshold_that_is_moved_changes_which_suggestions_stand_out(
    shared_server: Server, page: Page
) -> None:
    project_id = seed_project(shared_server.store, 30)
    put_suggestions(shared_server, project_id)
    card = Card(page, shared_server.url, project_id).open()
    expect(card.chip("refund")).to_have_attribute("data-suggested", "predicted")
    with shared_server.store.write() as session:
        round_id = get_project(session, project_id).active_round_id
        set_operating_point(
            session, project_id, round_id, shared=0.95, own={}, aim=None, annotator="ada"
        )
    page.reload()
    card.wait_for_document()
    expect(card.chip("refund").locator(".number")).to_have_text("0.90")
    expect(card.chip("refund")).to_have_attribute("data-suggested", "")


def test_a_new_round_changes_what_comes_next_but_not_what_is_begun(
    shared_server: Server, page: Page
) -> None:
    project_id = seed_project(shared_server.store, 100)
    card = Card(page, shared_server.url, project_id).open()
    put_suggestions(shared_server, project_id, chosen=range(60, 100))
    is_release = re.compile(r'"release":\[\d')
    with page.expect_request(lambda request: bool(is_release.search(request.post_data or ""))):
        for _ in range(12):  # few enough are left then to ask for more
            card.wait_for_document()
            card.press("Enter")
        card.press("1")
    begun = card.wait_for_document()
    expect(card.part("card")).to_have_attribute("data-ahead", re.compile(r"^(1[5-9]|2\d)$"))
    assert card.wait_for_document() == begun
    card.press("Enter")
    assert "Message 60." in card.wait_for_document()
    expect(card.part("reason")).to_have_text("chosen by the round")


def test_the_first_order_replaces_what_came_by_chance_before_it(
    shared_server: Server, page: Page
) -> None:
    project_id = seed_project(shared_server.store, 60, is_ranked=False)
    card = Card(page, shared_server.url, project_id).open()
    expect(card.part("reason")).to_contain_text("at random")
    card.press("1")
    begun = card.wait_for_document()
    is_release = re.compile(r'"release":\[\d')
    with page.expect_request(lambda request: bool(is_release.search(request.post_data or ""))):
        rank_documents(shared_server.store, project_id)
    assert (card.wait_for_document(), card.states()["billing"]) == (begun, "present")
    card.press("Enter")
    best = "Message 1." if "Message 0." in begun else "Message 0."
    assert best in card.wait_for_document()
    expect(card.part("reason")).to_have_text("most like the label billing")


def test_a_card_opened_after_a_round_begins_with_what_the_round_asks(
    shared_server: Server, page: Page
) -> None:
    project_id = seed_project(shared_server.store, 100)
    card = Card(page, shared_server.url, project_id).open()
    card.wait_for_document()  # by now fifteen random documents are in this tab's hands
    put_suggestions(shared_server, project_id, chosen=range(60, 100))
    page.reload()
    assert "Message 60." in card.wait_for_document()
    expect(card.part("reason")).to_have_text("chosen by the round")


def put_suggestions(server: Server, project_id: int, *, chosen: Iterable[int] = ()) -> None:
    """A round in force that finds every label as likely as 0.9 and asks about some documents."""
    with server.store.write() as session:
        ids = session.scalars(select(Document.id).where(Document.project_id == project_id)).all()
        labels = [label.id for label in active_labels(session, project_id)]
        folder = server.settings.checkpoints_dir / f"round-of-{project_id}"
        folder.mkdir(parents=True)
        np.save(folder / "pool_ids.npy", np.array(ids, dtype=np.int64))
        np.save(folder / "pool_proba.npy", np.full((len(ids), len(labels)), 0.9, np.float32))
        (folder / "label_ids.json").write_text(str(labels))
        round_ = Round(
            project_id=project_id,
            number=1,
            kind="quick",
            status="done",
            strategy="bald",
            seed=1,
            checkpoint=folder.name,
        )
        session.add(round_)
        session.flush()
        session.add_all(
            Query(
                project_id=project_id,
                round_id=round_.id,
                document_id=ids[number],
                kind="model",
                strategy="bald",
                rank=rank,
                reason="chosen by the round",
            )
            for rank, number in enumerate(chosen)
        )
        get_project(session, project_id).active_round_id = round_.id


def test_the_running_server_has_loaded_no_learning_library(
    shared_server: Server, page: Page
) -> None:
    project_id = seed_project(shared_server.store, 3)
    Card(page, shared_server.url, project_id).open()
    for name in ("projects", "upload", "labels", "train", "dashboards", "export"):
        page.goto(f"{shared_server.url}/{name}?project={project_id}")
        page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
        page.locator("[data-testid=stSidebar]").wait_for()
    health = page.request.get(f"{shared_server.url}/api/v1/health").json()
    assert health["heavy_modules"] == []
