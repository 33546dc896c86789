"""Heads on an encoder's vectors, with those of a text's words beside them.

Vectors are made once and kept under the data folder; a head is trained in
seconds, its variant chosen out of fold (`core.learners.choosing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.domain import Proba
from core.encoders.cache import EmbeddingCache, encode_missing
from core.encoders.encoder import Encoder, load_encoder
from core.encoders.lexical import LexicalModel, sample
from core.known_texts import text_ids
from core.learners.choosing import Head, fit_out_of_fold
from core.learners.dataset import JudgedTexts, JudgedVectors, unjudged
from core.learners.ensemble import FORMAT as ENSEMBLE_FORMAT
from core.learners.ensemble import QuickEnsemble
from core.learners.quick import QuickConfig, load_quick
from core.learners.text_learners import format_of
from core.learners.threads import N_CORES
from core.rounds import files
from core.rounds.task import EncoderUse
from core.training.learning import Learnt, Materials, RawProba, Watch
from core.training.options import learner_options

KEPT = "training-embeddings"  # under the data folder
WORDS = "words"  # a checkpoint's own model of words
ENCODING_SHARE = 0.8  # of the work, where nothing is encoded yet


def learn_on_vectors(
    materials: Materials, train: JudgedTexts, watch: Watch, *, n_folds: int
) -> Learnt:
    """Encode what is not encoded yet, and train a head; below 2 folds nothing is out of fold."""
    config = materials.config
    options = learner_options(config)
    reads_words = bool(options.pop("lexical", True))
    encoder = load_encoder(config.encoder, max_tokens=config.max_tokens)
    x = _kept_vectors(encoder, train.texts, materials.data_dir / KEPT, watch)
    words = _fit_words(train.texts, config.seed) if reads_words else None
    quick: dict[str, Any] = {"kind": config.learner, "exclusive": config.exclusive}
    fitted = fit_out_of_fold(
        QuickConfig(seed=config.seed, **quick, **options),
        JudgedVectors(_beside(x, words, train.texts), train.truth),
        blocks=(encoder.width,) if words is None else (encoder.width, words.width),
        n_folds=n_folds,
        n_threads=N_CORES,
        on_progress=lambda share: watch.on_share(ENCODING_SHARE + (1 - ENCODING_SHARE) * share),
        should_stop=watch.should_stop,
    )
    use = EncoderUse(
        base=config.encoder,
        fingerprint=encoder.fingerprint,
        width=encoder.width,
        lexical=None if words is None else words.fingerprint,
        lexical_width=0 if words is None else words.width,
    )

    def save(folder: Path) -> None:
        fitted.learner.save(folder / files.LEARNER)
        files.write_json(folder / files.ENCODER, asdict(use))
        if words is not None:
            words.save(folder / WORDS)

    return Learnt(
        raw_proba=raw_proba_on_vectors(fitted.learner, encoder, words, materials.n_labels),
        save=save,
        history=fitted.history,
        told={"chosen": fitted.chosen, "scores": _plain(fitted.scores), "lexical": reads_words},
        out_of_fold=(fitted.proba, fitted.folds),
    )


def raw_proba_on_vectors(
    head: Head, encoder: Encoder, words: LexicalModel | None, n_labels: int
) -> RawProba:
    """What a head answers to texts."""

    def raw_proba(texts: Sequence[str]) -> Proba:
        # Heads are trained on vectors as they are kept, in half precision.
        x = encoder.encode(texts).astype(np.float16).astype(np.float32)
        asked = JudgedVectors(_beside(x, words, texts), unjudged(len(texts), n_labels))
        return np.asarray(head.predict_proba(asked), dtype=np.float32)

    return raw_proba


def load_head(path: Path) -> Head:
    """Read a saved head, one alone or an ensemble."""
    return QuickEnsemble.load(path) if format_of(path) == ENSEMBLE_FORMAT else load_quick(path)


def _kept_vectors(
    encoder: Encoder, texts: Sequence[str], folder: Path, watch: Watch
) -> NDArray[np.float32]:
    """Vectors (texts, width); killed on the way, what is encoded stays encoded."""
    cache = EmbeddingCache(folder, fingerprint=encoder.fingerprint, width=encoder.width)
    ids = text_ids(texts)
    by_id = dict(zip(ids.tolist(), texts, strict=True))
    n_missing = max(len(cache.missing(ids)), 1)
    encode_missing(
        encoder,
        cache,
        ids,
        lambda chunk: [by_id[one] for one in chunk.tolist()],
        should_stop=watch.should_stop,
        on_progress=lambda n: watch.on_share(ENCODING_SHARE * n / n_missing),
    )
    return np.asarray(cache.rows(ids), dtype=np.float32)


def _fit_words(texts: Sequence[str], seed: int) -> LexicalModel:
    chosen = [texts[row] for row in sample(len(texts), seed=seed).tolist()]
    return LexicalModel.fit(chosen, seed=seed, n_documents=len(texts))


def _beside(
    x: NDArray[np.float32], words: LexicalModel | None, texts: Sequence[str]
) -> NDArray[np.float32]:
    if words is None:
        return x
    of_words = words.encode(texts).astype(np.float16).astype(np.float32)
    return np.concatenate([x, of_words], axis=1)


def _plain(scores: dict[str, float]) -> dict[str, float | None]:
    return {
        name: None if np.isnan(score) else round(float(score), 6) for name, score in scores.items()
    }
