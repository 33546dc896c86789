"""What a Brier score is made of: being off, telling apart, and how hard the question is."""

from __future__ import annotations

from dataclasses import dataclass

from core.evaluation.counts import ratio
from core.evaluation.reliability import JudgedCells, Reliability, bin_of


@dataclass(frozen=True)
class BrierParts:
    """brier = reliability - resolution + uncertainty + within; all NaN where nothing was judged.

    reliability : how far bins are off; 0 is best
    resolution : how much what is observed differs between bins; more is better
    uncertainty : of the question itself, share * (1 - share)
    within : what the bins hide, 0 where all probabilities of a bin are alike
    """

    brier: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float

    @property
    def skill(self) -> float:
        """Share of the uncertainty that the model takes away; 0 for always saying the share."""
        return float(1 - ratio(self.brier, self.uncertainty))


def brier_parts(cells: JudgedCells, binned: Reliability) -> BrierParts:
    """Murphy's (1973) three parts, with the within-bin terms of Stephenson et al. (2008).

    Murphy's sum holds where every bin has one probability. Otherwise the variance
    of the probabilities within bins adds to the score and twice their covariance
    with what came true takes from it; `within` is the first less the second, so
    the sum is exact for any bins.

    Parameters
    ----------
    binned : the same cells in bins, by `binned_cells`
    """
    if not len(cells):
        return BrierParts(*[float("nan")] * 5)
    filled = binned.count > 0
    weights = binned.count[filled] / len(cells)
    predicted, observed = binned.mean_predicted[filled], binned.observed[filled]
    share = float(cells.present.mean())
    bins = bin_of(cells.proba, binned.edges)
    spread = cells.proba - binned.mean_predicted[bins]
    surprise = cells.present - binned.observed[bins]
    return BrierParts(
        brier=float(((cells.proba - cells.present) ** 2).mean()),
        reliability=float((weights * (predicted - observed) ** 2).sum()),
        resolution=float((weights * (observed - share) ** 2).sum()),
        uncertainty=share * (1 - share),
        within=float((spread**2).mean() - 2 * (spread * surprise).mean()),
    )
