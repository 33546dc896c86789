"""Files that are whole or not there: written aside, flushed to the disk, then given their name.

It also turns a full disk into a sentence. What a folder of such files holds is `core.manifest`.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from core.errors import NotReady

UNFINISHED, SET_ASIDE = ".tmp", ".old"  # endings of what a killed process leaves behind
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# How libraries written in Rust, and numpy, put it.
NO_ROOM_IN_WORDS = re.compile(r"os error (28|122|27)\b|^\d+ requested and \d+ written$")


def write_whole(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Let `write` fill a file that gets its name once it is on the disk.

    Raises NotReady where the disk is full; what had the name before is then still there.
    """
    with room_for(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}{UNFINISHED}")
        try:
            with unfinished.open("wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
    flush_folder(path.parent)


@contextmanager
def room_for(path: Path) -> Iterator[None]:
    """Raise NotReady, with the way out, where what is done here finds the disk full."""
    try:
        yield
    except Exception as error:
        is_full = isinstance(error, OSError) and error.errno in NO_ROOM
        if not is_full and not NO_ROOM_IN_WORDS.search(str(error)):
            raise
        raise NotReady(
            f"There is no room on the disk for '{path}'; what was in force is untouched. Free some "
            "space, for instance by removing old rounds' weights under Train, then run it again."
        ) from error


def flush_file(path: Path) -> None:
    """See to it that a file's content survives a power cut."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """The same for names given in a folder, where the system has such a thing."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256_of(path: Path) -> str:
    """Hash a file without reading it whole."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; 0 where there is neither.

    Others may be at work there: what goes while it is counted weighs nothing.
    """
    if path.is_file():
        return _file_size(path)
    return sum(_file_size(Path(at, name)) for at, _, names in os.walk(path) for name in names)


def _file_size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
