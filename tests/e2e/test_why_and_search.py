"""Why a document was chosen, seen on the card; and texts found by what somebody types."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from core.domain import JobStatus, JudgementState, QueryKind, SubmissionKind, SubmissionSource
from core.services.judgements import NewSubmission, annotator_named, record_judgements
from core.services.labels import active_labels
from core.services.projects import change_settings, get_project
from core.services.seeding import latest_search
from core.store.tables import Document, Query
from core.strategies.reasons import Because, DrivingLabel, Neighbour, because_of_wanted, sentence
from tests.e2e.card_driver import Card, seed_project
from tests.e2e.serving import Server

TEXTS = [
    "Only one of two payments has come back.",
    "Where do I see what you know of me?",
    "Money back for the lamp, please.",
    "Is the shop open on Sunday?",
    *(f"Another letter, number {i}." for i in range(20)),
]


def explained_project(server: Server) -> int:
    """Two explained questions, two judged documents, and others without any reason."""
    project_id = seed_project(server.store, 0, texts=TEXTS, is_ranked=False)
    with server.store.write() as session:
        change_settings(session, project_id, audit_every=1000)
        project = get_project(session, project_id)
        label_of = {label.name: label.id for label in active_labels(session, project_id)}
        names = {id_: name for name, id_ in label_of.items()}
        ids = session.scalars(
            select(Document.id).where(Document.project_id == project_id).order_by(Document.id)
        ).all()
        judged = [
            NewSubmission(
                document_id=ids[at],
                kind=SubmissionKind.COMPLETE,
                client_id=f"earlier-{project_id}",
                sequence=at,
                states={label_of[name]: JudgementState.PRESENT for name in present},
                schema_version=project.schema_version,
            )
            for at, present in [(2, ["refund", "delivery"]), (3, [])]
        ]
        annotator = annotator_named(session, "earlier")
        record_judgements(session, project, annotator, judged, source=SubmissionSource.API)
        near = (Neighbour(ids[2], 0.71), Neighbour(ids[3], 0.21))
        driving = (
            DrivingLabel(label_of["billing"], 0.6, 0.52),
            DrivingLabel(label_of["refund"], 0.4, 0.44),
        )
        chosen = [
            (QueryKind.MODEL, Because(labels=driving, neighbours=near)),
            (QueryKind.RARE, because_of_wanted(label_of["privacy"], 0.31)),
        ]
        session.add_all(
            Query(
                project_id=project_id,
                document_id=ids[at],
                kind=kind,
                strategy="bald",
                rank=at,
                reason=sentence(because, kind, names, n_present=4),
                because=because.to_json(),
            )
            for at, (kind, because) in enumerate(chosen)
        )
    return project_id


def lines(part: Locator) -> list[str]:
    """What stands in each line of a list, its words apart."""
    found = part.locator("li").evaluate_all(
        "lines => lines.map(line => "
        "[...line.querySelectorAll('span')].filter(s => !s.children.length)"
        ".map(s => s.textContent).filter(Boolean).join(' | '))"
    )
    return [str(line) for line in found]


def test_a_key_shows_what_the_choice_rests_on_and_marks_nothing(
    shared_server: Server, page: Page
) -> None:
    card = Card(page, shared_server.url, explained_project(shared_server)).open()
    expect(card.part("badge")).to_have_text("model")
    expect(card.part("reason")).to_contain_text("unsure about “billing” 0.52")
    expect(card.part("evidence")).to_be_hidden()
    card.press(".")
    expect(card.part("evidence")).to_be_visible()
    expect(card.part("why")).to_have_attribute("aria-expanded", "true")
    assert lines(card.part("drivingLabels")) == [
        "billing | 0.52 | 60 % of the score",
        "refund | 0.44 | 40 % of the score",
    ]
    assert lines(card.part("neighbours")) == [
        "0.71 | Money back for the lamp, please. | refund | delivery",
        "0.21 | Is the shop open on Sunday? | no label",
    ]
    assert set(card.states().values()) == {"unjudged"}
    card.press("Enter")
    expect(card.part("badge")).to_have_text("rare label")
    expect(card.part("drivingTitle")).to_have_text("Sought as an example of")
    assert lines(card.part("drivingLabels")) == ["privacy | 0.31"]
    expect(card.part("near")).to_be_hidden()
    card.press("Enter")
    expect(card.part("badge")).to_have_text("random")
    expect(card.part("why")).to_be_hidden()
    expect(card.part("evidence")).to_be_hidden()
    card.press(".")
    expect(card.part("hint")).to_have_text("Nothing more is known of why it was chosen.")


def test_the_button_opens_it_too_and_with_suggestions_goes_what_they_say(
    shared_server: Server, page: Page
) -> None:
    card = Card(page, shared_server.url, explained_project(shared_server)).open()
    card.part("why").focus()
    card.press("Enter")
    expect(card.part("evidence")).to_be_visible()
    assert "Only one of two" in card.wait_for_document()
    card.press("h")
    assert lines(card.part("drivingLabels")) == [
        "billing | 60 % of the score",
        "refund | 40 % of the score",
    ]
    card.press("h")
    card.part("why").click()
    expect(card.part("evidence")).to_be_hidden()
    card.press("?")
    expect(card.part("dialog")).to_contain_text("why this document")


def test_what_somebody_looks_for_comes_next_although_other_texts_are_in_hand(
    working_server: Server, page: Page
) -> None:
    texts = [f"Filler number {i} about lamps." for i in range(60)]
    texts += ["The parcel never came.", "My box was lost in the post."]
    project_id = seed_project(working_server.store, 0, texts=texts)
    with working_server.store.write() as session:
        change_settings(session, project_id, audit_every=1000)
    card = Card(page, working_server.url, project_id).open()
    page.get_by_text("Find texts about …").click()
    field = page.get_by_role("textbox", name="Find texts about")
    field.fill("my package did not arrive")
    field.press("Enter")
    expect(page.get_by_text(re.compile("5 texts like .*come next"))).to_be_visible(timeout=90_000)
    with working_server.store.read() as session:
        search = latest_search(session, project_id)
        assert search is not None
        assert (search.status, search.n_found) == (JobStatus.DONE, 5)
    assert "Filler number 0 " in card.wait_for_document()  # it stays on the table
    expect(card.part("card")).to_have_attribute("data-finds", "5")
    card.text.click()
    card.press("s")
    expect(card.part("badge")).to_have_text("search")
    expect(card.part("reason")).to_have_text("like “my package did not arrive”")
    found = {card.wait_for_document()}
    card.press("Enter")
    expect(card.text).not_to_have_text(next(iter(found)))
    found.add(card.wait_for_document())
    assert found == set(texts[60:])
