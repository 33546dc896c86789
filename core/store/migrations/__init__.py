"""Alembic's migrations, run by core.store.migrate."""
