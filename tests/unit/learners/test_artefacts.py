"""A learner's folder is there whole or not at all, whatever stood in the way before."""

import os

import pytest
import torch

from core.errors import NotReady
from core.learners.artefacts import read_artefact, whole_folder, write_artefact
from core.learners.deep import DeepConfig, DeepLearner
from tests.unit.learners.tiny import judged, make_encoder

ABOUT = {"format": "test"}


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


@pytest.fixture
def files_of_64_kb():
    """What the system says of a file that grows beyond is what it says of a full disk."""
    resource = pytest.importorskip("resource", reason="this system limits no files")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def network(tmp_path):
    config = DeepConfig(encoder=make_encoder(tmp_path / "encoder"), epochs=1)
    return DeepLearner(config, 3, device="cpu").fit(judged(8))


def test_a_network_that_finds_the_disk_full_says_so_and_leaves_nothing(
    network, files_of_64_kb, tmp_path
):
    saved = tmp_path / "saved"
    saved.mkdir()
    with pytest.raises(NotReady, match="There is no room on the disk for "):
        network.save(saved / "learner")
    assert list(saved.iterdir()) == []
