"""The page around the review card."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from core.domain import ReviewKind, Verdict
from core.services.judgements import annotator_named
from core.services.labels import active_labels
from core.services.projects import get_project
from core.services.review_effect import ReviewEffect, RoundAfter
from core.services.reviews import NewReview, review
from core.store.tables import Document
from pages.widgets.review_words import told_of
from tests.integration.doubts import Doubt, round_in_doubt
from tests.ui.rooms import Rooms

Said = Callable[[AppTest], str]


def cards(test: AppTest) -> list[str]:
    return [one.key for one in test.get("bidi_component") if "review" in str(one.key)]


def test_before_a_round_the_page_leads_to_training(rooms: Rooms, said: Said) -> None:
    test = rooms.open("review", project=rooms.project("billing", n_documents=2))
    assert not test.exception
    assert "Run a round first" in said(test)
    assert cards(test) == []


def test_the_page_holds_the_card_and_says_what_looking_again_has_brought(
    rooms: Rooms, said: Said
) -> None:
    project_id = rooms.project("billing", "refund", n_documents=3)
    rooms.judge(project_id, ("billing",), ("refund",), ("billing",))
    with rooms.store.read() as session:
        ids = session.scalars(select(Document.id).order_by(Document.id)).all()
        billing, _ = (label.id for label in active_labels(session, project_id))
    doubts = [Doubt(ids[0], billing, True), Doubt(ids[2], billing, True)]
    round_in_doubt(rooms.store, rooms.settings, project_id, doubts)
    with rooms.store.write() as session:
        new = NewReview(ids[0], billing, ReviewKind.SUSPECT, Verdict.FLIPPED, "test", 1)
        project, me = get_project(session, project_id), annotator_named(session, "me")
        review(session, rooms.settings, project, me, new)
    test = rooms.open("review", project=project_id)
    assert not test.exception
    assert cards(test) == ["review_card_suspect"]
    assert {metric.label: metric.value for metric in test.metric}["Changed"] == "1"
    words = said(test)
    assert "100% were changed" in words
    assert "No round has learnt from the changes yet" in words
    assert "Very roughly 1 doubtful judgement" in words


def effect(n_flipped: int = 5, n_confirmed: int = 5, after: RoundAfter | None = None):
    share = n_flipped / (n_flipped + n_confirmed)
    return ReviewEffect(n_confirmed, n_flipped, 0, share, (0.1, 0.9), 3.0, after)


def test_whether_to_go_on_depends_on_how_much_was_wrong() -> None:
    assert "A few more will tell" in told_of(effect(1, 2))[0]
    assert "Going on is worth it" in told_of(effect(5, 5))[0]
    assert "better spent on new documents" in told_of(effect(1, 19))[0]


def test_rounds_on_different_documents_prove_little() -> None:
    alike = RoundAfter(3, 2, 4, 0.71, 0.66, is_comparable=True)
    said = told_of(effect(after=alike))[1]
    assert "Round 3 is the first that knew 4 changes: micro-F1 0.71, after 0.66 in round 2" in said
    assert "on the audit set" in said
    unlike = RoundAfter(3, 2, 4, 0.71, 0.66, is_comparable=False)
    assert "proves little" in told_of(effect(after=unlike))[1]
    unmeasured = RoundAfter(3, 2, 1, None, 0.66, is_comparable=False)
    assert "was not measured" in told_of(effect(after=unmeasured))[1]
