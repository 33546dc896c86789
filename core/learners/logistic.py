"""Logistic regression on cached features, with draws from its posterior.

It is solved along the principal axes of the judged documents. For a pool, the
weights are turned back into features, and the draws live on the first axes and
a sketch of the rest, so that all passes are one matrix product of usual size.
"""

from __future__ import annotations

from collections.abc import Iterator
from threading import Lock

import torch

from core.learners.axes import Axes, principal_axes, sketch_of_the_rest
from core.learners.dataset import JudgedVectors
from core.learners.laplace import laplace_draws, prior_draws
from core.learners.logistic_fit import BIAS_PENALTY, Solution, fit_logistic
from core.learners.losses import probabilities
from core.learners.masking import prior_logits
from core.learners.quick_head import (
    TAUGHT,
    Draws,
    QuickConfig,
    QuickHead,
    Reading,
    ShouldStop,
    as_tensor,
    nan_where_untaught,
    told,
)
from core.learners.threads import one_torch_thread

USUAL_C = 10.0
DRAWN_AXES = 192  # along which the posterior is exact per label
SKETCH = 64  # directions that stand for all the others
COOLING = 0.25  # of the draws' spread: as it comes, BALD asked for outliers; see decision 018


class LogisticHead(QuickHead):
    """One regression per label, or with `exclusive` one over all labels."""

    def __init__(self, config: QuickConfig, n_labels: int, *, blocks: tuple[int, ...] = ()) -> None:
        super().__init__(config, n_labels, blocks=blocks)
        self._drawn: tuple[int, torch.Tensor, Draws] | None = None
        self._drawing = Lock()

    # --- training ---------------------------------------------------------

    def learn(self, train_set: JudgedVectors, should_stop: ShouldStop) -> Iterator[float]:
        """Solve it; there are no epochs to tell."""
        judged = train_set[told(train_set.truth)]
        x, truth = as_tensor(judged.x), torch.from_numpy(judged.truth)
        with one_torch_thread(), torch.inference_mode():
            axes = principal_axes(x)
            z = axes.coordinates(x)
            prior = torch.from_numpy(prior_logits(train_set.truth))
            solution = fit_logistic(
                z,
                truth,
                prior=prior,
                C=self.config.C or USUAL_C,
                exclusive=self.config.exclusive,
                should_stop=should_stop,
            )
            self._keep(axes, z, truth, solution)
        self._tensors = {TAUGHT: nan_where_untaught(train_set.truth), **self.trained()}
        yield from ()

    def _keep(
        self,
        axes: Axes,
        z: torch.Tensor,
        truth: torch.Tensor,
        solution: Solution,
    ) -> None:
        exclusive = self.config.exclusive
        share = probabilities(solution.logits(z), exclusive=exclusive)
        told = (truth >= 0).any(dim=1, keepdim=True) if exclusive else truth >= 0
        rng = torch.Generator().manual_seed(self.config.seed + 2)
        first = Axes(axes.mean, axes.basis[:, :DRAWN_AXES])
        sketch = sketch_of_the_rest(first, width=SKETCH, rng=rng)
        self._tensors = {
            "mean": axes.mean,
            "output.weight": axes.basis @ solution.weight,
            "output.bias": solution.bias,
            "projection": torch.cat([first.basis, sketch], dim=1),
            "penalty": torch.full((self.n_labels,), 1 / (self.config.C or USUAL_C)),
            "judged.coordinates": z[:, :DRAWN_AXES].contiguous(),
            "judged.information": share * (1 - share) * told,
        }

    # --- predicting -------------------------------------------------------

    def _read(self, x: torch.Tensor) -> Reading:
        tensors = self.trained()
        x = x - tensors["mean"]
        logits = torch.addmm(tensors["output.bias"], x, tensors["output.weight"])
        return Reading(logits, x @ tensors["projection"])

    def _draws(self, n_passes: int) -> Draws:
        """Made once for a number of passes: a pool is scored in many blocks.

        The prior of a draw is the same for all labels, unlike the penalty: rare
        labels would be the widest otherwise.
        """
        if n_passes == 0:
            n_features = self.trained()["projection"].shape[1]
            return Draws(torch.empty(n_features, 0, self.n_labels), torch.empty(0, self.n_labels))
        information = self.trained()["judged.information"]
        with self._drawing:
            if self._drawn is not None and self._drawn[0] == n_passes:
                _, of, draws = self._drawn
                if of is information:
                    return draws
            draws = self._new_draws(n_passes)
            self._drawn = (n_passes, information, draws)
            return draws

    @torch.inference_mode()
    def _new_draws(self, n_passes: int) -> Draws:
        tensors = self.trained()
        rng = torch.Generator().manual_seed(self.config.seed + 1)
        with one_torch_thread():
            known = laplace_draws(
                tensors["judged.coordinates"],
                tensors["judged.information"],
                tensors["penalty"],
                bias_penalty=BIAS_PENALTY,
                n_passes=n_passes,
                rng=rng,
            )
            n_rest = len(tensors["projection"].T) - len(tensors["judged.coordinates"].T)
            rest = prior_draws(n_rest, tensors["penalty"], n_passes=n_passes, rng=rng)
        return Draws(torch.cat([known[:-1], rest]) * COOLING, known[-1] * COOLING)
