"""Queries keep what decided, more kinds of them, and jobs keep what was asked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KINDS = "'model', 'cold_start', 'coverage', 'rare', 'search', 'random', 'audit'"


def upgrade() -> None:
    """Apply. SQLite copies the table of queries, as it cannot change a CHECK constraint."""
    last_id = _last_id()
    with op.batch_alter_table("query", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.add_column(sa.Column("because", sa.JSON(), nullable=True))
        batch.drop_constraint(op.f("ck_query_querykind"), type_="check")
        batch.create_check_constraint(op.f("ck_query_querykind"), f"kind IN ({KINDS})")
    _go_on_from(last_id)
    op.add_column("job", sa.Column("request", sa.JSON(), nullable=True))


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _last_id() -> int:
    """The largest id SQLite ever gave to a query: the copy would know only those still there."""
    if not _is_sqlite():
        return 0
    given = sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'query'")
    return op.get_bind().scalar(given) or 0


def _go_on_from(last_id: int) -> None:
    if not last_id:
        return
    connection = op.get_bind()
    connection.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = 'query'"))
    connection.execute(
        sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES ('query', :last_id)"),
        {"last_id": last_id},
    )
