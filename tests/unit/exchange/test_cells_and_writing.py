from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.exchange.cells import guard, join_labels, split_labels, unguard
from core.exchange.twins import look_alikes
from core.exchange.words import EXPORT_COLUMNS
from core.exchange.write import csv_chunks, jsonl_chunks

anything = st.text()
name = st.text(min_size=1).map(str.strip).filter(bool)


@given(anything)
def test_a_guarded_cell_comes_back_as_it_was(cell: str) -> None:
    assert unguard(guard(cell)) == cell


@given(st.sampled_from(["=", "+", "-", "@", "\t", "\r", "\n", "＝"]), anything)
def test_no_guarded_cell_begins_like_a_formula(first: str, rest: str) -> None:
    assert guard(first + rest) == "'" + first + rest


@pytest.mark.parametrize("cell", ["", "plain", "'tis", "a=1", "1-2"])
def test_harmless_cells_stay_as_they_are(cell: str) -> None:
    assert guard(cell) == cell


@given(st.lists(name, min_size=1))
def test_any_label_names_can_share_a_cell(names: list[str]) -> None:
    assert split_labels(join_labels(names), "|") == names


@given(anything, st.sampled_from(["|", ";", ",", " ", ""]))
def test_splitting_a_foreign_cell_gives_stripped_names_and_never_fails(cell: str, by: str) -> None:
    assert all(part and part == part.strip() for part in split_labels(cell, by))


def test_names_that_look_alike_are_paired() -> None:
    names = ["Sport", "sport", "é", "e\u0301", "zero\u200bwidth", "zerowidth", "１", "other"]
    assert look_alikes(names) == [
        ("Sport", "sport"), ("é", "e\u0301"), ("zero\u200bwidth", "zerowidth"),
    ]  # fmt: skip


ROW = dict.fromkeys(EXPORT_COLUMNS) | {
    "id": "7", "text": "=1+1", "labels": ["a|b", "c"], "absent": [], "unsure": [],
    "is_audited": False, "probabilities": {"a|b": 0.25, "c": None},
}  # fmt: skip


def test_csv_holds_a_mark_a_header_and_guarded_cells() -> None:
    text = "".join(csv_chunks([ROW]))
    assert text.startswith('\ufeff"id","text"')
    header, row = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    cells = dict(zip(header, row, strict=True))
    assert (cells["text"], cells["labels"], cells["is_audited"]) == ("'=1+1", r"a\|b|c", "false")
    assert (cells["p:a|b"], cells["p:c"], cells["round"]) == ("0.25", "", "")


def test_csv_without_rows_still_has_its_header() -> None:
    assert "".join(csv_chunks([])).count("\n") == 1


def test_json_lines_keep_lists_and_numbers() -> None:
    assert json.loads(next(jsonl_chunks([ROW]))) == ROW


def test_chunks_join_to_every_row_once() -> None:
    rows = [ROW | {"id": str(i)} for i in range(450)]
    chunks = list(csv_chunks(rows))
    assert len(chunks) == 3
    assert "".join(chunks).count("\r\n") == 451
