"""Waiting for a database that somebody else writes to: a big import is no failure of a round."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import OperationalError

from core.errors import NotReady

log = logging.getLogger(__name__)

T = TypeVar("T")
TRIES = 40  # each waits half a minute for SQLite's lock: twenty minutes in all
PAUSE_S = 1.0


def is_locked(error: OperationalError) -> bool:
    """Whether somebody else holds the lock, so that the same will work later."""
    said = str(error.orig).lower()
    return "locked" in said or "busy" in said


def when_unlocked(act: Callable[[], T]) -> T:
    """Do what may be repeated from its beginning, again while the database is locked."""
    for _ in range(TRIES):
        try:
            return act()
        except OperationalError as error:
            if not is_locked(error):
                raise
            log.warning("The database is locked; trying again")
        time.sleep(PAUSE_S)
    raise NotReady(
        f"The database stayed locked in {TRIES} tries, perhaps by a large import; wait until that "
        "is done, then run it again."
    )
