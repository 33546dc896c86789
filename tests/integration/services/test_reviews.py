"""Looking at judgements again: the queue, verdicts that are judgements, and taking them back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import func, select

from core.domain import (
    JudgementState,
    ReviewKind,
    SubmissionKind,
    SubmissionSource,
    Verdict,
)
from core.errors import Conflict, InputError
from core.services.judgement_matrix import judgement_matrix
from core.services.judgements import NewSubmission, annotator_named, record_judgements
from core.services.labels import retire_label
from core.services.projects import change_settings, get_project
from core.services.review_effect import ReviewEffect, review_effect
from core.services.review_queue import ReviewPage, suspect_queue
from core.services.reviews import NewReview, TakenBack, review, take_back
from core.services.rounds import round_freshness
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Review, Submission
from tests.integration.doubts import Doubt, round_in_doubt
from tests.integration.services.conftest import Small


class Desk:
    """One annotator before the small project, ten documents judged 'red'."""

    def __init__(self, store: Store, settings: Settings, small: Small) -> None:
        self.store, self.settings, self.small = store, settings, small
        self.red, self.blue = small.label_ids
        self.documents = small.document_ids
        self.sequence = 0
        for document_id in self.documents[:10]:
            self.judge(document_id, {self.red: JudgementState.PRESENT})

    def judge(
        self,
        document_id: int,
        states: Mapping[int, JudgementState],
        kind: SubmissionKind = SubmissionKind.COMPLETE,
    ) -> None:
        self.sequence += 1
        new = NewSubmission(document_id, kind, "card", self.sequence, dict(states))
        with self.store.write() as session:
            record_judgements(
                session,
                get_project(session, self.small.project_id),
                annotator_named(session, "ada"),
                [new],
                source=SubmissionSource.CARD,
            )

    def doubt(self, *doubts: Doubt, **more: Any) -> int:
        return round_in_doubt(self.store, self.settings, self.small.project_id, doubts, **more)

    def page(self, **options: Any) -> ReviewPage:
        with self.store.read() as session:
            return suspect_queue(session, self.settings, self.small.project_id, **options)

    def cells(self, **options: Any) -> list[tuple[int, int]]:
        return [(item.document.id, item.label_id) for item in self.page(**options).items]

    def say(
        self, document_id: int, label_id: int, verdict: Verdict, sequence: int = 1, **more: Any
    ) -> Any:
        new = NewReview(
            document_id=document_id,
            label_id=label_id,
            kind=more.pop("kind", ReviewKind.SUSPECT),
            verdict=verdict,
            client_id="review",
            sequence=sequence,
            **more,
        )
        with self.store.write() as session:
            project = get_project(session, self.small.project_id)
            ben = annotator_named(session, "ben")
            return review(session, self.settings, project, ben, new)

    def take_back(self, document_id: int, undoes: int, sequence: int) -> Any:
        with self.store.write() as session:
            project = get_project(session, self.small.project_id)
            ben = annotator_named(session, "ben")
            undo = TakenBack(document_id, "review", sequence, undoes)
            return take_back(session, project, ben, undo)

    def state(self, document_id: int, label_id: int) -> int:
        with self.store.read() as session:
            matrix = judgement_matrix(session, self.small.project_id)
        row = matrix.document_ids.tolist().index(document_id)
        return int(matrix.truth[row, matrix.label_ids.index(label_id)])

    def effect(self, **options: Any) -> ReviewEffect:
        with self.store.read() as session:
            return review_effect(session, self.settings, self.small.project_id, **options)

    def n(self, table: type) -> int:
        with self.store.read() as session:
            return session.scalar(select(func.count()).select_from(table)) or 0


@pytest.fixture
def desk(store: Store, settings: Settings, small: Small) -> Desk:
    return Desk(store, settings, small)


def test_before_a_round_there_is_no_queue_and_it_says_so(desk: Desk) -> None:
    page = desk.page()
    assert not page.is_ready
    assert page.items == ()


def test_the_queue_tells_who_judged_what_and_what_the_model_gives(desk: Desk) -> None:
    first, second = desk.documents[:2]
    desk.doubt(Doubt(first, desk.red, True), Doubt(second, desk.blue, False, 0.4))
    one, two = desk.page().items
    assert (one.document.id, one.label_id, one.said.is_present) == (first, desk.red, True)
    assert (one.said.annotator, one.document.text) == ("ada", "text 0")
    assert one.proba == pytest.approx(0.03)
    assert (two.said.is_present, two.suspicion) == (False, 0.4)


def test_a_pair_is_no_doubt_any_more_once_its_other_label_is_taken_away(desk: Desk) -> None:
    first = desk.documents[0]
    pair = Doubt(first, desk.blue, False, 0.98, with_id=desk.red)
    desk.doubt(companions=[pair])
    (item,) = desk.page(kind=ReviewKind.COMPANION).items
    assert (item.with_id, item.suspicion) == (desk.red, 0.98)
    desk.judge(first, {desk.red: JudgementState.ABSENT}, SubmissionKind.PARTIAL)
    assert desk.page(kind=ReviewKind.COMPANION).items == ()


def test_the_queue_is_paged_in_order_and_ends(desk: Desk) -> None:
    desk.doubt(*[Doubt(id_, desk.red, True) for id_ in desk.documents[:5]])
    first = desk.page(n=2)
    assert [item.document.id for item in first.items] == list(desk.documents[:2])
    assert first.n_left == 5
    second = desk.page(n=2, after=first.next_after, round_id=first.round_id)
    third = desk.page(n=2, after=second.next_after, round_id=first.round_id)
    assert [item.document.id for item in (*second.items, *third.items)] == list(desk.documents[2:5])
    assert third.next_after is None


def test_a_round_does_not_know_the_document_of_a_flip_until_it_is_taken_back(desk: Desk) -> None:
    first = desk.documents[0]
    desk.doubt(Doubt(first, desk.red, True))

    def known() -> tuple[int, int]:
        with desk.store.read() as session:
            return round_freshness(session, desk.small.project_id)

    n_known, n_now = known()
    assert n_known == n_now
    desk.say(first, desk.red, Verdict.FLIPPED)
    assert known() == (n_known - 1, n_now)
    desk.take_back(first, 1, 2)
    assert known() == (n_known, n_now)


def test_places_of_an_earlier_round_begin_anew(desk: Desk) -> None:
    old = desk.doubt(*[Doubt(id_, desk.red, True) for id_ in desk.documents[:3]])
    desk.doubt(Doubt(desk.documents[4], desk.red, True))
    assert desk.cells(after=2, round_id=old) == [(desk.documents[4], desk.red)]


def test_a_flip_is_a_judgement_of_that_cell_alone(desk: Desk) -> None:
    first = desk.documents[0]
    desk.doubt(Doubt(first, desk.red, True), Doubt(first, desk.blue, False))
    desk.say(first, desk.red, Verdict.FLIPPED)
    assert (desk.state(first, desk.red), desk.state(first, desk.blue)) == (0, 0)
    assert desk.cells() == [(first, desk.blue)]
    with desk.store.read() as session:
        (stored,) = session.scalars(select(Review)).all()
        assert (stored.verdict, stored.state_before, stored.suspicion) == (
            Verdict.FLIPPED,
            "present",
            0.9,
        )


@pytest.mark.parametrize(
    ("verdict", "state"), [(Verdict.CONFIRMED, 1), (Verdict.FLIPPED, 0), (Verdict.UNSURE, -1)]
)
def test_every_verdict_takes_the_cell_out_of_the_queue(
    desk: Desk, verdict: Verdict, state: int
) -> None:
    first = desk.documents[0]
    desk.doubt(Doubt(first, desk.red, True))
    desk.say(first, desk.red, verdict)
    assert desk.state(first, desk.red) == state
    assert desk.page().n_left == 0
    desk.doubt(Doubt(first, desk.red, True))  # the next round doubts it again
    assert desk.page().n_left == 0


def test_a_verdict_sent_again_is_stored_once(desk: Desk) -> None:
    first = desk.documents[0]
    desk.doubt(Doubt(first, desk.red, True))
    done = desk.say(first, desk.red, Verdict.FLIPPED)
    again = desk.say(first, desk.red, Verdict.FLIPPED)
    assert (done.is_repeat, again.is_repeat) == (False, True)
    assert again.submission_id == done.submission_id
    assert desk.n(Review) == 1
    assert desk.state(first, desk.red) == 0  # flipped once, not back again


def test_another_verdict_under_the_same_number_is_refused(desk: Desk) -> None:
    first, second = desk.documents[:2]
    desk.doubt(Doubt(first, desk.red, True), Doubt(second, desk.red, True))
    desk.say(first, desk.red, Verdict.FLIPPED)
    with pytest.raises(Conflict):
        desk.say(first, desk.red, Verdict.CONFIRMED)
    with pytest.raises(Conflict):
        desk.say(second, desk.red, Verdict.FLIPPED)
    assert desk.n(Review) == 1


def test_taken_back_a_verdict_counts_no_longer_and_is_asked_again(desk: Desk) -> None:
    first = desk.documents[0]
    desk.doubt(Doubt(first, desk.red, True))
    desk.say(first, desk.red, Verdict.FLIPPED)
    desk.take_back(first, undoes=1, sequence=2)
    assert desk.take_back(first, undoes=1, sequence=2).is_repeat
    assert desk.state(first, desk.red) == 1
    assert desk.cells() == [(first, desk.red)]
    assert desk.effect().n_reviewed == 0


def test_what_was_judged_anew_since_the_round_is_left_out(desk: Desk) -> None:
    whole, part, other = desk.documents[:3]
    desk.doubt(*[Doubt(id_, desk.red, True) for id_ in (whole, part, other)])
    desk.judge(whole, {desk.red: JudgementState.PRESENT})
    desk.judge(part, {desk.red: JudgementState.PRESENT}, SubmissionKind.PARTIAL)
    desk.judge(other, {desk.blue: JudgementState.PRESENT}, SubmissionKind.PARTIAL)
    assert desk.cells() == [(other, desk.red)]


def test_labels_that_were_retired_are_not_asked_about(desk: Desk) -> None:
    desk.doubt(Doubt(desk.documents[0], desk.red, True))
    with desk.store.write() as session:
        retire_label(session, desk.red)
    assert desk.page().items == ()


def test_what_was_seen_counts_and_not_what_somebody_made_of_it_meanwhile(desk: Desk) -> None:
    first = desk.documents[0]
    desk.doubt(Doubt(first, desk.red, True))
    desk.judge(first, {desk.red: JudgementState.ABSENT}, SubmissionKind.PARTIAL)
    desk.say(first, desk.red, Verdict.CONFIRMED, seen=JudgementState.PRESENT)
    assert desk.state(first, desk.red) == 1


def test_what_is_not_judged_cannot_be_looked_at_again(desk: Desk) -> None:
    with pytest.raises(InputError, match="is not judged"):
        desk.say(desk.documents[30], desk.red, Verdict.FLIPPED)
    assert desk.n(Review) == 0


def test_a_document_of_the_audit_set_cannot_be_looked_at_again(desk: Desk) -> None:
    audited = desk.documents[-1]
    desk.judge(audited, {desk.red: JudgementState.PRESENT})
    with pytest.raises(InputError, match="audit set"):
        desk.say(audited, desk.red, Verdict.FLIPPED)


def test_copies_come_with_the_text_beside_and_go_when_either_is_settled(desk: Desk) -> None:
    first, second, third = desk.documents[:3]
    desk.judge(second, {desk.blue: JudgementState.PRESENT})
    desk.doubt(
        copies=[
            Doubt(first, desk.red, True, other_id=second),
            Doubt(second, desk.blue, True, other_id=third),
        ]
    )
    one, _ = desk.page(kind=ReviewKind.COPIES).items
    assert one.beside is not None
    assert (one.beside.document.text, one.beside.cosine) == ("text 1", 0.97)
    desk.say(second, desk.red, Verdict.CONFIRMED, kind=ReviewKind.COPIES)
    assert desk.cells(kind=ReviewKind.COPIES) == [(second, desk.blue)]
    assert desk.effect(kind=ReviewKind.SUSPECT).n_reviewed == 0
    assert desk.effect(kind=ReviewKind.COPIES).n_confirmed == 1


def test_kinds_without_a_queue_of_their_own_have_none(desk: Desk) -> None:
    desk.doubt()
    assert not desk.page(kind=ReviewKind.MAP).is_ready


@pytest.fixture
def single(desk: Desk) -> Desk:
    """The same where exactly one label applies."""
    with desk.store.write() as session:
        change_settings(session, desk.small.project_id, exclusive=True)
    return desk


def test_where_one_label_applies_a_flip_names_the_one_that_does(single: Desk) -> None:
    first = single.documents[0]
    single.doubt(Doubt(first, single.red, True, instead_id=single.blue))
    assert single.page().items[0].instead_id == single.blue
    with pytest.raises(InputError, match="instead_id"):
        single.say(first, single.red, Verdict.FLIPPED)
    single.say(first, single.red, Verdict.FLIPPED, instead_id=single.blue)
    assert (single.state(first, single.red), single.state(first, single.blue)) == (0, 1)
    single.take_back(first, undoes=1, sequence=2)
    assert (single.state(first, single.red), single.state(first, single.blue)) == (1, 0)


@pytest.mark.parametrize(("verdict", "state"), [(Verdict.CONFIRMED, 1), (Verdict.UNSURE, -1)])
def test_where_one_label_applies_it_is_confirmed_or_left_open(
    single: Desk, verdict: Verdict, state: int
) -> None:
    single.doubt(Doubt(single.documents[0], single.red, True))
    single.say(single.documents[0], single.red, verdict)
    assert single.state(single.documents[0], single.red) == state


def test_the_effect_counts_verdicts_and_the_share_that_was_wrong(desk: Desk) -> None:
    desk.doubt(*[Doubt(id_, desk.red, True, 0.5) for id_ in desk.documents[:6]])
    for sequence, verdict in enumerate(
        (Verdict.FLIPPED, Verdict.FLIPPED, Verdict.CONFIRMED, Verdict.UNSURE)
    ):
        desk.say(desk.documents[sequence], desk.red, verdict, sequence)
    effect = desk.effect()
    assert (effect.n_flipped, effect.n_confirmed, effect.n_unsure) == (2, 1, 1)
    assert effect.precision == pytest.approx(2 / 3)
    assert effect.precision_interval is not None
    assert effect.expected_left == pytest.approx(1.0)  # two left, each as good as not
    assert effect.after is None


def test_the_effect_tells_what_the_first_round_that_knew_it_said(desk: Desk) -> None:
    desk.doubt(
        Doubt(desk.documents[0], desk.red, True), metrics={"micro_f1": 0.6, "source": "audit"}
    )
    desk.say(desk.documents[0], desk.red, Verdict.FLIPPED)
    desk.doubt(metrics={"micro_f1": 0.7, "source": "audit"})
    desk.doubt(metrics={"micro_f1": 0.8, "source": "audit"})
    after = desk.effect().after
    assert after is not None
    assert (after.number_before, after.number, after.n_flipped) == (1, 2, 1)
    assert (after.micro_f1_before, after.micro_f1, after.is_comparable) == (0.6, 0.7, True)


def test_rounds_measured_on_different_documents_are_not_called_comparable(desk: Desk) -> None:
    desk.doubt(
        Doubt(desk.documents[0], desk.red, True), metrics={"micro_f1": 0.6, "source": "out_of_fold"}
    )
    desk.say(desk.documents[0], desk.red, Verdict.FLIPPED)
    desk.doubt(metrics={"micro_f1": 0.7, "source": "out_of_fold"})
    after = desk.effect().after
    assert after is not None
    assert not after.is_comparable


def test_a_verdict_and_its_judgement_are_stored_together_or_not_at_all(desk: Desk) -> None:
    n = desk.n(Submission)
    with pytest.raises(InputError):
        desk.say(desk.documents[0], desk.red, Verdict.FLIPPED, seen=JudgementState.UNSURE)
    assert (desk.n(Submission), desk.n(Review)) == (n, 0)
