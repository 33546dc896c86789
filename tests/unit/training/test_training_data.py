"""Which texts a training reads, and on which side of the split they come."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain import ABSENT, PRESENT, UNJUDGED
from core.errors import InputError, NotReady
from core.training.config import TrainConfig
from core.training.data import LabelledTexts, read_labelled, read_training_data, split
from tests.unit.training.tiny import write_texts


def written(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def config_for(data: str, **said: object) -> TrainConfig:
    return TrainConfig(data=data, **said)


def test_a_list_of_labels_says_of_all_others_that_they_are_absent(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "text,labels\nred car,red\nblue car,blue|car\nsky,\n")
    data = read_training_data(config_for(path))
    assert data.label_names == ("red", "blue", "car")
    assert data.truth.tolist() == [[1, 0, 0], [0, 1, 1]]
    assert data.unjudged == ("sky",)
    whole = read_training_data(config_for(path, empty_means="no_label_applies"))
    assert whole.truth.tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 0]]


def test_flags_say_nothing_of_labels_the_file_does_not_have(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "text,red,blue\nred car,1,0\nblue sky,0,\n")
    truth = read_labelled(path, config_for(path), ["blue", "green", "red"]).truth
    assert truth.tolist() == [[ABSENT, UNJUDGED, PRESENT], [UNJUDGED, UNJUDGED, ABSENT]]


def test_labels_that_a_model_does_not_know_are_told(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "text,labels\nred car,red|car\nblue sky,blue\n")
    data = read_labelled(path, config_for(path), ["red"])
    assert data.truth.tolist() == [[1], [0]]
    assert "2 labels of the file are unknown to the model" in data.strangers[-1]


def test_packed_files_are_read_and_damaged_ones_refused(tmp_path: Path) -> None:
    plain = write_texts(tmp_path / "a.csv", 20)
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read_training_data(config_for(str(packed))).sha256 == (
        read_training_data(config_for(str(plain))).sha256
    )
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(InputError, match="damaged"):
        read_training_data(config_for(str(packed)))


def test_rows_that_cannot_be_read_are_kept_with_their_reason(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "text,labels\nred car,red\nblue,sky,blue\n,red\ngreen,x\n")
    data = read_training_data(config_for(path))
    assert (data.n_rows, len(data)) == (4, 2)
    assert [bad.number for bad in data.rejected] == [3, 4]


@given(
    words=st.lists(st.sampled_from("abcdefgh"), min_size=12, max_size=40),
    share=st.sampled_from([0.0, 0.2, 0.5]),
    seed=st.integers(0, 5),
    n_folds=st.sampled_from([0, 3]),
)
def test_no_text_is_on_two_sides_and_none_is_lost(
    words: list[str], share: float, seed: int, n_folds: int
) -> None:
    truth = np.array([[i % 2] for i in range(len(words))], dtype=np.int8)
    data = LabelledTexts(words, truth, ("odd",))
    config = config_for("x", test_share=share, seed=seed)
    try:
        parts = split(data, config, n_folds=n_folds)
    except NotReady:
        return  # what is left to train on is all alike
    sides = [set(part.texts) for part in (parts.fit, parts.validation, parts.test)]
    assert sum(map(len, sides)) == len(set(words))
    assert len(parts.fit) + len(parts.validation) + len(parts.test) == len(words)
    assert bool(sides[1]) <= (n_folds == 0)
    assert split(data, config, n_folds=n_folds).fit.texts == parts.fit.texts


def test_texts_of_the_test_file_are_not_trained_on(tmp_path: Path) -> None:
    data = write_texts(tmp_path / "a.csv", 40)
    test = write_texts(tmp_path / "t.csv", 15)
    config = config_for(str(data), test=str(test), empty_means="no_label_applies")
    parts = split(read_training_data(config), config, n_folds=5)
    assert len(parts.test) == 15
    assert not set(parts.fit.texts) & set(parts.test.texts)
    assert "15 texts stand in the test file too" in parts.notes[0]


def test_a_subsample_leaves_the_test_texts_as_they_are(tmp_path: Path) -> None:
    data = write_texts(tmp_path / "a.csv", 100)
    few, all_ = (
        split(read_training_data(config), config, n_folds=5)
        for config in (
            config_for(str(data), empty_means="no_label_applies", subsample=share)
            for share in (0.2, 1.0)
        )
    )
    assert few.test.texts == all_.test.texts
    assert len(few.fit) == 16
    assert set(few.fit.texts) < set(all_.fit.texts)


def test_too_little_to_learn_from_is_said(tmp_path: Path) -> None:
    few = config_for(written(tmp_path / "a.csv", "text,labels\na b,red\nc d,blue\n"))
    with pytest.raises(NotReady, match="2 texts with labels are too few"):
        split(read_training_data(few), few, n_folds=0)
    rows = "".join(f"text {at},red\n" for at in range(20))
    alike = config_for(written(tmp_path / "b.csv", f"text,labels\n{rows}"))
    with pytest.raises(NotReady, match="all labelled alike"):
        split(read_training_data(alike), alike, n_folds=0)
