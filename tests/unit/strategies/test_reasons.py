"""Reasons in words."""

import numpy as np
import pytest

from core.strategies import reasons

NAMES = ["billing", "refund", "greeting", "login"]


def floats(*values):
    return np.array(values, dtype=np.float32)


def test_the_labels_that_made_the_score_are_named_with_their_probabilities():
    found = reasons.explain(
        floats(0.69, 0.68, 0.01, 0.0),
        floats(0.48, 0.55, 0.01, 0.0),
        NAMES,
        nearest="Where is\nmy money?",
    )
    assert found == (
        "unsure about “billing” 0.48 and “refund” 0.55; "
        "most like a document you judged: “Where is my money?”"
    )


def test_three_labels_at_most_and_the_strongest_first():
    found = reasons.explain(floats(0.5, 0.6, 0.7, 0.65), floats(0.5, 0.4, 0.3, 0.2), NAMES)
    assert found == "unsure about “greeting” 0.30, “login” 0.20 and “refund” 0.40"


def test_a_document_without_doubt_says_so():
    assert reasons.explain(floats(0, 0), floats(1, 0), NAMES) == "sure about every label"
    assert reasons.explain(floats(), floats(), []) == "sure about every label"


def test_a_long_neighbour_is_cut():
    found = reasons.explain(floats(0.5), floats(0.5), NAMES, nearest="word " * 100)
    assert found.endswith("word…”")
    assert len(found) < 160


def test_the_nearest_judged_document_is_found():
    judged = np.eye(3, dtype=np.float32)
    query = np.array([[0.6, 0.8, 0.0], [0.0, 0.0, 1.0]], dtype=np.float32)
    index, similarity = reasons.nearest_judged(query, judged)
    assert index.tolist() == [1, 2]
    assert similarity == pytest.approx([0.8, 1.0])


def test_with_nothing_judged_there_is_no_nearest():
    index, similarity = reasons.nearest_judged(np.eye(2), np.empty((0, 2)))
    assert index.tolist() == [-1, -1]
    assert similarity.tolist() == [0, 0]


def test_cold_start_names_the_label_whose_turn_it_was():
    similarity = floats(0.9, 0.7, 0.1, 0.1)
    assert "“refund”" in reasons.explain_cold_start(similarity, 0.7, NAMES)
    assert "unlike" in reasons.explain_cold_start(similarity, 0.0, NAMES)


def test_random_documents_say_how_they_were_drawn():
    assert "at random" in reasons.explain_random()
