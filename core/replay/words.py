"""Vectors of the words of a replay's texts, learnt on the documents to ask about and kept."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.domain import Embeddings
from core.encoders.cache import EmbeddingCache, encode_missing
from core.encoders.lexical import FORMAT, LexicalModel, sample
from core.errors import CorruptArtefact
from core.replay.data import ReplayData, text_ids

log = logging.getLogger(__name__)

LEXICAL = "lexical"  # a folder beside the embeddings
CHUNK = 2000  # texts between two looks at the cancel flag


@dataclass(frozen=True)
class Words:
    """Unit vectors (documents, width) of the pool's and the test's words."""

    pool: Embeddings
    test: Embeddings


def words_of(
    data: ReplayData, *, folder: Path, should_stop: Callable[[], bool] = lambda: False
) -> Words:
    """Give the vectors, making only what is not kept under `folder`. Raises Cancelled when stopped.

    The test's texts are left out of the learning, as a model's later texts would be.
    """
    model = _model(data, folder / LEXICAL)
    texts = [*data.texts, *data.test_texts]
    ids = text_ids(texts)
    by_id = dict(zip(ids.tolist(), texts, strict=True))
    cache = EmbeddingCache(folder / LEXICAL, fingerprint=model.fingerprint, width=model.width)
    encode_missing(
        model,
        cache,
        ids,
        lambda chunk: [by_id[i] for i in chunk.tolist()],
        chunk=CHUNK,
        should_stop=should_stop,
    )
    x = np.asarray(cache.rows(ids), dtype=np.float32)
    return Words(x[: len(data.texts)], x[len(data.texts) :])


def _model(data: ReplayData, folder: Path) -> LexicalModel:
    digest = hashlib.sha256(FORMAT.encode())
    for text in data.texts:
        digest.update(text.encode() + b"\0")
    path = folder / f"of-{digest.hexdigest()[:16]}"
    if path.exists():
        try:
            return LexicalModel.load(path)
        except CorruptArtefact as error:
            log.warning("Learnt anew: %s", error)
    rows = sample(len(data.texts)).tolist()
    model = LexicalModel.fit([data.texts[row] for row in rows], n_documents=len(data.texts))
    model.save(path)
    return model
