"""A head with its calibration as one network, so that every exported file gives calibrated answers.

The arithmetic is that of `core.evaluation.calibration_maps`, in operations that ONNX has.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from core.evaluation.calibration import SMALLEST_PROBA
from core.evaluation.calibration_maps import Map, Method
from core.evaluation.recalibration import Recalibration
from core.model_export.heads import DenseHead, Head, Layer


class Calibrated(torch.nn.Module):
    """A head whose probabilities are mended as the round's are, each label in its way."""

    def __init__(self, head: Head, calibration: Recalibration) -> None:
        super().__init__()
        self.head, self.temperature = head, calibration.temperature.value
        self.exclusive = calibration.temperature.exclusive
        self.maps = [choice.map for choice in calibration.labels]
        self.has_own = bool(calibration.is_own.any())
        self.has_steps = any(one.method is Method.ISOTONIC for one in self.maps)
        sigmoids = torch.tensor([_sigmoid(one, self.temperature) for one in self.maps])
        self.register_buffer("sigmoids", sigmoids.reshape(len(self.maps), 5).T)
        self.sigmoids: torch.Tensor
        steps = _steps(self.maps)
        self.register_buffer("given", steps[0])
        self.register_buffer("become", steps[1])
        self.register_buffer("is_stepped", steps[2])
        self.given: torch.Tensor
        self.become: torch.Tensor
        self.is_stepped: torch.Tensor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give calibrated probabilities (rows, labels)."""
        proba: torch.Tensor = self.head(x)
        if self.has_own:
            return self._by_label(proba)
        if self.temperature == 1.0:
            return proba
        if self.exclusive:
            shares = torch.log(proba.clamp(SMALLEST_PROBA, 1.0)) / self.temperature
            known = shares.masked_fill(shares.isnan(), -torch.inf)
            return torch.softmax(known, dim=-1) + 0.0 * proba  # NaN stays NaN
        return torch.sigmoid((torch.log(proba) - torch.log1p(-proba)) / self.temperature)

    def _by_label(self, proba: torch.Tensor) -> torch.Tensor:
        rising, falling, shift, low, high = self.sigmoids
        p = torch.minimum(torch.maximum(proba, low), high)
        mended = torch.sigmoid(rising * torch.log(p) - falling * torch.log1p(-p) + shift)
        if not self.has_steps:
            return mended
        return torch.where(self.is_stepped, self._stepped(proba), mended)

    def _stepped(self, proba: torch.Tensor) -> torch.Tensor:
        """Along the line between the two knots that a probability lies between."""
        given, become = self.given, self.become
        n_below = (proba.unsqueeze(-1) >= given).sum(dim=-1)
        right = n_below.clamp(1, given.shape[1] - 1).unsqueeze(-1)
        rows = given.expand(*proba.shape, -1), become.expand(*proba.shape, -1)
        x0, x1 = (torch.gather(rows[0], -1, at).squeeze(-1) for at in (right - 1, right))
        y0, y1 = (torch.gather(rows[1], -1, at).squeeze(-1) for at in (right - 1, right))
        width = x1 - x0
        share = (proba - x0) / torch.where(width > 0, width, torch.ones_like(width))
        return y0 + share.clamp(0.0, 1.0) * (y1 - y0)

    def as_layers(self) -> list[Layer] | None:
        """The same as layers whose last activation gives calibrated probabilities, if it can be.

        A temperature and Platt's sigmoid are one more linear step; the other ways are not.
        """
        if not isinstance(self.head, DenseHead) or self.head.exclusive:
            return None
        *before, last = self.head.layers
        slope = torch.full_like(last.bias, 1 / self.temperature)
        shift = torch.zeros_like(last.bias)
        if self.has_own:
            if any(one.method in (Method.BETA, Method.ISOTONIC) for one in self.maps):
                return None
            slope, shift = self.sigmoids[0], self.sigmoids[2]
        bias = slope * last.bias + shift + self.head.taught
        return [*before, Layer(slope[:, None] * last.weight, bias, torch.nn.Sigmoid())]


def _sigmoid(one: Map, temperature: float) -> tuple[float, float, float, float, float]:
    """Slopes of ln p and of -ln(1 - p), the shift, and where p is cut below and above."""
    ends = SMALLEST_PROBA, 1 - SMALLEST_PROBA
    if one.method is Method.PLATT:
        slope, shift = one.values
        return slope, slope, shift, *ends
    if one.method is Method.BETA:
        rising, falling, shift = one.values
        return rising, falling, shift, *ends
    return 1 / temperature, 1 / temperature, 0.0, 0.0, 1.0


def _steps(maps: Sequence[Map]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Knots (labels, knots) and what they become, the last repeated; and whose they are."""
    halves = [
        (one.values[: len(one.values) // 2], one.values[len(one.values) // 2 :])
        if one.method is Method.ISOTONIC
        else ((0.0, 1.0), (0.0, 1.0))
        for one in maps
    ]
    most = max([2, *(len(given) for given, _ in halves)])
    sides = [
        torch.tensor(
            [[*half[side], *[half[side][-1]] * (most - len(half[side]))] for half in halves],
            dtype=torch.float32,
        ).reshape(len(maps), most)
        for side in (0, 1)
    ]
    is_stepped = torch.tensor([one.method is Method.ISOTONIC for one in maps], dtype=torch.bool)
    return sides[0], sides[1], is_stepped
