"""The part of a large pool that is worth scoring."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.strategies.judged import Judged, nothing_judged
from core.strategies.neighbours import NeighbourIndex
from core.strategies.subpool import anchored_subpool


def rng(seed=0):
    return np.random.default_rng(seed)


def at(*degrees):
    """Unit vectors of the plane."""
    angle = np.radians(np.array(degrees, dtype=np.float64))
    return np.column_stack([np.cos(angle), np.sin(angle)]).astype(np.float32)


def judged(x, truth):
    truth = np.asarray(truth, dtype=np.int8)
    return Judged(x=x, truth=truth, proba=np.full(truth.shape, np.nan, dtype=np.float32))


def index_of(tmp_path, x, ids=None):
    index = NeighbourIndex.open(tmp_path, fingerprint="ab" * 32, width=2)
    index.add(np.arange(len(x)) if ids is None else ids, x)
    return index


def test_neighbours_of_judged_positives_are_in_it(tmp_path):
    x = at(*np.linspace(0, 359, 360))
    index = index_of(tmp_path, x)
    chosen = anchored_subpool(
        index, np.arange(360), judged(at(90), [[1]]), n=20, rng=rng(), random_share=0.0
    )
    assert (abs(chosen - 90) <= 11).all()
    assert len(chosen) == 20


def test_a_rare_label_brings_as_many_as_a_common_one(tmp_path):
    index = index_of(tmp_path, at(*np.linspace(0, 359.9, 3600)))
    common, rare = np.linspace(0, 60, 50), [200]
    truth = np.zeros((51, 2), dtype=np.int8)
    truth[:50, 0] = truth[50, 1] = 1
    chosen = anchored_subpool(
        index,
        np.arange(3600),
        judged(at(*common, *rare), truth),
        n=200,
        rng=rng(),
        random_share=0.0,
    )
    n_rare = (abs(chosen / 10 - 200) < 20).sum()
    assert 80 <= n_rare <= 120


def test_an_anchor_in_a_crowd_does_not_take_the_turns_of_another(tmp_path):
    index = index_of(tmp_path, at(*np.linspace(80, 100, 200), *np.linspace(200, 340, 29)))
    known = judged(at(90, 270), [[1], [1]])
    chosen = anchored_subpool(index, np.arange(229), known, n=20, rng=rng(), random_share=0.0)
    assert (chosen >= 200).sum() == 10


def test_documents_judged_to_have_no_label_bring_theirs_too(tmp_path):
    index = index_of(tmp_path, at(*np.linspace(0, 359, 360)))
    truth = [[1, 0], [0, 0], [-1, -1]]
    chosen = anchored_subpool(
        index, np.arange(360), judged(at(0, 120, 240), truth), n=60, rng=rng(), random_share=0.0
    )
    assert (abs(chosen - 120) < 30).sum() > 10
    assert (abs(chosen - 240) < 30).sum() == 0  # nobody has judged it


def test_every_candidate_has_a_chance(tmp_path):
    index = index_of(tmp_path, at(*np.linspace(0, 100, 50)))
    candidates = np.arange(60)  # ten of them are not in the index
    seen = set()
    for seed in range(100):
        seen |= set(
            anchored_subpool(index, candidates, judged(at(0), [[1]]), n=20, rng=rng(seed)).tolist()
        )
    assert seen == set(range(60))


def test_the_random_share_is_drawn_by_lot(tmp_path):
    index = index_of(tmp_path, at(*np.linspace(0, 359, 360)))
    chosen = anchored_subpool(
        index, np.arange(360), judged(at(90), [[1]]), n=100, rng=rng(), random_share=0.5
    )
    assert (abs(chosen - 90) <= 26).sum() >= 50
    assert (abs(chosen - 90) > 30).sum() > 20


def test_only_candidates_are_chosen_whatever_else_the_index_holds(tmp_path):
    index = index_of(tmp_path, at(*np.linspace(0, 359, 360)), ids=np.arange(360) * 3)
    candidates = np.array([600, 273, 3, 270, 267, 999_999])
    chosen = anchored_subpool(
        index, candidates, judged(at(90), [[1]]), n=2, rng=rng(), random_share=0.0
    )
    assert len(chosen) == 2
    assert set(candidates[chosen].tolist()) <= set(candidates.tolist())


def test_before_the_first_judgement_a_lot_decides(tmp_path):
    index = index_of(tmp_path, at(*range(100)))
    batches = [
        anchored_subpool(index, np.arange(100), nothing_judged(2, 3), n=10, rng=rng(s)).tolist()
        for s in range(3)
    ]
    assert all(len(batch) == 10 for batch in batches)
    assert batches[0] != batches[1]


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 40),
    st.integers(0, 8),
    st.integers(1, 4),
    st.integers(-1, 45),
    st.sampled_from([0.0, 0.2, 1.0]),
)
def test_each_once_and_as_many_as_asked_for(
    tmp_path_factory, n_documents, n_judged, n_labels, n, random_share
):
    generator = rng(n_documents)
    x = at(*generator.integers(0, 30, size=n_documents + n_judged) * 12)
    index = index_of(tmp_path_factory.mktemp("index"), x)
    truth = generator.integers(-1, 2, size=(n_judged, n_labels))
    chosen = anchored_subpool(
        index,
        generator.permutation(n_documents),
        judged(x[n_documents:], truth),
        n=n,
        rng=generator,
        random_share=random_share,
    )
    assert len(chosen) == min(max(n, 0), n_documents)
    assert (np.diff(chosen) > 0).all()
    assert ((chosen >= 0) & (chosen < n_documents)).all()
    assert chosen.dtype == np.int64


def test_the_subpool_follows_the_seed(tmp_path):
    index = index_of(tmp_path, at(*np.linspace(0, 359, 360)))
    known = judged(at(*range(0, 300, 10)), np.ones((30, 1)))
    first, again, other = (
        anchored_subpool(index, np.arange(360), known, n=40, rng=rng(s)).tolist() for s in (1, 1, 2)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize("n_labels", [1, 2, 500])
def test_any_number_of_labels(tmp_path, n_labels):
    index = index_of(tmp_path, at(*np.linspace(0, 359, 360)))
    truth = rng().integers(0, 2, size=(30, n_labels))
    known = judged(at(*range(0, 300, 10)), truth)
    assert len(anchored_subpool(index, np.arange(360), known, n=50, rng=rng())) == 50
