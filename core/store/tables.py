"""Every table and constraint. Nothing here is particular to one database.

Judgements are kept as append-only *submissions*. A complete submission judges
every label that was active at its schema version; the labels it does not name
are absent. That keeps one fact in one place (and a document with 54 labels in
three rows instead of 54) and still tells absent from unjudged for labels that
were added later.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    DateTime,
    Enum,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from core.domain import (
    JobStatus,
    JudgementState,
    QueryKind,
    ReviewKind,
    RoundKind,
    SubmissionKind,
    SubmissionSource,
    Verdict,
)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC, also on databases that keep no time zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store naive UTC."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give aware UTC back."""
        return None if value is None else value.replace(tzinfo=UTC)


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def closed(choices: type[StrEnum]) -> Enum:
    """A text column that takes only these choices, held by a CHECK constraint."""
    return Enum(
        choices,
        native_enum=False,
        create_constraint=True,
        length=20,
        name=choices.__name__.lower(),
        values_callable=lambda members: [member.value for member in members],
    )


# Files, leases and running jobs go by these ids, so a deleted row's id must not come back.
# (Other databases never give one twice.)
NEVER_REUSED = {"sqlite_autoincrement": True}


class Base(DeclarativeBase):
    """The declarative base; constraint names are fixed so that migrations can find them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: JSON, list[Any]: JSON}


class Project(Base):
    """Documents, a label schema, guidelines and settings."""

    __tablename__ = "project"
    __table_args__ = (
        CheckConstraint("length(name) > 0", name="named"),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    description: Mapped[str] = mapped_column(Text, default="")
    guidelines: Mapped[str] = mapped_column(Text, default="")
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    schema_version: Mapped[int] = mapped_column(default=1)  # grows as labels come and go
    is_demo: Mapped[bool] = mapped_column(default=False)
    active_round_id: Mapped[int | None] = mapped_column(
        ForeignKey("round.id", use_alter=True, ondelete="SET NULL")
    )
    created_at: Mapped[datetime] = mapped_column(default=now)


class Annotator(Base):
    """A person (or an import) that judges."""

    __tablename__ = "annotator"
    __table_args__ = (CheckConstraint("length(name) > 0", name="named"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=now)


class Document(Base):
    """One immutable text."""

    __tablename__ = "document"
    __table_args__ = (
        UniqueConstraint("project_id", "external_id"),
        UniqueConstraint("project_id", "content_hash"),
        Index("ix_document_pool", "project_id", "is_audited", "id"),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    external_id: Mapped[str] = mapped_column(String(300))
    text: Mapped[str] = mapped_column(Text)
    content_hash: Mapped[str] = mapped_column(String(64))  # SHA-256 of the text, hexadecimal
    details: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # other columns of its row
    is_audited: Mapped[bool] = mapped_column(default=False)
    import_id: Mapped[int | None] = mapped_column(ForeignKey("import.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(default=now)


class Label(Base):
    """One entry of a project's label schema."""

    __tablename__ = "label"
    __table_args__ = (
        UniqueConstraint("project_id", "name"),
        UniqueConstraint("project_id", "key"),
        CheckConstraint("length(name) > 0", name="named"),
        CheckConstraint("retired_in IS NULL OR retired_in > added_in", name="retired_after_added"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(300))
    description: Mapped[str] = mapped_column(Text, default="")
    colour: Mapped[str] = mapped_column(String(7), default="")
    key: Mapped[str | None] = mapped_column(String(1))
    position: Mapped[int] = mapped_column(default=0)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("label.id", ondelete="SET NULL"))
    added_in: Mapped[int]  # schema version from which it counts
    retired_in: Mapped[int | None]  # schema version from which it no longer counts
    created_at: Mapped[datetime] = mapped_column(default=now)


class Submission(Base):
    """What one annotator said of one document at one moment. Never changed, never deleted."""

    __tablename__ = "submission"
    __table_args__ = (
        UniqueConstraint("client_id", "sequence"),
        Index("ix_submission_document", "document_id", "kind"),
        Index("ix_submission_project", "project_id", "id"),
        CheckConstraint("(kind = 'undo') = (undoes_id IS NOT NULL)", name="undo_names_its_target"),
        CheckConstraint("seconds IS NULL OR seconds >= 0", name="time_runs_forward"),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id", ondelete="CASCADE"))
    annotator_id: Mapped[int] = mapped_column(ForeignKey("annotator.id"))
    kind: Mapped[SubmissionKind] = mapped_column(closed(SubmissionKind))
    source: Mapped[SubmissionSource] = mapped_column(closed(SubmissionSource))
    client_id: Mapped[str] = mapped_column(String(64))
    sequence: Mapped[int]
    schema_version: Mapped[int]
    query_id: Mapped[int | None] = mapped_column(ForeignKey("query.id", ondelete="SET NULL"))
    round_id: Mapped[int | None] = mapped_column(ForeignKey("round.id", ondelete="SET NULL"))
    undoes_id: Mapped[int | None] = mapped_column(ForeignKey("submission.id"), unique=True)
    seconds: Mapped[float | None]  # from shown to submitted
    created_at: Mapped[datetime] = mapped_column(default=now)


class Judgement(Base):
    """One label named in a submission."""

    __tablename__ = "judgement"
    __table_args__ = {"sqlite_with_rowid": False}

    submission_id: Mapped[int] = mapped_column(
        ForeignKey("submission.id", ondelete="CASCADE"), primary_key=True
    )
    label_id: Mapped[int] = mapped_column(ForeignKey("label.id"), primary_key=True)
    state: Mapped[JudgementState] = mapped_column(closed(JudgementState))


class Round(Base):
    """One immutable pass from snapshot to queries. Its arrays lie in its checkpoint folder."""

    __tablename__ = "round"
    __table_args__ = (UniqueConstraint("project_id", "number"), NEVER_REUSED)

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    number: Mapped[int]
    kind: Mapped[RoundKind] = mapped_column(closed(RoundKind))
    status: Mapped[JobStatus] = mapped_column(closed(JobStatus), default=JobStatus.QUEUED)
    strategy: Mapped[str] = mapped_column(String(60))
    seed: Mapped[int]
    config: Mapped[dict[str, Any]] = mapped_column(default=dict)
    code_version: Mapped[str] = mapped_column(String(60), default="")
    data_hash: Mapped[str] = mapped_column(String(64), default="")
    label_ids: Mapped[list[Any] | None]  # columns of every array of this round, in order
    n_judged: Mapped[int | None]
    n_audited: Mapped[int | None]
    threshold: Mapped[float | None]
    temperature: Mapped[float | None]
    metrics: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # the few figures lists show
    evaluation: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # all that dashboards draw
    history: Mapped[list[Any] | None]  # loss and F1 by epoch
    checkpoint: Mapped[str | None] = mapped_column(String(400))  # relative to checkpoints_dir
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]


class OperatingPoint(Base):
    """Thresholds that somebody set for a round instead of its own. The newest counts."""

    __tablename__ = "operating_point"
    __table_args__ = (
        Index("ix_operating_point_round", "round_id", "id"),
        CheckConstraint(
            "shared IS NULL OR (shared >= 0 AND shared <= 1)", name="shared_is_probability"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id", ondelete="CASCADE"))
    annotator_id: Mapped[int | None] = mapped_column(ForeignKey("annotator.id"))
    shared: Mapped[float | None]  # NULL: the round's own thresholds again
    own: Mapped[dict[str, Any]] = mapped_column(default=dict)  # label id → threshold
    aim: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # NULL: by hand
    created_at: Mapped[datetime] = mapped_column(default=now)


class Review(Base):
    """A judgement that somebody looked at again, and the submission that says what came of it.

    A review whose submission was undone counts no longer.
    """

    __tablename__ = "review"
    __table_args__ = (
        Index("ix_review_cell", "project_id", "document_id", "label_id"),
        UniqueConstraint("submission_id", "label_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id", ondelete="CASCADE"))
    label_id: Mapped[int] = mapped_column(ForeignKey("label.id"))
    round_id: Mapped[int | None] = mapped_column(ForeignKey("round.id", ondelete="SET NULL"))
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id", ondelete="CASCADE"))
    kind: Mapped[ReviewKind] = mapped_column(closed(ReviewKind))
    verdict: Mapped[Verdict] = mapped_column(closed(Verdict))
    state_before: Mapped[str] = mapped_column(String(20))  # present, absent or unjudged
    suspicion: Mapped[float | None]  # probability that the judgement was wrong, when asked
    created_at: Mapped[datetime] = mapped_column(default=now)


class Query(Base):
    """A document chosen for judging, and why."""

    __tablename__ = "query"
    __table_args__ = (
        UniqueConstraint("round_id", "document_id"),
        Index("ix_query_queue", "project_id", "round_id", "rank"),
        Index("ix_query_document", "document_id"),
        Index("ix_query_lease", "project_id", "leased_by"),
        CheckConstraint(
            "selection_probability IS NULL OR "
            "(selection_probability > 0 AND selection_probability <= 1)",
            name="is_probability",
        ),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    round_id: Mapped[int | None] = mapped_column(ForeignKey("round.id", ondelete="CASCADE"))
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id", ondelete="CASCADE"))
    kind: Mapped[QueryKind] = mapped_column(closed(QueryKind))
    strategy: Mapped[str] = mapped_column(String(60))
    rank: Mapped[int]
    score: Mapped[float | None]
    reason: Mapped[str] = mapped_column(Text, default="")  # a sentence
    because: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # its parts
    selection_probability: Mapped[float | None]  # NULL: the choice was deterministic
    leased_by: Mapped[str | None] = mapped_column(String(64))
    leased_until: Mapped[datetime | None]
    served_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Job(Base):
    """A background job's progress, as pages show it. The job engine keeps its own books."""

    __tablename__ = "job"
    __table_args__ = (
        Index("ix_job_project", "project_id", "status"),
        CheckConstraint("fraction >= 0 AND fraction <= 1", name="fraction_of_one"),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    round_id: Mapped[int | None] = mapped_column(ForeignKey("round.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(20))  # one of core.services.jobs
    request: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # asked for
    workflow_id: Mapped[str] = mapped_column(String(100), unique=True)
    status: Mapped[JobStatus] = mapped_column(closed(JobStatus), default=JobStatus.QUEUED)
    step: Mapped[str] = mapped_column(String(20), default="")
    fraction: Mapped[float] = mapped_column(default=0.0)  # of the current step
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)  # epoch, loss, seconds left
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]


class Import(Base):
    """One file brought in, and what became of its rows."""

    __tablename__ = "import"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    file_name: Mapped[str] = mapped_column(String(300))
    mapping: Mapped[dict[str, Any]] = mapped_column(default=dict)
    n_rows: Mapped[int] = mapped_column(default=0)
    n_accepted: Mapped[int] = mapped_column(default=0)
    n_rejected: Mapped[int] = mapped_column(default=0)
    n_judged: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)


class Rejection(Base):
    """A row that was not imported, and why."""

    __tablename__ = "rejection"
    __table_args__ = (Index("ix_rejection_import", "import_id", "row_number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    import_id: Mapped[int] = mapped_column(ForeignKey("import.id", ondelete="CASCADE"))
    row_number: Mapped[int]  # as a person counts: the header is row 1
    reason: Mapped[str] = mapped_column(Text)
    excerpt: Mapped[str] = mapped_column(String(200), default="")
