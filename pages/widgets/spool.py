"""Uploaded files on their way in: out of the server's memory and onto disk, until imported."""

from __future__ import annotations

import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.settings import Settings

FORGOTTEN_S = 24 * 3600  # a file nobody imported for a day belongs to a closed tab


@dataclass(frozen=True)
class Spooled:
    """A file waiting to be imported."""

    path: Path
    name: str  # as the person knows it

    @property
    def size(self) -> str:
        """How big it is, in words."""
        kilobytes = self.path.stat().st_size / 1000
        return f"{kilobytes:.1f} kB" if kilobytes < 1000 else f"{kilobytes / 1000:.1f} MB"


def spool(settings: Settings, uploaded: UploadedFile) -> Spooled:
    """Write an upload to a file of its own."""
    folder = settings.data_dir / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    path = folder / f"{secrets.token_hex(8)}.part"
    uploaded.seek(0)
    with path.open("wb") as file:
        shutil.copyfileobj(uploaded, file)
    return Spooled(path, Path(uploaded.name).name)


def _sweep(folder: Path) -> None:
    for path in folder.glob("*.part"):
        if time.time() - path.stat().st_mtime > FORGOTTEN_S:
            path.unlink(missing_ok=True)


def keep(spooled: Spooled) -> None:
    """Remember the file for this session, and empty the widget it came from."""
    forget()
    st.session_state["upload"] = (str(spooled.path), spooled.name)
    st.session_state["upload_version"] = upload_version() + 1


def kept() -> Spooled | None:
    """The file of this session, if it is still there."""
    path, name = st.session_state.get("upload", ("", ""))
    return Spooled(Path(path), name) if path and Path(path).exists() else None


def forget() -> None:
    """Let go of the file of this session."""
    path, _ = st.session_state.pop("upload", ("", ""))
    if path:
        Path(path).unlink(missing_ok=True)


def upload_version() -> int:
    """Part of the upload widget's key: a new one empties it."""
    return int(st.session_state.get("upload_version", 0))
