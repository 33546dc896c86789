from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import ImportRefused
from core.exchange.dialect import Dialect, FileKind
from core.exchange.sniff import sniff

TABLE = "text,labels\nA café in Málaga,food|travel\nThe 8:15 train is late,travel\n"


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("cp1252", "cp1252"),
    ],
)
def test_encodings_are_told_apart_by_the_bytes(encoding: str, found: str) -> None:
    dialect = sniff(TABLE.encode(encoding), "a.csv")
    assert (dialect.encoding, dialect.delimiter, dialect.has_header) == (found, ",", True)


def test_a_guessed_encoding_is_said_to_be_guessed() -> None:
    assert "not UTF-8" in sniff(TABLE.encode("cp1252"), "a.csv").notes[0]
    assert sniff(TABLE.encode(), "a.csv").notes == ()


def test_utf8_is_checked_to_the_last_byte_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_bytes(b"text,labels\n" + b"plain words,a\n" * 60_000 + "café,b\n".encode("cp1252"))
    assert sniff(path, "long.csv").encoding == "cp1252"


def test_one_damaged_letter_does_not_turn_utf8_into_something_else() -> None:
    damaged = TABLE.encode() + "naïve café,food\n".encode() + b"broken \xe9 letter,food\n"
    dialect = sniff(damaged, "a.csv")
    assert dialect.encoding == "utf-8"
    assert "rows they stand in are rejected" in dialect.notes[0]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_told_apart_whatever_the_file_is_called(delimiter: str) -> None:
    rows = [("text", "labels"), ("Hello, you there", "a"), ("One more; and then", "b")] * 1
    text = "\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)
    assert sniff(text.encode(), "a.jsonl").delimiter == delimiter


def test_a_label_separator_that_is_commoner_than_the_delimiter_does_not_win() -> None:
    rows = "text,labels\n" + "".join(f"Message {i},a|b|c|d\n" for i in range(30))
    assert sniff(rows.encode(), "a.csv").delimiter == ","


def test_the_line_excel_writes_for_itself_names_the_delimiter() -> None:
    dialect = sniff(b"sep=;\ntext;labels\nHello, you;a\n", "a.csv")
    assert (dialect.delimiter, dialect.n_skipped) == (";", 1)


def test_stray_quotation_marks_in_a_table_without_quoting_are_letters() -> None:
    rows = ['"hello he said\tgreeting', "plain\tother", 'a "quoted" word\tother'] * 20
    text = "\n".join(["text\tlabels", *rows])
    assert sniff(text.encode(), "a.tsv").quotechar == ""


def test_json_lines_are_known_by_their_content() -> None:
    dialect = sniff(b'{"text": "a"}\nnot json\n{"text": "b"}\n', "a.csv")
    assert dialect.kind is FileKind.JSONL


def test_lines_that_make_no_table_are_texts() -> None:
    lines = "One, two, three.\nJust this\nAnd, finally, that, too\nNo comma here\n" * 5
    dialect = sniff(lines.encode(), "a.csv")
    assert (dialect.kind, dialect.has_header) == (FileKind.LINES, False)


def test_a_table_without_header_is_seen() -> None:
    rows = [f'"{i % 4}","A headline about the number {i}","More words {i}"' for i in range(9)]
    assert not sniff("\n".join(rows).encode(), "a.csv").has_header


def test_a_cell_longer_than_the_sample_does_not_hide_the_table(tmp_path: Path) -> None:
    path = tmp_path / "huge.csv"
    path.write_text(
        "text,labels\n" + '"' + "many, many, words\nand more\n" * 30_000 + '",a\nshort,b\n'
    )
    assert sniff(path, "huge.csv") == Dialect()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\r\n\r\n \t\n", "blank"),
        (b"PK\x03\x04....xl/workbook.xml", "Excel workbook"),
        (b"PK\x03\x04....evil.csv", "zip archive"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 50, "old Excel"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"<!DOCTYPE html><html>", "web page"),
        (bytes(range(256)) * 20, "no text"),
        (b"text,labels\n" + b"\0" * 2_000, "NUL"),
        (b'[{"text": "a"}]', "JSON array"),
        (b'[\n  {"text": "a"}\n]', "JSON array"),
        (b'{\n  "text": "a"\n}', "one JSON document"),
        (b"sep=;\n", "no rows"),
    ],
)
def test_what_is_no_table_is_refused_by_name(content: bytes, said: str) -> None:
    with pytest.raises(ImportRefused, match=said) as refused:
        sniff(content, "letters.csv")
    assert "letters.csv" in str(refused.value)
