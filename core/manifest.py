"""What a checkpoint's folder holds: `checkpoint.json`, the last file that is written into it.

It names every file with its size and SHA-256, so a folder is whole if and only if
its manifest says so; and it remembers what was removed since, and why.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path

from core.disk import SET_ASIDE, UNFINISHED, folder_size, sha256_of, write_whole
from core.errors import CorruptArtefact

MANIFEST = "checkpoint.json"
WEIGHTS = ("learner", "tuned")  # folders of a checkpoint that hold a model's own
FORMAT = "marginalia-checkpoint-1"


@dataclass(frozen=True)
class Entry:
    """One file as it was when the folder was sealed."""

    size: int  # bytes
    sha256: str


@dataclass(frozen=True)
class Removal:
    """A file that was removed after the folder was sealed."""

    size: int
    sha256: str
    at: str  # ISO 8601
    why: str


@dataclass(frozen=True)
class Manifest:
    """The files of one checkpoint, by path below its folder."""

    files: dict[str, Entry]
    removed: dict[str, Removal] = field(default_factory=dict)

    def of(self, part: str) -> list[str]:
        """Paths of the files that are `part`, or lie in the folder `part`."""
        return [name for name in self.files if _is_part(name, part)]

    def removal_of(self, part: str) -> Removal | None:
        """When and why `part` was removed, if it was."""
        return next((gone for name, gone in self.removed.items() if _is_part(name, part)), None)


def seal(folder: Path) -> Manifest:
    """Hash every file and write the manifest; what killed writers left behind goes first."""
    remove_unfinished(folder)
    files = {
        path.relative_to(folder).as_posix(): Entry(path.stat().st_size, sha256_of(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }
    manifest = Manifest(files)
    _write(folder, manifest)
    return manifest


def remove_unfinished(folder: Path) -> None:
    """Remove what writers that were killed left behind; nobody else may be writing here."""
    for left in sorted(folder.rglob("*")):
        if left.suffix in (UNFINISHED, SET_ASIDE):
            _remove(left)


def read_manifest(folder: Path) -> Manifest | None:
    """Read it; None where the folder was never sealed. Raises CorruptArtefact where it is torn."""
    path = folder / MANIFEST
    if not path.exists():
        return None
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return Manifest(
            files={name: Entry(**entry) for name, entry in stored["files"].items()},
            removed={name: Removal(**gone) for name, gone in stored["removed"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptArtefact(
            f"'{path}' is not a checkpoint's list of files ({error!r}); "
            "put the folder back from a copy, or run the round again."
        ) from error


def verify(folder: Path, part: str = "") -> Manifest:
    """Check that a sealed folder, or one part of it, is as it was written.

    Raises CorruptArtefact naming the first file that is missing, truncated,
    altered or was removed on purpose, and for a folder that was never sealed.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise CorruptArtefact(
            f"'{folder}' has no {MANIFEST}: it was not written to its end, or it is no checkpoint; "
            "name another folder, or run the round again."
        )
    removal = manifest.removal_of(part) if part else None
    if removal is not None:
        raise CorruptArtefact(
            f"'{folder / part}' was removed on {removal.at[:10]} ({removal.why}); "
            "run the round again, or use one whose weights are kept."
        )
    for name in manifest.of(part):
        _check(folder / name, manifest.files[name])
    return manifest


def verify_model(folder: Path) -> Manifest:
    """The same for a folder whose model is to answer: none of its weights may have been removed.

    A pruned round may still hold an encoder that others read; it is no model without its head.
    """
    manifest = verify(folder)
    for part in WEIGHTS:
        if manifest.removal_of(part) is not None:
            verify(folder, part)
    return manifest


def remove_parts(folder: Path, parts: tuple[str, ...], *, why: str, at: datetime) -> int:
    """Remove parts of a checkpoint and write down that it was meant; returns the bytes freed.

    The manifest comes first: killed in between, the next call removes the rest.
    """
    n_bytes = sum(folder_size(folder / part) for part in parts)
    manifest = read_manifest(folder)
    if manifest is not None:
        going = {name for part in parts for name in manifest.of(part)}
        moment = at.isoformat(timespec="seconds")
        removed = {
            name: Removal(**asdict(manifest.files[name]), at=moment, why=why) for name in going
        }
        kept = {name: entry for name, entry in manifest.files.items() if name not in going}
        _write(folder, replace(manifest, files=kept, removed=manifest.removed | removed))
    for part in parts:
        _remove(folder / part)
    return n_bytes


def _check(path: Path, entry: Entry) -> None:
    remedy = "put it back from a copy, or run the round again."
    if not path.is_file():
        raise CorruptArtefact(f"The checkpoint's file '{path}' is not there; {remedy}")
    size = path.stat().st_size
    if size != entry.size:
        raise CorruptArtefact(
            f"The checkpoint's file '{path}' has {size:,} bytes, not the {entry.size:,} that were "
            f"written; {remedy}"
        )
    if sha256_of(path) != entry.sha256:
        raise CorruptArtefact(
            f"The checkpoint's file '{path}' is not what was written (its SHA-256 differs); "
            f"{remedy}"
        )


def _is_part(name: str, part: str) -> bool:
    return not part or name == part or name.startswith(f"{part}/")


def _write(folder: Path, manifest: Manifest) -> None:
    text = json.dumps({"format": FORMAT, **asdict(manifest)}, indent=1, sort_keys=True)
    write_whole(folder / MANIFEST, lambda file: file.write(text.encode()))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
