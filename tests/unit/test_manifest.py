"""A checkpoint's folder is whole if and only if its manifest says so."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import CorruptArtefact
from core.manifest import MANIFEST, read_manifest, remove_parts, seal, verify

ROOT = Path(__file__).resolve().parents[2]
FILES = {"learner/model.safetensors": b"weights", "learner/learner.json": b"{}", "plain.json": b"1"}
TODAY = datetime(2026, 1, 2, tzinfo=UTC)


def fill(folder: Path) -> Path:
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_a_sealed_folder_names_every_file_with_its_size(tmp_path: Path) -> None:
    manifest = seal(fill(tmp_path))
    assert {name: entry.size for name, entry in manifest.files.items()} == {
        name: len(content) for name, content in FILES.items()
    }
    assert verify(tmp_path) == read_manifest(tmp_path) == manifest


def test_sealing_twice_writes_the_same(tmp_path: Path) -> None:
    seal(fill(tmp_path))
    first = (tmp_path / MANIFEST).read_bytes()
    seal(tmp_path)
    assert (tmp_path / MANIFEST).read_bytes() == first


def test_what_killed_writers_left_is_gone_after_sealing(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "learner.71.tmp" / "encoder").mkdir(parents=True)
    (tmp_path / "learner.71.tmp" / "encoder" / "x").write_text("half")
    (tmp_path / "learner.71.old").mkdir()
    (tmp_path / "array.npy.tmp").write_text("half")
    assert set(seal(tmp_path).files) == set(FILES)
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".tmp", ".old")]


@given(data=st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_changed_byte_is_noticed_and_its_file_named(
    tmp_path: Path, data: st.DataObject
) -> None:
    seal(fill(tmp_path))
    name = data.draw(st.sampled_from(sorted(FILES)))
    content = bytearray(FILES[name])
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CorruptArtefact, match="not what was written") as refused:
        verify(tmp_path)
    assert str(tmp_path / name) in str(refused.value)


def test_a_truncated_or_missing_file_is_refused_with_the_way_out(tmp_path: Path) -> None:
    seal(fill(tmp_path))
    (tmp_path / "plain.json").write_bytes(b"")
    with pytest.raises(
        CorruptArtefact, match=r"plain.json' has 0 bytes, not the 1 .* run the round"
    ):
        verify(tmp_path)
    (tmp_path / "plain.json").unlink()
    with pytest.raises(CorruptArtefact, match=r"plain.json' is not there; put it back"):
        verify(tmp_path)
    verify(tmp_path, "learner")  # a part of it is still whole


def test_a_folder_that_was_never_sealed_or_whose_manifest_is_torn_is_refused(
    tmp_path: Path,
) -> None:
    fill(tmp_path)
    assert read_manifest(tmp_path) is None
    with pytest.raises(CorruptArtefact, match="not written to its end"):
        verify(tmp_path)
    for torn in ("{", "[]", '{"files": {"a": {}}, "removed": {}}'):
        (tmp_path / MANIFEST).write_text(torn)
        with pytest.raises(CorruptArtefact, match=MANIFEST):
            verify(tmp_path)


def test_removed_parts_are_remembered_and_the_rest_is_still_whole(tmp_path: Path) -> None:
    seal(fill(tmp_path))
    freed = remove_parts(tmp_path, ("learner",), why="only the newest 2 keep theirs", at=TODAY)
    assert freed == len(b"weights") + len(b"{}")
    assert not (tmp_path / "learner").exists()
    verify(tmp_path)
    with pytest.raises(CorruptArtefact, match=r"removed on 2026-01-02 \(only the newest 2"):
        verify(tmp_path, "learner")
    assert remove_parts(tmp_path, ("learner",), why="again", at=TODAY) == 0
    assert read_manifest(tmp_path).removal_of("learner").why == "only the newest 2 keep theirs"


def test_a_removal_killed_half_way_is_ended_by_the_next(tmp_path: Path) -> None:
    seal(fill(tmp_path))
    remove_parts(tmp_path, ("learner",), why="old", at=TODAY)
    fill(tmp_path)  # as if the files had not been reached
    verify(tmp_path)
    assert remove_parts(tmp_path, ("learner",), why="old", at=TODAY) > 0
    assert not (tmp_path / "learner").exists()


WRITER = """
import sys
from pathlib import Path
import torch
from core.learners.artefacts import write_artefact
folder, value = Path(sys.argv[1]), 0
while True:
    value += 1
    tensors = {"weight": torch.full((1 << 20,), float(value))}
    write_artefact(folder / "learner", tensors=tensors, about={"format": "test", "value": value})
    print(value, flush=True)
"""


@pytest.mark.parametrize("n_written", [1, 2, 4])
def test_a_learner_whose_writing_is_killed_is_the_old_one_or_none(
    tmp_path: Path, n_written: int
) -> None:
    from core.learners.artefacts import read_artefact, write_artefact

    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, tmp_path], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    for _ in range(n_written):
        last = int(writer.stdout.readline())
    writer.send_signal(signal.SIGKILL)
    printed = writer.communicate()[0].split()
    last = max([last, *map(int, printed)])

    path = tmp_path / "learner"
    if path.exists():
        tensors, about = read_artefact(path, expected_format="test")
        assert about["value"] in (last, last + 1)
        assert tensors["weight"].unique().tolist() == [float(about["value"])]
    write_artefact(path, tensors=tensors if path.exists() else {}, about={"format": "test"})
    seal(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [MANIFEST, "learner"]


def test_a_learner_with_an_altered_weight_or_encoder_is_refused(tmp_path: Path) -> None:
    import torch

    from core.learners.artefacts import (
        partial_folder,
        put_in_place,
        read_artefact,
        write_artefact,
        write_into,
    )

    write_artefact(tmp_path / "a", tensors={"w": torch.zeros(8)}, about={"format": "test"})
    weights = tmp_path / "a" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(CorruptArtefact, match=r"model.safetensors' is not what was written"):
        read_artefact(tmp_path / "a", expected_format="test")

    partial = partial_folder(tmp_path / "b")
    (partial / "encoder").mkdir()
    (partial / "encoder" / "config.json").write_text("{}")
    write_into(partial, tensors={"w": torch.zeros(1)}, about={"format": "test"})
    put_in_place(partial, tmp_path / "b")
    read_artefact(tmp_path / "b", expected_format="test")
    (tmp_path / "b" / "encoder" / "config.json").write_text('{"evil": 1}')
    with pytest.raises(CorruptArtefact, match=r"encoder/config.json"):
        read_artefact(tmp_path / "b", expected_format="test")


def test_learners_of_older_versions_without_hashes_are_still_read(tmp_path: Path) -> None:
    import torch

    from core.learners.artefacts import ABOUT, read_artefact, write_artefact

    write_artefact(tmp_path / "a", tensors={"w": torch.ones(2)}, about={"format": "test"})
    about = json.loads((tmp_path / "a" / ABOUT).read_text())
    del about["sha256"]
    (tmp_path / "a" / ABOUT).write_text(json.dumps(about))
    tensors, _ = read_artefact(tmp_path / "a", expected_format="test")
    assert tensors["w"].tolist() == [1.0, 1.0]
