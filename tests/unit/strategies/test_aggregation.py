"""From what each label adds to one score per document."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.domain import Aggregation
from core.errors import InputError
from core.strategies.aggregation import aggregate, label_weights
from core.strategies.judged import Judged, nothing_judged

WEIGHTED = (Aggregation.RARITY, Aggregation.NEED)
PLAIN = tuple(how for how in Aggregation if how not in WEIGHTED)
ROWS = np.array([[0.1, 0.4, 0.2, 0.3], [0.0, 0.0, 1.0, 0.0]], dtype=np.float32)
WEIGHTS = np.array([2.0, 1.0, 0.5, 0.5], dtype=np.float32)


def judged(truth, proba=None):
    truth = np.array(truth, dtype=np.int8)
    proba = np.full(truth.shape, np.nan) if proba is None else np.array(proba)
    return Judged(x=np.zeros((len(truth), 2), np.float32), truth=truth, proba=proba.astype("f4"))


def test_every_reduction_by_hand():
    def of(how, **options):
        return aggregate(ROWS, how, **options)

    assert of(Aggregation.MEAN) == pytest.approx([0.25, 0.25])
    assert of(Aggregation.SUM) == pytest.approx([1.0, 1.0])
    assert of(Aggregation.MAX) == pytest.approx([0.4, 1.0])
    assert of(Aggregation.TOP) == pytest.approx([0.3, 1 / 3])
    assert of(Aggregation.TOP, n_top=2) == pytest.approx([0.35, 0.5])
    assert of(Aggregation.NEED, weights=WEIGHTS) == pytest.approx([0.85 / 4, 0.5 / 4])


def test_the_mean_of_the_top_takes_all_where_labels_are_few():
    assert aggregate(ROWS[:, :2], Aggregation.TOP) == pytest.approx([0.25, 0.0])


@pytest.mark.parametrize("how", Aggregation)
@pytest.mark.parametrize("n_labels", [0, 1, 2, 500])
def test_any_number_of_labels_gives_one_finite_score_per_document(how, n_labels):
    contributions = np.random.default_rng(0).random((3, n_labels), dtype=np.float32)
    found = aggregate(contributions, how, weights=np.ones(n_labels, dtype=np.float32))
    assert found.shape == (3,)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


@pytest.mark.parametrize("how", WEIGHTED)
@pytest.mark.parametrize("weights", [None, np.ones(3), np.array([1.0, 0.0, 1.0, 1.0])])
def test_weights_that_are_missing_or_do_not_fit_are_refused(how, weights):
    with pytest.raises(InputError, match="one positive weight for each of 4 labels"):
        aggregate(ROWS, how, weights=weights)


def test_the_documents_are_not_changed_by_being_reduced():
    rows = ROWS.copy()
    for how in Aggregation:
        aggregate(rows, how, weights=WEIGHTS)
    assert (rows == ROWS).all()


CELLS = arrays(np.float32, (4, 6), elements=st.floats(0, 1, width=32))


@settings(deadline=None)
@given(cells=CELLS, seed=st.integers(0, 100))
def test_neither_the_order_of_labels_nor_of_documents_matters(cells, seed):
    rng = np.random.default_rng(seed)
    labels, documents, weights = rng.permutation(6), rng.permutation(4), rng.random(6) + 0.1
    for how in Aggregation:
        found = aggregate(cells, how, weights=weights)
        moved = aggregate(cells[:, labels], how, weights=weights[labels])
        assert moved == pytest.approx(found, abs=1e-6)
        assert aggregate(cells[documents], how, weights=weights) == pytest.approx(
            found[documents], abs=1e-6
        )


@settings(deadline=None)
@given(cells=CELLS)
def test_no_reduction_but_the_sum_leaves_the_range_of_the_cells(cells):
    for how in Aggregation:
        if how is not Aggregation.SUM:
            found = aggregate(cells, how, weights=np.arange(1.0, 7.0))
            assert (found <= cells.max(axis=1) + 1e-6).all()
            assert (found >= cells.min(axis=1) - 1e-6).all()


@pytest.mark.parametrize("how", PLAIN)
def test_reductions_without_weights_have_none(how):
    assert label_weights(how, nothing_judged(2, 3)) is None


@pytest.mark.parametrize("how", WEIGHTED)
@pytest.mark.parametrize("n_labels", [1, 2, 500])
def test_before_the_first_judgement_all_labels_weigh_one(how, n_labels):
    weights = label_weights(how, nothing_judged(2, n_labels))
    assert weights == pytest.approx(np.ones(n_labels))
    assert weights.dtype == np.float32


def test_the_rarer_a_label_the_more_it_weighs():
    truth = np.zeros((100, 3))
    truth[:50, 0], truth[:5, 1], truth[:1, 2] = 1, 1, 1
    common, rare, rarest = label_weights(Aggregation.RARITY, judged(truth))
    assert common < rare < rarest
    assert common + rare + rarest == pytest.approx(3)


def test_rarity_by_hand():
    truth = np.zeros((10, 2))
    truth[:4, 0], truth[:8, 1] = 1, 1  # on average .6; drawn: (4 + 6) / 20 and (8 + 6) / 20
    first, second = 1 / (0.5 + 0.6 / 9), 1 / (0.7 + 0.6 / 9)
    expected = np.array([first, second]) / ((first + second) / 2)
    assert label_weights(Aggregation.RARITY, judged(truth)) == pytest.approx(expected)


def test_a_label_never_seen_does_not_swamp_the_others():
    truth = np.ones((100_000, 20), dtype=np.int8)
    truth[:, 0] = 0
    weights = label_weights(Aggregation.RARITY, judged(truth))
    assert 8 < weights[0] / weights[1] < 11


def test_unjudged_cells_make_no_label_look_rare():
    truth = np.array([[1, 1], [0, 0]] * 50)
    partly = truth.copy()
    partly[20:, 1] = -1
    assert label_weights(Aggregation.RARITY, judged(partly)) == pytest.approx(
        label_weights(Aggregation.RARITY, judged(truth)), rel=1e-6
    )


def test_labels_predicted_badly_need_more_than_labels_predicted_well():
    rng = np.random.default_rng(0)
    truth = (rng.random((200, 2)) < 0.3).astype(int)
    proba = np.stack([0.1 + 0.8 * truth[:, 0], rng.random(200)], axis=1)
    well, badly = label_weights(Aggregation.NEED, judged(truth, proba))
    assert badly > 3 * well > 0


def test_need_by_hand():
    truth = [[1, 1], [1, 0], [0, 1], [0, 0]]
    proba = [[0.9, 0.2], [0.8, 0.9], [0.2, 0.8], [0.1, 0.1]]
    first = 1 - 4 / (2 + 2 + 2)  # both found by the first two
    second = 1 - 4 / (3 + 2 + 2)  # both found by the first three
    expected = np.array([first, second]) / ((first + second) / 2)
    assert label_weights(Aggregation.NEED, judged(truth, proba)) == pytest.approx(expected)


def test_equal_probabilities_cannot_be_parted_by_a_threshold():
    truth = np.array([[1, 0], [0, 1], [0, 0], [0, 0]])
    flat, _ = label_weights(Aggregation.NEED, judged(truth, np.full((4, 2), 0.5)))
    assert flat == pytest.approx(1.0)  # though one label's positive stands first in the file


def test_labels_never_present_or_never_predicted_need_the_most():
    truth = np.array([[1, 0, 1], [0, 0, 0]] * 20)
    proba = np.where(truth == 1, 0.9, 0.1)
    proba[:, 2] = np.nan
    known, never_present, never_predicted = label_weights(Aggregation.NEED, judged(truth, proba))
    assert never_present == never_predicted > known > 0


def test_documents_without_a_prediction_are_left_out_of_the_need():
    truth = np.array([[1, 0], [0, 1], [1, 1], [0, 0]])
    proba = np.array([[0.9, 0.3], [0.4, 0.2], [0.3, 0.8], [0.2, 0.1]])
    without = np.vstack([proba, np.full((3, 2), np.nan)])
    assert label_weights(
        Aggregation.NEED, judged(np.vstack([truth, np.ones((3, 2))]), without)
    ) == pytest.approx(label_weights(Aggregation.NEED, judged(truth, proba)))


@settings(deadline=None)
@given(
    truth=arrays(np.int8, (6, 4), elements=st.integers(-1, 1)),
    proba=arrays(np.float32, (6, 4), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0, np.nan])),
    seed=st.integers(0, 100),
)
def test_weights_are_positive_have_mean_one_and_follow_their_labels(truth, proba, seed):
    order = np.random.default_rng(seed).permutation(4)
    for how in WEIGHTED:
        weights = label_weights(how, judged(truth, proba))
        assert (weights > 0).all()
        assert weights.mean() == pytest.approx(1, rel=1e-5)
        moved = label_weights(how, judged(truth[:, order], proba[:, order]))
        assert moved == pytest.approx(weights[order], rel=1e-5)
