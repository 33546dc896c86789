"""Gold data, wherever they come from."""

import csv
import gzip

import numpy as np
import pytest

from core.errors import InputError
from core.replay.data import ReplayData, VectorsOfDocuments, capped, load_dataset, vectors_of
from core.replay.words import words_of
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
    return Settings(data_dir=tmp_path, shared=tmp_path)


def test_a_public_set_keeps_its_own_split_and_the_labels_of_its_training_part(shared):
    data = load_dataset("tiny", shared)
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
        load_dataset("nowhere", Settings(data_dir=tmp_path, shared=None))
    with pytest.raises(InputError, match="No data 'nowhere'"):
        load_dataset("nowhere:5", shared)
    with pytest.raises(InputError, match="project:<id>"):
        load_dataset("project:mine", shared)
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


def two_texts(pool, test, vectors=None):
    truth = np.ones((len(pool), 1), dtype=np.int8)
    return ReplayData("t", ["a"], pool, truth, test, truth[: len(test)], vectors=vectors)


def test_texts_are_encoded_once_and_copies_share_a_vector(tmp_path):
    encoder = Counting()
    x, test_x = vectors_of(two_texts(["aa", "b"], ["aa"]), encoder, folder=tmp_path)
    assert x.tolist() == [[2, 1], [1, 1]]
    assert test_x.tolist() == [[2, 1]]
    assert encoder.n_encoded == 2
    vectors_of(two_texts(["b"], ["ccc"]), encoder, folder=tmp_path)
    assert encoder.n_encoded == 3


def test_a_projects_vectors_are_kept_where_its_rounds_keep_them(tmp_path):
    encoder, kept = Counting(), tmp_path / "of project"
    where = VectorsOfDocuments(kept, np.array([7, 9]), np.array([8]))
    data = two_texts(["aa", "b"], ["ccc"], where)
    x, test_x = vectors_of(data, encoder, folder=tmp_path / "others")
    assert (x[:, 0].tolist(), test_x[:, 0].tolist()) == ([2, 1], [3])
    assert kept.exists()
    assert not (tmp_path / "others").exists()
    vectors_of(data, encoder, folder=tmp_path / "others")
    assert encoder.n_encoded == 3


def test_a_capped_pool_is_a_part_always_the_same_and_the_test_stays(tmp_path):
    rows = [(f"text {i}", "x" if i % 2 else "y") for i in range(40)]
    path = write(tmp_path / "mine.csv", rows)
    whole, part, again = (load_dataset(f"{path}{cap}") for cap in ("", ":10", ":10"))
    assert len(part.texts) == 10
    assert set(part.texts) <= set(whole.texts)
    assert part.test_texts == whole.test_texts
    assert part.sha256 == again.sha256 != whole.sha256
    assert [part.truth[i].tolist() for i in range(10)] == [
        whole.truth[whole.texts.index(text)].tolist() for text in part.texts
    ]
    assert capped(whole, 1000) is whole


def test_a_capped_projects_vectors_are_those_of_the_documents_that_stay():
    where = VectorsOfDocuments(None, np.arange(10, 15), np.array([99]))
    part = capped(two_texts(list("abcde"), ["f"], where), 2)
    assert [chr(ord("a") + id_ - 10) for id_ in part.vectors.ids.tolist()] == part.texts


def test_words_are_learnt_on_the_documents_to_ask_about_alone_and_kept(tmp_path):
    data = two_texts(["late parcel", "late refund", "kettle"], ["a parcel, quite unheard of"])
    words = words_of(data, folder=tmp_path)
    assert (words.pool.shape, words.test.shape) == ((3, 3), (1, 3))
    assert words.test[0] == pytest.approx(words_of(data, folder=tmp_path).test[0])
    alone = words_of(two_texts(data.texts, ["parcel"]), folder=tmp_path).test[0]
    assert words.test[0] == pytest.approx(alone)  # what the pool never says counts for nothing
    (model,) = (tmp_path / "lexical").glob("of-*")
    (model / "vocabulary.json").write_text("[]")
    assert words_of(data, folder=tmp_path).test[0] == pytest.approx(alone)
