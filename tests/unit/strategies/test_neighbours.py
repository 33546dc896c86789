"""The index of nearest neighbours, and what becomes of its file."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.errors import Cancelled
from core.strategies.neighbours import NeighbourIndex

FINGERPRINT = "ab" * 32
WIDTH = 16


def vectors(n, seed=0):
    x = np.random.default_rng(seed).standard_normal((n, WIDTH)).astype(np.float32)
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float16)


def opened(folder, fingerprint=FINGERPRINT, width=WIDTH):
    return NeighbourIndex.open(folder, fingerprint=fingerprint, width=width)


def filled(folder, n=300, *, ids=None):
    index = opened(folder)
    index.add(np.arange(n) * 7 if ids is None else ids, vectors(n))
    return index


def test_each_document_is_its_own_nearest_neighbour(tmp_path):
    index = filled(tmp_path)
    ids, similarity = index.search(vectors(300), 3)
    assert ids[:, 0].tolist() == (np.arange(300) * 7).tolist()
    assert similarity[:, 0] == pytest.approx(np.ones(300), abs=2e-3)
    assert (np.diff(similarity, axis=1) <= 0).all()


def test_up_to_ten_thousand_vectors_the_answer_is_exact(tmp_path):
    index, x = filled(tmp_path), vectors(300).astype(np.float32)
    queries = vectors(20, seed=1)
    ids, similarity = index.search(queries, 10)
    cosine = queries.astype(np.float32) @ x.T
    assert similarity == pytest.approx(np.sort(cosine, axis=1)[:, :-11:-1], abs=2e-3)
    assert np.take_along_axis(cosine, ids // 7, axis=1) == pytest.approx(similarity, abs=2e-3)


def test_the_graph_finds_nearly_all_that_comparing_finds(tmp_path, monkeypatch):
    index, queries = filled(tmp_path, 3000), vectors(100, seed=1)
    exact, _ = index.search(queries, 10)
    monkeypatch.setattr("core.strategies.neighbours.EXACT_UP_TO", 0)
    found, _ = index.search(queries, 10)
    recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, exact, strict=True)])
    assert recall > 0.9


@pytest.mark.parametrize("n_queries", [0, 1, 2])
def test_asking_for_more_than_there_are_gives_all(tmp_path, n_queries):
    index = filled(tmp_path, 4)
    ids, similarity = index.search(vectors(n_queries, seed=1), 10)
    assert ids.shape == similarity.shape == (n_queries, 4)
    assert all(sorted(row) == [0, 7, 14, 21] for row in ids.tolist())


def test_an_empty_index_finds_nothing(tmp_path):
    ids, similarity = opened(tmp_path).search(vectors(3), 10)
    assert ids.shape == similarity.shape == (3, 0)


def test_only_what_is_missing_is_added(tmp_path):
    index = filled(tmp_path, 4)
    assert index.add(np.array([21, 5, 5, 0]), vectors(4, seed=1)) == 1
    assert len(index) == 5
    assert index.missing(np.array([9, 5, 8, 9])).tolist() == [0, 2]
    ids, _ = index.search(vectors(4), 1)
    assert ids.ravel().tolist() == [0, 7, 14, 21]  # what was there is as it was


def test_vectors_of_another_width_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"expected \(2, 16\)"):
        opened(tmp_path).add(np.arange(2), vectors(2)[:, :3])


def test_it_stops_when_asked(tmp_path, monkeypatch):
    monkeypatch.setattr("core.strategies.neighbours.ADD_CHUNK", 2)
    index, answers = opened(tmp_path), iter([False, True])
    with pytest.raises(Cancelled, match="after 2 of 5 documents"):
        index.add(np.arange(5), vectors(5), should_stop=lambda: next(answers))
    assert len(index) == 2
    assert index.add(np.arange(5), vectors(5)) == 3


def test_a_saved_index_answers_as_before(tmp_path, monkeypatch):
    monkeypatch.setattr("core.strategies.neighbours.EXACT_UP_TO", 0)
    index = filled(tmp_path)
    index.save()
    again = opened(tmp_path)
    assert len(again) == 300
    for one, other in zip(
        index.search(vectors(9, 1), 5), again.search(vectors(9, 1), 5), strict=True
    ):
        assert (one == other).all()
    assert again.add(np.arange(300) * 7, vectors(300)) == 0
    assert again.add(np.array([1]), vectors(1, seed=2)) == 1


def test_the_same_additions_give_the_same_file(tmp_path):
    for folder in ("one", "other"):
        index = filled(tmp_path / folder, 400)
        index.save()
        index = opened(tmp_path / folder)
        index.add(np.arange(100_000, 100_300), vectors(300, seed=3))
        index.save()
    one, other = (opened(tmp_path / folder).path.read_bytes() for folder in ("one", "other"))
    assert one == other


def test_encoders_do_not_mix(tmp_path):
    filled(tmp_path).save()
    assert len(opened(tmp_path, fingerprint="cd" * 32)) == 0
    assert len(opened(tmp_path)) == 300


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:100],
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2],
        lambda data: data[:5000] + bytes([data[5000] ^ 1]) + data[5001:],
        lambda data: data[:-17] + b"?" + data[-16:],
        lambda data: data + b"more",
        lambda data: b"not an index at all",
        lambda data: data[100:],
    ],
)
def test_a_torn_file_is_noticed_and_built_anew(tmp_path, damage, caplog):
    index = filled(tmp_path)
    index.save()
    index.path.write_bytes(damage(index.path.read_bytes()))
    again = opened(tmp_path)
    assert len(again) == 0
    assert "built anew" in caplog.text
    again.add(np.arange(300) * 7, vectors(300))
    again.save()
    assert len(opened(tmp_path)) == 300


def test_a_file_of_another_encoder_under_this_ones_name_is_passed_over(tmp_path, caplog):
    index = filled(tmp_path)
    index.save()
    assert len(opened(tmp_path, fingerprint=FINGERPRINT[:16] + "cd" * 24)) == 0
    assert len(opened(tmp_path, width=WIDTH + 1)) == 0
    assert "another encoder" in caplog.text


@pytest.mark.skipif(sys.platform == "win32", reason="an open file is not replaced on Windows")
def test_who_reads_the_file_keeps_what_it_was(tmp_path):
    index = filled(tmp_path)
    index.save()
    before = index.path.read_bytes()
    with index.path.open("rb") as held:
        index.add(np.array([1]), vectors(1, seed=2))
        index.save()
        assert held.read() == before
    assert index.path.read_bytes() != before
    assert [file.name for file in tmp_path.iterdir()] == [index.path.name]


SAVES_FOR_EVER = """
import sys
import numpy as np
from pathlib import Path
from core.strategies.neighbours import NeighbourIndex
index = NeighbourIndex.open(Path(sys.argv[1]), fingerprint="ab" * 32, width=16)
x = np.random.default_rng(0).standard_normal((40000, 16)).astype(np.float16)
start = 0
while True:
    index.add(np.arange(start, start + 1000), x[start:start + 1000])
    index.save()
    print(start, flush=True)
    start += 1000
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is not of Windows")
def test_a_kill_while_saving_leaves_a_whole_index(tmp_path):
    for n_lines in (1, 2, 3):
        process = subprocess.Popen(
            [sys.executable, "-c", SAVES_FOR_EVER, str(tmp_path)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        )
        assert process.stdout is not None
        for _ in range(n_lines):
            saved = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert len(opened(tmp_path)) >= saved + 1000
