"""Looking at judgements again in the browser: a key a verdict, and nothing is lost."""

from __future__ import annotations

import time

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from core.domain import JobStatus, JudgementState, SubmissionKind, SubmissionSource
from core.rounds import files
from core.rounds.task import Snapshot
from core.services.judgement_matrix import judgement_matrix
from core.services.judgements import NewSubmission, annotator_named, record_judgements
from core.services.labels import active_labels
from core.services.projects import change_settings, get_project
from core.services.rounds import RoundRequest, list_rounds, request_round
from core.store.store import Store
from core.store.tables import Document, Review, Round
from tests.e2e.card_driver import seed_project
from tests.e2e.serving import Server
from tests.integration.doubts import Doubt, round_in_doubt
from tests.integration.rounds.texts import LABELS, TEXTS

PATIENCE_S = 240.0


def judge(store: Store, project_id: int, present: list[set[str]]) -> list[int]:
    """Judge the first documents completely; gives their ids."""
    with store.write() as session:
        ids = session.scalars(
            select(Document.id).where(Document.project_id == project_id).order_by(Document.id)
        ).all()[: len(present)]
        label_of = {label.name: label.id for label in active_labels(session, project_id)}
        submissions = [
            NewSubmission(
                document_id=id_,
                kind=SubmissionKind.COMPLETE,
                client_id=f"seed-{project_id}",
                sequence=at,
                states={label_of[name]: JudgementState.PRESENT for name in names},
            )
            for at, (id_, names) in enumerate(zip(ids, present, strict=True))
        ]
        record_judgements(
            session,
            get_project(session, project_id),
            annotator_named(session, "anna"),
            submissions,
            source=SubmissionSource.API,
        )
    return list(ids)


def label_ids(store: Store, project_id: int) -> dict[str, int]:
    with store.read() as session:
        return {label.name: label.id for label in active_labels(session, project_id)}


def state(store: Store, project_id: int, document_id: int, label_id: int) -> int:
    with store.read() as session:
        matrix = judgement_matrix(session, project_id)
    row = matrix.document_ids.tolist().index(document_id)
    return int(matrix.truth[row, matrix.label_ids.index(label_id)])


class ReviewCard:
    """A tab with the review card in it."""

    def __init__(self, page: Page, server: Server, project_id: int) -> None:
        self.page, self.server, self.project_id = page, server, project_id

    def open(self, kind: str = "Suspects") -> ReviewCard:
        self.page.goto(f"{self.server.url}/review?project={self.project_id}&kind={kind}")
        self.part("card").wait_for()
        return self

    def part(self, name: str) -> Locator:
        return self.page.locator(f"[data-ref={name}]")

    def wait_for_item(self) -> str:
        self.page.locator("[data-ref=card][data-cell]:not([data-cell=''])").wait_for()
        return self.part("text").text_content() or ""

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def wait_until_saved(self) -> None:
        self.part("saved").filter(has_text="saved ✓").wait_for()


def test_one_key_flips_and_one_takes_it_back(shared_server: Server, page: Page) -> None:
    store = shared_server.store
    project_id = seed_project(store, 4)
    first, second, *_ = judge(store, project_id, [{"billing"}, {"refund"}, set()])
    labels = label_ids(store, project_id)
    doubts = [
        Doubt(first, labels["billing"], True),
        Doubt(second, labels["praise"], False, 0.5),
    ]
    round_in_doubt(store, shared_server.settings, project_id, doubts)
    card = ReviewCard(page, shared_server, project_id).open()

    assert card.wait_for_item().startswith("Message 0.")
    expect(card.part("label")).to_have_text("billing")
    expect(card.part("said")).to_contain_text("judged present by anna in ")
    expect(card.part("said")).to_contain_text("gives 0.03")
    card.press("f")
    expect(card.part("said")).to_contain_text("judged absent by anna")
    card.wait_until_saved()
    assert state(store, project_id, first, labels["billing"]) == 0

    card.press("z")
    expect(card.part("label")).to_have_text("billing")
    card.wait_until_saved()
    assert state(store, project_id, first, labels["billing"]) == 1

    card.press("f", "c")
    expect(card.part("empty")).to_have_text("Nothing suspicious is left.")
    card.wait_until_saved()
    assert state(store, project_id, first, labels["billing"]) == 0
    assert state(store, project_id, second, labels["praise"]) == 0
    page.reload()
    expect(card.part("empty")).to_have_text("Nothing suspicious is left.")


def test_a_double_click_decides_one_judgement(shared_server: Server, page: Page) -> None:
    store = shared_server.store
    project_id = seed_project(store, 3)
    ids = judge(store, project_id, [{"billing"}] * 3)
    billing = label_ids(store, project_id)["billing"]
    round_in_doubt(
        store, shared_server.settings, project_id, [Doubt(id_, billing, True) for id_ in ids]
    )
    card = ReviewCard(page, shared_server, project_id).open()
    card.wait_for_item()
    page.get_by_role("button", name="Make absent").dblclick()
    card.wait_until_saved()
    expect(card.part("count")).to_have_text("1 looked at · 2 left")
    assert [state(store, project_id, id_, billing) for id_ in ids] == [0, 1, 1]


def test_keys_faster_than_the_server_are_all_kept(shared_server: Server, page: Page) -> None:
    store = shared_server.store
    project_id = seed_project(store, 40)
    ids = judge(store, project_id, [{"billing"}] * 40)
    billing = label_ids(store, project_id)["billing"]
    round_in_doubt(
        store, shared_server.settings, project_id, [Doubt(id_, billing, True) for id_ in ids]
    )
    card = ReviewCard(page, shared_server, project_id).open()
    card.wait_for_item()
    said = "fcfuc" * 4
    page.wait_for_function("document.querySelector('.stApp') !== null")
    card.press(*said)
    card.wait_until_saved()
    value = {"f": 0, "c": 1, "u": -1}
    found = [state(store, project_id, id_, billing) for id_ in ids[: len(said)]]
    assert found == [value[key] for key in said]
    with store.read() as session:
        reviews = session.scalars(select(Review).where(Review.project_id == project_id)).all()
    assert len(reviews) == len(said)
    assert card.wait_for_item().startswith("Message 20.")


def test_copies_stand_side_by_side_and_either_may_be_wrong(
    shared_server: Server, page: Page
) -> None:
    store = shared_server.store
    project_id = seed_project(store, 4)
    first, second, third, fourth = judge(store, project_id, [{"billing"}, set(), {"refund"}, set()])
    labels = label_ids(store, project_id)
    copies = [
        Doubt(first, labels["billing"], True, other_id=second),
        Doubt(third, labels["refund"], True, other_id=fourth),
    ]
    round_in_doubt(store, shared_server.settings, project_id, copies=copies)
    card = ReviewCard(page, shared_server, project_id).open("Copies")
    card.wait_for_item()
    expect(card.part("heading")).to_have_text("0: judged present")
    expect(card.part("otherHeading")).to_have_text("1: judged absent")
    expect(card.part("otherText")).to_contain_text("Message 1.")
    card.press("o", "ArrowRight")
    card.wait_until_saved()
    assert state(store, project_id, second, labels["billing"]) == 1
    assert state(store, project_id, first, labels["billing"]) == 1
    assert state(store, project_id, third, labels["refund"]) == 1


def test_pairs_and_companions_say_which_label_makes_them_doubtful(
    shared_server: Server, page: Page
) -> None:
    store = shared_server.store
    project_id = seed_project(store, 3)
    first, second = judge(store, project_id, [{"billing", "refund"}, {"billing"}])
    labels = label_ids(store, project_id)
    billing, refund = labels["billing"], labels["refund"]
    round_in_doubt(
        store,
        shared_server.settings,
        project_id,
        pairs=[Doubt(first, refund, True, 0.98, with_id=billing)],
        companions=[Doubt(second, labels["praise"], False, 0.998, with_id=billing)],
    )
    card = ReviewCard(page, shared_server, project_id).open("Unusual+pairs")
    card.wait_for_item()
    expect(card.part("reason")).to_have_text(
        "98 % of the documents with “billing” do not have “refund”."
    )
    card.open("Missing+companions").wait_for_item()
    expect(card.part("reason")).to_have_text(
        "Over 99 % of the documents with “billing” also have “praise”."
    )
    card.press("f")
    card.wait_until_saved()
    assert state(store, project_id, second, labels["praise"]) == 1


def test_where_one_label_applies_a_flip_chooses_another(shared_server: Server, page: Page) -> None:
    store = shared_server.store
    project_id = seed_project(store, 3)
    with store.write() as session:
        change_settings(session, project_id, exclusive=True)
    first, second = judge(store, project_id, [{"billing"}, {"billing"}])
    labels = label_ids(store, project_id)
    doubts = [
        Doubt(id_, labels["billing"], True, instead_id=labels["refund"]) for id_ in (first, second)
    ]
    round_in_doubt(store, shared_server.settings, project_id, doubts)
    card = ReviewCard(page, shared_server, project_id).open()
    card.wait_for_item()
    expect(card.part("flipWord")).to_have_text("It is “refund”")
    card.press("f")
    card.wait_until_saved()
    card.part("instead").select_option(label="praise")
    expect(card.part("flipWord")).to_have_text("It is “praise”")
    page.get_by_role("button", name="It is “praise”").click()
    expect(card.part("empty")).to_be_visible()
    card.wait_until_saved()
    assert state(store, project_id, first, labels["refund"]) == 1
    assert state(store, project_id, second, labels["praise"]) == 1


@pytest.fixture
def doubted_project(working_server: Server) -> int:
    """Texts judged as they are, but for one that says 'money back' and was judged praise."""
    texts = [text for text, _ in TEXTS]
    project_id = seed_project(
        working_server.store, len(texts), labels=LABELS, texts=texts, is_ranked=False
    )
    present = [set(names) for _, names in TEXTS]
    present[3] = {"praise"}
    judge(working_server.store, project_id, present[:36])
    return project_id


def finished_round(server: Server, project_id: int, seed: int) -> int:
    """Run a round to its end; gives its number."""
    request = RoundRequest(query_size=3, seed=seed)
    info = request_round(server.store, server.settings, project_id, request)
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with server.store.read() as session:
            round_ = next(r for r in list_rounds(session, project_id) if r.id == info.id)
        if round_.status not in (JobStatus.QUEUED, JobStatus.RUNNING):
            assert round_.status is JobStatus.DONE, round_.error
            return round_.number
        assert time.monotonic() < deadline, "the round did not end"
        time.sleep(0.1)


def snapshot_of(server: Server, project_id: int, number: int) -> tuple[Snapshot, list[int]]:
    with server.store.read() as session:
        checkpoint = session.scalar(
            select(Round.checkpoint).where(Round.project_id == project_id, Round.number == number)
        )
    folder = server.settings.checkpoints_dir / str(checkpoint)
    return Snapshot.read(folder), files.read_json(folder / files.SNAPSHOT_ABOUT)["label_ids"]


def test_the_next_round_knows_a_flip(
    working_server: Server, doubted_project: int, page: Page
) -> None:
    project_id, server = doubted_project, working_server
    first = finished_round(server, project_id, seed=1)
    card = ReviewCard(page, server, project_id).open()
    text = card.wait_for_item()
    cell = card.part("card").get_attribute("data-cell") or ""
    document_id, label_id = (int(part) for part in cell.split("|"))
    before, ids = snapshot_of(server, project_id, first)
    card.press("f")
    card.wait_until_saved()

    after, _ = snapshot_of(server, project_id, finished_round(server, project_id, seed=2))
    assert text in [text for text, _ in TEXTS]
    row, column = before.train_ids.tolist().index(document_id), ids.index(label_id)
    assert after.train_truth[row, column] == 1 - before.train_truth[row, column]
    np.testing.assert_array_equal(after.train_ids, before.train_ids)
    assert (after.train_truth != before.train_truth).sum() == 1
    page.reload()
    expect(page.get_by_text("Round 2 is the first that knew 1 change")).to_be_visible()
