"""Brings a file's rows into a project, all of them or none.

The file is read twice: first for the labels it names, which join the schema
before any row is stored, then for the rows, in chunks but in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import ImportRefused, InputError
from core.exchange.cells import excerpt
from core.exchange.dialect import Dialect
from core.exchange.guess import Guess, guess, known_columns
from core.exchange.mapping import LabelLayout, Mapping, Reading, apply, check_mapping
from core.exchange.read import BadRow, Row, read_rows
from core.exchange.twins import look_alikes
from core.services.audit import draw_audit_set
from core.services.import_writer import ImportWriter, LabelIds
from core.services.judgements import annotator_named
from core.services.labels import NewLabel, active_labels, add_labels
from core.services.projects import create_project, get_project
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Import, Label, Project

CHUNK_ROWS = 1_000
CHUNK_CHARS = 8_000_000  # of texts, whichever comes first
SHOWN_REJECTIONS = 1_000
MANY_LABELS = 1_000

Progress = Callable[[int, float], None]  # rows read, fraction of the file


@dataclass(frozen=True)
class ImportReport:
    """What became of a file's rows."""

    project_id: int
    import_id: int
    n_rows: int  # without the header
    n_accepted: int
    n_rejected: int
    n_judged: int  # accepted rows that came with labels
    rejections: tuple[BadRow, ...]  # the first ones; all of them are in the table `rejection`
    n_audited: int  # accepted rows drawn into the audit set
    warnings: tuple[str, ...] = ()


def import_file(
    store: Store,
    settings: Settings,
    project: int | str,
    *,
    path: Path,
    file_name: str,
    mapping: Mapping,
    dialect: Dialect,
    annotator: str = "imported",
    exclusive: bool = False,
    on_progress: Progress | None = None,
) -> ImportReport:
    """Import a file into a project of that id, or into a new one of that name.

    `exclusive` makes the new one a project in which exactly one label applies to each document;
    one that is there already is as it is. All of it is one transaction: whatever raises or kills
    on the way leaves nothing behind.
    """
    check_mapping(mapping, known_columns(path, dialect), file_name)
    names = _label_names(path, dialect, mapping)
    with store.write() as session:
        project_id = _project_id(session, project, exclusive=exclusive)
        labels = _settle_labels(session, project_id, names)
        record = Import(
            project_id=project_id,
            file_name=Path(file_name).name[-300:],
            mapping={**asdict(mapping), "dialect": asdict(dialect)},
        )
        session.add(record)
        session.flush()
        writer = ImportWriter(
            session,
            project=get_project(session, project_id),
            annotator_id=annotator_named(session, annotator).id,
            import_id=record.id,
            labels=labels,
            max_text_chars=settings.max_text_chars,
        )
        chunks = _Chunks(path, dialect, mapping)
        rejections: list[BadRow] = []
        for chunk in chunks:
            rejected = writer.write(chunk)
            rejections += rejected[: SHOWN_REJECTIONS - len(rejections)]
            if on_progress is not None:
                on_progress(chunks.n_rows, chunks.fraction)
        if chunks.n_rows == 0:
            raise ImportRefused(f"'{file_name}' has no rows below its header; add rows.")
        record.n_rows, record.n_accepted = chunks.n_rows, writer.n_accepted
        record.n_rejected, record.n_judged = writer.n_rejected, writer.n_judged
        n_audited = 0
        if writer.first_document_id is not None:
            n_audited = draw_audit_set(
                session, project_id, new_from=writer.first_document_id, seed=project_id
            )
        return ImportReport(
            project_id=project_id,
            import_id=record.id,
            n_rows=record.n_rows,
            n_accepted=record.n_accepted,
            n_rejected=record.n_rejected,
            n_judged=record.n_judged,
            rejections=tuple(rejections),
            n_audited=n_audited,
            warnings=(*dialect.notes, *_warnings(session, project_id, names, labels)),
        )


def _project_id(session: Session, project: int | str, *, exclusive: bool) -> int:
    if isinstance(project, int):
        return project
    return create_project(session, project, exclusive=exclusive).id


def import_named(
    store: Store,
    settings: Settings,
    path: Path,
    *,
    project_name: str,
    text_column: str | None = None,
    label_column: str | None = None,
    empty_means: str = "unjudged",
    exclusive: bool = False,
) -> tuple[ImportReport, Guess]:
    """Import a file as it is guessed, but for what is given, into a project known by its name.

    The project is made when there is none; `exclusive` is for a new one.
    """
    if empty_means not in ("unjudged", "no_label_applies"):
        raise InputError(f"'{empty_means}' is neither 'unjudged' nor 'no_label_applies'.")
    found = guess(path, path.name, text_column=text_column, label_column=label_column)
    mapping = replace(
        found.mapping(),
        empty_means="unjudged" if empty_means == "unjudged" else "no_label_applies",
    )
    with store.read() as session:
        there = session.scalar(select(Project.id).where(Project.name == project_name.strip()))
    report = import_file(
        store,
        settings,
        project_name if there is None else there,
        path=path,
        file_name=path.name,
        mapping=mapping,
        dialect=found.dialect,
        exclusive=exclusive,
    )
    return report, found


@dataclass
class _Chunks:
    """The file's rows as read under the mapping, in chunks, with the place in the file."""

    path: Path
    dialect: Dialect
    mapping: Mapping
    n_rows: int = field(default=0, init=False)
    fraction: float = field(default=0.0, init=False)  # of the file's bytes

    def __iter__(self) -> Iterator[list[tuple[int, Reading | BadRow]]]:
        size = max(self.path.stat().st_size, 1)
        with self.path.open("rb") as file:
            chunk: list[tuple[int, Reading | BadRow]] = []
            n_chars = 0
            for number, reading in _readings(file, self.dialect, self.mapping):
                chunk.append((number, reading))
                n_chars += len(reading.text) if isinstance(reading, Reading) else 0
                if len(chunk) == CHUNK_ROWS or n_chars > CHUNK_CHARS:
                    self.n_rows += len(chunk)
                    self.fraction = file.tell() / size
                    yield chunk
                    chunk, n_chars = [], 0
            self.n_rows, self.fraction = self.n_rows + len(chunk), 1.0
            if chunk:
                yield chunk


def _readings(
    source: Path | BinaryIO, dialect: Dialect, mapping: Mapping
) -> Iterator[tuple[int, Reading | BadRow]]:
    for row in read_rows(source, dialect):
        yield row.number, apply(mapping, row) if isinstance(row, Row) else row


def _label_names(path: Path, dialect: Dialect, mapping: Mapping) -> list[str]:
    """Every label the file knows, in order of first appearance."""
    if mapping.label_layout is LabelLayout.NONE:
        return []
    if mapping.label_layout is LabelLayout.MULTI_HOT:
        return list(dict.fromkeys(column.strip() for column in mapping.label_columns))
    names: dict[str, None] = {}
    for _, reading in _readings(path, dialect, mapping):
        if isinstance(reading, Reading):
            names.update(dict.fromkeys((*(reading.labels or ()), *(reading.absent or ()))))
    return list(names)


def _settle_labels(session: Session, project_id: int, names: list[str]) -> LabelIds:
    """Add the labels that are new, so that this import's schema version covers them."""
    present = select(Label.name).where(Label.project_id == project_id)
    known = set(session.scalars(present))
    add_labels(session, project_id, [NewLabel(name) for name in names if name not in known])
    ids = {
        name: id_
        for id_, name in session.execute(
            select(Label.id, Label.name).where(Label.project_id == project_id)
        )
    }
    active = frozenset(label.id for label in active_labels(session, project_id))
    return LabelIds(
        by_name={name: ids[name] for name in names},
        active=active,
        unknown_to_file=active - {ids[name] for name in names},
    )


def _warnings(
    session: Session, project_id: int, names: list[str], labels: LabelIds
) -> Iterator[str]:
    """What the person should look at after an import with labels."""
    if not names:
        return
    if len(names) > MANY_LABELS:
        yield (
            f"The file names {len(names):,} labels. If that is more than you meant, "
            "check the label column and its separator, and import again into a new project."
        )
    for first, second in look_alikes(names)[:10]:
        yield (
            f"Labels '{excerpt(first, 40)}' and '{excerpt(second, 40)}' look alike and are kept "
            "apart; retire one under Labels if they mean the same."
        )
    retired = [name for name, id_ in labels.by_name.items() if id_ not in labels.active]
    if retired:
        yield f"Retired here, so what the file says of them is unused: {_listed(retired)}."
    if labels.unknown_to_file:
        unnamed = [
            label.name
            for label in active_labels(session, project_id)
            if label.id in labels.unknown_to_file
        ]
        yield f"The file never names these, so its texts stay unjudged there: {_listed(unnamed)}."
    if len(labels.active) == 1:
        yield (
            f"The project has one label, '{excerpt(names[0], 40)}': every text has it or not. "
            "Add more under Labels if the texts are about several things."
        )


def _listed(names: list[str]) -> str:
    shown = ", ".join(f"'{excerpt(name, 40)}'" for name in names[:5])
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{shown}{more}"
