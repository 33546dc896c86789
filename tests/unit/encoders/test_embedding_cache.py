"""The cache under crashes, repeats and strangers."""

import os

import numpy as np
import pytest

from core.encoders.cache import EmbeddingCache, encode_missing
from core.errors import Cancelled, CorruptArtefact, NotFound

PRINT = "ab" * 32
WIDTH = 3


def open_cache(folder, **changed):
    return EmbeddingCache(folder, **({"fingerprint": PRINT, "width": WIDTH} | changed))


def vectors(*ids):
    """The vector of document 7 is (7, 7, 7): exact in float16 and easy to recognise."""
    return np.repeat(np.array(ids, dtype=np.float32)[:, None], WIDTH, axis=1)


class Recorder:
    """Encodes the text "7" as (7, 7, 7) and remembers how many texts it was given at a time."""

    def __init__(self):
        self.calls = []

    def encode(self, texts, *, on_progress=None):
        self.calls.append(len(texts))
        return vectors(*(int(text) for text in texts))


def as_texts(ids):
    return [str(i) for i in ids]


def test_rows_come_back_in_the_order_asked_for(tmp_path):
    cache = open_cache(tmp_path)
    cache.append([5, -2, 9], vectors(5, -2, 9))
    assert cache.rows([9, 5, 9, -2]).tolist() == vectors(9, 5, 9, -2).tolist()
    assert cache.rows([9]).dtype == np.float32
    assert cache.rows([9], dtype=np.float16).dtype == np.float16
    assert cache.rows([]).shape == (0, WIDTH)


def test_another_process_sees_what_was_appended(tmp_path):
    writer, reader = open_cache(tmp_path), open_cache(tmp_path)
    writer.append([1], vectors(1))
    assert reader.ids().tolist() == [1]
    writer.append([2], vectors(2))
    assert reader.rows([2, 1]).tolist() == vectors(2, 1).tolist()


def test_a_document_is_kept_once(tmp_path):
    cache = open_cache(tmp_path)
    cache.append([1, 2, 1], vectors(1, 2, 1))
    cache.append([2, 3], vectors(2, 3))
    assert cache.ids().tolist() == [1, 2, 3]
    assert cache.rows([1, 2, 3]).tolist() == vectors(1, 2, 3).tolist()


def test_missing_names_each_absent_document_once_in_order(tmp_path):
    cache = open_cache(tmp_path)
    cache.append([4], vectors(4))
    assert cache.missing([9, 4, 7, 9]).tolist() == [9, 7]


def test_an_absent_document_is_named(tmp_path):
    cache = open_cache(tmp_path)
    with pytest.raises(NotFound, match="first: 8"):
        cache.rows([8])
    cache.append([1], vectors(1))
    with pytest.raises(NotFound, match=r"1 of 2 documents .*first: 8"):
        cache.rows([1, 8])


def test_the_view_is_mapped_and_read_only(tmp_path):
    cache = open_cache(tmp_path)
    assert cache.view()[1].shape == (0, WIDTH)
    cache.append([1, 2], vectors(1, 2))
    ids, mapped = cache.view()
    assert ids.tolist() == [1, 2]
    assert mapped.dtype == np.float16
    assert mapped.tolist() == vectors(1, 2).tolist()
    assert not mapped.flags.writeable


@pytest.mark.parametrize("file", ["vectors.f16", "ids.i64"])
@pytest.mark.parametrize("n_bytes_lost", [1, 3, 6, 7, 8, 9])
def test_a_file_cut_anywhere_loses_only_its_last_rows(tmp_path, file, n_bytes_lost):
    cache = open_cache(tmp_path)
    cache.append([1, 2, 3, 4], vectors(1, 2, 3, 4))
    path = cache.folder / file
    os.truncate(path, path.stat().st_size - n_bytes_lost)
    again = open_cache(tmp_path)
    kept = again.ids().tolist()
    row_bytes = WIDTH * 2 if file == "vectors.f16" else 8
    assert kept == [1, 2, 3, 4][: 4 - -(-n_bytes_lost // row_bytes)]
    assert again.rows(kept).tolist() == vectors(*kept).tolist()
    again.append(again.missing([1, 2, 3, 4, 5]), vectors(*again.missing([1, 2, 3, 4, 5])))
    assert open_cache(tmp_path).rows([1, 2, 3, 4, 5]).tolist() == vectors(1, 2, 3, 4, 5).tolist()


def test_vectors_without_ids_are_written_over(tmp_path):
    """A crash after the vectors and before the ids."""
    cache = open_cache(tmp_path)
    cache.append([1], vectors(1))
    with (cache.folder / "vectors.f16").open("ab") as file:
        file.write(vectors(66, 77).astype(np.float16).tobytes())
    again = open_cache(tmp_path)
    assert again.ids().tolist() == [1]
    again.append([2], vectors(2))
    assert again.rows([1, 2]).tolist() == vectors(1, 2).tolist()


def test_vectors_of_different_encoders_never_mix(tmp_path):
    open_cache(tmp_path).append([1], vectors(1))
    other = open_cache(tmp_path, fingerprint="cd" * 32)
    assert other.ids().tolist() == []
    with pytest.raises(CorruptArtefact, match="belong to another encoder"):
        open_cache(tmp_path, width=WIDTH + 1)
    with pytest.raises(CorruptArtefact, match="belong to another encoder"):
        open_cache(tmp_path, fingerprint=PRINT[:16] + "0" * 48)


def test_a_wrong_shape_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"expected \(2, 3\)"):
        open_cache(tmp_path).append([1, 2], vectors(1))


def test_each_document_is_encoded_once(tmp_path):
    cache, encoder, told = open_cache(tmp_path), Recorder(), []
    n_done = encode_missing(
        encoder, cache, [1, 2, 3, 4, 5], as_texts, chunk=2, on_progress=told.append
    )
    assert n_done == 5
    assert encoder.calls == [2, 2, 1]
    assert told == [2, 4, 5]
    assert encode_missing(encoder, cache, [5, 6, 1], as_texts, chunk=2) == 1
    assert encoder.calls == [2, 2, 1, 1]
    assert cache.rows([6, 3]).tolist() == vectors(6, 3).tolist()


def test_stopped_encoding_keeps_what_is_done_and_goes_on_later(tmp_path):
    cache, encoder = open_cache(tmp_path), Recorder()
    with pytest.raises(Cancelled, match="after 2 of 5"):
        encode_missing(
            encoder,
            cache,
            [1, 2, 3, 4, 5],
            as_texts,
            chunk=2,
            should_stop=lambda: len(cache) >= 2,
        )
    assert cache.ids().tolist() == [1, 2]
    encode_missing(encoder, cache, [1, 2, 3, 4, 5], as_texts, chunk=2)
    assert encoder.calls == [2, 2, 1]
