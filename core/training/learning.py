"""Learners as a training sees them: texts in, probabilities out, kept in a folder.

Some read texts by themselves, the others the vectors of an encoder; here both
look alike. What they learn and how is `core.learners`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from core.domain import Proba, RoundKind
from core.encoders.cache import EmbeddingCache, encode_missing
from core.encoders.encoder import Encoder, load_encoder
from core.errors import InputError
from core.learners.catalogue import learner_info
from core.learners.dataset import JudgedTexts, JudgedVectors
from core.learners.deep import DeepConfig, DeepLearner
from core.learners.quick import QuickConfig, QuickLearner
from core.rounds import files
from core.rounds.task import EncoderUse
from core.training.config import TrainConfig
from core.training.data import text_ids
from core.training.options import learner_options

EpochSeen = Callable[[int, float], None]  # epoch from 1, mean loss


@dataclass(frozen=True)
class Watch:
    """Who is told how a training goes, and who may stop it."""

    on_epoch: EpochSeen = lambda epoch, loss: None
    on_step: Callable[[int, int], None] = lambda step, n_steps: None
    should_stop: Callable[[], bool] = lambda: False


class TextLearner(Protocol):
    """What a training needs of a learner."""

    def fit(self, train: JudgedTexts, watch: Watch, *, state: Path | None) -> None:
        """Train; with `state`, a folder from which a killed training goes on."""
        ...

    def proba(self, texts: Sequence[str]) -> Proba:
        """Probabilities (texts, labels), uncalibrated."""
        ...

    def save(self, folder: Path) -> None:
        """Write it into a checkpoint's folder."""
        ...

    @property
    def history(self) -> list[dict[str, Any]]:
        """Every epoch with its figures, those before a kill among them; may be empty."""
        ...

    @property
    def stopped_because(self) -> str:
        """Why the training ended before its last epoch; empty where it did not."""
        ...


class Vectors:
    """An encoder's vectors of texts, made once and kept under the data folder."""

    def __init__(self, encoder: Encoder, folder: Path) -> None:
        self.encoder = encoder
        self.cache = EmbeddingCache(folder, fingerprint=encoder.fingerprint, width=encoder.width)

    def of(self, texts: Sequence[str], watch: Watch) -> NDArray[np.float32]:
        """Give vectors (texts, width), encoding what is not kept yet."""
        ids = text_ids(texts)
        by_id = dict(zip(ids.tolist(), texts, strict=True))
        encode_missing(
            self.encoder,
            self.cache,
            ids,
            lambda chunk: [by_id[one] for one in chunk.tolist()],
            should_stop=watch.should_stop,
            on_progress=lambda n: watch.on_step(n, len(by_id)),
        )
        return np.asarray(self.cache.rows(ids), dtype=np.float32)


class QuickOnTexts:
    """A head on an encoder's vectors."""

    history: ClassVar[list[dict[str, Any]]] = []  # a training takes seconds and begins anew
    stopped_because: ClassVar[str] = ""

    def __init__(self, config: TrainConfig, n_labels: int, vectors: Vectors) -> None:
        self.config, self.vectors = config, vectors
        options = learner_options(config)
        layers = options.pop("layers", None)
        if layers is not None:
            options["hidden"] = layers[0]
        self.head = QuickLearner(QuickConfig(seed=config.seed, **options), n_labels)

    def fit(self, train: JudgedTexts, watch: Watch, *, state: Path | None) -> None:
        """Encode and train; vectors are kept, and the rest takes seconds."""
        x = self.vectors.of(train.texts, watch)
        self.head.fit(
            JudgedVectors(x, train.truth), on_epoch=watch.on_epoch, should_stop=watch.should_stop
        )

    def proba(self, texts: Sequence[str]) -> Proba:
        """Probabilities (texts, labels)."""
        x = self.vectors.of(texts, Watch())
        return self.head.predict_proba(JudgedVectors(x, np.zeros((len(x), 0), dtype=np.int8)))

    def save(self, folder: Path) -> None:
        """Write the head, and which encoder it reads."""
        self.head.save(folder / files.LEARNER)
        encoder = self.vectors.encoder
        use = EncoderUse(
            base=self.config.encoder, fingerprint=encoder.fingerprint, width=encoder.width
        )
        files.write_json(folder / files.ENCODER, asdict(use))


class DeepOnTexts:
    """A learner that reads texts by itself."""

    def __init__(self, config: TrainConfig, n_labels: int, begin: Path | None) -> None:
        deep = DeepConfig(
            encoder=config.encoder,
            seed=config.seed,
            exclusive=config.exclusive,
            warm_start="" if begin is None else str(begin),
            **learner_options(config),
        )
        self.learner = DeepLearner(deep, n_labels)

    @property
    def history(self) -> list[dict[str, Any]]:
        """Every epoch with its figures."""
        return [] if self.learner.outcome is None else self.learner.outcome.history

    @property
    def stopped_because(self) -> str:
        """Why the training ended."""
        return "" if self.learner.outcome is None else self.learner.outcome.stopped_because

    def fit(self, train: JudgedTexts, watch: Watch, *, state: Path | None) -> None:
        """Fine-tune."""
        self.learner.fit(
            train,
            state=state,
            on_epoch=watch.on_epoch,
            on_step=lambda step, n_steps, _: watch.on_step(step, n_steps),
            should_stop=watch.should_stop,
        )

    def proba(self, texts: Sequence[str]) -> Proba:
        """Probabilities (texts, labels)."""
        return np.asarray(self.learner.predict_proba(_unjudged(texts, self.learner.n_labels)))

    def save(self, folder: Path) -> None:
        """Write the tuned encoder with its head."""
        self.learner.save(folder / files.TUNED)


def reads_vectors(kind: str) -> bool:
    """Whether a learner of this kind reads an encoder's vectors."""
    return learner_info(kind).round_kind is RoundKind.QUICK


def new_learner(
    config: TrainConfig, n_labels: int, vectors: Vectors | None, begin: Path | None = None
) -> TextLearner:
    """A learner that is not trained yet.

    `vectors` are for those that read them; `begin` is a saved learner's folder
    whose weights are begun with.
    """
    if reads_vectors(config.learner):
        assert vectors is not None
        return QuickOnTexts(config, n_labels, vectors)
    if config.learner != "transformer":
        raise InputError(f"The learner '{config.learner}' cannot be trained from here yet.")
    return DeepOnTexts(config, n_labels, begin)


def open_vectors(config: TrainConfig, folder: Path) -> Vectors | None:
    """The encoder's vectors, for learners that read them."""
    if not reads_vectors(config.learner):
        return None
    return Vectors(load_encoder(config.encoder, max_tokens=config.max_tokens), folder)


def _unjudged(texts: Sequence[str], n_labels: int) -> JudgedTexts:
    return JudgedTexts(texts, np.full((len(texts), n_labels), -1, dtype=np.int8))


def about(config: TrainConfig) -> dict[str, Any]:
    """The learner and its options, as the catalogue takes them."""
    return {"learner": config.learner, "options": learner_options(config)}
