from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.evaluation.outputs import EvaluationOutputs
from core.reporting import findings
from core.reporting.material import gather
from core.reporting.tables import Table, write_table

Make = Callable[..., EvaluationOutputs]


def test_texts_that_a_spreadsheet_would_run_are_guarded_and_numbers_are_not(
    tmp_path: Path,
) -> None:
    rows = [("=HYPERLINK(1)", -0.5), ("@x", float("nan")), ("plain", None), ('"quoted", ', 3)]
    write_table(tmp_path, Table("t", "T", ("name", "value"), rows))
    with (tmp_path / "t.csv").open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [
            ["name", "value"],
            ["'=HYPERLINK(1)", "-0.5"],
            ["'@x", ""],
            ["plain", ""],
            ['"quoted", ', "3"],
        ]


def test_pandas_reads_a_table_without_being_told_anything(tmp_path: Path) -> None:
    write_table(tmp_path, Table("t", "T", ("label", "f1"), [("é", 0.25), ("b", None)]))
    read = pd.read_csv(tmp_path / "t.csv")
    assert list(read.columns) == ["label", "f1"]
    assert read["f1"].tolist()[0] == 0.25


def test_errors_come_the_surest_first_with_their_beginning(make_outputs: Make) -> None:
    outputs = make_outputs(
        ("a", "b"),
        n=3,
        folds=None,
        texts=("one", "two", "three"),
        external_ids=("x", "y", "z"),
    )
    proba = np.array([[0.95, 0.1], [0.6, 0.2], [0.2, 0.7]], dtype=np.float32)
    truth = np.array([[0, 1], [1, 0], [1, -1]], dtype=np.int8)
    table = findings.errors(gather(replace(outputs, proba=proba, truth=truth)))
    assert table.columns[0] == "document"
    told = [(row[0], row[1], row[2], round(float(row[5]), 3), row[6]) for row in table.rows]
    assert told == [
        ("x", "a", "absent", 0.95, "one"),
        ("x", "b", "present", 0.9, "one"),
        ("z", "a", "present", 0.8, "three"),
    ]


def test_errors_without_texts_name_the_document_alone(make_outputs: Make) -> None:
    table = findings.errors(gather(make_outputs(), with_texts=False))
    assert "text" not in table.columns
    assert table.rows
    assert "letter" not in str(table.rows)


def test_thresholds_say_whose_they_are(make_outputs: Make) -> None:
    table = findings.thresholds(gather(make_outputs(thresholds=np.array([0.5, 0.3, 0.5]))))
    assert [row[1:3] for row in table.rows] == [(0.5, "shared"), (0.3, "its own"), (0.5, "shared")]


def test_calibration_before_is_there_where_it_was_kept(make_outputs: Make) -> None:
    outputs = make_outputs()
    assert "ece_before" not in findings.calibration(gather(outputs)).columns
    with_raw = make_outputs(raw=outputs.proba**2)
    table = findings.calibration(gather(with_raw))
    assert "ece_before" in table.columns
    assert [row[0] for row in table.rows] == ["(all labels)", *outputs.names]
    assert all(len(row) == len(table.columns) for row in table.rows)


@pytest.mark.parametrize("name", ["sweep", "reliability_bins", "pairs", "errors", "calibration"])
def test_nothing_measured_makes_tables_that_can_be_written(
    make_outputs: Make, tmp_path: Path, name: str
) -> None:
    material = gather(make_outputs(n=4, unjudged=1.1))
    table = getattr(findings, name)(material)
    write_table(tmp_path, table)
    assert (tmp_path / f"{table.name}.csv").stat().st_size > 10
