"""The baselines everything must beat: words, or a frozen encoder, under a linear head.

Fitting the heads is `core.learners.baseline_heads`; here texts become features,
and a fitted baseline becomes a folder of arrays and words.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from core.domain import Embeddings, Proba, Samples
from core.encoders.encoder import DEFAULT_MAX_TOKENS, Encoder, Pooling, load_encoder
from core.encoders.lexical import terms_of
from core.errors import CorruptArtefact, InputError, NotReady
from core.learners.artefacts import read_artefact, write_artefact
from core.learners.baseline_heads import Head, HeadConfig, LinearHeads, fit_heads
from core.learners.dataset import JudgedTexts, JudgedVectors
from core.learners.naming import StreamingClassifier

FORMAT = "marginalia-baseline-1"
TEXTS_PER_CHUNK = 1024
EMBED_WIDTH = 256  # of random projections of word counts


class Features(StrEnum):
    """What stands for a text."""

    TFIDF = "tfidf"  # words and pairs of neighbouring words
    MEAN = "mean"  # the frozen encoder's hidden states, averaged
    CLS = "cls"  # its first hidden state


@dataclass(frozen=True)
class BaselineConfig:
    """Which baseline."""

    features: Features = Features.TFIDF
    head: Head = Head.LOGISTIC
    C: float | None = None  # how little weights are held back; None: tried on left-out documents
    n_members: int = 5  # of the posterior: as many more heads to fit
    exclusive: bool = False  # exactly one label applies to each document
    most_terms: int = 50_000
    encoder: str = "bundled"
    max_tokens: int = DEFAULT_MAX_TOKENS
    seed: int = 0


class BaselineLearner(StreamingClassifier):
    """A linear head on TF-IDF, or on a frozen encoder's vectors.

    With support vectors, a probability is Platt's sigmoid of the distance,
    fitted to distances of left-out documents; labels with fewer than two
    documents on either side keep the plain sigmoid. A posterior comes from
    `n_members` heads fitted under random weights of the documents.

    Parameters
    ----------
    config
        Its seed is the only source of randomness.
    n_labels
        Columns of truth and of every probability.
    device
        Of the encoder, where there is one.
    """

    def __init__(self, config: BaselineConfig, n_labels: int, device: str | None = None) -> None:
        self.config = config
        self.n_labels = n_labels
        self.multi_label = True
        self.device = device
        self._encoder: Encoder | None = None
        self._words: TfidfVectorizer | None = None
        self._heads: LinearHeads | None = None

    # --- training ---------------------------------------------------------

    def fit(
        self,
        train_set: JudgedTexts | JudgedVectors,
        weights: NDArray[np.float64] | None = None,
        *,
        pool_texts: Sequence[str] = (),
        on_epoch: Callable[[int, float], None] | None = None,
        on_step: Callable[[int, int, float], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Self:
        """Fit on the judged cells of texts, or of vectors the frozen encoder gave before.

        Words are counted in `pool_texts` too. `on_step` is told (heads fitted,
        heads in all, NaN), `on_epoch` nothing: there are no epochs. Raises
        Cancelled when `should_stop` says so, leaving what was learnt before in force.
        """
        if weights is not None:
            raise ValueError("sample weights are not supported; unjudged cells are masked instead")
        config, words = self.config, self._words
        if config.features is Features.TFIDF:
            words = _counted([*train_set.x, *pool_texts], most_terms=config.most_terms)
        head = HeadConfig(
            config.head, config.C, config.n_members, exclusive=config.exclusive, seed=config.seed
        )
        heads = fit_heads(
            self._features(train_set.x, words),
            train_set.truth,
            head,
            on_head=on_step and (lambda number, n_heads: on_step(number, n_heads, float("nan"))),
            should_stop=should_stop,
        )
        self._words, self._heads = words, heads
        return self

    def _features(self, x: Sequence[str] | Embeddings, words: TfidfVectorizer | None) -> Any:
        if isinstance(x, np.ndarray):
            return np.asarray(x, dtype=np.float32)
        if self.config.features is Features.TFIDF:
            assert words is not None
            return words.transform(x).astype(np.float32)
        return self._frozen().encode(x)

    def _frozen(self) -> Encoder:
        if self._encoder is None:
            self._encoder = load_encoder(
                self.config.encoder,
                device=self.device,
                max_tokens=self.config.max_tokens,
                pooling=Pooling(self.config.features),
            )
        return self._encoder

    # --- predicting -------------------------------------------------------

    def score_stream(
        self, x: Sequence[str] | Embeddings, *, n_passes: int, chunk: int | None = None
    ) -> Iterator[tuple[slice, Proba, Samples]]:
        """Yield (rows, plain probabilities, samples), by default 1,024 documents at a time.

        Samples are (chunk, members, labels), with `n_passes` 0 (chunk, 0, labels).
        """
        heads = self._fitted()
        if n_passes and not self.config.n_members:
            raise InputError(
                "This baseline was fitted with n_members 0, so it has no posterior to sample; "
                "fit it with 2 or more, or use a strategy without samples such as 'entropy'."
            )
        chunk = chunk or TEXTS_PER_CHUNK
        for start in range(0, len(x), chunk):
            rows = slice(start, min(start + chunk, len(x)))
            yield (
                rows,
                *heads.proba(self._features(x[rows], self._words), with_members=bool(n_passes)),
            )

    def embed(self, data_set: JudgedTexts | JudgedVectors) -> NDArray[np.float32]:
        """Give unit vectors (documents, width): the encoder's, or words projected at random.

        A projection to 256 dimensions keeps distances to within some tenths
        (Johnson and Lindenstrauss 1984).
        """
        self._fitted()
        features = self._features(data_set.x, self._words)
        if self.config.features is not Features.TFIDF:
            return np.asarray(features, dtype=np.float32)
        rng = np.random.default_rng(abs(self.config.seed))
        onto = rng.standard_normal((features.shape[1], EMBED_WIDTH), dtype=np.float32)
        vectors = np.asarray(features @ onto)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)

    def _fitted(self) -> LinearHeads:
        if self._heads is None:
            raise NotReady("This baseline has not been trained; call fit or load first.")
        return self._heads

    # --- keeping ----------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write `path` as a folder of arrays and, with TF-IDF, words; whole or not at all."""
        heads = self._fitted()
        tensors = {
            "weights": torch.from_numpy(heads.weights),
            "bias": torch.from_numpy(heads.bias),
        }
        about: dict[str, Any] = {
            "format": FORMAT,
            "config": dataclasses.asdict(self.config),
            "n_labels": self.n_labels,
        }
        if self._words is not None:
            tensors["idf"] = torch.from_numpy(self._words.idf_)
            about["words"] = self._words.get_feature_names_out().tolist()
        else:
            about["encoder"] = self._frozen().fingerprint
        write_artefact(path, tensors=tensors, about=about)

    @classmethod
    def load(cls, path: Path, device: str | None = None) -> Self:
        """Read what `save` wrote; raises CorruptArtefact when it is not whole."""
        tensors, about = read_artefact(path, expected_format=FORMAT)
        stored = about["config"]
        config = BaselineConfig(
            **{**stored, "features": Features(stored["features"]), "head": Head(stored["head"])}
        )
        learner = cls(config, about["n_labels"], device)
        learner._heads = LinearHeads(
            tensors["weights"].numpy(), tensors["bias"].numpy(), config.exclusive
        )
        if config.features is Features.TFIDF:
            learner._words = _vectoriser(vocabulary=about["words"])
            learner._words.idf_ = tensors["idf"].numpy()
        elif learner._frozen().fingerprint != about["encoder"]:
            raise CorruptArtefact(
                f"The encoder '{config.encoder}' is not the one the baseline in '{path}' was "
                "trained on; fit it again, or put that encoder back."
            )
        return learner


def _counted(texts: Sequence[str], *, most_terms: int) -> TfidfVectorizer:
    """Count the words of texts; one that only one text has teaches nothing, if there are many."""
    min_df = 2 if len(texts) >= 100 else 1
    try:
        return _vectoriser(max_features=most_terms, min_df=min_df).fit(texts)
    except ValueError as error:
        raise InputError(
            f"There are no words to count in the {len(texts)} texts given; "
            "judge some with words in them, or use a learner with an encoder."
        ) from error


def _vectoriser(**options: Any) -> TfidfVectorizer:
    return TfidfVectorizer(analyzer=terms_of, sublinear_tf=True, **options)
