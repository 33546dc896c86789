from __future__ import annotations

import io
import tracemalloc
from pathlib import Path

import pytest

from core.exchange.dialect import Dialect, FileKind
from core.exchange.read import MAX_CHARS, BadRow, Row, read_header, read_rows

JSONL = Dialect(kind=FileKind.JSONL, has_header=False)


def read(content: str | bytes, dialect: Dialect | None = None) -> list[Row | BadRow]:
    data = content.encode() if isinstance(content, str) else content
    return list(read_rows(io.BytesIO(data), dialect or Dialect()))


def numbers(rows: list[Row | BadRow]) -> list[tuple[int, bool]]:
    """Row numbers, and whether each could be read."""
    return [(row.number, isinstance(row, Row)) for row in rows]


def test_rows_are_counted_as_a_spreadsheet_shows_them() -> None:
    rows = read('text,labels\n"two\nlines",a\nplain,b\n')
    assert rows == [
        Row(2, {"text": "two\nlines", "labels": "a"}),
        Row(3, {"text": "plain", "labels": "b"}),
    ]


def test_without_a_header_the_first_row_is_row_one() -> None:
    rows = read("a,b\nc,d\n", Dialect(has_header=False))
    assert rows[0] == Row(1, {"column 1": "a", "column 2": "b"})


def test_long_short_and_blank_rows_are_bad_and_the_rest_is_read() -> None:
    rows = read("text,labels\na,b,c\nonly\n\ngood,x\n")
    assert numbers(rows) == [(2, False), (3, False), (4, False), (5, True)]
    reasons = [row.reason for row in rows if isinstance(row, BadRow)]
    assert "3 cells and the header 2" in reasons[0]
    assert "1 cells and the header 2" in reasons[1]
    assert "blank" in reasons[2]


def test_empty_cells_beyond_the_header_do_no_harm() -> None:
    assert read("text,labels\na,b,,\n") == [Row(2, {"text": "a", "labels": "b"})]


def test_a_quotation_mark_that_is_never_closed_costs_one_row() -> None:
    rows = read('text,labels\ngood,a\n"oh no,a\nfine,b\nalso fine,c\n')
    assert numbers(rows) == [(2, True), (3, False), (4, True), (5, True)]
    assert isinstance(rows[1], BadRow)
    assert "never closed" in rows[1].reason


def test_after_a_cell_of_several_lines_a_reason_names_the_line_too() -> None:
    rows = read('text,labels\n"one\ntwo\nthree",a\ntoo,many,cells\n')
    assert isinstance(rows[1], BadRow)
    assert rows[1].number == 3
    assert rows[1].reason.endswith("(line 5)")


def test_a_quotation_mark_inside_a_quoted_cell_is_named_and_not_mangled() -> None:
    rows = read('text,labels\n"He said "hello" to me",a\ngood,b\n')
    assert numbers(rows) == [(2, False), (3, True)]
    assert isinstance(rows[0], BadRow)
    assert "double it" in rows[0].reason


def test_undecodable_bytes_and_nuls_make_a_row_bad() -> None:
    rows = read(b"text,labels\nbro\xffken,a\nnu\x00l,a\nfine,b\n")
    assert numbers(rows) == [(2, False), (3, False), (4, True)]


def test_an_undecodable_place_in_utf16_makes_one_row_bad() -> None:
    lone = b"\x00\xd8"  # half a surrogate pair
    content = "text\nbad ".encode("utf-16-le") + lone + " one\nfine\n".encode("utf-16-le")
    assert numbers(read(content, Dialect(encoding="utf-16-le"))) == [(2, False), (3, True)]


def test_old_mac_line_ends_end_lines() -> None:
    assert [row.number for row in read("text,labels\ra,b\rc,d\r")] == [2, 3]


def test_only_ends_of_line_end_a_line() -> None:
    assert read("text\na\x85b\u2028c\x0bd\n") == [Row(2, {"text": "a\x85b\u2028c\x0bd"})]


def test_a_cell_of_a_million_characters_is_read() -> None:
    text = "word " * 200_000
    assert read(f"text,labels\n{text},a\n") == [Row(2, {"text": text, "labels": "a"})]


def test_a_line_beyond_every_limit_is_bad_and_the_next_is_read(tmp_path: Path) -> None:
    path = tmp_path / "endless.csv"
    path.write_text("text\n" + "x" * (2 * MAX_CHARS + 5) + "\nfine\n")
    rows = list(read_rows(path, Dialect()))
    assert numbers(rows) == [(2, False), (3, True)]


def test_header_cells_of_the_same_name_are_told_apart_and_reported() -> None:
    header = read_header(io.BytesIO(b"text,text,,text (2)\n"), Dialect())
    assert header.columns == ("text", "text (3)", "column 3", "text (2)")
    assert "'text'" in header.warnings[0]


def test_every_line_of_json_gives_a_row_or_a_reason() -> None:
    escapes = ['{"text": "\\ud800"}', '{"text": "\\u0000"}']
    rows = read("\n".join(['{"text": "a"}', "", "[1]", '"b"', '{"text": ', *escapes]), JSONL)
    assert numbers(rows) == [(1, True)] + [(n, False) for n in range(2, 8)]


def test_json_too_deep_to_read_is_a_reason_and_no_crash() -> None:
    rows = read('{"text": ' + "[" * 200_000 + "\n" + '{"text": "fine"}\n', JSONL)
    assert numbers(rows) == [(1, False), (2, True)]


def test_emoji_written_as_a_surrogate_pair_are_fine() -> None:
    assert read('{"text": "\\ud83d\\ude00"}', JSONL) == [Row(1, {"text": "😀"})]


@pytest.mark.parametrize("n_rows", [2_000, 40_000])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, n_rows: int) -> None:
    path = tmp_path / "long.csv"
    path.write_text("text,labels\n" + ("word " * 60 + ",a\n") * n_rows)
    tracemalloc.start()
    assert sum(1 for _ in read_rows(path, Dialect())) == n_rows
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000
