"""What must hold for every strategy in the catalogue, whatever its formula."""

import numpy as np
import pytest

from core.domain import UNJUDGED, Aggregation, QueryKind
from core.strategies.catalogue import STRATEGIES, Family, strategy_info
from core.strategies.judged import Judged
from core.strategies.recipe import Recipe
from core.strategies.score_pool import score_pool
from core.strategies.selection import choose_batch

ALL = [info.name for info in STRATEGIES]
DRAWN = {"random"}
SCORED = [n for n in ALL if strategy_info(n).family is not Family.BATCH and n not in DRAWN]
# The others count labels, compare documents, or look at what passes disagree about.
BY_DOUBT = [
    *("entropy", "margin", "least-confidence"),
    *("beal-mean", "beal-posterior", "beal-expected", "beal-joint"),
]
WIDTH = 8


class Answers:
    """A learner that knows what it will say: row i of its tables, with every pass the same."""

    def __init__(self, proba, samples=None):
        self.proba = np.asarray(proba, dtype=np.float32)
        self.samples = samples if samples is None else np.asarray(samples, dtype=np.float32)
        self.n_labels = self.proba.shape[1]

    def score_stream(self, x, *, n_passes, chunk=None):
        rows = x[:, 0].astype(int)
        proba = self.proba[rows]
        if self.samples is None:
            samples = np.repeat(proba[:, None, :], n_passes, axis=1)
        else:
            samples = self.samples[rows, :n_passes]
        yield slice(0, len(x)), proba, samples


def features(n):
    """The row's number, which `Answers` looks up, beside a direction of its own."""
    x = np.random.default_rng(1).standard_normal((n, WIDTH)).astype(np.float32)
    x[:, 0] = np.arange(n)
    return x


def unit(x):
    vectors = x[:, 1:]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def judged_documents(n, n_labels, seed=0):
    rng = np.random.default_rng(seed)
    return Judged(
        x=unit(rng.standard_normal((n, WIDTH)).astype(np.float32)),
        truth=rng.integers(UNJUDGED, 2, size=(n, n_labels)).astype(np.int8),
        proba=rng.random((n, n_labels), dtype=np.float32),
    )


def ask(name, proba, *, n=5, judged=None, seed=0, samples=None, changes=None):
    proba = np.asarray(proba, dtype=np.float32)
    recipe = Recipe.of(name, {"n_passes": 4, **(changes or {})})
    judged = judged_documents(12, proba.shape[1]) if judged is None else judged
    x = features(len(proba))
    scores = score_pool(
        Answers(proba, samples),
        x,
        recipe=recipe,
        judged=judged,
        read_vectors=lambda rows: unit(x)[rows],
        seed=seed,
    )
    batch = choose_batch(
        scores,
        n,
        np.random.default_rng(seed),
        recipe=recipe,
        judged=judged,
        read_vectors=lambda rows: unit(x)[rows],
    )
    return scores, batch


def table(n=40, n_labels=3, seed=3):
    return np.random.default_rng(seed).random((n, n_labels), dtype=np.float32)


def passes(proba, n_passes=4, seed=4):
    noise = np.random.default_rng(seed).normal(0, 0.2, (len(proba), n_passes, proba.shape[1]))
    return np.clip(proba[:, None, :] + noise, 0, 1).astype(np.float32)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_it_is_finite_on_certainty_and_on_one_half(name, value):
    scores, batch = ask(name, np.full((20, 3), value))
    assert np.isfinite(scores.score).all()
    assert np.isfinite(scores.contributions).all()
    assert len(set(batch.positions.tolist())) == 5


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("n_labels", [1, 2, 500])
def test_it_works_with_any_number_of_labels(name, n_labels):
    scores, batch = ask(name, table(30, n_labels))
    assert scores.contributions.shape == (30, n_labels)
    assert len(set(batch.positions.tolist())) == 5


@pytest.mark.parametrize("name", ALL)
def test_it_works_when_nothing_has_been_judged(name):
    nothing = Judged(
        x=np.empty((0, WIDTH - 1), dtype=np.float32),
        truth=np.empty((0, 3), dtype=np.int8),
        proba=np.empty((0, 3), dtype=np.float32),
    )
    _, batch = ask(name, table(), judged=nothing)
    assert len(set(batch.positions.tolist())) == 5


@pytest.mark.parametrize("name", ALL)
def test_it_works_when_judged_cells_are_missing_and_predictions_unknown(name):
    judged = Judged(
        x=unit(features(4)),
        truth=np.full((4, 3), UNJUDGED, dtype=np.int8),
        proba=np.full((4, 3), np.nan, dtype=np.float32),
    )
    proba = table()
    proba[:, 1] = np.nan  # a label that was never judged
    scores, batch = ask(name, proba, judged=judged)
    assert np.isfinite(scores.score).all()
    assert len(set(batch.positions.tolist())) == 5


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("n", [0, 7, 12])
def test_it_never_gives_a_document_twice_or_one_that_is_not_there(name, n):
    _, batch = ask(name, table(7), n=n)
    chosen = batch.positions.tolist()
    assert len(chosen) == len(set(chosen)) == min(n, 7)
    assert set(chosen) <= set(range(7))
    assert len(batch.kinds) == len(batch.probabilities) == len(batch.labels) == len(chosen)


@pytest.mark.parametrize("name", SCORED)
def test_the_order_of_the_labels_does_not_matter(name):
    proba, judged, order = table(), judged_documents(12, 3), np.array([2, 0, 1])
    turned = Judged(judged.x, judged.truth[:, order], judged.proba[:, order])
    samples = passes(proba)
    before, _ = ask(name, proba, judged=judged, samples=samples)
    after, _ = ask(name, proba[:, order], judged=turned, samples=samples[:, :, order])
    np.testing.assert_allclose(before.score, after.score, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("name", [n for n in SCORED if n not in {"besra", "contrastive"}])
def test_the_order_of_the_documents_does_not_matter(name):
    proba = table()
    samples, order = passes(proba), np.random.default_rng(9).permutation(len(proba))
    before, _ = ask(name, proba, samples=samples)
    after, _ = ask(name, proba[order], samples=samples[order])
    np.testing.assert_allclose(before.score[order], after.score, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("name", BY_DOUBT)
@pytest.mark.parametrize(
    ("unsure", "sure"),
    [((0.5, 0.001, 0.001), (0.99, 0.99, 0.99)), ((0.5, 0.5, 0.5), (0.01, 0.01, 0.01))],
)
def test_a_sure_document_never_outranks_an_unsure_one(name, unsure, sure):
    scores, _ = ask(name, [unsure, sure])
    assert scores.score[0] > scores.score[1]


@pytest.mark.parametrize("name", ["bald", "variance"])
def test_passes_that_agree_never_outrank_passes_that_differ(name):
    samples = np.array([[[0.1], [0.9], [0.1], [0.9]], [[0.5], [0.5], [0.5], [0.5]]])
    scores, _ = ask(name, samples.mean(axis=1), samples=samples)
    assert scores.score[0] > scores.score[1] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_the_same_seed_gives_the_same_questions_and_ties_are_drawn_by_lot(name):
    same = np.full((60, 3), 0.5)
    first = [ask(name, same, seed=seed)[1].positions.tolist() for seed in (0, 0, 1, 2)]
    assert first[0] == first[1]
    if name in SCORED and name != "contrastive":  # the others look at vectors, which differ
        assert len({tuple(sorted(chosen)) for chosen in first}) > 1


def test_a_random_batch_is_drawn_by_lot_and_says_how_likely():
    _, batch = ask("random", table(20), n=5)
    assert set(batch.kinds) == {QueryKind.RANDOM}
    np.testing.assert_allclose(batch.probabilities, 0.25)


@pytest.mark.parametrize("name", ["core-set", "typiclust", "prob-cover", "discriminative"])
def test_what_no_prediction_decided_is_chosen_for_coverage(name):
    _, batch = ask(name, table())
    assert set(batch.kinds) == {QueryKind.COVERAGE}


@pytest.mark.parametrize("name", ALL)
def test_shares_for_chance_and_rare_labels_can_be_mixed_into_any_strategy(name):
    _, batch = ask(name, table(), n=10, changes={"random_share": 0.2, "rare_share": 0.2})
    kinds = list(batch.kinds)
    expected = {QueryKind.RANDOM: 8 if name == "random" else 2, QueryKind.RARE: 2}
    assert {kind: kinds.count(kind) for kind in expected} == expected


def test_only_candidates_are_compared():
    x, recipe = features(10), Recipe.of("cvirs")
    scores = score_pool(
        Answers(table(10)),
        x,
        recipe=recipe,
        judged=judged_documents(5, 3),
        candidates=np.array([2, 5, 7]),
    )
    assert np.flatnonzero(scores.score).tolist() == [2, 5, 7]


@pytest.mark.parametrize("how", list(Aggregation))
def test_doubts_can_be_gathered_over_labels_in_every_way(how):
    certain_but_for_one = [[0.5, 0.0, 0.0, 1.0]] * 3 + [[0.0, 0.0, 1.0, 1.0]] * 3
    scores, batch = ask("entropy", certain_but_for_one, n=3, changes={"aggregation": how})
    assert sorted(batch.positions.tolist()) == [0, 1, 2]
    assert scores.contributions[0].argmax() == 0


def test_audi_prefers_documents_whose_labels_were_hardly_judged():
    x = features(2)
    scores = score_pool(
        Answers(np.full((2, 3), 0.9)),
        x,
        recipe=Recipe.of("audi"),
        judged=judged_documents(5, 3),
        n_asked=np.array([2, 0]),
    )
    assert scores.score[1] == pytest.approx(4 * scores.score[0])


@pytest.mark.parametrize("name", ["lci", "adaptive", "cvirs", "audi"])
def test_strategies_that_count_predicted_labels_use_the_threshold_given(name):
    proba, judged = table() * 0.4, judged_documents(12, 3)
    cut_low, cut_high = (
        score_pool(
            Answers(proba), features(40), recipe=Recipe.of(name), judged=judged, threshold=cut
        )
        for cut in (0.2, 0.5)
    )
    assert not np.allclose(cut_low.score, cut_high.score)


def test_besra_has_nothing_to_ask_where_no_candidate_is_left():
    scores = score_pool(
        Answers(table(4)),
        features(4),
        recipe=Recipe.of("besra", {"n_passes": 4}),
        judged=judged_documents(5, 3),
        candidates=np.empty(0, dtype=np.int64),
    )
    assert not scores.gains.any()


def test_a_document_judged_in_part_is_no_copy_of_itself():
    x = unit(features(4))
    truth = np.full((2, 3), 1, dtype=np.int8)
    known = np.full((2, 3), 0.5, dtype=np.float32)
    for is_open, expected in ((np.array([True, False]), 0), (np.array([False, False]), 2)):
        judged = Judged(x[[0, 1]], truth, known, is_open=is_open)
        proba = np.array([[0.5] * 3, [0.49] * 3, [0.2] * 3, [0.1] * 3])
        _, batch = ask("entropy", proba, n=1, judged=judged, changes={"near_copy": 0.99})
        assert batch.positions.tolist() == [expected]
