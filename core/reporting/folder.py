"""The folder of a report: written aside, put in place at the end, only over an older report."""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.disk import UNFINISHED, flush_folder, room_for, write_whole
from core.errors import Conflict, InputError

MARKER = "report.json"  # says that a folder is a report, and lists the files of it
MADE_BY = "marginalia report"
ASIDE = ".report-"  # folders in which reports are being written, or were when killed
ABANDONED_S = 3600.0


@contextmanager
def new_report(out: Path, *, force: bool = False) -> Iterator[Path]:
    """A folder to write in, whose files are put into `out` at the end.

    After an error `out` is as it was. An older report there is replaced. Where
    there are other files, Conflict is raised; with `force` they stay, and only
    files of the same names are replaced.
    """
    out = out.expanduser().absolute()
    check(out, force=force)
    missing = [folder for folder in (out, *out.parents) if not folder.exists()]
    with room_for(out):
        aside = out / f"{ASIDE}{secrets.token_hex(4)}{UNFINISHED}"
        aside.mkdir(parents=True)
        try:
            yield aside
            _put_in_place(aside, out)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
            _clear_abandoned(out)
            _remove_empty(missing)
    if out.is_dir():
        flush_folder(out)


def check(out: Path, *, force: bool = False) -> None:
    """Raise InputError where `out` is a file, Conflict where files of others are in it."""
    if out.exists() and not out.is_dir():
        raise InputError(f"'{out}' is a file; give a folder with --out.")
    if force or not out.is_dir():
        return
    others = sorted(set(_files_in(out)) - _files_of_report(out))
    if others:
        raise Conflict(
            f"'{out}' holds files that are no part of a report, such as '{others[0]}'; choose "
            "another folder with --out, or write the report among them with --force."
        )


def write_marker(folder: Path, about: dict[str, Any]) -> None:
    """Say what the report is and which files belong to it; to be written last."""
    files = sorted({*_files_in(folder), MARKER})
    _write_json(folder / MARKER, {"made_by": MADE_BY, **about, "files": files})


def _write_json(path: Path, told: dict[str, Any]) -> None:
    text = json.dumps(told, indent=1, ensure_ascii=False)
    write_whole(path, lambda file: file.write(text.encode()))


def _read_marker(folder: Path) -> dict[str, Any]:
    try:
        told = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) and told.get("made_by") == MADE_BY else {}


def _files_of_report(folder: Path) -> set[str]:
    return {str(name) for name in _read_marker(folder).get("files", ())}


def _files_in(folder: Path) -> list[str]:
    """Everything but folders and what is written aside; links are named, never followed."""
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    names = (path.relative_to(folder).as_posix() for path in found)
    return sorted(name for name in names if not name.startswith(ASIDE))


def _put_in_place(aside: Path, out: Path) -> None:
    """Move every file, whole; killed half-way, the folder still says that all of it is ours."""
    new, old = _read_marker(aside), _files_of_report(out)
    _write_json(out / MARKER, {**new, "files": sorted(old.union(new["files"]))})
    for name in new["files"]:
        if name != MARKER:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (aside / name).replace(out / name)
    for name in sorted(old.difference(new["files"])):
        _remove(out, name)
    (aside / MARKER).replace(out / MARKER)


def _remove(out: Path, name: str) -> None:
    """Remove a file of the older report; a marker that names others is not believed."""
    path = out / name
    if not path.resolve().is_relative_to(out.resolve()):
        return
    path.unlink(missing_ok=True)
    if path.parent != out and path.parent.is_dir() and not any(path.parent.iterdir()):
        path.parent.rmdir()


def _remove_empty(folders: list[Path]) -> None:
    """Remove folders that were made for nothing, the innermost first."""
    for folder in folders:
        if any(folder.iterdir()):
            return
        folder.rmdir()


def _clear_abandoned(out: Path) -> None:
    """Remove what killed processes left, unless it may still be written."""
    for folder in out.glob(f"{ASIDE}*{UNFINISHED}"):
        if time.time() - folder.stat().st_mtime > ABANDONED_S:
            shutil.rmtree(folder, ignore_errors=True)
