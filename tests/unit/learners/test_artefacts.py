"""A learner's folder is there whole or not at all, whatever stood in the way before."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from core.learners.artefacts import read_artefact, whole_folder, write_artefact
from tests.unit.learners.tiny import make_encoder

ROOT = Path(__file__).resolve().parents[3]
ABOUT = {"format": "test"}

# Files may grow to 64 kB here: what the system then says is what it says of a full disk.
A_NETWORK_ON_A_SMALL_DISK = """
import resource, sys
from pathlib import Path
from core.errors import NotReady
from core.learners.deep import DeepConfig, DeepLearner
from tests.unit.learners.tiny import judged

learner = DeepLearner(DeepConfig(encoder=sys.argv[1], epochs=1), 3, device="cpu").fit(judged(8))
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
try:
    learner.save(Path(sys.argv[2]) / "learner")
except NotReady as error:
    print(error)
"""


def written(path, value):
    write_artefact(path, tensors={"weight": torch.full((2,), float(value))}, about=ABOUT)


def read(path):
    return float(read_artefact(path, expected_format="test")[0]["weight"][0])


def test_what_a_killed_process_of_the_same_number_left_is_in_nobodys_way(tmp_path):
    path = tmp_path / "learner"
    written(path, 1)
    for ending in ("old", "tmp"):
        left = tmp_path / f"learner.{os.getpid()}.{ending}"
        left.mkdir()
        (left / "model.safetensors").write_bytes(b"half")
    written(path, 2)
    assert read(path) == 2
    assert [folder.name for folder in tmp_path.iterdir()] == ["learner"]


def test_where_the_new_one_cannot_take_the_name_the_old_one_keeps_it(tmp_path):
    path = tmp_path / "learner"
    written(path, 1)
    with pytest.raises(FileNotFoundError), whole_folder(path) as partial:
        partial.rmdir()
    assert read(path) == 1


def test_a_network_that_finds_the_disk_full_says_so_and_leaves_nothing(tmp_path):
    encoder, saved = make_encoder(tmp_path / "encoder"), tmp_path / "saved"
    saved.mkdir()
    ran = subprocess.run(
        [sys.executable, "-c", A_NETWORK_ON_A_SMALL_DISK, encoder, saved],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.startswith("There is no room on the disk for ")
    assert list(saved.iterdir()) == []
