"""Writes an import's rows in bulk: documents, their judgements, and the rows it rejects."""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, insert, select
from sqlalchemy.orm import Session

from core.domain import JudgementState, SubmissionKind, SubmissionSource
from core.exchange.cells import excerpt
from core.exchange.mapping import Reading
from core.exchange.read import BadRow
from core.services.exclusive import is_exclusive, why_not_one
from core.store.tables import Base, Document, Judgement, Project, Rejection, Submission, now


@dataclass(frozen=True)
class LabelIds:
    """The labels an import can name."""

    by_name: dict[str, int]  # every label the file knows
    active: frozenset[int]
    unknown_to_file: frozenset[int]  # active, but the file never asked about them


@dataclass(frozen=True, slots=True)
class _New:
    number: int
    reading: Reading
    content_hash: str
    external_id: str


class ImportWriter:
    """Takes chunks of readings, stores the usable ones, and counts."""

    def __init__(
        self,
        session: Session,
        *,
        project: Project,
        annotator_id: int,
        import_id: int,
        labels: LabelIds,
        max_text_chars: int,
    ) -> None:
        self._connection = session.connection()
        self._project = project
        self._annotator_id = annotator_id
        self._import_id = import_id
        self._labels = labels
        self._max_text_chars = max_text_chars
        self._at = now()
        self._document_ids = array("q")  # ascending, beside the rows they came from
        self._row_numbers = array("q")
        self.n_rejected = 0
        self.n_judged = 0

    @property
    def n_accepted(self) -> int:
        """Rows stored as documents."""
        return len(self._document_ids)

    @property
    def first_document_id(self) -> int | None:
        """The lowest id given to a row of this import."""
        return self._document_ids[0] if self._document_ids else None

    def write(self, chunk: Sequence[tuple[int, Reading | BadRow]]) -> list[BadRow]:
        """Store a chunk; returns the rows it rejected, in order."""
        checked = [self._checked(number, reading) for number, reading in chunk]
        candidates = [row for row in checked if isinstance(row, _New)]
        unusable = [row for row in checked if isinstance(row, BadRow)]
        accepted, duplicates = self._without_duplicates(candidates)
        ids = self._insert_documents(accepted)
        self._insert_judgements(accepted, ids)
        rejected = sorted([*unusable, *duplicates], key=lambda row: row.number)
        self._insert_rejections(rejected)
        return rejected

    def _checked(self, number: int, reading: Reading | BadRow) -> _New | BadRow:
        if isinstance(reading, BadRow):
            return reading
        if len(reading.text) > self._max_text_chars:
            return BadRow(
                number,
                f"The text has {len(reading.text):,} characters; the limit is "
                f"{self._max_text_chars:,}. Split it, or raise MARGINALIA_MAX_TEXT_CHARS.",
                excerpt(reading.text),
            )
        if why_not := self._why_not(reading):
            return BadRow(number, why_not, excerpt(reading.text))
        content_hash = hashlib.sha256(reading.text.encode()).hexdigest()
        return _New(number, reading, content_hash, reading.external_id or content_hash[:16])

    def _why_not(self, reading: Reading) -> str:
        if reading.labels is None or not is_exclusive(self._project):
            return ""
        return why_not_one(reading.labels)

    def _without_duplicates(self, candidates: Sequence[_New]) -> tuple[list[_New], list[BadRow]]:
        """The first of every text and id counts; the others say which one they repeat."""
        by_hash = self._stored("content_hash", {new.content_hash for new in candidates})
        by_id = self._stored("external_id", {new.external_id for new in candidates})
        accepted, rejected = [], []
        for new in candidates:
            if (same := by_hash.get(new.content_hash)) is not None:
                reason = f"The text is the same as in {same}; it is kept once."
            elif (same := by_id.get(new.external_id)) is not None:
                reason = f"The id '{excerpt(new.external_id, 60)}' already belongs to {same}."
            else:
                by_hash[new.content_hash] = by_id[new.external_id] = f"row {new.number}"
                accepted.append(new)
                continue
            rejected.append(BadRow(new.number, reason, excerpt(new.reading.text)))
        return accepted, rejected

    def _stored(self, column: str, values: set[str]) -> dict[str, str]:
        """By value of a unique column: the document that has it already, in words."""
        key = getattr(Document, column)
        found = self._connection.execute(
            select(key, Document.id, Document.external_id, Document.import_id).where(
                Document.project_id == self._project.id, key.in_(values)
            )
        )
        return {
            value: (
                f"row {self._row_of(id_)}"
                if import_id == self._import_id
                else f"document '{excerpt(external_id, 60)}' of the project"
            )
            for value, id_, external_id, import_id in found
        }

    def _row_of(self, document_id: int) -> int:
        return self._row_numbers[bisect_left(self._document_ids, document_id)]

    def _insert_documents(self, accepted: Sequence[_New]) -> list[int]:
        """Store documents; their ids come back in the rows' order."""
        self._insert(
            Document,
            [
                {
                    "project_id": self._project.id,
                    "external_id": new.external_id,
                    "text": new.reading.text,
                    "content_hash": new.content_hash,
                    "details": new.reading.details or None,
                    "is_audited": False,
                    "import_id": self._import_id,
                    "created_at": self._at,
                }
                for new in accepted
            ],
        )
        last = self._document_ids[-1] if self._document_ids else 0
        id_of = {
            external_id: id_
            for id_, external_id in self._connection.execute(
                select(Document.id, Document.external_id).where(
                    Document.id > last, Document.import_id == self._import_id
                )
            )
        }
        ids = [id_of[new.external_id] for new in accepted]
        self._document_ids.extend(ids)
        self._row_numbers.extend(new.number for new in accepted)
        return ids

    def _insert_judgements(self, accepted: Sequence[_New], ids: Sequence[int]) -> None:
        """A complete submission for every row that came with labels."""
        judged = {
            new.number: (new, document_id)
            for new, document_id in zip(accepted, ids, strict=True)
            if new.reading.labels is not None
        }
        client_id = f"import-{self._import_id}"
        self._insert(
            Submission,
            [
                {
                    "project_id": self._project.id,
                    "document_id": document_id,
                    "annotator_id": self._annotator_id,
                    "kind": SubmissionKind.COMPLETE,
                    "source": SubmissionSource.IMPORT,
                    "client_id": client_id,
                    "sequence": number,
                    "schema_version": self._project.schema_version,
                    "created_at": self._at,
                }
                for number, (_, document_id) in judged.items()
            ],
        )
        if not judged:
            return
        stored = self._connection.execute(
            select(Submission.id, Submission.sequence)
            .where(Submission.client_id == client_id, Submission.sequence >= min(judged))
            .order_by(Submission.id)
        )
        self._insert_plain(
            Judgement,
            ("submission_id", "label_id", "state"),
            [
                (submission_id, label_id, state)
                for submission_id, number in stored
                for label_id, state in sorted(self._states(judged[number][0].reading).items())
            ],
        )
        self.n_judged += len(judged)

    def _states(self, reading: Reading) -> dict[int, str]:
        """Present labels by name; unnamed ones are absent, except those nobody was asked about."""
        present = [self._labels.by_name[name] for name in reading.labels or ()]
        unasked = self._labels.unknown_to_file
        if reading.absent is not None:
            absent = {self._labels.by_name[name] for name in reading.absent}
            unasked = self._labels.active - absent
        states = dict.fromkeys(unasked, JudgementState.WITHDRAWN.value)
        return states | dict.fromkeys(present, JudgementState.PRESENT.value)

    def _insert_rejections(self, rejected: Sequence[BadRow]) -> None:
        self.n_rejected += len(rejected)
        self._insert(
            Rejection,
            [
                {
                    "import_id": self._import_id,
                    "row_number": row.number,
                    "reason": row.reason,
                    "excerpt": row.excerpt[:200],
                }
                for row in rejected
            ],
        )

    def _insert(self, table: type[Base], rows: list[dict[str, Any]]) -> None:
        if rows:
            self._connection.execute(insert(_bare(table)), rows)

    def _insert_plain(
        self, table: type[Base], columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
    ) -> None:
        """Rows that need no conversion go straight to the driver: twice as fast for many."""
        compiled = insert(_bare(table)).compile(
            dialect=self._connection.dialect, column_keys=list(columns)
        )
        driver_rows: Any = [dict(zip(columns, row, strict=True)) for row in rows]
        if compiled.positional:
            driver_rows = list(rows)
            assert compiled.positiontup == list(columns)
        if driver_rows:
            self._connection.exec_driver_sql(str(compiled), driver_rows)


def _bare(table: type[Base]) -> Table:
    """The table itself, so that SQLAlchemy does not treat each row as an object of its own."""
    bare = table.__table__
    assert isinstance(bare, Table)
    return bare
