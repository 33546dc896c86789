"""Thresholds that people set for a round, and judgements that were looked at again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KINDS = "'suspect', 'copies', 'pair', 'companion', 'map'"
VERDICTS = "'confirmed', 'flipped', 'unsure'"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "operating_point",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("annotator_id", sa.Integer(), nullable=True),
        sa.Column("shared", sa.Double(), nullable=True),
        sa.Column("own", sa.JSON(), nullable=False),
        sa.Column("aim", sa.JSON(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint(
            "shared IS NULL OR (shared >= 0 AND shared <= 1)",
            name=op.f("ck_operating_point_shared_is_probability"),
        ),
        _references("operating_point", "project", ondelete="CASCADE"),
        _references("operating_point", "round", ondelete="CASCADE"),
        _references("operating_point", "annotator"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operating_point")),
    )
    op.create_index("ix_operating_point_round", "operating_point", ["round_id", "id"])
    op.create_table(
        "review",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("document_id", sa.Integer(), nullable=False),
        sa.Column("label_id", sa.Integer(), nullable=False),
        sa.Column("round_id", sa.Integer(), nullable=True),
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("verdict", sa.String(length=20), nullable=False),
        sa.Column("state_before", sa.String(length=20), nullable=False),
        sa.Column("suspicion", sa.Double(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint(f"kind IN ({KINDS})", name=op.f("ck_review_reviewkind")),
        sa.CheckConstraint(f"verdict IN ({VERDICTS})", name=op.f("ck_review_verdict")),
        _references("review", "project", ondelete="CASCADE"),
        _references("review", "document", ondelete="CASCADE"),
        _references("review", "label"),
        _references("review", "round", ondelete="SET NULL"),
        _references("review", "submission", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review")),
        sa.UniqueConstraint(
            "submission_id", "label_id", name=op.f("uq_review_submission_id_label_id")
        ),
    )
    op.create_index("ix_review_cell", "review", ["project_id", "document_id", "label_id"])


def _references(table: str, other: str, *, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [f"{other}_id"],
        [f"{other}.id"],
        name=op.f(f"fk_{table}_{other}_id_{other}"),
        ondelete=ondelete,
    )
