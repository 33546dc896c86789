"""An inverse power law of the training size, fitted to a few points of a learning curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.errors import InputError
from core.evaluation.counts import Floats

EXPONENTS: Floats = np.geomspace(0.05, 2.0, 30)
EXPONENT_SPREAD = 0.8  # of its logarithm, around the usual one


@dataclass(frozen=True, eq=False)
class PowerLaw:
    """f(n) = a - b n^-c, never falling (b >= 0) and never above 1; each field (...)."""

    a: Floats
    b: Floats
    c: Floats

    def __call__(self, n: ArrayLike) -> Floats:
        """The score after `n` judgements, shape (...)."""
        value: Floats = self.a - self.b * np.asarray(n, dtype=np.float64) ** -self.c
        return value

    def more_needed(self, n: float, gain: float) -> Floats:
        """Judgements beyond `n` for so much more; infinite where the law levels out before."""
        room = self.b * n**-self.c - gain
        with np.errstate(divide="ignore", over="ignore"):
            more: Floats = np.where(
                room > 0, (self.b / np.where(room > 0, room, 1.0)) ** (1 / self.c) - n, np.inf
            )
        return more


def fit_power_law(
    n: ArrayLike,
    score: ArrayLike,
    *,
    spread: ArrayLike = 1.0,
    usual_exponent: ArrayLike | None = None,
) -> PowerLaw:
    """Fit by weighted least squares, many curves at a time.

    An inverse power law of the training size, as Figueroa, Zeng-Treitler,
    Kandula and Ngo (2012), "Predicting sample size required for classification
    performance". For each exponent from 0.05 to 2 the best a and b follow in
    closed form; the exponent with the smallest error is taken.

    Parameters
    ----------
    n : (sizes,) documents trained on, at least 3 different ones
    score : (..., sizes) in 0 … 1
    spread : (sizes,) standard error of each score
    usual_exponent : (...,) where given, the error also counts how far the
        exponent's logarithm lies from this one's, in units of
        `EXPONENT_SPREAD`: three points alone cannot tell how a curve bends

    Raises InputError for fewer than 3 sizes.
    """
    sizes, y = np.asarray(n, dtype=np.float64), np.asarray(score, dtype=np.float64)
    if sizes.ndim != 1 or len(np.unique(sizes)) < 3 or y.shape[-1:] != sizes.shape:
        raise InputError(
            f"A learning curve needs scores at 3 different sizes or more; sizes of shape "
            f"{sizes.shape} and scores of shape {y.shape} were given."
        )
    w = np.broadcast_to(np.asarray(spread, dtype=np.float64) ** -2, sizes.shape)
    x = sizes[None, :] ** -EXPONENTS[:, None]  # (exponents, sizes)
    a, b = _lines(x, y[..., None, :], w / w.sum())  # (..., exponents)
    error = (w * (a[..., None] - b[..., None] * x - y[..., None, :]) ** 2).sum(axis=-1)
    if usual_exponent is not None:
        away = np.log(EXPONENTS) - np.log(np.asarray(usual_exponent))[..., None]
        error = error + (away / EXPONENT_SPREAD) ** 2
    best = error.argmin(axis=-1)[..., None]
    return PowerLaw(
        a=np.take_along_axis(a, best, axis=-1)[..., 0],
        b=np.take_along_axis(b, best, axis=-1)[..., 0],
        c=EXPONENTS[best[..., 0]],
    )


def _lines(x: Floats, y: Floats, w: Floats) -> tuple[Floats, Floats]:
    """a and b of y = a - b x with b >= 0 and a <= 1, by least squares."""
    x_mean, y_mean = (w * x).sum(axis=-1), (w * y).sum(axis=-1)
    dx = x - x_mean[..., None]
    b = -(w * dx * (y - y_mean[..., None])).sum(axis=-1) / (w * dx**2).sum(axis=-1)
    b = np.maximum(b, 0.0)
    a = y_mean + b * x_mean
    through_one = np.maximum((w * x * (1 - y)).sum(axis=-1) / (w * x**2).sum(axis=-1), 0.0)
    return np.where(a > 1, 1.0, a), np.where(a > 1, through_one, b)
