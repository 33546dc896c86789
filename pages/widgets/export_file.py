"""What an export will hold, and making it: at a click, or as a file for big projects."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from core.domain import SubmissionKind
from core.services.exporting import csv_chunks, export_rows, jsonl_chunks
from core.store.tables import Document, Project, Submission
from pages.widgets.context import Context

Rows = Iterable[Mapping[str, Any]]
WRITERS: Mapping[str, Callable[[Rows], Iterator[str]]] = {"csv": csv_chunks, "jsonl": jsonl_chunks}
LARGEST_DOWNLOAD = 20_000  # rows; a download passes through the server's memory


def n_rows(session: Session, project_id: int, *, include_unjudged: bool) -> int:
    """How many rows `export_rows` will give."""
    undo = aliased(Submission)
    voices = (
        select(Submission.document_id, Submission.annotator_id)
        .where(
            Submission.project_id == project_id,
            Submission.kind.in_([SubmissionKind.COMPLETE, SubmissionKind.PARTIAL]),
            ~exists().where(undo.undoes_id == Submission.id),
        )
        .distinct()
        .subquery()
    )
    n_voices = session.scalar(select(func.count()).select_from(voices)) or 0
    if not include_unjudged:
        return n_voices
    n_documents = session.scalar(select(func.count()).where(Document.project_id == project_id))
    n_judged = session.scalar(select(func.count(func.distinct(voices.c.document_id))))
    return n_voices + (n_documents or 0) - (n_judged or 0)


def first_rows(here: Context, project_id: int, *, include_unjudged: bool, n: int) -> list[Any]:
    """The beginning of the export."""
    with here.store.read() as session:
        rows = export_rows(
            session, project_id, include_unjudged=include_unjudged, settings=here.settings
        )
        return list(islice(rows, n))


def file_name(project: Project, form: str) -> str:
    """A file name that every system takes."""
    stem = re.sub(r"[^\w-]+", "-", project.name).strip("-")[:60] or f"project-{project.id}"
    return f"{stem}-labels.{form}"


def as_bytes(here: Context, project_id: int, *, form: str, include_unjudged: bool) -> bytes:
    """The whole export."""
    with here.store.read() as session:
        rows = export_rows(
            session, project_id, include_unjudged=include_unjudged, settings=here.settings
        )
        return "".join(WRITERS[form](rows)).encode("utf-8")


def write_file(
    here: Context,
    project: Project,
    *,
    form: str,
    include_unjudged: bool,
    on_row: Callable[[int], object],
) -> Path:
    """Stream the export to a file in the data folder; a half-written one is never left there."""
    folder = here.settings.data_dir / "exports"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file_name(project, form)
    draft = path.with_suffix(".part")
    try:
        with here.store.read() as session, draft.open("w", encoding="utf-8", newline="") as file:
            rows = export_rows(
                session, project.id, include_unjudged=include_unjudged, settings=here.settings
            )
            file.writelines(WRITERS[form](_counted(rows, on_row)))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def _counted(rows: Rows, on_row: Callable[[int], object]) -> Iterator[Mapping[str, Any]]:
    for n, row in enumerate(rows, 1):
        if n % 1000 == 0:
            on_row(n)
        yield row
