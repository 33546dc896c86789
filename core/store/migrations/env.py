"""What Alembic runs: the migrations, on the connection that core.store.migrate hands over."""

from typing import Any, Literal

from alembic import context

from core.store.tables import Base, UtcDateTime


def render_item(kind: str, value: Any, _context: Any) -> str | Literal[False]:
    """Write our own column type as the plain one it is stored as: migrations outlive code."""
    return "sa.DateTime()" if kind == "type" and isinstance(value, UtcDateTime) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
    render_item=render_item,
)
with context.begin_transaction():
    context.run_migrations()
