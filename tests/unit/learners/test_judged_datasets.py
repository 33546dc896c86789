"""Three-state truth behind small-text's two-state labels."""

import numpy as np
import pytest
from scipy.sparse import csr_array, csr_matrix

from core.learners.dataset import JudgedTexts, JudgedVectors, unjudged

TRUTH = np.array([[1, 0, -1], [-1, -1, -1], [0, 0, 0]], dtype=np.int8)


def dataset():
    return JudgedVectors(np.eye(3, dtype=np.float32), TRUTH.copy())


def test_y_holds_the_labels_known_to_be_present():
    y = dataset().y
    assert isinstance(y, csr_matrix)
    assert y.toarray().tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert dataset().is_multi_label
    assert dataset().target_labels.tolist() == [0, 1, 2]


@pytest.mark.parametrize("kind", [csr_matrix, csr_array, np.array])
def test_labels_given_by_small_text_are_complete_judgements(kind):
    data = dataset()
    data.y = kind([[0, 1, 0], [0, 0, 1], [0, 0, 0]])
    assert data.truth.tolist() == [[0, 1, 0], [0, 0, 1], [0, 0, 0]]


def test_a_partly_judged_row_keeps_its_unjudged_cells_when_small_text_hands_it_back():
    data = dataset()
    data.y = data.y
    assert data.truth.tolist() == [[1, 0, -1], [0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("item", [[2, 0], np.array([2, 0]), np.array([True, False, True])])
def test_a_selection_keeps_texts_and_truth_together(item):
    data = JudgedTexts(["a", "b", "c"], TRUTH)
    chosen = data[item]
    assert chosen.texts in (["c", "a"], ["a", "c"])
    assert chosen.truth.tolist() == [TRUTH["abc".index(text)].tolist() for text in chosen.texts]


def test_one_row_and_a_slice_are_datasets_too():
    data = JudgedTexts(["a", "b", "c"], TRUTH)
    assert data[1].texts == ["b"]
    assert data[1:].texts == ["b", "c"]
    assert len(data[1:]) == 2


def test_a_clone_shares_nothing():
    data = dataset()
    copy = data.clone()
    copy.y = csr_matrix(np.ones((3, 3)))
    copy.x[:] = 5.0
    assert data.truth.tolist() == TRUTH.tolist()
    assert data.x.max() == 1.0


def test_truth_must_fit_the_documents():
    with pytest.raises(ValueError, match="2 documents, but truth for 3"):
        JudgedTexts(["a", "b"], unjudged(3, 2))
