"""Regression solved for all labels at once, and the posterior around it."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from core.errors import Cancelled
from core.learners import logistic_fit
from core.learners.axes import principal_axes, sketch_of_the_rest
from core.learners.dataset import JudgedVectors, unjudged
from core.learners.laplace import laplace_draws
from core.learners.logistic_fit import BIAS_PENALTY, fit_logistic, penalties
from core.learners.masking import prior_logits
from core.learners.quick import QuickConfig, QuickKind, new_quick


def problem(n=80, width=5, n_labels=4, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((n, width)).astype(np.float32)
    chance = 1 / (1 + np.exp(-(z @ rng.standard_normal((width, n_labels)) - 1)))
    truth = (rng.random((n, n_labels)) < chance).astype(np.int8)
    return torch.from_numpy(z - z.mean(axis=0)), truth


def solved(z, truth, **changes):
    options = {"prior": torch.from_numpy(prior_logits(truth)), "C": 2.0} | changes
    return fit_logistic(z, torch.from_numpy(truth), **options)


def test_weakly_held_exclusive_labels_are_solved_as_closely_as_they_are_shown(monkeypatch):
    rng = np.random.default_rng(0)
    middles, label = rng.standard_normal((8, 64)), np.arange(200) % 8
    x = middles[label] / 4 + rng.standard_normal((200, 64))
    x = torch.from_numpy((x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32))
    z, truth = principal_axes(x[:150]).coordinates(x), np.eye(8, dtype=np.int8)[label]

    def shares():
        solution = solved(z[:150], truth[:150], exclusive=True, C=100.0)
        return torch.softmax(solution.logits(z[150:]), dim=1)

    found = shares()
    monkeypatch.setattr(logistic_fit, "OF_SHARES", 1e-6)
    monkeypatch.setattr(logistic_fit, "MOST_STEPS", 3000)
    torch.testing.assert_close(found, shares(), atol=0.015, rtol=0)


def test_documents_of_which_every_label_is_ruled_out_teach_nothing():
    z, _ = problem(n_labels=3)
    truth = np.eye(3, dtype=np.int8)[np.arange(80) % 3]
    prior = torch.from_numpy(prior_logits(truth))
    more, none = torch.cat([z, 3 * z[:30]]), np.zeros((30, 3), dtype=np.int8)
    with_them = solved(more, np.vstack([truth, none]), exclusive=True, prior=prior)
    without = solved(z, truth, exclusive=True, prior=prior)
    torch.testing.assert_close(with_them.logits(z), without.logits(z), atol=0.02, rtol=0)


def test_a_posterior_over_exclusive_labels_is_as_wide_as_their_shares_leave_open():
    x = problem()[0].numpy()
    truth = np.eye(4, dtype=np.int8)[(x[:, :4]).argmax(axis=1)]
    truth[:10] = np.where(truth[:10] == 1, 1, -1)  # of these only the one label is judged
    config = QuickConfig(kind=QuickKind.LOGISTIC, C=1.0, exclusive=True)
    head = new_quick(config, 4).fit(JudgedVectors(x, truth))
    share = head.predict_proba(JudgedVectors(x, unjudged(len(x), 4)))
    information = head.trained()["judged.information"].numpy()
    np.testing.assert_allclose(information, share * (1 - share), atol=1e-5)


def test_each_label_is_the_minimum_of_its_penalised_loss():
    z, truth = problem()
    truth[::4, 2] = -1
    solution = solved(z, truth)
    prior = prior_logits(truth)
    penalty = penalties(torch.from_numpy(prior), 2.0).numpy()
    for label in range(4):
        rows = truth[:, label] >= 0
        x, y = z.numpy()[rows].astype(float), truth[rows, label]

        def loss(w, x=x, y=y, label=label):
            logits = x @ w[:-1] + w[-1]
            entropy = np.logaddexp(0, logits).sum() - (logits * y).sum()
            held = penalty[label] * w[:-1] @ w[:-1] + BIAS_PENALTY * (w[-1] - prior[label]) ** 2
            return entropy + held / 2

        best = minimize(loss, np.zeros(6), tol=1e-10).x
        np.testing.assert_allclose(solution.weight[:, label], best[:-1], atol=0.02)
        np.testing.assert_allclose(solution.bias[label], best[-1], atol=0.02)


def test_with_one_label_each_it_is_the_minimum_of_softmax_cross_entropy():
    z, _ = problem()
    which = np.random.default_rng(4).integers(0, 3, 80)
    which[:40] = np.asarray(z[:40, 0] > 0)
    truth = np.eye(3, dtype=np.int8)[which]
    solution = solved(z, truth, exclusive=True)
    prior = torch.from_numpy(prior_logits(truth))
    penalty = penalties(prior, 2.0)

    def loss(weight, bias):
        entropy = torch.nn.functional.cross_entropy(
            z @ weight + bias, torch.from_numpy(which), reduction="sum"
        )
        held = (penalty * weight**2).sum() + BIAS_PENALTY * ((bias - prior) ** 2).sum()
        return float(entropy + held / 2)

    lowest = loss(solution.weight, solution.bias)
    rng = torch.Generator().manual_seed(0)
    for _ in range(50):
        step = 0.1 * torch.randn(6, 3, generator=rng)
        assert loss(solution.weight + step[:-1], solution.bias + step[-1]) > lowest


def test_a_label_ruled_out_is_no_label_present():
    """One document each: the first is label 0, the second is not label 0."""
    z = torch.tensor([[1.0], [-1.0]])
    truth = np.array([[1, 0, 0], [0, -1, -1]], dtype=np.int8)
    proba = torch.softmax(solved(z, truth, exclusive=True, C=50.0).logits(z), dim=1)
    assert proba[0].argmax() == 0
    assert proba[1, 0] < 0.2
    assert proba[1, 1] == pytest.approx(float(proba[1, 2]), abs=1e-3)


def test_beginning_elsewhere_ends_at_the_same_place():
    z, truth = problem()
    nearby = solved(z, truth, start=solved(z, truth, C=0.5))
    np.testing.assert_allclose(nearby.weight, solved(z, truth).weight, atol=0.02)


def test_rare_labels_are_held_back_less():
    """At one in ten p(1 - p) is .09: the penalty is √(.09 / .05) of 1/C."""
    prior = torch.logit(torch.tensor([0.1, 0.5, 0.01]))
    expected = np.sqrt(np.array([0.09, 0.25, 0.0099]) / 0.05) / 4
    np.testing.assert_allclose(penalties(prior, 4.0), expected, rtol=1e-5)


def test_a_label_never_present_keeps_a_finite_bias():
    z, truth = problem()
    truth[:, 0] = 0
    solution = solved(z, truth, C=1e4)
    assert -12 < float(solution.bias[0]) < -3


def test_it_can_be_stopped():
    z, truth = problem()
    with pytest.raises(Cancelled):
        solved(z, truth, should_stop=lambda: True)


def test_axes_and_the_rest_make_up_the_whole():
    x = torch.randn(30, 12, generator=torch.Generator().manual_seed(0))
    for most in (3, 12):
        axes = principal_axes(x, most=most)
        np.testing.assert_allclose(axes.basis.T @ axes.basis, np.eye(most), atol=1e-5)
        rest = sketch_of_the_rest(axes, width=12, rng=torch.Generator())
        centred = x - axes.mean
        lengths = (axes.coordinates(x) ** 2).sum(1) + ((centred @ rest) ** 2).sum(1)
        np.testing.assert_allclose(lengths, (centred**2).sum(1), rtol=1e-4)
    few = principal_axes(x[:4])
    assert few.basis.shape == (12, 3)
    np.testing.assert_allclose(few.coordinates(x[:4]) @ few.basis.T + few.mean, x[:4], atol=1e-5)


def test_a_sketch_keeps_lengths_in_expectation():
    x = torch.randn(30, 600, generator=torch.Generator().manual_seed(0))
    axes = principal_axes(x, most=5)
    sketch = sketch_of_the_rest(axes, width=64, rng=torch.Generator().manual_seed(1))
    rest = (x - axes.mean) @ (torch.eye(600) - axes.basis @ axes.basis.T)
    ratio = ((x - axes.mean) @ sketch).square().sum() / rest.square().sum()
    assert float(ratio) == pytest.approx(1.0, abs=0.1)


def test_in_one_dimension_the_variance_is_one_over_information_and_penalty():
    """Two documents at -1 and 1, each worth 1/4: a weight's variance is 1 / (2·1/4 + penalty)."""
    draws = laplace_draws(
        torch.tensor([[-1.0], [1.0]]),
        torch.full((2, 2), 0.25),
        torch.tensor([0.5, 2.0]),
        bias_penalty=0.5,
        n_passes=20_000,
        rng=torch.Generator().manual_seed(0),
    )
    assert draws.shape == (2, 20_000, 2)
    np.testing.assert_allclose(draws[0].var(dim=0), [1 / 1.0, 1 / 2.5], rtol=0.05)
    np.testing.assert_allclose(draws[1].var(dim=0), [1 / 1.0, 1 / 1.0], rtol=0.05)
    assert draws.mean(dim=1).abs().max() < 0.05


def spread_of(n, at, width=20):
    """How far draws of a head that learnt from n documents on two axes differ at some vectors."""
    rng = np.random.default_rng(0)
    x = np.zeros((n, width), dtype=np.float32)
    x[:, :2] = rng.standard_normal((n, 2))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    truth = (x[:, :1] > 0).astype(np.int8)
    head = new_quick(QuickConfig(kind=QuickKind.LOGISTIC), 1).fit(JudgedVectors(x, truth))
    samples = head.predict_proba(JudgedVectors(at, unjudged(len(at), 1)), dropout_sampling=400)
    return np.log(samples / (1 - samples)).std(axis=1)[:, 0]


def test_doubt_shrinks_with_documents_and_grows_away_from_them():
    at = np.zeros((2, 20), dtype=np.float32)
    at[0, 1], at[1, 9] = 1.0, 1.0  # where documents were judged, and where none was
    near_few, far_few = spread_of(10, at)
    near_many, far_many = spread_of(500, at)
    assert near_many < 0.5 * near_few
    assert far_few > 1.2 * near_few
    assert far_many > 3 * near_many
