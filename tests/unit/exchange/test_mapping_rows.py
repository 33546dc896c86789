from __future__ import annotations

from typing import Any

import pytest

from core.errors import ImportRefused
from core.exchange.mapping import LabelLayout, Mapping, Reading, apply, check_mapping
from core.exchange.read import BadRow, Row

LISTED = Mapping("text", label_layout=LabelLayout.SEPARATED, label_columns=("labels",))
HOT = Mapping("text", label_layout=LabelLayout.MULTI_HOT, label_columns=("a", "b"))


def reading(mapping: Mapping, **values: Any) -> Reading:
    found = apply(mapping, Row(2, {"text": "Hello", **values}))
    assert isinstance(found, Reading), found
    return found


def reason(mapping: Mapping, **values: Any) -> str:
    found = apply(mapping, Row(2, {"text": "Hello", **values}))
    assert isinstance(found, BadRow), found
    return found.reason


@pytest.mark.parametrize(
    ("cell", "labels"),
    [
        ("a|b", ("a", "b")),
        (" a | b |", ("a", "b")),
        ("a|a", ("a",)),
        (r"a\|b|c", ("a|b", "c")),
        (["a", "b|c"], ("a", "b|c")),
        ([3, "b"], ("3", "b")),
        (7, ("7",)),
        ('["a", "b"]', ("a", "b")),
        ("['c#', '.net']", ("c#", ".net")),
        (r"\alpha|x", (r"\alpha", "x")),
    ],
)
def test_lists_of_labels_are_read_however_they_are_written(cell: Any, labels: Any) -> None:
    assert reading(LISTED, labels=cell).labels == labels


@pytest.mark.parametrize("cell", ["", "nan", "NULL", None, [], "|", " "])
def test_an_empty_label_cell_is_unjudged_unless_told_otherwise(cell: Any) -> None:
    none_applies = Mapping(
        "text",
        label_layout=LabelLayout.SEPARATED,
        label_columns=("labels",),
        empty_means="no_label_applies",
    )
    assert reading(LISTED, labels=cell).labels is None
    assert reading(none_applies, labels=cell).labels == ()


@pytest.mark.parametrize(
    "cell", [{"a": 1}, 1.5, True, [["a"]], [None], "['a', 'b", "[" * 300, "x" * 301]
)
def test_labels_that_are_no_names_reject_the_row(cell: Any) -> None:
    if cell == "[" * 300:
        assert reading(LISTED, labels=cell).labels == (cell,)
    else:
        assert reason(LISTED, labels=cell)


def test_a_list_in_a_cell_is_read_and_never_run() -> None:
    assert "cannot be read" in reason(LISTED, labels="['a', __import__('os').getcwd()]")


@pytest.mark.parametrize("yes", ["1", "1.0", "true", "Yes", "x", 1, 1.0, True])
@pytest.mark.parametrize("no", ["0", "0.0", "FALSE", "no", 0, False])
def test_flags_are_read_however_they_are_written(yes: Any, no: Any) -> None:
    found = reading(HOT, a=yes, b=no)
    assert (found.labels, found.absent) == (("a",), ("b",))


def test_blank_beside_x_means_no() -> None:
    found = reading(HOT, a="x", b="")
    assert (found.labels, found.absent) == (("a",), ("b",))


def test_blank_beside_0_and_1_can_mean_unjudged() -> None:
    mapping = Mapping(
        "text",
        label_layout=LabelLayout.MULTI_HOT,
        label_columns=("a", "b"),
        blank_cell_means="unjudged",
    )
    found = reading(mapping, a="1", b="")
    assert (found.labels, found.absent) == (("a",), ())


def test_a_row_of_nothing_or_none_is_unjudged() -> None:
    assert reading(HOT, a="NONE", b="").labels is None
    assert reading(HOT).labels is None


def test_a_row_of_noes_is_judged() -> None:
    found = reading(HOT, a="0", b="0")
    assert (found.labels, found.absent) == ((), ("a", "b"))


@pytest.mark.parametrize("cell", ["0.83", "-1", "2", "maybe"])
def test_a_cell_that_is_neither_yes_nor_no_names_column_and_value(cell: str) -> None:
    assert f"'b' is '{cell}'" in reason(HOT, a="1", b=cell)


@pytest.mark.parametrize("text", [None, "", " \n", 42, ["a"], {"a": 1}])
def test_a_row_without_text_is_rejected(text: Any) -> None:
    assert "text" in reason(LISTED, text=text)


def test_ids_are_texts_and_details_keep_what_is_asked_for() -> None:
    mapping = Mapping("text", id_column="id", keep_columns=("source", "empty"))
    found = reading(mapping, id=7, source="web", empty="")
    assert (found.external_id, found.details) == ("7", {"source": "web"})
    assert reading(mapping, id=" ").external_id is None
    assert "300" in reason(mapping, id="x" * 301)


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        (Mapping("body"), "'body' is not in 'a.csv'.*'text', 'labels'"),
        (Mapping("text", id_column="key"), "'key' is not in"),
        (Mapping("text", label_layout=LabelLayout.MULTI_HOT), "No label columns"),
        (Mapping("text", label_layout=LabelLayout.SEPARATED), "one column; 0 are chosen"),
        (
            Mapping("text", label_layout=LabelLayout.SEPARATED, label_columns=("text",)),
            "both text and label",
        ),
        (
            Mapping("text", label_layout=LabelLayout.SEPARATED, label_columns=("lables",)),
            "'lables' is not in",
        ),
    ],
)
def test_a_mapping_that_does_not_fit_the_file_is_refused(mapping: Mapping, said: str) -> None:
    with pytest.raises(ImportRefused, match=said):
        check_mapping(mapping, ("text", "labels"), "a.csv")
