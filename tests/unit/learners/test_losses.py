from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.learners.losses import (
    LARGEST_WEIGHT,
    LossConfig,
    LossKind,
    exclusive_loss,
    make_loss,
    positive_weights,
    probabilities,
)
from core.learners.masking import masked_loss

CONFIGS = [
    LossConfig(),
    LossConfig(positive_weight=True),
    LossConfig(kind=LossKind.ASYMMETRIC),
    LossConfig(exclusive=True),
]
TRUTH = np.array([[1, 0, 0], [0, 1, 0], [-1, -1, -1]], dtype=np.int8)


@pytest.mark.parametrize("config", CONFIGS)
def test_a_document_nobody_judged_has_a_gradient_of_exactly_zero(config):
    logits = torch.randn(3, 3, generator=torch.Generator().manual_seed(1), requires_grad=True)
    make_loss(config, TRUTH)(logits, torch.from_numpy(TRUTH)).backward()
    assert torch.equal(logits.grad[2], torch.zeros(3))
    assert (logits.grad[:2] != 0).any()


@pytest.mark.parametrize("config", CONFIGS[:3])
def test_an_unjudged_cell_has_a_gradient_of_exactly_zero(config):
    truth = np.array([[1, -1, 0]], dtype=np.int8)
    logits = torch.tensor([[0.3, 2.0, -0.2]], requires_grad=True)
    make_loss(config, truth)(logits, torch.from_numpy(truth)).backward()
    assert logits.grad[0, 1] == 0.0
    assert logits.grad[0, 0] < 0 < logits.grad[0, 2]


def test_without_options_it_is_the_plain_masked_cross_entropy():
    logits = torch.tensor([[0.3, -1.0, 0.0]])
    truth = torch.tensor([[1, 0, -1]])
    assert make_loss(LossConfig(), TRUTH)(logits, truth) == masked_loss(logits, truth)


def test_positive_weights_are_absences_per_presence_within_bounds():
    truth = np.zeros((101, 4), dtype=np.int8)
    truth[:25, 0] = 1  # 76 absent per 25
    truth[0, 1] = 1  # 100 absent per 1: too many
    truth[:80, 2] = 1  # mostly present: never below 1
    assert positive_weights(truth) == pytest.approx([76 / 25, LARGEST_WEIGHT, 1.0, 1.0])


def test_a_weighted_presence_counts_its_weight():
    truth = np.array([[1], [0], [0], [0]], dtype=np.int8)
    loss = make_loss(LossConfig(positive_weight=True), truth)(
        torch.zeros(4, 1), torch.from_numpy(truth)
    )
    assert float(loss) == pytest.approx(np.log(2) * (3 + 3) / 4)


def test_an_easy_absence_counts_nothing_in_the_asymmetric_loss():
    loss = make_loss(LossConfig(kind=LossKind.ASYMMETRIC), TRUTH)
    logits = torch.tensor([[-4.0]])  # a probability of .018, below the margin
    assert float(loss(logits, torch.tensor([[0]]))) == 0.0
    assert float(loss(torch.tensor([[2.0]]), torch.tensor([[0]]))) > 0.0


def test_one_present_label_gives_softmax_cross_entropy():
    logits = torch.tensor([[0.5, -0.5, 1.0]])
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor([2]))
    assert float(exclusive_loss(logits, torch.tensor([[0, 0, 1]]))) == pytest.approx(
        float(expected)
    )


def test_labels_ruled_out_leave_the_rest_to_share_the_likelihood():
    logits = torch.log(torch.tensor([[0.5, 0.2, 0.3]]))
    loss = exclusive_loss(logits, torch.tensor([[0, -1, -1]]))
    assert float(loss) == pytest.approx(-np.log(0.5), abs=1e-6)


def test_where_every_label_is_ruled_out_nothing_is_said():
    logits = torch.tensor([[0.3, -0.2], [0.5, 0.1]], requires_grad=True)
    loss = exclusive_loss(logits, torch.tensor([[0, 0], [1, 0]]))
    loss.backward()
    alone = exclusive_loss(logits[1:], torch.tensor([[1, 0]]))
    assert float(loss.detach()) == pytest.approx(float(alone.detach()) / 2)
    assert (logits.grad[0] == 0).all()


def test_a_teachers_shares_are_a_soft_target():
    logits = torch.tensor([[0.0, 1.0]], requires_grad=True)
    exclusive_loss(logits, torch.softmax(logits.detach(), dim=1)).backward()
    assert logits.grad == pytest.approx(np.zeros((1, 2)), abs=1e-6)


@given(st.lists(st.floats(-20, 20), min_size=2, max_size=6))
def test_exclusive_probabilities_sum_to_one_and_others_need_not(values):
    logits = torch.tensor([values])
    assert float(probabilities(logits, exclusive=True).sum()) == pytest.approx(1.0, abs=1e-5)
    assert torch.equal(probabilities(logits, exclusive=False), torch.sigmoid(logits))
