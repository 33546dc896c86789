"""Reasons in words."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain import QueryKind
from core.strategies.reasons import (
    Because,
    Neighbour,
    because_of_labels,
    because_of_search,
    because_of_wanted,
    k_nearest,
    neighbours_of,
    sentence,
)


def floats(*values):
    return np.array(values, dtype=np.float32)


BY_ID = {11: "billing", 12: "refund", 13: "greeting", 14: "login"}
IDS = list(BY_ID)


def test_the_driving_labels_keep_their_share_of_all_contributions():
    because = because_of_labels(floats(0.5, 0.3, 0.2, 0.0), floats(0.4, 0.6, 0.1, 0.0), IDS)
    assert [(d.label_id, d.share, d.proba) for d in because.labels] == [
        (11, 0.5, pytest.approx(0.4)),
        (12, 0.3, pytest.approx(0.6)),
    ]  # the third has less than half of the strongest


def test_without_contributions_no_label_decided():
    for contributions in (floats(0, 0), floats(np.nan, 0), floats()):
        because = because_of_labels(contributions, contributions, [1, 2])
        assert because == Because()
        assert sentence(because, QueryKind.MODEL, BY_ID) == "no single label decided"


def test_three_labels_at_most_and_the_strongest_first():
    because = because_of_labels(floats(0.5, 0.6, 0.7, 0.65), floats(0.5, 0.4, 0.3, 0.2), IDS)
    told = sentence(because, QueryKind.MODEL, BY_ID)
    assert told == "unsure about “greeting” 0.30, “login” 0.20 and “refund” 0.40"


def test_a_long_neighbour_is_cut():
    told = sentence(Because(), QueryKind.MODEL, BY_ID, quote="word " * 100)
    assert told.endswith("word…”")
    assert len(told) < 160


def test_each_kind_has_a_sentence_of_its_own():
    told = {kind: sentence(Because(), kind, BY_ID) for kind in QueryKind if kind != "audit"}
    assert all(told.values())
    assert told[QueryKind.COVERAGE] == "from a region of texts that nobody has judged"
    assert told[QueryKind.COLD_START] == "typical of texts that nobody has read"
    others = [words for kind, words in told.items() if kind != QueryKind.COLD_START]
    assert len(set(others)) == len(others)


def test_the_model_names_labels_and_quotes_the_nearest():
    because = because_of_labels(floats(0.7, 0.6, 0, 0), floats(0.48, 0.55, 0, 0), IDS)
    assert sentence(because, QueryKind.MODEL, BY_ID, quote="Where is\nmy money?") == (
        "unsure about “billing” 0.48 and “refund” 0.55; "
        "most like a document you judged: “Where is my money?”"
    )


def test_a_rare_label_is_named_with_its_examples():
    because = because_of_wanted(12, 0.31)
    assert sentence(because, QueryKind.RARE, BY_ID, n_present=4) == (
        "a likely example of “refund”, which has 4"
    )
    assert sentence(because, QueryKind.RARE, BY_ID, n_present=0).endswith("which has none yet")
    assert because.labels[0].label_id == because.wanted_label_id == 12


def test_what_is_like_nothing_judged_says_so_and_what_is_like_something_does_not():
    far = Because(neighbours=(Neighbour(1, 0.2),))
    near = Because(neighbours=(Neighbour(1, 0.8),))
    assert sentence(far, QueryKind.COVERAGE, BY_ID).startswith("unlike anything judged so far")
    assert "unlike" not in sentence(near, QueryKind.COVERAGE, BY_ID)
    assert "most like" not in sentence(far, QueryKind.COVERAGE, BY_ID, quote="never quoted")


def test_a_search_is_quoted():
    because = because_of_search("late parcels")
    assert sentence(because, QueryKind.SEARCH, BY_ID) == "like “late parcels”"


def test_the_first_look_names_the_label():
    because = because_of_wanted(14, 0.9)
    told = sentence(because, QueryKind.COLD_START, BY_ID)
    assert told == "reads like the description of “login”"


def test_what_decided_survives_storing():
    because = because_of_wanted(12, 0.25).beside([Neighbour(5, 0.75), Neighbour(6, 0.5)])
    assert Because.from_json(json.loads(json.dumps(because.to_json()))) == because


def test_neighbours_come_nearest_first_with_their_document_ids():
    judged = np.array([[1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32)
    found = neighbours_of(floats([0, 1]), judged, [7, 8, 9], k=2)
    assert found == [(Neighbour(8, 1.0), Neighbour(9, pytest.approx(0.8)))]
    assert neighbours_of(floats([0, 1]), judged[:0], []) == [()]


def test_a_document_judged_in_part_is_not_its_own_neighbour():
    judged = floats([0, 1], [1, 0], [0.6, 0.8])
    found = neighbours_of(judged[:1], judged, [7, 8, 9], query_ids=[7], k=2)
    assert [near.document_id for near in found[0]] == [9, 8]
    found = neighbours_of(judged[:1], judged, [7, 8, 9], query_ids=[5], k=2)
    assert [near.document_id for near in found[0]] == [7, 9]


@given(st.integers(1, 6), st.integers(0, 12), st.integers(1, 4), st.integers(0, 9))
def test_a_part_at_a_time_finds_what_sorting_all_finds(n_queries, n_judged, k, seed):
    rng = np.random.default_rng(seed)
    query = rng.standard_normal((n_queries, 5)).astype(np.float32)
    judged = rng.standard_normal((n_judged, 5)).astype(np.float32)
    index, similarity = k_nearest(query, judged, k, rows_at_once=3)
    cosine = query @ judged.T
    best = -np.sort(-cosine, axis=1)[:, :k]
    there = min(k, n_judged)
    assert similarity[:, :there] == pytest.approx(best, rel=1e-5)
    assert (index[:, there:] == -1).all()
    assert np.take_along_axis(cosine, index[:, :there], axis=1) == pytest.approx(best, rel=1e-5)
