"""Exports: everything that was judged, streamed."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from core.api.backend import Backend, OpenBackend, ProjectCaller
from core.api.schemas import Id
from core.services.exporting import csv_chunks, export_rows, jsonl_chunks
from core.services.projects import get_project

router = APIRouter(prefix="/projects/{project_id}/exports", tags=["exports"])


class ExportFormat(StrEnum):
    """Kinds of file."""

    CSV = "csv"
    JSONL = "jsonl"


CHUNKS = {ExportFormat.CSV: csv_chunks, ExportFormat.JSONL: jsonl_chunks}
MEDIA_TYPES = {ExportFormat.CSV: "text/csv", ExportFormat.JSONL: "application/x-ndjson"}


@router.get(".{form}", response_class=StreamingResponse)
def export(
    project_id: Id,
    form: ExportFormat,
    backend: OpenBackend,
    caller: ProjectCaller,
    include_unjudged: bool = False,
) -> StreamingResponse:
    """One row per document and annotator, as `exports.csv` or `exports.jsonl`."""
    with backend.store.read() as session:
        get_project(session, project_id)
    return StreamingResponse(
        _chunks(backend, project_id, form, include_unjudged=include_unjudged),
        media_type=f"{MEDIA_TYPES[form]}; charset=utf-8",
        headers={"Content-Disposition": f"attachment; filename=labels-{project_id}.{form}"},
    )


def _chunks(
    backend: Backend, project_id: int, form: ExportFormat, *, include_unjudged: bool
) -> Iterator[str]:
    with backend.store.read() as session:
        rows = export_rows(
            session, project_id, include_unjudged=include_unjudged, settings=backend.settings
        )
        yield from CHUNKS[form](rows)
