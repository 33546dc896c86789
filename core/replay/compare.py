"""From the runs of a plan to its statistics: one mapping, as it is written and drawn."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.replay.results import RoundResult, Run
from core.replay.statistics import (
    Difference,
    Floats,
    Needed,
    Saving,
    area_under_curve,
    needed_by,
    paired_difference,
    resampled_seeds,
    saving,
)
from core.strategies.plan import ReplayPlan

MEASURES = ("micro_f1", "macro_f1")
AT_HALF = "_at_half"


def compare(
    plan: ReplayPlan, runs: Sequence[Run], full: Mapping[int, RoundResult]
) -> dict[str, Any]:
    """Compare the arms over the seeds that all of them have played.

    Parameters
    ----------
    runs
        Of the plan; those that are not played to their end are left out, with
        all runs of their seed.
    full
        Scores with the whole pool judged, by seed.

    Returns
    -------
    statistics
        "seeds", "n_judged" (rounds,), "baseline" (None without one), "full_data",
        "arms" and "differences", the last two by arm and measure. None where
        something is undefined.
    """
    curves = _Curves(plan, runs, full)
    arms = {arm.name: curves.about(arm.name) for arm in plan.arms} if curves.seeds else {}
    others = [arm.name for arm in plan.arms if arm.name != plan.baseline]
    has_pairs = bool(curves.seeds) and plan.baseline is not None
    return {
        "seeds": list(curves.seeds),
        "n_judged": curves.n_judged.tolist(),
        "baseline": plan.baseline,
        "full_data": {measure: _spread(curves.full(measure)) for measure in MEASURES},
        "arms": arms,
        "differences": {name: curves.against_baseline(name) for name in others if has_pairs},
    }


class _Curves:
    """The figures of runs as arrays (seeds, rounds)."""

    def __init__(
        self, plan: ReplayPlan, runs: Sequence[Run], full: Mapping[int, RoundResult]
    ) -> None:
        self._plan, self._full = plan, full
        self._rounds = {(run.arm.name, run.seed): run.rounds for run in runs}
        longest = max((len(run.rounds) for run in runs), default=0)
        self.seeds = tuple(
            seed
            for seed in plan.seeds
            if longest
            and seed in full
            and all(len(self._rounds.get((arm.name, seed), ())) == longest for arm in plan.arms)
        )
        first = self._rounds[plan.arms[0].name, self.seeds[0]] if self.seeds else ()
        self.n_judged: NDArray[np.int64] = np.array([r.n_judged for r in first], dtype=np.int64)
        self._weights = resampled_seeds(len(self.seeds)) if self.seeds else np.empty((0, 0))

    def of(self, arm: str, figure: str) -> Floats:
        """One figure of an arm, (seeds, rounds)."""
        rows = [[getattr(r, figure) for r in self._rounds[arm, seed]] for seed in self.seeds]
        return np.array(rows, dtype=np.float64)

    def full(self, measure: str) -> Floats:
        """The scores with everything judged, (seeds,)."""
        return np.array([getattr(self._full[seed], measure) for seed in self.seeds])

    def about(self, arm: str) -> dict[str, Any]:
        """What an arm reached."""
        told: dict[str, Any] = {measure: self._reached(arm, measure) for measure in MEASURES}
        for measure in MEASURES:
            told[measure + AT_HALF] = _by_round(self.of(arm, measure + AT_HALF))
        query_seconds = self.of(arm, "query_seconds")[:, :-1]
        told["query_seconds"] = {
            "mean": _known(query_seconds.mean()) if query_seconds.size else None,
            "highest": _known(query_seconds.max(initial=0.0)),
        }
        told["seconds"] = _known(self.of(arm, "seconds").mean())
        return told

    def against_baseline(self, arm: str) -> dict[str, Any]:
        """How an arm compares with the plan's baseline, by measure."""
        assert self._plan.baseline is not None
        told = {}
        for measure in MEASURES:
            curves, baseline = self.of(arm, measure), self.of(self._plan.baseline, measure)
            area = paired_difference(
                area_under_curve(self.n_judged, curves),
                area_under_curve(self.n_judged, baseline),
                weights=self._weights,
            )
            last = paired_difference(curves[:, -1], baseline[:, -1], weights=self._weights)
            savings = {
                f"{share:g}": _as_json(
                    saving(
                        self.n_judged,
                        curves,
                        baseline,
                        self.full(measure),
                        share=share,
                        weights=self._weights,
                    )
                )
                for share in self._plan.targets
            }
            told[measure] = {
                "area": _as_json(area),
                "last": _as_json(last),
                "saving": savings,
            }
        return told

    def _reached(self, arm: str, measure: str) -> dict[str, Any]:
        curves = self.of(arm, measure)
        needed = {
            f"{share:g}": _as_json(needed_by(self.n_judged, curves, self.full(measure), share))
            for share in self._plan.targets
        }
        area = _spread(area_under_curve(self.n_judged, curves))
        return {**_by_round(curves), "area": area, "needed": needed}


def _by_round(curves: Floats) -> dict[str, Any]:
    """Mean and standard deviation over seeds, each (rounds,)."""
    sd = curves.std(axis=0, ddof=1) if len(curves) > 1 else np.full(curves.shape[1], np.nan)
    return {"mean": [*map(_known, curves.mean(axis=0))], "sd": [*map(_known, sd)]}


def _spread(figures: Floats) -> dict[str, Any]:
    """Mean, standard deviation and the figures themselves, by seed."""
    return {
        "mean": _known(figures.mean()) if len(figures) else None,
        "sd": _known(figures.std(ddof=1)) if len(figures) > 1 else None,
        "by_seed": [*map(_known, figures)],
    }


def _as_json(told: Difference | Needed | Saving) -> dict[str, Any]:
    values = dataclasses.asdict(told)
    return {
        key: list(value) if isinstance(value, tuple) else value for key, value in values.items()
    }


def _known(value: float | np.floating[Any]) -> float | None:
    return float(value) if np.isfinite(value) else None
