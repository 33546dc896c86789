"""From runs to statistics, tables and files."""

import csv
import json

import numpy as np
import pytest

from core.replay.compare import compare
from core.replay.data import ReplayData
from core.replay.report import curves_table, differences_table, needed_table, tables, write_results
from core.replay.results import RoundResult, Run
from tests.unit.replay.gold import plan_of

PLAN = plan_of("random", "bald", seeds=2)
FULL = {seed: RoundResult(1000, 0.5, 0.5, 0.4, 0.5, 0.4) for seed in (0, 1)}
CURVES = {
    ("random", 0): (0.2, 0.4),
    ("random", 1): (0.3, 0.5),
    ("bald", 0): (0.2, 0.6),
    ("bald", 1): (0.3, 0.4),
}


def run(arm, seed, heights):
    """Two rounds with these micro-F1, and half of them as macro-F1."""
    rounds = [
        RoundResult(n, 0.5, f1, f1 / 2, f1, f1 / 2, seconds=2.0, query_seconds=0.25)
        for n, f1 in zip((100, 200), heights, strict=True)
    ]
    return Run(next(a for a in PLAN.arms if a.name == arm), seed, tuple(rounds))


def runs_of(curves=CURVES):
    return [run(arm, seed, heights) for (arm, seed), heights in curves.items()]


def test_curves_areas_and_differences_by_hand():
    found = compare(PLAN, runs_of(), FULL)
    assert (found["seeds"], found["n_judged"], found["baseline"]) == ([0, 1], [100, 200], "random")
    bald = found["arms"]["bald"]["micro_f1"]
    assert bald["mean"] == pytest.approx([0.25, 0.5])
    assert bald["sd"] == pytest.approx([0.05 * 2**0.5, 0.1 * 2**0.5])
    assert bald["area"]["by_seed"] == pytest.approx([0.4, 0.35])
    assert found["arms"]["bald"]["query_seconds"] == {"mean": 0.25, "highest": 0.25}
    area = found["differences"]["bald"]["micro_f1"]["area"]
    assert area["by_seed"] == pytest.approx([0.1, -0.05])
    assert (area["n_ahead"], area["n_behind"]) == (1, 1)
    assert found["differences"]["bald"]["macro_f1"]["area"]["mean"] == pytest.approx(0.0125)
    assert found["full_data"]["micro_f1"]["mean"] == 0.5
    json.dumps(found, allow_nan=False)


def test_judgements_needed_and_saved_by_hand():
    found = compare(PLAN, runs_of(), FULL)  # 90 % of 0.5 is 0.45
    assert found["arms"]["random"]["micro_f1"]["needed"]["0.9"]["by_mean"] == pytest.approx(200)
    assert found["arms"]["bald"]["micro_f1"]["needed"]["0.9"]["by_mean"] == pytest.approx(180)
    assert found["arms"]["bald"]["micro_f1"]["needed"]["0.9"]["by_seed"] == [162.5, None]
    saving = found["differences"]["bald"]["micro_f1"]["saving"]["0.9"]
    assert saving["value"] == pytest.approx(0.1)
    assert saving["low"] is None  # seed 1 twice, 1 resample in 4: not reached


def test_a_seed_that_one_arm_has_not_finished_is_left_out_for_all():
    runs = [r for r in runs_of() if (r.arm.name, r.seed) != ("bald", 1)]
    assert compare(PLAN, runs, FULL)["seeds"] == [0]
    cut = Run(PLAN.arms[1], 1, runs_of()[3].rounds[:1])
    assert compare(PLAN, [*runs, cut], FULL)["seeds"] == [0]
    assert compare(PLAN, runs_of(), {1: FULL[1]})["seeds"] == [1]


def test_before_anything_is_finished_there_is_nothing_to_tell():
    found = compare(PLAN, [], {})
    assert (found["arms"], found["differences"], found["seeds"]) == ({}, {}, [])
    assert "No seed" in tables(found)


def test_without_a_baseline_there_are_no_differences():
    plan = plan_of("bald", seeds=2)
    found = compare(plan, runs_of()[2:], FULL)
    assert found["baseline"] is None
    assert found["differences"] == {}
    assert "against" not in tables(found)


def test_an_undefined_score_is_none_and_not_zero():
    curves = {**CURVES, ("bald", 0): (float("nan"), 0.6)}
    found = compare(PLAN, runs_of(curves), FULL)
    assert found["arms"]["bald"]["micro_f1"]["mean"] == [None, pytest.approx(0.5)]
    assert "–" in tables(found)
    json.dumps(found, allow_nan=False)


def test_the_tables_by_hand():
    found = compare(PLAN, runs_of(), FULL)
    lines = curves_table(found).splitlines()
    assert lines[0].split() == ["micro-F1", "random", "bald"]
    assert lines[1].split() == ["100", *["0.2500", "±", "0.0707"] * 2]
    assert lines[3].split() == ["area", "0.3500", "±", "0.0707", "0.3750", "±", "0.0354"]
    assert lines[4] == "everything judged: 0.5000 ± 0.0000"
    needed = [line.split() for line in needed_table(found).splitlines()]
    assert needed[0] == ["to", "reach", "90%", "95%", "s/query"]
    assert needed[1] == ["random", "200", ">", "200", "0.25"]
    (row,) = differences_table(found).splitlines()[1:]
    assert row.split()[:5] == ["bald", "+0.0250", "[-0.0500,", "+0.1000]", "1"]
    assert "10% [–, " in row


def test_the_record_is_whole_and_needs_no_network(tmp_path):
    data = ReplayData("t", ["a"], ["x"], np.ones((1, 1), np.int8), ["y"], np.ones((1, 1), np.int8))
    found = compare(PLAN, runs_of(), FULL)
    about = {"name": "bundled", "fingerprint": "ab"}
    for _ in range(2):  # written over, as when more seeds are played
        write_results(
            tmp_path, PLAN, data, encoder=about, runs=runs_of(), full=FULL, statistics=found
        )
    record = json.loads((tmp_path / "statistics.json").read_text("utf-8"))
    assert record["plan"]["seeds"] == [0, 1]
    assert record["data"]["sha256"] == data.sha256
    assert record["learner_options"]["dropout"] == 0.5
    assert {"torch", "numpy", "python"} <= set(record["packages"])
    assert record["code_version"]
    assert record["statistics"] == found
    assert len(record["rounds"]) == 8
    assert record["everything_judged"]["1"]["n_judged"] == 1000
    with (tmp_path / "rounds.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["arm"] for row in rows[:2]] == ["random", "random"]
    assert float(rows[1]["micro_f1"]) == 0.4
    page = (tmp_path / "curves.html").read_text("utf-8")
    assert 'src="plotly.min.js"' in page
    assert "https://cdn" not in page
    assert (tmp_path / "plotly.min.js").stat().st_size > 1_000_000
    assert set(json.loads((tmp_path / "curves.json").read_text("utf-8"))) == {
        "micro_f1",
        "macro_f1",
    }
