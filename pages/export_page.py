"""Take the labels away: what the file holds, a look at it, and the download."""

from __future__ import annotations

import shlex
from typing import Any

import pandas as pd
import streamlit as st

from core.store.tables import Project
from pages.widgets.context import Context, context, require_project
from pages.widgets.export_file import (
    LARGEST_DOWNLOAD,
    as_bytes,
    file_name,
    first_rows,
    n_rows,
    write_file,
)
from pages.widgets.text import counted

FORMS = {"csv": "CSV, for spreadsheets", "jsonl": "JSON Lines, for programs"}
MIME = {"csv": "text/csv", "jsonl": "application/jsonl"}
N_PREVIEWED = 5
PREVIEW_CHARS = 120
COLUMNS = """
| column | what it holds |
|---|---|
| `id`, `text` | the document, as imported |
| `labels`, `absent`, `unsure` | what this person said; a label in none of the three is unjudged |
| `annotator`, `judged_at`, `source` | who, when (UTC), and through what |
| `round` | the round in force at that moment |
| `is_audited` | whether the document measures the model and never trains it |
| `threshold`, probabilities | what the round in force says of the document |
| `label` | in projects with exactly one label per document: that label, with no threshold |

In CSV, labels are joined by `|`, each label's probability has a column of its own (`p:name`), and
cells that a spreadsheet would run as formulas begin with an apostrophe. Uploading the file here
again takes that back.
"""


def main() -> None:
    """Draw the page."""
    here = context()
    project = require_project(here)
    st.title("Export")
    st.markdown(
        "One row for each document and person who judged it, with the model's probabilities."
    )
    left, right = st.columns(2)
    form = left.radio("Format", list(FORMS), format_func=FORMS.__getitem__, key="form")
    include = right.checkbox(
        "Also documents that nobody judged",
        key="include_unjudged",
        help="With the model's probabilities, if there is a round: its labels for all the rest.",
    )
    with here.store.read() as session:
        n = n_rows(session, project.id, include_unjudged=include)
    if n == 0:
        st.info(
            "Nothing is judged yet, so the file would hold only a header. Judge some documents "
            "first, or tick the box."
        )
        return
    draw_download(here, project, form=form, include=include, n=n)
    draw_preview(here, project, include=include)
    with st.expander("What the columns hold"):
        st.markdown(COLUMNS)
    with st.expander("From the command line"):
        st.code(command(project, form=form, include=include), language="bash", wrap_lines=True)
        st.caption("Run it where the app is installed. It writes as it reads, at any size.")


def command(project: Project, *, form: str, include: bool) -> str:
    """The same export without the app."""
    options = f"--project {shlex.quote(project.name)} --out {file_name(project, form)}"
    return f"python -m core export {options}{' --unjudged' if include else ''}"


def draw_download(here: Context, project: Project, *, form: str, include: bool, n: int) -> None:
    """A download where it fits in memory, else a file beside the database."""
    if n <= LARGEST_DOWNLOAD:
        st.download_button(
            f"Download {counted(n, 'row')}",
            lambda: as_bytes(here, project.id, form=form, include_unjudged=include),
            file_name=file_name(project, form),
            mime=MIME[form],
            type="primary",
            icon=":material/download:",
            on_click="ignore",
            key="download",
        )
        return
    st.markdown(
        f"{counted(n, 'row')}: too many to pass through the browser well, so they are written "
        "to a file where the app runs."
    )
    if st.button("Write the file", type="primary", key="write_file"):
        bar = st.progress(0.0, text="Writing")
        path = write_file(
            here,
            project,
            form=form,
            include_unjudged=include,
            on_row=lambda done: bar.progress(min(done / n, 1.0), text=f"{done:,} rows written"),
        )
        bar.empty()
        st.success("The file is written:")
        st.code(str(path), language=None)


def draw_preview(here: Context, project: Project, *, include: bool) -> None:
    """The first rows, long texts cut."""
    rows = first_rows(here, project.id, include_unjudged=include, n=N_PREVIEWED)
    st.markdown("**The first rows**")
    st.dataframe(pd.DataFrame([_previewed(row) for row in rows]), hide_index=True)


def _previewed(row: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for column, value in row.items():
        if isinstance(value, list):
            shown[column] = " | ".join(value)
        elif isinstance(value, dict):
            shown |= {f"p:{name}": proba for name, proba in value.items()}
        elif isinstance(value, str) and len(value) > PREVIEW_CHARS:
            shown[column] = " ".join(value.split())[: PREVIEW_CHARS - 1] + "…"
        else:
            shown[column] = value
    return shown


main()
