"""Gold data in, reports out."""

import csv
import gzip
import json

import numpy as np
import pytest

from core.errors import InputError
from core.replay.command import replay_command
from core.replay.data import embeddings, load_dataset
from core.replay.report import Run, curves_table, differences_table, paired_differences
from core.replay.simulate import ReplayConfig, RoundResult
from core.settings import Settings


def write(path, rows, *, opener=open, columns=("text", "labels")):
    with opener(path, "wt", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


@pytest.fixture
def shared(tmp_path):
    folder = tmp_path / "data" / "tiny"
    folder.mkdir(parents=True)
    train = [("a, quoted\nline", "x|y"), ("b", ""), ("c", "y")]
    write(folder / "train.csv.gz", train, opener=gzip.open)
    write(folder / "test.csv.gz", [("d", "y|unheard")], opener=gzip.open)
    return tmp_path


def test_a_public_set_keeps_its_own_split_and_the_labels_of_its_training_part(shared):
    data = load_dataset("tiny", shared=shared)
    assert data.labels == ["x", "y"]
    assert data.texts == ["a, quoted\nline", "b", "c"]
    assert data.truth.tolist() == [[1, 1], [0, 0], [0, 1]]
    assert data.test_truth.tolist() == [[0, 1]]


def test_a_file_is_split_always_alike(tmp_path):
    path = write(tmp_path / "mine.csv", [(f"text {i}", "x" if i % 2 else "y") for i in range(20)])
    first, again = load_dataset(str(path)), load_dataset(str(path))
    assert first.name == "mine"
    assert (len(first.texts), len(first.test_texts)) == (14, 6)
    assert set(first.texts).isdisjoint(first.test_texts)
    assert first.sha256 == again.sha256
    changed = write(tmp_path / "mine.csv", [(f"text {i}", "x") for i in range(20)])
    assert load_dataset(str(changed)).sha256 != first.sha256


def test_the_demo_is_there():
    data = load_dataset("demo")
    assert len(data.texts) > 1000
    assert 10 <= len(data.labels) <= 14


def test_unknown_data_and_missing_columns_are_named(tmp_path, shared):
    with pytest.raises(InputError, match="MARGINALIA_SHARED is not set"):
        load_dataset("nowhere")
    with pytest.raises(InputError, match="No data 'nowhere'"):
        load_dataset("nowhere", shared=shared)
    path = write(tmp_path / "wrong.csv", [("a", "b")], columns=("text", "topics"))
    with pytest.raises(InputError, match="no column labels"):
        load_dataset(str(path))


class Counting:
    fingerprint, width = "ab" * 32, 2

    def __init__(self):
        self.n_encoded = 0

    def encode(self, texts, *, on_progress=None):
        self.n_encoded += len(texts)
        return np.array([[len(text), 1] for text in texts], dtype=np.float32)


def test_texts_are_encoded_once_and_copies_share_a_vector(tmp_path):
    encoder = Counting()
    x = embeddings(["aa", "b", "aa"], encoder, folder=tmp_path)
    assert x.tolist() == [[2, 1], [1, 1], [2, 1]]
    assert encoder.n_encoded == 2
    embeddings(["b", "ccc"], encoder, folder=tmp_path)
    assert encoder.n_encoded == 3


def result(n, f1):
    return RoundResult(n, 0.5, f1, f1, f1, f1, 0.0)


RUNS = [
    Run("random", 0, [result(100, 0.2), result(200, 0.4)]),
    Run("bald", 0, [result(100, 0.2), result(200, 0.6)]),
    Run("random", 1, [result(100, 0.3), result(200, 0.5)]),
    Run("bald", 1, [result(100, 0.3), result(200, 0.4)]),
]


def test_differences_are_paired_by_seed():
    assert paired_differences(RUNS)["bald"] == pytest.approx({0: 0.1, 1: -0.05})
    assert "ahead in 1 of 2 seeds (0: +0.1000, 1: -0.0500)" in differences_table(RUNS)
    assert paired_differences(RUNS[1::2]) == {}


def test_the_table_gives_mean_and_spread_by_judged_documents():
    lines = curves_table(RUNS).splitlines()
    assert lines[0].split() == ["judged", "random", "bald"]
    assert lines[1].split() == ["100", "0.2500", "±", "0.0500", "0.2500", "±", "0.0500"]
    assert lines[-1].split() == ["area", "0.3500", "±", "0.0500", "0.3750", "±", "0.0250"]


def test_the_command_plays_reports_and_keeps_the_record(tmp_path):
    colours = ["red", "green", "blue", "yellow"]
    rows = [(f"I want the {a} one and the {b} one", f"{a}|{b}") for a in colours for b in colours]
    path = write(tmp_path / "colours.csv", rows)
    said = []
    runs = replay_command(
        str(path),
        ["bald", "random"],
        2,
        config=ReplayConfig(n_initial=4, batch_size=2, n_rounds=1, n_folds=2),
        settings=Settings(data_dir=tmp_path / "data"),
        results=tmp_path / "results",
        say=said.append,
    )
    assert [(run.strategy, run.seed) for run in runs] == [
        ("bald", 0),
        ("random", 0),
        ("bald", 1),
        ("random", 1),
    ]
    assert any("bald against random" in line for line in said)
    record = json.loads((tmp_path / "results/colours/statistics.json").read_text("utf-8"))
    assert record["data"]["n_labels"] == 4
    assert record["config"]["learner"]["seed"] == 0
    assert set(record["area_under_curve"]["bald"]) == {"0", "1"}
    assert "torch" in record["versions"]
    with (tmp_path / "results/colours/rounds.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 8


def test_the_command_refuses_an_unknown_strategy_before_anything_runs(tmp_path):
    with pytest.raises(InputError, match="did you mean 'bald'"):
        replay_command("nowhere", ["blad"], 1, settings=Settings(data_dir=tmp_path))
    assert not (tmp_path / "replay-embeddings").exists()
