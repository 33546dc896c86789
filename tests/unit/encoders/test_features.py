"""Blocks of vectors side by side, read when they are wanted."""

import numpy as np
import pytest

from core.encoders.cache import EmbeddingCache
from core.encoders.features import Block, FeatureCaches, Features
from core.errors import NotFound

LEFT = np.arange(8, dtype=np.float16).reshape(4, 2)
RIGHT = np.arange(4, dtype=np.float16)[:, None] * 10


def both(rows=None):
    return Features([Block(LEFT), Block(RIGHT, None if rows is None else np.array(rows))])


def test_any_rows_lie_side_by_side():
    x = both()
    assert (x.shape, len(x), x.ndim, x.dtype) == ((4, 3), 4, 2, np.float16)
    assert x[1:3].tolist() == [[2, 3, 10], [4, 5, 20]]
    assert x[np.array([3, 0])].tolist() == [[6, 7, 30], [0, 1, 0]]
    assert x[np.array([False, True, False, False])].tolist() == [[2, 3, 10]]
    assert x[2].tolist() == [4, 5, 20]
    assert np.asarray(x, dtype=np.float32).tolist() == x[:].tolist()


def test_a_block_in_another_order_is_read_in_that_order():
    assert both([3, 2, 1, 0])[1:3].tolist() == [[2, 3, 20], [4, 5, 10]]
    assert both([3, 2, 1, 0])[np.array([0])].tolist() == [[0, 1, 30]]


def test_a_block_alone_is_what_strategies_compare():
    assert both().block(0)[np.array([1])].tolist() == [[2, 3]]


def test_blocks_of_different_documents_are_refused():
    with pytest.raises(ValueError, match=r"\[4, 3\]"):
        Features([Block(LEFT), Block(RIGHT[:3])])


def caches(folder):
    first = EmbeddingCache(folder, fingerprint="aa" * 32, width=2)
    second = EmbeddingCache(folder, fingerprint="bb" * 32, width=1)
    first.append([10, 11, 12, 13], LEFT)
    second.append([13, 12, 11, 10], RIGHT[::-1])
    return FeatureCaches((first, second))


def test_caches_are_read_in_the_order_asked_for_whatever_their_own(tmp_path):
    kept = caches(tmp_path)
    assert kept.widths == (2, 1)
    assert kept.rows(np.array([12, 10])).tolist() == [[4, 5, 20], [0, 1, 0]]
    assert kept.rows(np.array([12, 10])).dtype == np.float32
    assert kept.of(np.array([10, 11, 12, 13]))[:].tolist() == both()[:].tolist()


def test_what_lies_in_order_is_mapped_and_not_copied(tmp_path):
    x = caches(tmp_path).of(np.array([10, 11, 12, 13]))
    assert x.block(0).rows is None
    assert isinstance(x.block(0).vectors, np.memmap)
    assert x.block(1).rows.tolist() == [3, 2, 1, 0]


def test_a_document_without_features_is_named(tmp_path):
    with pytest.raises(NotFound, match="first: 77"):
        caches(tmp_path).of(np.array([77]))
