"""A checkpoint's folder read back: the same answers as before saving, or a refusal."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from core.errors import CorruptArtefact, InputError, NotFound
from core.evaluation.calibration import Temperature
from core.evaluation.outputs import OUTPUTS, read_outputs
from core.manifest import remove_parts, seal
from core.model_export.source import open_source
from core.rounds import files
from core.rounds.chosen import CUTS, read_calibration
from core.settings import Settings
from core.training.checkpoint import resolve_checkpoint
from core.training.config import usual_name
from core.training.info import checkpoint_info, info_lines
from core.training.model import TextModel
from core.training.run import Trained
from tests.unit.training.conftest import trained_with

TEXTS = ["red big", "blue", "", "green small round red blue", "big " * 40]


@pytest.mark.parametrize("which", ["quick", "deep"])
def test_a_loaded_model_answers_as_it_did_before_saving(
    which: str, request: pytest.FixtureRequest, bench_settings: Settings
) -> None:
    trained: Trained = request.getfixturevalue(which)
    model = TextModel.load(trained.folder, settings=bench_settings)
    assert np.array_equal(model.raw_proba(TEXTS), trained.learnt.raw_proba(TEXTS))
    calibrated = trained.chosen.calibration.apply(trained.learnt.raw_proba(TEXTS))
    assert np.array_equal(model.proba(TEXTS), calibrated)
    assert model.label_names == trained.data.label_names
    assert np.all(model.thresholds == trained.chosen.threshold)


def test_what_it_learnt_is_what_the_words_say(quick: Trained, bench_settings: Settings) -> None:
    model = TextModel.load(quick.folder, settings=bench_settings)
    texts = ["red green small", "blue round green", "big green small", "green small round"]
    named = model.named(model.proba(texts))
    assert named == [("red",), ("blue",), ("big",), ()]


def test_a_stream_gives_the_same_in_chunks(deep: Trained, bench_settings: Settings) -> None:
    model = TextModel.load(deep.folder, settings=bench_settings)
    parts = list(model.stream(iter(TEXTS), chunk=2))
    assert [len(texts) for texts, _ in parts] == [2, 2, 1]
    together = np.concatenate([proba for _, proba in parts])
    assert together == pytest.approx(model.proba(TEXTS), abs=1e-5)
    assert model.proba([]).shape == (0, 3)


def test_exclusive_labels_get_exactly_one_name(bench: Path, bench_settings: Settings) -> None:
    one = bench / "one.csv"
    rows = "".join(f"green {word} n{at},{word}\n" for at in range(30) for word in ("red", "blue"))
    one.write_text(f"text,labels\n{rows}", encoding="utf-8")
    trained = trained_with(bench, bench_settings, data=str(one), name="one", exclusive=True)
    model = TextModel.load(trained.folder, settings=bench_settings)
    proba = model.proba(["red", "blue", "green", ""])
    assert proba.sum(axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    assert [len(names) for names in model.named(proba)] == [1, 1, 1, 1]
    assert model.named(proba)[:2] == [("red",), ("blue",)]


def spoil(path: Path, *, cut: int = 0) -> None:
    content = bytearray(path.read_bytes())
    if cut:
        del content[-cut:]
    else:
        content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    "name", ["learner/model.safetensors", "threshold.json", "words/vocabulary.json", "train.json"]
)
def test_an_altered_truncated_or_missing_file_is_refused(
    name: str, copied: Path, bench_settings: Settings
) -> None:
    whole = (copied / name).read_bytes()
    for cut in (0, 3):
        (copied / name).write_bytes(whole)
        spoil(copied / name, cut=cut)
        with pytest.raises(CorruptArtefact, match=Path(name).name):
            TextModel.load(copied, settings=bench_settings)
    (copied / name).unlink()
    with pytest.raises(CorruptArtefact, match="is not there"):
        TextModel.load(copied, settings=bench_settings)


def test_a_pruned_round_is_refused_though_its_encoder_is_still_there(
    copied: Path, deep: Trained, bench_settings: Settings
) -> None:
    shutil.copytree(deep.folder / files.TUNED, copied / files.TUNED)
    seal(copied)
    assert TextModel.load(copied, settings=bench_settings).proba(["red"]).shape == (1, 3)
    remove_parts(copied, (files.LEARNER,), why="only the newest keeps them", at=datetime.now(UTC))
    with pytest.raises(CorruptArtefact, match=r"was removed on .*only the newest keeps them"):
        TextModel.load(copied, settings=bench_settings)
    with pytest.raises(CorruptArtefact, match=r"was removed on .*only the newest keeps them"):
        open_source(copied, bench_settings)


class Trap:
    """Opened as a pickle, it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


def test_a_pickle_is_never_opened(tmp_path: Path, bench_settings: Settings) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    trap = Trap(tmp_path / "made-by-a-pickle")
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(trap))
    with pytest.raises(CorruptArtefact, match=r"pytorch_model\.bin, a pickle"):
        TextModel.load(folder, settings=bench_settings)
    assert not trap.path.exists()
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorruptArtefact, match="not written to its end"):
        TextModel.load(tmp_path / "empty", settings=bench_settings)


def test_another_encoder_under_the_same_name_is_refused(
    copied: Path, bench_settings: Settings
) -> None:
    use = files.read_json(copied / files.ENCODER)
    files.write_json(copied / files.ENCODER, {**use, "fingerprint": "0" * 64})
    seal(copied)
    with pytest.raises(CorruptArtefact, match="is not the one that"):
        TextModel.load(copied, settings=bench_settings)


def test_a_checkpoint_says_what_it_is(deep: Trained) -> None:
    told = checkpoint_info(deep.folder)
    assert told["labels"] == list(deep.data.label_names)
    assert told["learner"] == "transformer"
    assert [entry["epoch"] for entry in told["history"]] == [1, 2, 3]
    assert told["n_parameters"] == sum(told["layers"].values())
    assert told["statistics"]["learner_options"]["epochs"] == 3
    assert {"python", "torch"} <= set(told["statistics"]["packages"])
    json.dumps(told)
    shown = "\n".join(info_lines(told))
    assert "Learner: transformer" in shown
    assert f"Trained on {len(deep.parts.fit)} of 120 texts" in shown


def test_a_checkpoint_is_found_by_folder_and_by_name(
    quick: Trained, bench_settings: Settings
) -> None:
    checkpoints = bench_settings.checkpoints_dir
    found = {resolve_checkpoint(name, checkpoints) for name in (str(quick.folder), "quick")}
    assert found == {quick.folder}
    with pytest.raises(NotFound, match="no checkpoint 'slow'"):
        resolve_checkpoint("slow", checkpoints)


def test_a_folder_of_data_does_not_hide_the_checkpoints_of_its_name(
    quick: Trained, bench_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "quick").mkdir()
    (tmp_path / "quick" / "texts.csv").write_text("text", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    found = resolve_checkpoint("quick", bench_settings.checkpoints_dir.resolve())
    assert found == quick.folder.resolve()


@pytest.mark.parametrize("name", ["3", "3-news", "2024-reviews"])
def test_no_training_is_called_like_a_projects_folder_which_is_deleted_with_it(
    name: str, bench: Path, bench_settings: Settings
) -> None:
    with pytest.raises(InputError, match=f"say --name data-{name}"):
        trained_with(bench, bench_settings, name=name)
    assert usual_name(f"files/{name}.csv") == f"data-{name}"
    assert usual_name("3news.csv") == "3news"


def test_the_temperature_kept_is_the_one_in_force(quick: Trained) -> None:
    assert read_calibration(quick.folder) == quick.chosen.calibration


def test_a_checkpoint_of_an_earlier_version_still_answers(
    quick: Trained, bench_settings: Settings, tmp_path: Path
) -> None:
    old = tmp_path / "old"
    shutil.copytree(quick.folder, old)
    files.write_json(old / files.CALIBRATION, {"value": 2.0, "reason": None, "exclusive": False})
    (old / CUTS).unlink()
    seal(old)
    model = TextModel.load(old, settings=bench_settings)
    assert np.all(model.thresholds == quick.chosen.threshold)
    assert np.array_equal(model.proba(TEXTS), Temperature(2.0).apply(model.raw_proba(TEXTS)))


def test_thresholds_per_label_are_kept_used_and_told(bench: Path, bench_settings: Settings) -> None:
    trained = trained_with(
        bench, bench_settings, name="own", aim="recall", scope="per-label", floor=0.9
    )
    cuts = trained.chosen.cuts
    assert cuts.is_own.any()
    model = TextModel.load(trained.folder, settings=bench_settings)
    assert np.array_equal(model.thresholds, cuts.thresholds)
    told = checkpoint_info(trained.folder)["thresholds"]
    assert told == {
        model.label_names[at]: cuts.thresholds[at] for at in np.flatnonzero(cuts.is_own)
    }
    outputs = read_outputs(trained.folder / OUTPUTS)
    assert np.array_equal(outputs.thresholds, cuts.thresholds)
    assert len(outputs.texts) == len(outputs)
