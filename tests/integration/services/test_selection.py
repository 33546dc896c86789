"""Who chose the judged documents, and what they stand for."""

from __future__ import annotations

import numpy as np
import pytest

from core.domain import JudgementState, QueryKind, SubmissionKind, SubmissionSource
from core.services.judgements import NewSubmission, annotator_named, record_judgements
from core.services.projects import get_project
from core.services.selection import Asked, selection_of, weights_of
from core.store.store import Store
from core.store.tables import Query
from tests.integration.services.conftest import Small

ALL = 10_000


def judge(
    store: Store, small: Small, asked: dict[int, tuple[QueryKind, float | None] | None]
) -> None:
    """Judge documents, each in answer to a question of this kind and probability, or to none."""
    with store.write() as session:
        submissions = []
        for sequence, (document_id, question) in enumerate(asked.items()):
            query_id = None
            if question is not None:
                kind, probability = question
                query = Query(
                    project_id=small.project_id,
                    document_id=document_id,
                    kind=kind,
                    strategy="s",
                    rank=1,
                    selection_probability=probability,
                )
                session.add(query)
                session.flush()
                query_id = query.id
            states = {small.label_ids[0]: JudgementState.PRESENT}
            kind_of = SubmissionKind.PARTIAL
            submissions.append(
                NewSubmission(document_id, kind_of, "tab", sequence, states, query_id=query_id)
            )
        record_judgements(
            session,
            get_project(session, small.project_id),
            annotator_named(session, small.annotator),
            submissions,
            source=SubmissionSource.CARD,
        )


def test_documents_by_lot_stand_for_many_and_those_chosen_for_themselves(
    store: Store, small: Small
) -> None:
    by_lot = dict.fromkeys(range(1, 11), (QueryKind.RANDOM, 0.25))
    chosen = dict.fromkeys(range(11, 15), (QueryKind.MODEL, None))
    judge(store, small, {15: None, **chosen, **by_lot})
    with store.read() as session:
        selection = selection_of(session, list(range(1, 16)), up_to_submission=ALL)
    assert selection.weights is not None
    assert selection.weights.tolist() == [4.0] * 10 + [1.0] * 5
    assert (selection.n_by_lot, selection.n_by_model, selection.reason) == (10, 4, "")


def test_with_too_few_by_lot_there_are_no_weights_and_it_says_why(
    store: Store, small: Small
) -> None:
    judge(store, small, {1: (QueryKind.RANDOM, 0.25), 2: (QueryKind.MODEL, None)})
    with store.read() as session:
        selection = selection_of(session, [1, 2], up_to_submission=ALL)
        before = selection_of(session, [1, 2], up_to_submission=0)
    assert selection.weights is None
    assert selection.reason.startswith("1 of the 2 measured documents were drawn by lot")
    assert (before.n_by_lot, before.n_by_model) == (0, 0)


@pytest.mark.parametrize("n", [0, 1])
def test_of_nothing_or_next_to_nothing_it_is_no_error(store: Store, small: Small, n: int) -> None:
    with store.read() as session:
        assert selection_of(session, list(range(1, n + 1)), up_to_submission=ALL).weights is None


def test_every_lottery_speaks_for_what_was_judged_after_it_and_each_total_is_the_whole() -> None:
    first = [Asked(QueryKind.RANDOM, 1, 0.2), Asked(QueryKind.RANDOM, 1, 0.2)]  # two of ten
    chosen = Asked(QueryKind.MODEL, 1)
    second = [Asked(QueryKind.RANDOM, 2, 2 / 7), Asked(QueryKind.RANDOM, 2, 2 / 7)]  # of seven
    weights = weights_of([chosen, *first, second[0], Asked(QueryKind.MODEL, 2), second[1]])
    assert weights.tolist() == pytest.approx([0.5, 3.0, 3.0, 1.75, 0.0, 1.75])
    assert weights.sum() == pytest.approx(10.0)
    alone = [Asked(QueryKind.RANDOM, None, 1 / 10), Asked(), Asked(QueryKind.RANDOM, None, 1 / 8)]
    assert weights_of(alone).tolist() == pytest.approx([5.5, 0.5, 4.0])
    assert weights_of([]).tolist() == []


def test_rounds_that_take_the_hard_documents_out_of_the_pool_do_not_flatter() -> None:
    """40 % of a quarter is wrong, which rounds choose, and a tenth of the others."""
    off = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        is_hard = np.arange(400) < 100
        is_wrong = rng.random(400) < np.where(is_hard, 0.4, 0.1)
        left, asked, wrong = np.ones(400, dtype=bool), [], []
        for round_id in range(10):
            pool = np.flatnonzero(left)
            by_lot = rng.choice(pool, 5, replace=False)
            left[by_lot] = False
            chosen = rng.permutation(np.flatnonzero(left & is_hard))[:9]
            left[chosen] = False
            asked += [Asked(QueryKind.RANDOM, round_id, 5 / len(pool))] * 5
            asked += [Asked(QueryKind.MODEL, round_id)] * len(chosen)
            wrong += is_wrong[[*by_lot, *chosen]].tolist()
        weights = weights_of(asked)
        off.append(float(weights @ wrong / weights.sum() - is_wrong.mean()))
    assert abs(np.mean(off)) < 0.01
