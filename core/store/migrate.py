"""Brings a database to the newest schema; safe to call from several processes at once."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from filelock import FileLock
from sqlalchemy import Connection

from core.settings import Settings
from core.store.store import Store


def configuration(connection: Connection) -> Config:
    """Alembic's configuration, bound to an open connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def migrate(settings: Settings) -> None:
    """Upgrade the settings' database to the newest revision."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    store = Store(settings.resolved_database_url)
    try:
        with FileLock(settings.data_dir / "migrate.lock"), store.engine.connect() as connection:
            if store.is_sqlite:
                _let_foreign_keys_go(connection)
            command.upgrade(configuration(connection), "head")
            connection.commit()
    finally:
        store.close()


def _let_foreign_keys_go(connection: Connection) -> None:
    """Not held while a table is copied: dropping the old one would empty what points at it.

    SQLite takes this only between transactions, so it goes past SQLAlchemy, which begins one.
    """
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute("PRAGMA foreign_keys=OFF")
