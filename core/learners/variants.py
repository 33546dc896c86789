"""The variants of a quick head that are worth comparing, and their predictions at the price of one.

All variants of a blend share the axes, the regressions share their path from a
small C to a large one, and the votes are the same for every C.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray

from core.domain import Embeddings, Proba, Truth
from core.learners.axes import Axes, principal_axes
from core.learners.blend import USUAL_SHARE, comparable
from core.learners.logistic import USUAL_C
from core.learners.logistic_fit import Solution, fit_logistic
from core.learners.masking import prior_logits
from core.learners.nearest import drawn_keys, keys_of, vote
from core.learners.quick_head import (
    QuickConfig,
    QuickKind,
    ShouldStop,
    as_tensor,
    nan_where_untaught,
    probabilities_of,
    told,
)
from core.learners.threads import one_torch_thread

ALL_C = (USUAL_C, 3.0, 30.0, 100.0)  # the first is kept where no other is better
ALL_SHARES = (USUAL_SHARE, 0.0, 0.3)

Rows = NDArray[np.int64]


def variants_of(config: QuickConfig) -> list[QuickConfig]:
    """What a configuration leaves open, filled in every way; one where it leaves nothing."""
    kind = config.kind
    if kind not in (QuickKind.AUTO, QuickKind.BLEND, QuickKind.LOGISTIC):
        return [config]
    all_c = ALL_C if config.C is None else (config.C,)
    shares: tuple[float, ...] = (0.0,)
    if kind is not QuickKind.LOGISTIC:
        shares = ALL_SHARES if config.neighbours is None else (config.neighbours,)
        kind = QuickKind.BLEND
    return [
        dataclasses.replace(config, kind=kind, C=c, neighbours=share)
        for c, share in product(all_c, shares)
    ]


def name_of(config: QuickConfig) -> str:
    """A variant's name for people and files."""
    if config.kind is QuickKind.LOGISTIC:
        return f"logistic, C {config.C:g}"
    if config.kind is QuickKind.BLEND:
        return f"logistic, C {config.C:g}, {config.neighbours:.0%} neighbours"
    if config.kind is QuickKind.MLP:
        return f"mlp, {'-'.join(map(str, config.layers)) or 'linear'}"
    return str(config.kind)


@dataclass(frozen=True)
class Judged:
    """Judged documents along their principal axes, which all folds share."""

    axes: Axes
    z: torch.Tensor  # (documents, axes)
    truth: torch.Tensor  # (documents, labels)
    n_blocks: int

    @classmethod
    def of(cls, x: Embeddings, truth: Truth, *, n_blocks: int) -> Judged:
        """Turn features (documents, width) into coordinates."""
        with one_torch_thread(), torch.inference_mode():
            features = as_tensor(x)
            axes = principal_axes(features[told(truth)])
            return cls(axes, axes.coordinates(features), torch.from_numpy(truth), n_blocks)


def predictions_of(
    variants: list[QuickConfig], judged: Judged, *, fit: Rows, test: Rows, should_stop: ShouldStop
) -> Proba:
    """Probabilities of some documents by every variant trained on others.

    Shape (variants, documents, labels); NaN for labels that were never judged
    among those trained on. The variants differ in C and share alone.
    """
    exclusive, seed = variants[0].exclusive, variants[0].seed
    fit = fit[told(judged.truth[fit].numpy())]
    z, truth = judged.z[fit], judged.truth[fit]
    untaught = nan_where_untaught(truth.numpy())
    prior = torch.from_numpy(prior_logits(truth.numpy()))
    by_c: dict[float, torch.Tensor] = {}
    solution: Solution | None = None
    with one_torch_thread(), torch.inference_mode():
        for c in sorted({variant.C or USUAL_C for variant in variants}):
            solution = fit_logistic(
                z,
                truth,
                prior=prior,
                C=c,
                exclusive=exclusive,
                start=solution,
                should_stop=should_stop,
            )
            logits = solution.logits(judged.z[test])
            by_c[c] = probabilities_of(logits, untaught, exclusive=exclusive)
        votes = _votes(judged, fit, test, exclusive=exclusive, seed=seed)
        return np.stack(
            [torch.lerp(by_c[v.C or USUAL_C], votes, v.neighbours or 0.0).numpy() for v in variants]
        )


def _votes(judged: Judged, fit: Rows, test: Rows, *, exclusive: bool, seed: int) -> torch.Tensor:
    truth = judged.truth[fit]
    rows = drawn_keys(len(fit), seed=seed)
    vectors, offset = comparable(judged.axes, judged.z[fit][rows], n_blocks=judged.n_blocks)
    queries = judged.z[test][:, : vectors.shape[1]]
    return vote(keys_of(vectors, offset, truth, rows), queries, exclusive=exclusive)
