"""A training on disk: killed at the worst moments, damaged, exchanged for another's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from core.errors import CorruptArtefact
from core.learners.training_state import TrainingState, find_state, read_state, write_state
from tests.unit.learners.killed_training import train
from tests.unit.learners.words import new_network, weights_of

ROOT = Path(__file__).resolve().parents[3]


def state(epoch: int = 3, best_epoch: int = 2) -> TrainingState:
    return TrainingState(
        epoch=epoch,
        tensors={"weight/a": torch.arange(4.0), "step/a": torch.tensor(7.0)},
        best={"a": torch.full((4,), float(best_epoch))},
        best_epoch=best_epoch,
        about={"identity": "this", "scores": [0.5, None]},
    )


def killed(how: str, folder: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.unit.learners.killed_training", how, str(folder)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def test_killed_three_times_it_ends_with_the_weights_of_an_uninterrupted_training(
    tmp_path: Path,
) -> None:
    """While it writes an epoch, before it names the next, and in the middle of a third."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        folder = tmp_path / "state"
        killed("writing-epoch-2", folder)
        assert read_state(folder).epoch == 1
        killed("naming-epoch-3", folder)
        assert read_state(folder).epoch == 2
        killed("in-epoch-3", folder)
        assert read_state(folder).epoch == 2
        resumed, whole = new_network(), new_network()
        outcome = train(resumed, folder)
        expected = train(whole, None)
    finally:
        torch.set_num_threads(n_threads)
    assert outcome.resumed_from == 2
    assert torch.equal(weights_of(resumed), weights_of(whole))
    for kept, known in zip(outcome.history, expected.history, strict=True):
        assert (kept["loss"], kept["score"]) == (known["loss"], known["score"])
    assert sorted(path.suffix for path in folder.iterdir()) == [
        ".json",
        ".safetensors",
        ".safetensors",
    ]


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    write_state(tmp_path / "state", state())
    found = read_state(tmp_path / "state")
    assert (found.epoch, found.best_epoch, found.about) == (3, 2, state().about)
    for name, tensor in state().tensors.items():
        assert torch.equal(found.tensors[name], tensor)
    assert torch.equal(found.best["a"], state().best["a"])


def test_the_newest_state_replaces_the_others_and_the_best_is_written_once(tmp_path: Path) -> None:
    write_state(tmp_path, state())
    written = (tmp_path / "best-2.safetensors").stat()
    write_state(tmp_path, state(epoch=4))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "best-2.safetensors",
        "epoch-4.safetensors",
        "state.json",
    ]
    assert (tmp_path / "best-2.safetensors").stat().st_ino == written.st_ino
    write_state(tmp_path, state(epoch=5, best_epoch=5))
    assert read_state(tmp_path).best["a"][0] == 5


@pytest.mark.parametrize("name", ["epoch-3.safetensors", "best-2.safetensors", "state.json"])
@pytest.mark.parametrize("harm", ["truncated", "altered", "removed"])
def test_a_damaged_state_is_refused_with_a_sentence_and_discarded_when_going_on(
    tmp_path: Path, name: str, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "state"
    write_state(folder, state())
    content = (folder / name).read_bytes()
    if harm == "truncated":
        (folder / name).write_bytes(content[:-9])
    elif harm == "altered":
        at = content.index(b"a")
        (folder / name).write_bytes(content[:at] + b"b" + content[at + 1 :])
    else:
        (folder / name).unlink()
    with pytest.raises(CorruptArtefact, match="remove that folder to begin anew"):
        read_state(folder)
    (folder / "notes.txt").write_text("somebody's")
    assert find_state(folder, "this") is None
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    assert ("begins anew" in caplog.text) == ((harm, name) != ("removed", "state.json"))


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    """The hash is right, the content is what torch.save writes."""
    write_state(tmp_path, state())
    file = tmp_path / "epoch-3.safetensors"
    before = file.read_bytes()
    torch.save({"weight/a": torch.arange(4.0)}, file)
    from core.disk import sha256_of

    about = (tmp_path / "state.json").read_text()
    hashes = read_hash(before), sha256_of(file)
    (tmp_path / "state.json").write_text(about.replace(*hashes))
    with pytest.raises(CorruptArtefact):
        read_state(tmp_path)


def read_hash(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()


def test_only_the_state_of_this_training_is_found(tmp_path: Path) -> None:
    assert find_state(tmp_path / "none", "this") is None
    write_state(tmp_path / "state", state())
    found = find_state(tmp_path / "state", "this")
    assert found is not None
    assert found.epoch == 3
    assert find_state(tmp_path / "state", "that") is None
