"""Projects for the card, and a typist who works it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from playwright.sync_api import Locator, Page
from sqlalchemy import select

from core.domain import JudgementState, QueryKind, SubmissionKind
from core.services.labels import NewLabel, active_labels, add_labels
from core.services.projects import create_project
from core.store.store import Store
from core.store.tables import Document, Judgement, Query, Submission

LABELS = ("billing", "refund", "delivery", "login", "praise", "complaint", "privacy", "hours")


def keys_for(number: int) -> str:
    """The label keys that belong to document number so-and-so: one, two or none."""
    keys = {number % len(LABELS) + 1, number * 3 % len(LABELS) + 1} if number % 7 else set()
    return "".join(str(key) for key in sorted(keys))


def seed_project(
    store: Store,
    n_documents: int,
    *,
    labels: Iterable[str] = LABELS,
    texts: Iterable[str] | None = None,
    is_ranked: bool = True,
) -> int:
    """A project whose documents come in a known order; each text says which keys to press."""
    with store.write() as session:
        project = create_project(session, f"Help desk {secrets.token_hex(4)}")
        add_labels(session, project.id, [NewLabel(name, f"About {name}.") for name in labels])
        texts = texts or (f"Message {i}. Keys: [{keys_for(i)}]" for i in range(n_documents))
        documents = [
            Document(
                project_id=project.id,
                external_id=str(number),
                text=text,
                content_hash=hashlib.sha256(text.encode()).hexdigest(),
            )
            for number, text in enumerate(texts)
        ]
        session.add_all(documents)
        session.flush()
        project_id = project.id
    if is_ranked:
        rank_documents(store, project_id)
    return project_id


def rank_documents(store: Store, project_id: int) -> None:
    """The first order, as the cold start makes it: here simply by number."""
    with store.write() as session:
        in_order = select(Document.id).where(Document.project_id == project_id)
        session.add_all(
            Query(
                project_id=project_id,
                document_id=document_id,
                kind=QueryKind.COLD_START,
                strategy="label_similarity",
                rank=rank,
                score=1 - rank / 1000,
                reason="most like the label billing",
            )
            for rank, document_id in enumerate(session.scalars(in_order.order_by(Document.id)))
        )


@dataclass(frozen=True)
class Stored:
    """A submission in the database."""

    number: int  # of the document, from 0
    kind: SubmissionKind
    keys: str  # of the labels present
    client_id: str
    unsure: str = ""
    absent: str = ""


def stored_submissions(store: Store, project_id: int) -> list[Stored]:
    """All submissions, oldest first."""
    with store.read() as session:
        rows = session.execute(
            select(Submission, Document.external_id)
            .join(Document, Document.id == Submission.document_id)
            .where(Submission.project_id == project_id)
            .order_by(Submission.id)
        ).all()
        cells: dict[tuple[int, str], list[int]] = {}
        for judgement in session.scalars(select(Judgement)):
            cell = (judgement.submission_id, judgement.state)
            cells.setdefault(cell, []).append(judgement.label_id)
        labels = [label.id for label in active_labels(session, project_id)]
        place = {label_id: number for number, label_id in enumerate(labels, 1)}
        session.expunge_all()  # else their columns are forgotten with the session

    def keys(submission: Submission, state: JudgementState) -> str:
        return "".join(str(place[id_]) for id_ in sorted(cells.get((submission.id, state), [])))

    return [
        Stored(
            number=int(external_id),
            kind=submission.kind,
            keys=keys(submission, JudgementState.PRESENT),
            client_id=submission.client_id,
            unsure=keys(submission, JudgementState.UNSURE),
            absent=keys(submission, JudgementState.ABSENT),
        )
        for submission, external_id in rows
    ]


class Card:
    """A tab with the annotation card in it, and hands on the keyboard."""

    def __init__(self, page: Page, url: str, project_id: int) -> None:
        self.page = page
        self.address = f"{url}/annotate?project={project_id}"
        self.root: Locator = page.locator("[data-ref=card]")
        self.text: Locator = page.locator("[data-ref=text]")

    def open(self) -> Card:
        """Open the page and wait for the first document."""
        self.page.goto(self.address)
        self.wait_for_document()
        return self

    def wait_for_document(self) -> str:
        """The text on the card; waits while there is none, as a person would."""
        self.page.locator("[data-ref=card][data-document-id]:not([data-document-id=''])").wait_for()
        return self.text.text_content() or ""

    def part(self, name: str) -> Locator:
        """A named part of the card."""
        return self.page.locator(f"[data-ref={name}]")

    def chip(self, label: str) -> Locator:
        """The chip of a label."""
        return self.page.locator("[data-label-id]", has_text=label)

    def states(self) -> dict[str, str]:
        """By label name, the state its chip shows."""
        found = self.page.locator("[data-label-id]").evaluate_all(
            "chips => chips.map(c => [c.querySelector('.name').textContent, c.dataset.state])"
        )
        return dict(found)

    def press(self, *keys: str) -> None:
        """Press keys one after another, without a pause."""
        for key in keys:
            self.page.keyboard.press(key)

    def judge_what_is_written(self) -> None:
        """Read the keys off the text, press them, and move on."""
        text = self.wait_for_document()
        self.press(*text.rpartition("[")[2].rstrip("]"), "Enter")

    def wait_until_saved(self) -> None:
        """Until nothing waits in this tab any more."""
        self.page.locator("[data-ref=saved]", has_text="saved ✓").wait_for()
