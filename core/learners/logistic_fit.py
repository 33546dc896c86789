"""Solves regularised logistic regression for all labels at once.

L-BFGS (Liu and Nocedal 1989) over the columns side by side, each label with its
own step and history, preconditioned by the variance along principal axes; the
step length is found by Newton's method along the direction, which for a linear
model costs no matrix product.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from core.errors import Cancelled
from core.learners.quick_head import ShouldStop

TOLERANCE = 3e-3  # of the gradient at the start; ten times closer changes no probability by 0.001
OF_SHARES = 3e-4  # the same where labels exclude each other; at 3e-3 and C 100, shares were .05 off
MOST_STEPS = 60
HISTORY = 6
BIAS_PENALTY = 0.1  # holds a label's bias to its prior, or one never present would go to -inf
SPREAD = 0.05  # p(1 - p) of a label whose penalty is 1/C


@dataclass(frozen=True)
class Solution:
    """Weights (features, labels) and bias (labels,)."""

    weight: torch.Tensor
    bias: torch.Tensor

    def logits(self, z: torch.Tensor) -> torch.Tensor:
        """Shape (documents, labels)."""
        return torch.addmm(self.bias, z, self.weight)


def penalties(prior: torch.Tensor, C: float) -> torch.Tensor:
    """Each label's penalty on ½·‖weights‖²: 1/C times the root of how evenly it is present.

    A rare label's loss is flat, and with the penalty of a frequent one it would
    be held back more; the root is midway between equal penalties and equal
    penalties per information.
    """
    share = torch.sigmoid(prior)
    return (share * (1 - share) / SPREAD).sqrt() / C


def fit_logistic(
    z: torch.Tensor,
    truth: torch.Tensor,
    *,
    prior: torch.Tensor,
    C: float,
    exclusive: bool = False,
    start: Solution | None = None,
    should_stop: ShouldStop = lambda: False,
) -> Solution:
    """Minimise the summed cross-entropy over judged cells plus the penalties.

    Parameters
    ----------
    z
        Coordinates (documents, axes), centred, along principal axes.
    truth
        Shape (documents, labels): 1, 0, or below 0 where unjudged; such a cell
        adds nothing. Soft targets in between are borne.
    prior
        Each label's log-odds before reading (labels,), to which biases are held.
    exclusive
        Softmax over the labels instead of a sigmoid for each.
    start
        Where to begin, such as the solution for a smaller C.

    Raises Cancelled when `should_stop` says so.
    """
    problem = _Problem(
        z, truth.to(z.dtype), prior=prior, penalty=penalties(prior, C), exclusive=exclusive
    )
    return _minimise(problem, start, should_stop)


class _Problem:
    """The loss, by columns: weights on top, bias as the last row."""

    def __init__(
        self,
        z: torch.Tensor,
        truth: torch.Tensor,
        *,
        prior: torch.Tensor,
        penalty: torch.Tensor,
        exclusive: bool,
    ) -> None:
        ones = torch.ones(len(z), 1)
        self.z = torch.cat([z, ones], dim=1)
        self.judged = (truth >= 0).to(z.dtype)
        self.target = truth.clamp(min=0) * self.judged
        self.exclusive = exclusive
        n_axes = z.shape[1]
        self.penalty = torch.cat(
            [penalty.expand(n_axes, -1), torch.full((1, len(prior)), BIAS_PENALTY)]
        )
        self.centre = torch.cat([torch.zeros(n_axes, len(prior)), prior[None]])
        share = torch.sigmoid(prior)
        information = share * (1 - share) * self.judged.sum(dim=0)
        self.curvature = self.z.square().mean(dim=0)[:, None] * information + self.penalty
        if exclusive:
            known = self.target.sum(dim=1, keepdim=True) > 0
            self.allowed = torch.where(known, self.target, 1.0 - self.judged)
            is_told = (self.judged > 0).any(dim=1) & (self.allowed > 0).any(dim=1)
            self.told = is_told.unsqueeze(1).to(z.dtype)  # not where all labels are ruled out

    def dot(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """Of each label; of all together where they depend on each other."""
        product = (a * b).sum(dim=0)
        return product.sum().expand_as(product) if self.exclusive else product

    def residual(self, logits: torch.Tensor) -> torch.Tensor:
        """The gradient by the logits."""
        if not self.exclusive:
            return (torch.sigmoid(logits) - self.target) * self.judged
        proba = torch.softmax(logits, dim=1)
        left = proba * self.allowed
        return (proba - left / left.sum(dim=1, keepdim=True).clamp(min=1e-12)) * self.told

    def bend(self, logits: torch.Tensor, along: torch.Tensor) -> torch.Tensor:
        """The second derivative of the loss along a direction of the logits."""
        if not self.exclusive:
            proba = torch.sigmoid(logits)
            return self.dot(proba * (1 - proba) * self.judged * along, along)
        proba = torch.softmax(logits, dim=1) * self.told
        mean = (proba * along).sum(dim=1, keepdim=True)
        return self.dot(proba * (along - mean), along)

    def gradient(self, at: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        return self.z.T @ self.residual(logits) + self.penalty * (at - self.centre)

    def step_length(
        self, at: torch.Tensor, logits: torch.Tensor, direction: torch.Tensor, along: torch.Tensor
    ) -> torch.Tensor:
        """Two of Newton's steps towards the lowest point along the direction."""
        pull = self.dot(self.penalty * (at - self.centre), direction)
        stiffness = self.dot(self.penalty * direction, direction)
        t = torch.ones(at.shape[1])
        for _ in range(2):
            there = logits + t * along
            slope = self.dot(self.residual(there), along) + pull + t * stiffness
            bend = self.bend(there, along) + stiffness
            t = (t - slope / bend.clamp(min=1e-12)).clamp(0.05, 4.0)
        return t


def _minimise(problem: _Problem, start: Solution | None, should_stop: ShouldStop) -> Solution:
    at = problem.centre.clone()
    if start is not None:
        at = torch.cat([start.weight, start.bias[None]])
    logits = problem.z @ at
    gradient = problem.gradient(at, logits)
    at_prior = problem.gradient(problem.centre, problem.z @ problem.centre)
    tolerance = OF_SHARES if problem.exclusive else TOLERANCE
    enough = tolerance**2 * _size(problem, at_prior)
    history: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []
    for _ in range(MOST_STEPS):
        if should_stop():
            raise Cancelled("Training stopped.")
        if (_size(problem, gradient) <= enough).all():
            break
        direction = _direction(problem, gradient, history)
        along = problem.z @ direction
        length = problem.step_length(at, logits, direction, along)
        step = length * direction
        at, logits = at + step, logits + length * along
        before, gradient = gradient, problem.gradient(at, logits)
        history = [*history[-HISTORY + 1 :], _pair(problem, step, gradient - before)]
    return Solution(at[:-1], at[-1])


def _size(problem: _Problem, gradient: torch.Tensor) -> torch.Tensor:
    return problem.dot(gradient / problem.curvature, gradient)


def _pair(
    problem: _Problem, step: torch.Tensor, change: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    bend = problem.dot(step, change)
    return step, change, torch.where(bend > 1e-10, 1 / bend.clamp(min=1e-10), 0.0)


def _direction(
    problem: _Problem,
    gradient: torch.Tensor,
    history: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]],
) -> torch.Tensor:
    """The two loops of L-BFGS, with the preconditioner as the first guess."""
    q, alphas = gradient.clone(), []
    for step, change, rho in reversed(history):
        alphas.append(rho * problem.dot(step, q))
        q -= alphas[-1] * change
    q /= problem.curvature
    for (step, change, rho), alpha in zip(history, reversed(alphas), strict=True):
        q += (alpha - rho * problem.dot(change, q)) * step
    return -q
