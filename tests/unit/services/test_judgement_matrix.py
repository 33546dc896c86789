from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.domain import ABSENT, PRESENT, UNJUDGED, SubmissionKind
from core.services.judgement_matrix import Event, LabelSpan, resolve

OLD = LabelSpan(1, added_in=1, retired_in=None)
NEW = LabelSpan(2, added_in=3, retired_in=None)
COMPLETE, PARTIAL = SubmissionKind.COMPLETE, SubmissionKind.PARTIAL


def test_a_complete_submission_says_absent_of_every_label_it_does_not_name() -> None:
    _, truth = resolve([Event(7, COMPLETE, 3, {1: PRESENT})], [OLD, NEW])
    assert truth.tolist() == [[PRESENT, ABSENT]]


def test_a_label_added_later_stays_unjudged() -> None:
    _, truth = resolve([Event(7, COMPLETE, 2, {1: PRESENT})], [OLD, NEW])
    assert truth.tolist() == [[PRESENT, UNJUDGED]]


def test_a_label_retired_before_is_not_judged() -> None:
    retired = LabelSpan(1, added_in=1, retired_in=2)
    _, truth = resolve([Event(7, COMPLETE, 2, {})], [retired])
    assert truth.tolist() == [[UNJUDGED]]


def test_a_partial_submission_judges_only_what_it_names() -> None:
    _, truth = resolve([Event(7, PARTIAL, 3, {2: ABSENT})], [OLD, NEW])
    assert truth.tolist() == [[UNJUDGED, ABSENT]]


def test_the_newest_word_on_a_cell_counts() -> None:
    events = [
        Event(7, COMPLETE, 3, {1: PRESENT}),
        Event(7, PARTIAL, 3, {1: ABSENT, 2: PRESENT}),
        Event(8, COMPLETE, 3, {}),
    ]
    ids, truth = resolve(events, [OLD, NEW])
    assert ids == [7, 8]
    assert truth.tolist() == [[ABSENT, PRESENT], [ABSENT, ABSENT]]


def test_unsure_takes_a_cell_out_of_a_complete_judgement() -> None:
    _, truth = resolve([Event(7, COMPLETE, 3, {1: UNJUDGED, 2: PRESENT})], [OLD, NEW])
    assert truth.tolist() == [[UNJUDGED, PRESENT]]


cells = st.dictionaries(st.sampled_from([1, 2]), st.sampled_from([PRESENT, ABSENT, UNJUDGED]))
events = st.builds(
    Event,
    st.integers(1, 3),
    st.sampled_from([COMPLETE, PARTIAL]),
    st.integers(1, 4),
    cells,
)


@given(st.lists(events, max_size=12))
def test_saying_everything_twice_changes_nothing(history: list[Event]) -> None:
    labels = [OLD, NEW]
    ids, once = resolve(history, labels)
    ids_again, twice = resolve([event for event in history for _ in range(2)], labels)
    assert ids == ids_again
    assert (once == twice).all()


@given(st.lists(events, max_size=12))
def test_each_cell_equals_the_last_event_that_touches_it(history: list[Event]) -> None:
    labels = [OLD, NEW]
    ids, truth = resolve(history, labels)
    for row, document_id in enumerate(ids):
        for column, label in enumerate(labels):
            expected = UNJUDGED
            for event in history:
                if event.document_id != document_id:
                    continue
                if event.kind is COMPLETE and label.added_in <= event.schema_version:
                    expected = ABSENT
                expected = event.states.get(label.id, expected)
            assert truth[row, column] == expected
