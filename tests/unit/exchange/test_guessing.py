from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import ImportRefused
from core.exchange.guess import Guess, guess, preview
from core.exchange.mapping import LabelLayout, Reading
from core.exchange.read import BadRow

Look = Callable[[str], Guess]


@pytest.fixture
def look(tmp_path: Path) -> Look:
    def look(content: str) -> Guess:
        path = tmp_path / "file.csv"
        path.write_text(content, encoding="utf-8", newline="")
        return guess(path, "file.csv")

    return look


def table(*rows: tuple[object, ...]) -> str:
    return "\n".join(",".join(map(str, row)) for row in rows) + "\n"


def test_text_labels_and_id_are_found_and_explained(look: Look) -> None:
    found = look(
        table(
            ("key", "tags", "id", "tweet"),
            ("x", "a;b", 1, "What a lovely morning"),
            ("x", "b", 2, "It rains again today"),
        )
    )
    assert (found.text_column, found.label_columns, found.id_column) == ("tweet", ("tags",), "id")
    assert (found.label_layout, found.separator) == (LabelLayout.SEPARATED, ";")
    assert set(found.reasons) == {"format", "text", "labels", "id"}
    assert found.mapping().keep_columns == ("key",)
    assert found.preview[0]["tweet"] == "What a lovely morning"


def test_long_words_without_spaces_are_no_text(look: Look) -> None:
    link = "https://example.org/" + "a" * 200
    found = look(table(("url", "summary"), (link, "a short plot"), (link, "another short plot")))
    assert found.text_column == "summary"


def test_columns_of_flags_are_one_label_each_also_where_empty(look: Look) -> None:
    rows = (("text", "a", "b", "c"), ("Hello you", "x", "", ""), ("Bye now", "", "", "x"))
    found = look(table(*rows))
    assert (found.label_layout, found.label_columns) == (LabelLayout.MULTI_HOT, ("a", "b", "c"))
    assert found.blank_cell_means == "absent"


def test_blank_among_zeros_and_ones_means_unjudged(look: Look) -> None:
    found = look(table(("text", "a", "b"), ("Hello you", 1, ""), ("Bye now", 0, 1)))
    assert found.mapping().blank_cell_means == "unjudged"


def test_shares_of_annotators_are_not_taken_for_labels(look: Look) -> None:
    found = look(table(("text", "anger"), ("Hello you", 0.33), ("Bye now", 1)))
    assert found.label_layout is LabelLayout.NONE
    assert "'anger'" in found.warnings[0]


def test_label_numbers_without_names_are_pointed_out(look: Look) -> None:
    found = look(table(("text", "labels"), ("Hello you", "3"), ("Bye now", "1")))
    assert "numbers" in found.warnings[0]


def test_spaces_separate_labels_only_where_pieces_repeat(look: Look) -> None:
    spaced = [(f"Text number {i}", f"cs.{i % 5} math.{i % 7} x.{i % 3}") for i in range(60)]
    assert look(table(("text", "labels"), *spaced)).separator == " "
    phrases = [(f"Text number {i}", f"topic number {'abcdefg'[i % 7]}") for i in range(60)]
    assert look(table(("text", "labels"), *phrases)).separator == "|"


def test_a_comma_inside_a_label_name_is_no_separator(look: Look) -> None:
    rows = [(f"Text number {i}", '"Sports, outdoors"') for i in range(30)]
    assert look(table(("text", "labels"), *rows)).separator == "|"


def test_bad_rows_are_announced(look: Look) -> None:
    found = look("text,labels\nHello you,a\nOne,too,many\n")
    assert "1 of the first 2 rows" in found.warnings[0]


def test_a_header_alone_is_refused(look: Look) -> None:
    with pytest.raises(ImportRefused, match=r"'file.csv' has a header \('text', 'labels'\) but no"):
        look("text,labels\n")


def test_a_file_of_which_nothing_can_be_read_is_refused_with_its_first_reason(look: Look) -> None:
    with pytest.raises(ImportRefused, match=r"Row 2: .*3 cells"):
        look("text,labels\na,b,c\n")


@pytest.mark.parametrize("content", ['{"a": 1}\n{"a": 2}\n', "{}\n"])
def test_a_file_without_any_words_is_refused(content: str, look: Look) -> None:
    with pytest.raises(ImportRefused, match="holds text"):
        look(content)


def test_a_nul_in_one_row_does_not_hide_the_others(look: Look) -> None:
    found = look("text,labels\nHello you,a\nBye \0 now,b\n" + "Once more,a\n" * 20)
    assert (found.text_column, found.n_rows_seen) == ("text", 22)
    assert "NUL" in found.warnings[0]


def test_the_preview_shows_readings_and_bad_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = [{"text": "Hello", "labels": ["a"]}, {"text": None}]
    path.write_text("\n".join(map(json.dumps, lines)))
    found = guess(path, "a.jsonl")
    good, bad = preview(path, found.dialect, found.mapping())
    assert isinstance(good, Reading)
    assert good.labels == ("a",)
    assert isinstance(bad, BadRow)
    assert bad.number == 2
