"""`python -m core train | evaluate | predict | info` from the words to the files."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from core.cli import app, exit_code
from core.errors import CorruptArtefact, InputError, MarginaliaError, NotReady
from core.evaluation.epochs import runs_within
from core.evaluation.outputs import read_outputs
from core.settings import get_settings
from core.training.model import TextModel
from tests.unit.training.tiny import LABELS, make_encoder, write_texts

LEARNERS = {
    "auto": [],
    "mlp": ["--set", "epochs=5", "--set", "layers=16-8", "--set", "lexical=false"],
    "transformer": ["--set", "epochs=2", "--set", "lr=2e-3"],
    "cnn": ["--set", "epochs=2", "--set", "filters=8", "--set", "embedding_width=16"],
    "tfidf-logistic": ["--set", "C=1", "--folds", "2"],
    "frozen-svc": ["--set", "C=1", "--folds", "2"],
}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_encoder(tmp_path_factory.mktemp("encoder") / "tiny")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoder: str) -> Iterator[Path]:
    """A folder of its own with texts, and settings that keep everything in it."""
    monkeypatch.setenv("MARGINALIA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MARGINALIA_CHECKPOINTS_DIR", str(tmp_path / "checkpoints"))
    monkeypatch.setenv("MARGINALIA_ENCODER", encoder)
    monkeypatch.chdir(tmp_path)
    get_settings.cache_clear()
    write_texts(tmp_path / "texts.csv")
    write_texts(tmp_path / "new.csv", 40, seed=5, first=500)
    yield tmp_path
    get_settings.cache_clear()


def command(*words: object) -> Result:
    return CliRunner().invoke(app, list(map(str, words)))


def done(*words: object) -> Result:
    result = command(*words)
    assert result.exit_code == 0, (result.output, result.exception)
    return result


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_model_is_trained_measured_used_and_described(here: Path, learner: str) -> None:
    words = ["--learner", learner, *LEARNERS[learner], "--empty-means", "no_label_applies"]
    trained = done("train", "texts.csv", *words, "-q")
    assert "micro_f1" in trained.stdout
    folder = here / "checkpoints/texts/whole_seed0_round1"
    assert str(folder) in trained.stdout
    assert not list(folder.parent.glob("*.training"))
    log = folder.with_name(f"{folder.name}.log").read_text(encoding="utf-8")
    assert "core.training.run: Kept with" in log

    measured = done("evaluate", "texts", "--test", "new.csv", "--out", here / "measured", "-q")
    assert "micro_f1" in measured.stdout
    with np.load(here / "measured/eval_outputs.npz") as outputs:
        assert outputs["proba"].shape == outputs["truth"].shape == (40, 3)
    measured_outputs = read_outputs(here / "measured/eval_outputs.npz")
    assert sorted(measured_outputs.names) == sorted(LABELS)
    assert len(measured_outputs.texts) == 40
    as_json = read_outputs(here / "measured/eval_outputs.json")
    assert as_json.evaluate() == measured_outputs.evaluate()
    assert read_outputs(folder / "eval_outputs.npz").about["learner"] == learner

    predicted = done("predict", "texts", "new.csv", "--out", "out.csv")
    assert "40 rows: 40 predicted, 0 could not be used" in predicted.stderr
    rows, given = rows_of(here / "out.csv"), rows_of(here / "new.csv")
    assert [{k: row[k] for k in ("id", "text", "labels", "place")} for row in rows] == given
    names = TextModel.load(folder).label_names
    with np.load(here / "measured/eval_outputs.npz") as outputs:
        shown = [[float(row[f"p:{name}"]) for name in names] for row in rows]
        # Evaluated rows are those with labels, or, as here, all of them.
        assert np.abs(np.array(shown) - outputs["proba"]).max() < 2e-6

    told = json.loads(done("info", "texts", "--json").stdout)
    assert told["labels"] == list(names)
    assert told["statistics"]["config"]["data"] == str(here / "texts.csv")
    assert told["learner"] == learner
    assert all(entry["epoch"] == at for at, entry in enumerate(told["history"], start=1))
    assert "micro_f1" in done("info", folder).stdout


def test_epochs_are_told_beside_those_of_the_folds(here: Path) -> None:
    done("train", "texts.csv", "--learner", "cnn", *LEARNERS["cnn"], "--folds", "2", "-q")
    outputs = read_outputs(here / "checkpoints/texts/whole_seed0_round1/eval_outputs.npz")
    assert [len(run) for run in runs_within(outputs.about["history"])] == [2, 2]


def test_a_model_is_exported_by_the_name_it_was_trained_under(here: Path) -> None:
    done("train", "texts.csv", "--learner", "mlp", *LEARNERS["mlp"], "-q")
    done("export-model", "texts", "--out", here / "taken-away", "--no-onnx", "-q")
    assert (here / "taken-away" / "README.md").exists()


def test_what_cannot_be_done_is_said_and_has_a_code_of_its_own(here: Path) -> None:
    assert command("train", "texts.csv", "--learner", "mlp", "--nonsense").exit_code == 2
    refused = command("train", "nowhere.csv")
    assert isinstance(refused.exception, InputError)
    assert "There is no file 'nowhere.csv'" in str(refused.exception)
    (here / "few.csv").write_text("text,labels\na b,red\nc d,blue\n", encoding="utf-8")
    few = command("train", "few.csv", "--learner", "mlp")
    assert isinstance(few.exception, NotReady)
    assert [exit_code(kind("")) for kind in (MarginaliaError, CorruptArtefact, NotReady)] == [
        1,
        3,
        4,
    ]
