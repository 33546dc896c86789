"""What a replay found, as tables for people and as files for the record."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.charts.replay_curves import replay_curves
from core.replay.data import ReplayData
from core.replay.folder import write_whole
from core.replay.options import options_in_full
from core.replay.results import RoundResult, Run
from core.replay.statistics import N_RESAMPLES
from core.strategies.plan import ReplayPlan
from core.versions import code_version, package_versions

STATISTICS = "statistics.json"
MEASURES = {"micro_f1": "micro-F1", "macro_f1": "macro-F1"}


def write_results(
    folder: Path,
    plan: ReplayPlan,
    data: ReplayData,
    *,
    encoder: Mapping[str, Any],
    runs: Sequence[Run],
    full: Mapping[int, RoundResult],
    statistics: Mapping[str, Any],
) -> None:
    """Write statistics.json, rounds.csv, curves.json and curves.html into `folder`."""
    rounds = [row for run in runs for row in _figures(run)]
    record = {
        "plan": plan.to_json(),
        "plan_fingerprint": plan.fingerprint,
        "learner_options": options_in_full(plan),
        "data": {
            "name": data.name,
            "sha256": data.sha256,
            "n_pool": len(data.texts),
            "n_test": len(data.test_texts),
            "n_labels": len(data.labels),
            "note": data.note,
        },
        "encoder": dict(encoder),
        "code_version": code_version(),
        "packages": package_versions(),
        "n_resamples": N_RESAMPLES,
        "statistics": statistics,
        "rounds": rounds,
        "everything_judged": {str(seed): _without_rows(result) for seed, result in full.items()},
    }
    write_whole(folder / STATISTICS, json.dumps(record, indent=1, allow_nan=False))
    with (folder / "rounds.csv").open("w", encoding="utf-8", newline="") as file:
        columns = ["arm", "seed", "round", *_columns()]
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rounds)
    _write_curves(folder, statistics)


def _write_curves(folder: Path, statistics: Mapping[str, Any]) -> None:
    """One page that needs no network: plotly's script lies beside it, once."""
    figures = {measure: replay_curves(statistics, measure=measure) for measure in MEASURES}
    write_whole(
        folder / "curves.json",
        json.dumps({m: f.to_plotly_json() for m, f in figures.items()}, default=list),
    )
    page = figures["micro_f1"].to_html(include_plotlyjs="directory")
    second = figures["macro_f1"].to_html(include_plotlyjs=False, full_html=False)
    write_whole(folder / "curves.html", page.replace("</body>", f"{second}</body>"))
    script = folder / "plotly.min.js"
    if not script.exists():
        from plotly.offline import get_plotlyjs

        write_whole(script, get_plotlyjs())


def tables(statistics: Mapping[str, Any]) -> str:
    """Everything worth reading in a terminal."""
    if not statistics["seeds"]:
        return "No seed has been played to its end by all arms yet."
    parts = [curves_table(statistics, measure) for measure in MEASURES]
    parts.append(needed_table(statistics))
    if statistics["differences"]:
        parts += [differences_table(statistics, measure) for measure in MEASURES]
    return "\n\n".join(parts)


def curves_table(statistics: Mapping[str, Any], measure: str = "micro_f1") -> str:
    """Mean ± standard deviation over seeds, by judged documents and arm."""
    arms = {name: told[measure] for name, told in statistics["arms"].items()}
    rows = [[MEASURES[measure], *arms]]
    for at, n in enumerate(statistics["n_judged"]):
        rows.append([str(n), *(_spread(t["mean"][at], t["sd"][at]) for t in arms.values())])
    rows.append(["area", *(_spread(t["area"]["mean"], t["area"]["sd"]) for t in arms.values())])
    whole = statistics["full_data"][measure]
    told = _spread(whole["mean"], whole["sd"])
    return f"{_aligned(rows)}\neverything judged: {told}"


def needed_table(statistics: Mapping[str, Any]) -> str:
    """Judged documents until shares of the full data's micro-F1, and seconds per question."""
    arms = statistics["arms"]
    shares = list(next(iter(arms.values()))["micro_f1"]["needed"])
    rows = [["to reach", *(f"{float(share):.0%}" for share in shares), "s/query"]]
    for name, told in arms.items():
        needed = [told["micro_f1"]["needed"][share]["by_mean"] for share in shares]
        last = statistics["n_judged"][-1]
        cells = [f"> {last}" if value is None else f"{value:.0f}" for value in needed]
        rows.append([name, *cells, _number(told["query_seconds"]["mean"], ".2f")])
    return _aligned(rows)


def differences_table(statistics: Mapping[str, Any], measure: str = "micro_f1") -> str:
    """Each arm against the baseline: area, seeds ahead, judgements saved, with 95 % intervals."""
    differences = statistics["differences"]
    shares = list(next(iter(differences.values()))[measure]["saving"])
    heads = [f"saves at {float(share):.0%}" for share in shares]
    rows = [[f"{MEASURES[measure]} against {statistics['baseline']}", "area", "ahead", *heads]]
    for name, told in differences.items():
        area = told[measure]["area"]
        n_seeds = len(area["by_seed"])
        savings = [_saved(told[measure]["saving"][share]) for share in shares]
        rows.append([name, _between(area, "+.4f"), f"{area['n_ahead']} of {n_seeds}", *savings])
    return _aligned(rows)


def _figures(run: Run) -> list[dict[str, Any]]:
    return [
        {"arm": run.arm.name, "seed": run.seed, "round": number, **_without_rows(result)}
        for number, result in enumerate(run.rounds)
    ]


def _without_rows(result: RoundResult) -> dict[str, Any]:
    return {key: value for key, value in result.to_json().items() if key != "asked"}


def _columns() -> list[str]:
    return [field.name for field in dataclasses.fields(RoundResult) if field.name != "asked"]


def _saved(told: Mapping[str, Any]) -> str:
    if told["value"] is None:
        return "not reached"
    at_least = "≥ " if told["is_at_least"] else ""
    return at_least + _between({**told, "mean": told["value"]}, ".0%")


def _between(told: Mapping[str, Any], form: str) -> str:
    mean, low, high = (_number(told[key], form) for key in ("mean", "low", "high"))
    return mean if told["low"] is None and told["high"] is None else f"{mean} [{low}, {high}]"


def _spread(mean: float | None, sd: float | None) -> str:
    return _number(mean, ".4f") + ("" if sd is None else f" ± {sd:.4f}")


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    first, *others = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for head, *cells in rows:
        right = [cell.rjust(width) for cell, width in zip(cells, others, strict=True)]
        lines.append("  ".join([head.ljust(first), *right]).rstrip())
    return "\n".join(lines)
