"""What the columns of a file mean, and what one row says when they mean that."""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from core.errors import ImportRefused
from core.exchange.cells import SEPARATOR, excerpt, split_labels
from core.exchange.read import BadRow, Row
from core.exchange.words import BLANK, NO, YES

MAX_NAME_CHARS = 300  # of a label or an external id
EMPTY_WORDS = ("nan", "null", "\\n")  # how pandas and databases may write an empty cell
MAX_LIST_CHARS = 20_000  # of a Python list in a cell


class LabelLayout(StrEnum):
    """How a file writes labels down."""

    SEPARATED = "separated"  # one cell holds a list
    MULTI_HOT = "multi_hot"  # one column per label
    NONE = "none"


@dataclass(frozen=True)
class Mapping:
    """Which column means what."""

    text_column: str
    id_column: str | None = None
    label_layout: LabelLayout = LabelLayout.NONE
    label_columns: tuple[str, ...] = ()  # one when separated, one per label when multi-hot
    separator: str = SEPARATOR  # empty: the cell is one label
    empty_means: Literal["unjudged", "no_label_applies"] = "unjudged"  # no label cell is filled
    blank_cell_means: Literal["absent", "unjudged"] = "absent"  # beside filled multi-hot cells
    absent_column: str | None = None  # of our own export: the labels judged absent
    keep_columns: tuple[str, ...] = ()  # kept as the document's details


@dataclass(frozen=True, slots=True)
class Reading:
    """What a row says."""

    external_id: str | None
    text: str
    labels: tuple[str, ...] | None  # present ones; None: the row is unjudged
    absent: tuple[str, ...] | None  # None: every other label that the file knows
    details: dict[str, Any]


class _Unusable(Exception):
    """The reason why a row is rejected."""


def check_mapping(mapping: Mapping, columns: Sequence[str], file_name: str) -> None:
    """Refuse a mapping that names columns the file does not have, or no label column."""
    named = [mapping.text_column, *mapping.label_columns, *mapping.keep_columns]
    named += [c for c in (mapping.id_column, mapping.absent_column) if c is not None]
    for column in named:
        require_column(column, columns, file_name)
    if mapping.text_column in mapping.label_columns:
        raise ImportRefused(
            f"Column '{mapping.text_column}' cannot be both text and label; choose another."
        )
    n_labels = len(mapping.label_columns)
    if mapping.label_layout is LabelLayout.MULTI_HOT and n_labels == 0:
        raise ImportRefused("No label columns are chosen; choose some, or 'no labels'.")
    if mapping.label_layout is LabelLayout.SEPARATED and n_labels != 1:
        raise ImportRefused(f"A list of labels stands in one column; {n_labels} are chosen.")


def require_column(column: str, columns: Sequence[str], file_name: str) -> None:
    """Refuse a column that the file does not have, and name those it has."""
    if column not in columns:
        there = ", ".join(f"'{excerpt(name, 40)}'" for name in columns[:20])
        raise ImportRefused(
            f"Column '{excerpt(column, 60)}' is not in '{file_name}'. It has {there}"
            f"{' and more' if len(columns) > 20 else ''}; choose one of these, "
            "or another delimiter if they look run together."
        )


def apply(mapping: Mapping, row: Row) -> Reading | BadRow:
    """Read one row; a row that does not fit is a BadRow with the reason."""
    values = row.values
    try:
        text = _text(values.get(mapping.text_column), mapping.text_column)
        external_id = _external_id(values.get(mapping.id_column)) if mapping.id_column else None
        labels, absent = _labels(mapping, values)
    except _Unusable as error:
        return BadRow(row.number, str(error), excerpt(str(values.get(mapping.text_column) or "")))
    details = {
        column: value
        for column in mapping.keep_columns
        if (value := values.get(column)) is not None and value != ""
    }
    return Reading(external_id, text, labels, absent, details)


def _text(value: Any, column: str) -> str:
    if value is None:
        raise _Unusable(f"There is no text: '{column}' is missing.")
    if not isinstance(value, str):
        raise _Unusable(f"'{column}' is {excerpt(json.dumps(value), 40)}, which is not a text.")
    if not value or value.isspace():
        raise _Unusable(f"There is no text: '{column}' is empty.")
    return value


def _external_id(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _Unusable(f"The id is {excerpt(json.dumps(value), 40)}; give a text or a number.")
    external_id = str(value).strip()
    if len(external_id) > MAX_NAME_CHARS:
        raise _Unusable(f"The id has {len(external_id):,} characters; use at most 300.")
    return external_id or None


Labels = tuple[str, ...]


def _labels(mapping: Mapping, values: dict[str, Any]) -> tuple[Labels | None, Labels | None]:
    if mapping.label_layout is LabelLayout.NONE:
        return None, None
    if mapping.label_layout is LabelLayout.MULTI_HOT:
        return _multi_hot(mapping, values)
    column = mapping.label_columns[0]
    value = values.get(column)
    labels = _listed(value, column, mapping.separator)
    if mapping.absent_column is not None:
        absent = _listed(values.get(mapping.absent_column), mapping.absent_column, SEPARATOR)
        return (labels, absent) if labels or absent else (None, None)
    if isinstance(value, str) and value.strip().lower() in EMPTY_WORDS:
        labels = ()
    return (labels if labels or mapping.empty_means == "no_label_applies" else None), None


def _listed(value: Any, column: str, separator: str) -> Labels:
    """Names in a cell or a JSON value, each once, in order."""
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        items = _literal_list(value)
        names = split_labels(value, separator) if items is None else _names(items, column)
    elif isinstance(value, list):
        names = _names(value, column)
    elif isinstance(value, int) and not isinstance(value, bool):
        names = [str(value)]
    else:
        raise _Unusable(
            f"'{column}' is {excerpt(json.dumps(value), 40)}; give a list of names or a text."
        )
    for name in names:
        if len(name) > MAX_NAME_CHARS:
            raise _Unusable(
                f"Label '{excerpt(name, 40)}' has {len(name):,} characters; use at most 300."
            )
    return tuple(dict.fromkeys(names))


def _literal_list(cell: str) -> list[Any] | None:
    """The items of a JSON or Python list in a cell; read as data, never run."""
    if not cell.startswith("["):
        return None
    if len(cell) <= MAX_LIST_CHARS:
        for parse in (json.loads, _parse_python):
            try:
                value = parse(cell)
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                continue
            if isinstance(value, list):
                return value
    if cell.startswith(("['", '["')):
        raise _Unusable(f"The list {excerpt(cell, 40)} cannot be read; write names joined by '|'.")
    return None


def _parse_python(cell: str) -> Any:
    with warnings.catch_warnings(action="ignore"):  # of odd backslashes in names
        return ast.literal_eval(cell)


def _names(items: Sequence[Any], column: str) -> list[str]:
    names = []
    for item in items:
        if isinstance(item, bool) or not isinstance(item, str | int):
            raise _Unusable(f"'{column}' holds {excerpt(str(item), 40)}; labels are names.")
        if name := str(item).strip():
            names.append(name)
    return names


def _multi_hot(mapping: Mapping, values: dict[str, Any]) -> tuple[Labels | None, Labels | None]:
    present: list[str] = []
    absent: list[str] = []
    blank: list[str] = []
    for column in mapping.label_columns:
        flag = flag_value(values.get(column))
        if flag is None:
            raise _Unusable(
                f"'{excerpt(column, 40)}' is '{excerpt(str(values.get(column)), 40)}', "
                "which is neither yes (1, true, x) nor no (0, false)."
            )
        (present if flag == "yes" else absent if flag == "no" else blank).append(column)
    if not present and not absent and mapping.empty_means == "unjudged":
        return None, None
    if blank and (mapping.blank_cell_means == "absent" or not (present or absent)):
        absent += blank
    return tuple(map(str.strip, present)), tuple(map(str.strip, absent))


def flag_value(value: Any) -> Literal["yes", "no", "blank"] | None:
    """What a multi-hot cell says; None when it is no flag."""
    if value is None:
        return "blank"
    word = str(value).strip().lower()
    if word in YES:
        return "yes"
    if word in NO:
        return "no"
    if word in BLANK:
        return "blank"
    try:
        number = float(word)
    except ValueError:
        return None
    return "yes" if number == 1.0 else "no" if number == 0.0 else None
