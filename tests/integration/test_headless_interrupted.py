"""Trainings that are killed, stopped, begun twice, or gone on from, in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.settings import ROOT
from tests.unit.training.tiny import make_encoder, write_texts

PATIENCE_S = 180.0  # a stuck training fails the test; none waits that long when all is well
DEEP = ["--learner", "transformer", "--set", "lr=2e-3", "--set", "early_stopping=false"]
EMPTY = ["--empty-means", "no_label_applies"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_encoder(tmp_path_factory.mktemp("encoder") / "tiny")


class Desk:
    """A folder with texts and checkpoints, and trainings started in it."""

    def __init__(self, folder: Path, encoder: str, *, n_texts: int) -> None:
        self.folder, self.encoder = folder, encoder
        self.texts = write_texts(folder / "texts.csv", n_texts)
        self.checkpoints = folder / "checkpoints" / "texts"

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "core", "train", str(self.texts), *EMPTY, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ
            | {
                "MARGINALIA_DATA_DIR": str(self.folder / "data"),
                "MARGINALIA_CHECKPOINTS_DIR": str(self.folder / "checkpoints"),
                "MARGINALIA_ENCODER": self.encoder,
                "OMP_NUM_THREADS": "1",
            },
        )

    def run(self, *words: str) -> str:
        process = self.start(*words)
        printed, said = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, said
        return printed + said

    def epochs_done(self, name: str) -> int:
        state = self.checkpoints / f"{name}.training" / "state" / "state.json"
        try:
            return int(json.loads(state.read_text(encoding="utf-8"))["epoch"])
        except (OSError, ValueError):
            return 0

    def result(self, name: str) -> dict[str, Any]:
        """All that must not depend on how often a training was broken off."""
        folder = self.checkpoints / name
        history = json.loads((folder / "history.json").read_text(encoding="utf-8"))
        sealed = json.loads((folder / "checkpoint.json").read_text(encoding="utf-8"))["files"]
        return {
            "threshold": json.loads((folder / "threshold.json").read_text(encoding="utf-8")),
            "evaluation": json.loads((folder / "evaluation.json").read_text(encoding="utf-8")),
            "losses": [(entry["epoch"], entry["loss"]) for entry in history],
            "weights": {n: f["sha256"] for n, f in sealed.items() if n.endswith(".safetensors")},
        }


def wait_for(is_so: Callable[[], bool], process: subprocess.Popen[str], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert process.poll() is None, f"ended before: {what}\n{process.communicate()}"
        assert time.monotonic() < deadline, f"waited in vain for: {what}"
        time.sleep(0.005)


def desk_at(folder: Path, encoder: str, *, n_texts: int = 400) -> Desk:
    folder.mkdir()
    return Desk(folder, encoder, n_texts=n_texts)


def test_killed_and_started_again_it_ends_with_the_same_figures(
    tmp_path: Path, encoder: str
) -> None:
    words = [*DEEP, "--set", "epochs=5"]
    whole, broken = desk_at(tmp_path / "a", encoder), desk_at(tmp_path / "b", encoder)
    whole.run(*words)
    name = "whole_seed0_round1"
    process = broken.start(*words)
    wait_for(lambda: broken.epochs_done(name) >= 2, process, "two epochs")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (broken.checkpoints / name).exists()
    assert "Going on with the interrupted training" in broken.run(*words)
    assert broken.result(name) == whole.result(name)
    assert not list(broken.checkpoints.glob("*.training"))
    assert [path.name for path in broken.checkpoints.glob("*round2*")] == []


def test_stopped_by_ctrl_c_it_says_so_and_keeps_what_to_go_on_from(
    tmp_path: Path, encoder: str
) -> None:
    desk = desk_at(tmp_path / "a", encoder)
    words = [*DEEP, "--set", "epochs=40"]
    name = "whole_seed0_round1"
    process = desk.start(*words)
    wait_for(lambda: desk.epochs_done(name) >= 1, process, "an epoch")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, said
    assert "Stopping; what is done is kept" in said
    assert (desk.checkpoints / f"{name}.training" / "state").is_dir()


def test_two_trainings_of_one_name_take_a_place_each(tmp_path: Path, encoder: str) -> None:
    desk = desk_at(tmp_path / "a", encoder, n_texts=80)
    words = ["--learner", "mlp", "--set", "epochs=5", "--folds", "2"]
    both = [desk.start(*words), desk.start(*words)]
    for process in both:
        _, said = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, said
    first, second = (desk.result(f"whole_seed0_round{n}") for n in (1, 2))
    assert first == second


def test_full_resume_with_extra_epochs_ends_like_one_long_training_began(
    tmp_path: Path, encoder: str
) -> None:
    desk = desk_at(tmp_path / "a", encoder, n_texts=120)
    desk.run(*DEEP, "--set", "epochs=2")
    assert (desk.checkpoints / "whole_seed0_round1.state").is_dir()
    desk.run(*DEEP, "--resume", "--extra-epochs", "2")
    first, longer = (desk.result(f"whole_seed0_round{n}")["losses"] for n in (1, 2))
    assert longer[:2] == first
    assert [epoch for epoch, _ in longer] == [1, 2, 3, 4]
    assert not (desk.checkpoints / "whole_seed0_round1.state").exists()

    desk.run(*DEEP, "--warm-start", "--extra-epochs", "1")
    warm = desk.result("whole_seed0_round3")["losses"]
    assert [epoch for epoch, _ in warm] == [1]
    assert warm[0][1] < first[0][1]  # it begins where the other had come to

    refused = desk.start(*DEEP, "--resume")
    _, said = refused.communicate(timeout=PATIENCE_S)
    assert refused.returncode == 1
    assert "say how many more by extra_epochs" in said
