"""Draws from the posterior of a regularised logistic regression, in closed form.

The Laplace approximation: a Gaussian per label around its weights, whose inverse
covariance is the curvature of the loss there (MacKay 1992, "The evidence
framework applied to classification networks"). A draw is one function, asked
about every document.
"""

from __future__ import annotations

import torch


def laplace_draws(
    coordinates: torch.Tensor,
    information: torch.Tensor,
    penalty: torch.Tensor,
    *,
    bias_penalty: float,
    n_passes: int,
    rng: torch.Generator,
) -> torch.Tensor:
    """Draw deviations from the weights, the bias last, shape (axes + 1, passes, labels).

    Parameters
    ----------
    coordinates
        Of the judged documents, (documents, axes).
    information
        p(1 - p) of each judged cell, 0 of the others, (documents, labels).
    penalty
        Of each label's squared weights (labels,), the prior's inverse variance.
    """
    ones = torch.ones(len(coordinates), 1)
    z = torch.cat([coordinates, ones], dim=1)
    n_features, n_labels = z.shape[1], len(penalty)
    noise = torch.randn(n_labels, n_features, n_passes, generator=rng)
    draws = torch.empty(n_features, n_passes, n_labels)
    for label in range(n_labels):
        curvature = (z * information[:, label, None]).T @ z
        prior = torch.full((n_features,), float(penalty[label]))
        prior[-1] = bias_penalty
        factor = torch.linalg.cholesky(curvature + torch.diag(prior))
        draws[..., label] = torch.linalg.solve_triangular(factor.T, noise[label], upper=True)
    return draws


def prior_draws(
    n_features: int, penalty: torch.Tensor, *, n_passes: int, rng: torch.Generator
) -> torch.Tensor:
    """Draw weights of features no judged document has, (features, passes, labels)."""
    noise = torch.randn(n_features, n_passes, len(penalty), generator=rng)
    return noise / penalty.sqrt()
