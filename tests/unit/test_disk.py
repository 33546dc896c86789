"""Files are whole or not there, and a full disk is a sentence."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from core.disk import folder_size, room_for, sha256_of, write_whole
from core.errors import NotReady

ROOT = Path(__file__).resolve().parents[2]

# Files may grow to 64 kB here: what the system then says is what it says of a full disk.
ON_A_SMALL_DISK = """
import resource, sys
from pathlib import Path
import numpy as np, torch
from core.errors import NotReady
from core.learners.artefacts import write_artefact
from core.rounds import files

resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
folder = Path(sys.argv[1])
big = {"weight": torch.zeros(1 << 16)}
for write in (
    lambda: files.write_array(folder / "array.npy", np.zeros(1 << 16)),
    lambda: files.write_arrays(folder / "arrays.npz", a=np.zeros(1 << 16)),
    lambda: files.write_json(folder / "plain.json", "x" * (1 << 17)),
    lambda: write_artefact(folder / "learner", tensors=big, about={"format": "test"}),
):
    try:
        write()
    except NotReady as error:
        print(error)
"""


def test_a_full_disk_is_said_in_words_and_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "array.npy").write_bytes(b"the array before")
    (tmp_path / "learner").mkdir()
    (tmp_path / "learner" / "learner.json").write_text("the learner before")
    ran = subprocess.run(
        [sys.executable, "-c", ON_A_SMALL_DISK, tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    told = ran.stdout.splitlines()
    assert len(told) == 4
    for line, name in zip(told, ("array.npy", "arrays.npz", "plain.json", "learner"), strict=True):
        assert line.startswith("There is no room on the disk for ")
        assert name in line
        assert "Free some space" in line
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*"))
    assert left == ["array.npy", "learner", "learner/learner.json"]
    assert (tmp_path / "array.npy").read_bytes() == b"the array before"


def test_a_file_whose_writing_fails_is_not_there(tmp_path: Path) -> None:
    def half(file: IO[bytes]) -> None:
        file.write(b"half")
        raise OSError(errno.EIO, "the disk is broken")

    with pytest.raises(OSError, match="broken"):
        write_whole(tmp_path / "new" / "file", half)
    assert list((tmp_path / "new").iterdir()) == []


def test_another_failure_than_a_full_disk_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="shapes"), room_for(tmp_path):
        raise ValueError("shapes differ")
    with pytest.raises(NotReady, match="no room"), room_for(tmp_path):
        raise RuntimeError("I/O error: No space left on device (os error 28)")


def test_sizes_and_hashes_are_those_of_the_bytes(tmp_path: Path) -> None:
    write_whole(tmp_path / "a" / "one", lambda file: file.write(b"abc"))
    write_whole(tmp_path / "a" / "b" / "two", lambda file: file.write(b"de"))
    assert folder_size(tmp_path / "a") == 5
    assert folder_size(tmp_path / "a" / "one") == 3
    assert folder_size(tmp_path / "none") == 0
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_of(tmp_path / "a" / "one") == known


def test_a_file_that_goes_while_a_folder_is_counted_weighs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").write_bytes(b"12345")
    listed = [(str(tmp_path), [], ["gone.tmp", "there"])]  # as another process may leave it
    monkeypatch.setattr("os.walk", lambda _path: listed)
    assert folder_size(tmp_path) == 5
