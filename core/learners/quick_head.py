"""What every quick head is: its configuration, and how it answers, streams and is kept.

A head learns from features that are computed already. Each kind says what its
logits are and how they differ from draw to draw; the rest is here. Which kind a
configuration means is `core.learners.quick`'s to say.
"""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from core.domain import UNJUDGED, Embeddings, Proba, Samples, Truth
from core.errors import NotReady
from core.learners import masking
from core.learners.artefacts import write_artefact
from core.learners.dataset import JudgedVectors
from core.learners.naming import StreamingClassifier
from core.learners.threads import one_torch_thread

FORMAT = "marginalia-quick-head-3"
VALUES_PER_CHUNK = 1 << 20  # of one chunk's samples: 4 MB stay in the processor's cache
TAUGHT = masking.TAUGHT  # (labels,): 0, or NaN for a label without one judged cell

OnEpoch = Callable[[int, float], None]
ShouldStop = Callable[[], bool]
Tensors = dict[str, torch.Tensor]


class QuickKind(StrEnum):
    """Which head."""

    AUTO = "auto"  # a blend whose two numbers are chosen on judged documents left out
    BLEND = "blend"  # logistic regression, and the nearest judged documents' vote
    LOGISTIC = "logistic"
    NEIGHBOURS = "neighbours"
    MLP = "mlp"  # layers with dropout, trained by gradient
    LINEAR = "linear"  # the same without layers


class Activation(StrEnum):
    """What follows a hidden layer of an MLP."""

    RELU = "relu"
    GELU = "gelu"
    SILU = "silu"
    ELU = "elu"
    TANH = "tanh"
    LEAKY_RELU = "leaky_relu"
    PRELU = "prelu"


@dataclass(frozen=True)
class QuickConfig:
    """How a head is built and trained; docs/decisions/018 says what the defaults rest on."""

    kind: QuickKind = QuickKind.AUTO
    # of logistic regression and blends
    C: float | None = None  # None: chosen where there is a choice, else 10
    neighbours: float | None = None  # their share in a blend; None: chosen, else 0.15
    # of networks
    layers: tuple[int, ...] = (256,)  # units; () is linear
    activation: Activation = Activation.RELU
    dropout: float = 0.5  # below, BALD has little to go by; see docs/decisions/011
    epochs: int = 20
    steps_per_epoch: int = 10  # fixed, or a few dozen documents would make an epoch of one step
    batch_size: int = 256
    lr: float = 1e-3
    weight_decay: float = 1e-2
    # of all
    exclusive: bool = False  # exactly one label applies to each document
    seed: int = 0

    def __post_init__(self) -> None:
        """Take what JSON has for the types that are meant."""
        object.__setattr__(self, "kind", QuickKind(self.kind))
        object.__setattr__(self, "activation", Activation(self.activation))
        object.__setattr__(self, "layers", tuple(self.layers))


@dataclass(frozen=True)
class Reading:
    """What a head makes of documents, before it is a probability."""

    logits: torch.Tensor  # (documents, labels), or what else the head's answer is made of
    features: torch.Tensor  # (documents, features), what the draws differ on
    vote: torch.Tensor | None = None  # (documents, labels), of the nearest judged documents


@dataclass(frozen=True)
class Draws:
    """How the logits of each pass differ from the plain ones: features @ weight + bias."""

    weight: torch.Tensor  # (features, passes, labels)
    bias: torch.Tensor  # (passes, labels)


class QuickHead(StreamingClassifier):
    """A probability per label from features, and a posterior over it.

    A label that was not judged once in the training documents has learnt nothing:
    its probabilities are NaN.

    Parameters
    ----------
    config
        How to build and train it; its seed is the only source of randomness.
    n_labels
        Columns of truth and of every probability.
    blocks
        Widths of the unit vectors that stand side by side in a document's
        features; none given is one block.
    """

    def __init__(self, config: QuickConfig, n_labels: int, *, blocks: tuple[int, ...] = ()) -> None:
        self.config = config
        self.n_labels = n_labels
        self.blocks = blocks
        self.multi_label = not config.exclusive
        self._tensors: Tensors | None = None

    # --- training ---------------------------------------------------------

    def fit(
        self,
        train_set: JudgedVectors,
        weights: NDArray[np.float64] | None = None,
        *,
        on_epoch: OnEpoch | None = None,
        should_stop: ShouldStop | None = None,
    ) -> Self:
        """Train from scratch on the judged cells of `train_set`.

        `on_epoch` is told (epoch from 1, mean loss) by heads that have epochs,
        and may ask for predictions. Raises Cancelled when `should_stop` says
        so, leaving what was learnt before in force.
        """
        if weights is not None:
            raise ValueError("sample weights are not supported; unjudged cells are masked instead")
        before = self._tensors
        try:
            for epoch, loss in enumerate(self.learn(train_set, should_stop or _never), start=1):
                if on_epoch is not None:
                    on_epoch(epoch, loss)
        except BaseException:
            self._tensors = before
            raise
        return self

    @abstractmethod
    def learn(self, train_set: JudgedVectors, should_stop: ShouldStop) -> Iterator[float]:
        """Train step by step: yield the mean loss after each epoch, able to predict by then."""

    # --- predicting -------------------------------------------------------

    def score_stream(
        self, x: Embeddings, *, n_passes: int, chunk: int | None = None
    ) -> Iterator[tuple[slice, Proba, Samples]]:
        """Predict chunk by chunk, so that memory stays bounded on any pool.

        Parameters
        ----------
        x
            Shape (documents, width); may be memory-mapped, or anything with a
            length that gives arrays when sliced.
        n_passes
            Posterior draws; 0 gives samples of shape (chunk, 0, labels).
        chunk
            Documents at a time; by default what fits the processor's cache.

        Yields
        ------
        rows, proba, samples
            Which documents; their plain probabilities (chunk, labels), as
            `predict_proba` gives them and thresholds are chosen on; and one
            draw per pass (chunk, passes, labels). Draws come from the seed and
            are the same for all documents.

        Raises InputError where draws are asked of a head whose draws would all agree.
        """
        self.trained()
        if n_passes:
            self.require_posterior()
        draws = self._draws(n_passes)
        weight = draws.weight.flatten(1)
        per_row = max(self._values_per_row(), len(weight), (n_passes + 1) * self.n_labels)
        chunk = chunk or max(64, VALUES_PER_CHUNK // per_row)
        for start in range(0, len(x), chunk):
            rows = slice(start, min(start + chunk, len(x)))
            with one_torch_thread(), torch.inference_mode():
                reading = self._read(as_tensor(x[rows]))
                proba = self._answer(reading.logits.clone(), reading.vote)
                logits = torch.addmm(draws.bias.flatten(), reading.features, weight)
                logits = logits.view(len(proba), *draws.bias.shape)
                logits += reading.logits[:, None]
                samples = self._answer(logits, _for_passes(reading.vote))
            yield rows, proba.numpy(), samples.numpy()

    @torch.inference_mode()
    def samples_of(self, vectors: NDArray[np.float32]) -> Samples:
        """Send pass t of (texts, passes, width) through the head as its draw t has it."""
        _, n_passes, width = vectors.shape
        draws = self._draws(n_passes)
        with one_torch_thread():
            reading = self._read(as_tensor(vectors.reshape(-1, width)))
            features = _by_pass(reading.features, n_passes)
            logits = torch.einsum("ntf,ftl->ntl", features, draws.weight)
            logits += draws.bias + _by_pass(reading.logits, n_passes)
            vote = None if reading.vote is None else _by_pass(reading.vote, n_passes)
            samples: Samples = self._answer(logits, vote).numpy()
        return samples

    def embed(
        self, data_set: JudgedVectors, return_proba: bool = False
    ) -> NDArray[np.float32] | tuple[NDArray[np.float32], Proba]:
        """Give what the head's last layer reads (documents, features), for small-text."""
        parts = [
            self._embedded(as_tensor(data_set.x[start : start + 4096])).numpy()
            for start in range(0, max(1, len(data_set)), 4096)
        ]
        vectors = np.concatenate(parts)
        return (vectors, self.predict_proba(data_set)) if return_proba else vectors

    @abstractmethod
    def _read(self, x: torch.Tensor) -> Reading:
        """Read features (documents, width)."""

    def require_posterior(self) -> None:
        """Raise InputError where all draws would agree."""

    @abstractmethod
    def _draws(self, n_passes: int) -> Draws:
        """Draw from the posterior; the same draws for the same number."""

    def _embedded(self, x: torch.Tensor) -> torch.Tensor:
        return x

    def _values_per_row(self) -> int:
        """Values that reading one document makes."""
        return 1

    def _answer(self, logits: torch.Tensor, vote: torch.Tensor | None) -> torch.Tensor:
        """Turn logits (…, labels), and a vote where there is one, into probabilities, in place."""
        return probabilities_of(logits, self.trained()[TAUGHT], exclusive=self.config.exclusive)

    def trained(self) -> Tensors:
        """What was learnt; raises NotReady before that."""
        if self._tensors is None:
            raise NotReady("This learner has not been trained; call fit or load first.")
        return self._tensors

    # --- keeping ----------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write `path` as a folder of weights and configuration, whole or not at all."""
        write_artefact(path, tensors=self.trained(), about={"format": FORMAT, **self.about()})

    def about(self) -> dict[str, object]:
        """What besides its tensors says which head this is."""
        return {
            "config": dataclasses.asdict(self.config),
            "n_labels": self.n_labels,
            "blocks": list(self.blocks),
        }

    def remember(self, tensors: Tensors) -> None:
        """Take what `trained` gave once."""
        self._tensors = tensors


def as_tensor(x: Embeddings) -> torch.Tensor:
    """The same values in single precision, without a copy where that is possible."""
    values = np.require(x, dtype=np.float32, requirements=["C", "W"])  # torch wants to write
    return torch.from_numpy(values)


def nan_where_untaught(truth: Truth) -> torch.Tensor:
    """0 for labels with a judged cell, NaN for the others, shape (labels,)."""
    return torch.from_numpy(masking.taught_by(truth))


def told(truth: Truth) -> NDArray[np.int64]:
    """Rows of documents with a judged cell; the others have nothing to teach."""
    return np.flatnonzero((truth != UNJUDGED).any(axis=1))


def probabilities_of(
    logits: torch.Tensor, taught: torch.Tensor, *, exclusive: bool
) -> torch.Tensor:
    """Overwrite logits (…, labels) with probabilities, NaN for labels that learnt nothing."""
    if not exclusive:
        return logits.sigmoid_().add_(taught)
    return torch.softmax(logits.masked_fill_(taught.isnan(), -torch.inf), dim=-1).add_(taught)


def _by_pass(rows: torch.Tensor, n_passes: int) -> torch.Tensor:
    """(texts · passes, values) as (texts, passes, values)."""
    return rows.view(len(rows) // max(1, n_passes), n_passes, rows.shape[1])


def _for_passes(vote: torch.Tensor | None) -> torch.Tensor | None:
    return None if vote is None else vote[:, None]


def _never() -> bool:
    return False
