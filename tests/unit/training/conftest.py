"""A quick model and a transformer, trained once for all tests of a run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from core.settings import Settings
from core.training.config import TrainConfig
from core.training.run import Trained, train
from tests.unit.training.tiny import make_encoder, write_texts


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an encoder and texts."""
    folder = tmp_path_factory.mktemp("bench")
    make_encoder(folder / "encoder")
    write_texts(folder / "texts.csv")
    return folder


@pytest.fixture(scope="session")
def bench_settings(bench: Path) -> Settings:
    return Settings(data_dir=bench / "data", checkpoints_dir=bench / "checkpoints")


def trained_with(bench: Path, settings: Settings, **said: object) -> Trained:
    values = {
        "data": str(bench / "texts.csv"),
        "encoder": str(bench / "encoder"),
        "empty_means": "no_label_applies",
        **said,
    }
    return train(TrainConfig(**values), settings)


@pytest.fixture(scope="session")
def quick(bench: Path, bench_settings: Settings) -> Trained:
    return trained_with(bench, bench_settings, name="quick")


@pytest.fixture(scope="session")
def deep(bench: Path, bench_settings: Settings) -> Trained:
    options = {"epochs": 3, "lr": 2e-3, "early_stopping": False}
    return trained_with(bench, bench_settings, name="deep", learner="transformer", options=options)


@pytest.fixture
def copied(quick: Trained, tmp_path: Path) -> Path:
    """A copy of the quick checkpoint, to be spoilt."""
    return Path(shutil.copytree(quick.folder, tmp_path / quick.folder.name))
