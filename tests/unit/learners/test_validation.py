"""The part to stop by takes from no label all that is known of it."""

import numpy as np
import pytest

from core.learners.dataset import JudgedTexts
from core.learners.validation import set_apart


def texts_with(truth):
    return JudgedTexts([str(row) for row in range(len(truth))], truth)


@pytest.mark.parametrize("seed", range(30))
def test_a_labels_last_presence_and_last_judgement_stay_to_be_learnt_from(seed):
    truth = np.zeros((200, 3), dtype=np.int8)
    truth[:100, 0] = 1
    truth[[7, 8], 1] = 1  # two presences
    truth[:, 2] = -1
    truth[9, 2] = 0  # one judgement
    rest, apart = set_apart(texts_with(truth), 0.5, seed=seed)
    assert len(apart) == 100
    assert sorted([*rest.texts, *apart.texts], key=int) == [str(row) for row in range(200)]
    assert (rest.truth[:, 1] == 1).any()
    assert (rest.truth[:, 2] == 0).any()


def test_where_every_document_is_the_last_of_a_label_nothing_is_set_apart():
    data = texts_with(np.eye(40, dtype=np.int8))
    assert set_apart(data, 0.5, seed=0) == (data, None)


def test_where_that_would_be_few_nothing_is_set_apart():
    data = texts_with(np.ones((100, 1), dtype=np.int8))
    assert set_apart(data, 0.1, seed=0) == (data, None)
    assert len(set_apart(data, 0.2, seed=0)[1]) == 20
