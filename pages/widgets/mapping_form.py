"""What was found out about a file, shown with its reasons, each point open to change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from core.exchange.dialect import Dialect, FileKind
from core.exchange.guess import DELIMITER_NAMES, Guess, guess, preview
from core.exchange.mapping import LabelLayout, Mapping, Reading
from pages.widgets.spool import Spooled
from pages.widgets.text import escaped

KINDS = {
    FileKind.CSV: "a table",
    FileKind.JSONL: "JSON Lines, one object per line",
    FileKind.LINES: "plain text, one document per line",
}
LAYOUTS = {
    LabelLayout.SEPARATED: "in one column, as a list",
    LabelLayout.MULTI_HOT: "in one column per label",
    LabelLayout.NONE: "nowhere: all texts are to be judged",
}
EMPTY_MEANS = {
    "unjudged": "nobody judged this text yet",
    "no_label_applies": "somebody judged it, and no label applies",
}
BLANK_MEANS = {"absent": "that label is absent", "unjudged": "that label is not judged"}
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1", "cp1250", "cp1251", "shift_jis")
PREVIEW_CHARS = 160
N_PREVIEWED = 10


def choose_dialect(spooled: Spooled) -> Guess:
    """How the file is written; a change is looked at anew."""
    found = guess(spooled.path, spooled.name)
    st.markdown(f"**Format.** {escaped(found.reasons['format'])}")
    with st.expander("It is written differently"):
        chosen = _changed_dialect(found.dialect)
    if chosen != found.dialect:
        found = guess(spooled.path, spooled.name, chosen)
    for warning in found.warnings:
        st.warning(escaped(warning))
    return found


def _changed_dialect(found: Dialect) -> Dialect:
    left, middle, right = st.columns(3)
    kind = left.selectbox(
        "The file is", list(KINDS), list(KINDS).index(found.kind), format_func=KINDS.__getitem__
    )
    delimiters = list(dict.fromkeys((found.delimiter, *DELIMITER_NAMES)))
    delimiter = middle.selectbox(
        "Cells are separated by",
        delimiters,
        format_func=lambda d: DELIMITER_NAMES.get(d, d),
        disabled=kind is not FileKind.CSV,
    )
    encoding = right.selectbox("Encoding", list(dict.fromkeys((found.encoding, *ENCODINGS))))
    has_header = st.checkbox(
        "The first row holds the names of the columns",
        value=found.has_header,
        disabled=kind is not FileKind.CSV,
    )
    return replace(found, kind=kind, delimiter=delimiter, encoding=encoding, has_header=has_header)


def choose_mapping(found: Guess) -> Mapping:
    """What the columns mean; the guess is filled in, with the reason below."""
    usual, columns = found.mapping(), list(found.columns)
    left, right = st.columns(2)
    with left:
        text_column = st.selectbox("The text is in", columns, columns.index(usual.text_column))
        st.caption(escaped(found.reasons["text"]))
    with right:
        ids: list[str | None] = [None, *(c for c in columns if c != text_column)]
        id_column = st.selectbox(
            "Each text is known by",
            ids,
            ids.index(usual.id_column) if usual.id_column in ids else 0,
            format_func=lambda c: c or "its content",
        )
        st.caption(escaped(found.reasons["id"]))
    others = [c for c in columns if c not in (text_column, id_column)]
    labels = _choose_labels(found, usual, others)
    rest = [c for c in others if c not in labels["label_columns"]]
    kept = st.multiselect(
        "Keep beside the text",
        rest,
        [c for c in usual.keep_columns if c in rest],
        help="Stored with the document, where the API gives it; not exported, never trained on.",
        disabled=not rest,
    )
    return replace(
        usual, text_column=text_column, id_column=id_column, keep_columns=tuple(kept), **labels
    )


def _choose_labels(found: Guess, usual: Mapping, others: list[str]) -> dict[str, Any]:
    layout = st.radio(
        "Labels are",
        list(LAYOUTS) if others else [LabelLayout.NONE],
        list(LAYOUTS).index(usual.label_layout) if others else 0,
        format_func=LAYOUTS.__getitem__,
        horizontal=True,
    )
    st.caption(escaped(found.reasons["labels"]))
    guessed = [c for c in usual.label_columns if c in others]
    chosen: dict[str, Any] = {"label_layout": layout, "label_columns": ()}
    if layout is LabelLayout.NONE:
        return chosen
    if layout is LabelLayout.SEPARATED:
        left, right = st.columns(2)
        column = left.selectbox(
            "Label column", others, others.index(guessed[0]) if len(guessed) == 1 else 0
        )
        separator = right.text_input(
            "Several in one cell are joined by",
            usual.separator,
            max_chars=5,
            help="Leave it empty when every cell holds at most one label.",
        )
        chosen |= {"label_columns": (column,), "separator": separator}
    else:
        columns = st.multiselect("Label columns", others, guessed)
        blank = st.radio(
            "An empty cell beside filled ones means",
            list(BLANK_MEANS),
            list(BLANK_MEANS).index(usual.blank_cell_means),
            format_func=BLANK_MEANS.__getitem__,
            horizontal=True,
        )
        chosen |= {"label_columns": tuple(columns), "blank_cell_means": blank}
    chosen["empty_means"] = st.radio(
        "A text without any label means",
        list(EMPTY_MEANS),
        list(EMPTY_MEANS).index(usual.empty_means),
        format_func=EMPTY_MEANS.__getitem__,
        horizontal=True,
    )
    return chosen


def draw_preview(spooled: Spooled, found: Guess, mapping: Mapping) -> None:
    """The first rows as they would be stored."""
    rows = preview(spooled.path, found.dialect, mapping, n=N_PREVIEWED)
    st.markdown("**This is what would be stored:**")
    table = pd.DataFrame([_previewed(row) for row in rows])
    st.dataframe(table if mapping.id_column else table.drop(columns="Id"), hide_index=True)


def _previewed(row: Any) -> dict[str, str]:
    if not isinstance(row, Reading):
        return {"Labels": f"rejected: {row.reason}", "Text": row.excerpt, "Id": ""}
    labels = "not judged" if row.labels is None else ", ".join(row.labels) or "no label applies"
    text = " ".join(row.text.split())
    return {
        "Labels": labels,
        "Text": text if len(text) <= PREVIEW_CHARS else text[: PREVIEW_CHARS - 1] + "…",
        "Id": row.external_id or "",
    }
