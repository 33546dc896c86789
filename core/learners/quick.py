"""The quick round's learner: a small network with dropout on cached embeddings.

Dropout sits only after the hidden activation and Monte Carlo passes share
their masks between documents, so all passes are one matrix product: see
docs/decisions/005-consistent-dropout-masks.md. Scores are strategies' business.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from core.domain import UNJUDGED, Embeddings, Proba, Samples, Truth
from core.errors import Cancelled, NotReady
from core.learners.artefacts import read_artefact, write_artefact
from core.learners.dataset import JudgedVectors
from core.learners.masking import masked_loss, prior_logits
from core.learners.naming import DenseClassifier
from core.learners.threads import one_torch_thread

VALUES_PER_CHUNK = 1 << 20  # of one chunk's samples: 4 MB stay in the processor's cache
FORMAT = "marginalia-quick-learner-2"
TAUGHT = "output.taught"  # (labels,): 0, or NaN for a label without one judged cell


@dataclass(frozen=True)
class QuickConfig:
    """How the head is built and trained."""

    hidden: int = 256
    dropout: float = 0.5  # below, BALD has little to go by; see docs/decisions/011
    epochs: int = 20
    steps_per_epoch: int = 10  # fixed, or a few dozen documents would make an epoch of one step
    batch_size: int = 256
    lr: float = 1e-3
    weight_decay: float = 1e-2
    seed: int = 0


class QuickLearner(DenseClassifier):
    """A dropout head with a probability per label, each its own Bernoulli.

    A label that was not judged once in the training documents has learnt nothing:
    its probabilities are NaN, not what the weights happened to begin with.

    Parameters
    ----------
    config
        How to build and train it; its seed is the only source of randomness.
    n_labels
        Columns of truth and of every probability.
    """

    def __init__(self, config: QuickConfig, n_labels: int) -> None:
        self.config = config
        self.n_labels = n_labels
        self.multi_label = True
        self._weights: dict[str, torch.Tensor] | None = None

    # --- training ---------------------------------------------------------

    def fit(
        self,
        train_set: JudgedVectors,
        weights: NDArray[np.float64] | None = None,
        *,
        on_epoch: Callable[[int, float], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Self:
        """Train from scratch on the judged cells of `train_set`.

        `on_epoch` is told (epoch from 1, mean loss) and may ask for
        predictions. Raises Cancelled when `should_stop` says so, leaving what
        was learnt before in force.
        """
        if weights is not None:
            raise ValueError("sample weights are not supported; unjudged cells are masked instead")
        rng = torch.Generator().manual_seed(self.config.seed)
        x = _tensor(train_set.x)
        truth = torch.from_numpy(train_set.truth)
        tensors = self._initial_weights(x.shape[1], train_set.truth, rng)
        before = self._weights
        self._weights = {name: tensor.detach() for name, tensor in tensors.items()}  # same memory
        self._weights[TAUGHT] = _nan_where_untaught(train_set.truth)
        try:
            with one_torch_thread():
                self._train(tensors, x, truth, rng=rng, on_epoch=on_epoch, should_stop=should_stop)
        except BaseException:
            self._weights = before
            raise
        return self

    def _initial_weights(
        self, width: int, truth: Truth, rng: torch.Generator
    ) -> dict[str, torch.Tensor]:
        """Uniform in ±1/√inputs, with each label's prior as its output bias."""
        hidden = self.config.hidden
        return {
            "hidden.weight": _uniform((width, hidden), rng),
            "hidden.bias": torch.zeros(hidden),
            "output.weight": _uniform((hidden, self.n_labels), rng),
            "output.bias": torch.from_numpy(prior_logits(truth)),
        }

    def _train(
        self,
        tensors: dict[str, torch.Tensor],
        x: torch.Tensor,
        truth: torch.Tensor,
        *,
        rng: torch.Generator,
        on_epoch: Callable[[int, float], None] | None,
        should_stop: Callable[[], bool] | None,
    ) -> None:
        config = self.config
        if not len(x):
            return
        for tensor in tensors.values():
            tensor.requires_grad_(True)
        decayed = [tensors["hidden.weight"], tensors["output.weight"]]
        free = [tensors["hidden.bias"], tensors["output.bias"]]
        groups: list[dict[str, Any]] = [{"params": decayed}, {"params": free, "weight_decay": 0.0}]
        optimiser = torch.optim.AdamW(groups, lr=config.lr, weight_decay=config.weight_decay)
        batches = _endless_batches(len(x), config.batch_size, rng)
        for epoch in range(1, config.epochs + 1):
            total = 0.0
            for _ in range(config.steps_per_epoch):
                if should_stop is not None and should_stop():
                    raise Cancelled(f"Training stopped in epoch {epoch} of {config.epochs}.")
                rows = next(batches)
                h = self._dropped(_hidden(tensors, x[rows]), rng)
                loss = masked_loss(_output(tensors, h), truth[rows])
                optimiser.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                total += float(loss.detach())
            if on_epoch is not None:
                on_epoch(epoch, total / config.steps_per_epoch)

    def _dropped(self, h: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
        return h * self._masks(h.shape, rng)

    def _masks(self, shape: torch.Size | tuple[int, ...], rng: torch.Generator) -> torch.Tensor:
        keep = 1.0 - self.config.dropout
        return (torch.rand(shape, generator=rng) < keep).float() / keep

    # --- predicting -------------------------------------------------------

    def predict_proba(
        self,
        data_set: JudgedVectors,
        multi_label_threshold: float = 0.5,
        dropout_sampling: int = 1,
    ) -> Proba | Samples:
        """Give every label's probability for every document, dense.

        Parameters
        ----------
        data_set
            Its truth is not looked at.
        multi_label_threshold
            Part of small-text's interface; nothing is cut here.
        dropout_sampling
            Above 1: so many Monte Carlo passes with dropout on.

        Returns
        -------
        proba
            Shape (documents, labels), or (documents, passes, labels); NaN for
            labels that were never judged.
        """
        n_passes = dropout_sampling if dropout_sampling > 1 else 0
        shape = (len(data_set), n_passes, self.n_labels)
        result = np.empty(shape if n_passes else (len(data_set), self.n_labels), dtype=np.float32)
        for rows, proba, samples in self.score_stream(data_set.x, n_passes=n_passes):
            result[rows] = samples if n_passes else proba
        return result

    @torch.inference_mode()
    def score_stream(
        self, x: Embeddings, *, n_passes: int, chunk: int | None = None
    ) -> Iterator[tuple[slice, Proba, Samples]]:
        """Predict chunk by chunk, so that memory stays bounded on any pool.

        Parameters
        ----------
        x
            Shape (documents, width); may be memory-mapped.
        n_passes
            Monte Carlo passes; 0 gives samples of shape (chunk, 0, labels).
        chunk
            Documents at a time; by default what fits the processor's cache.

        Yields
        ------
        rows, proba, samples
            Which documents; their plain probabilities (chunk, labels), as
            `predict_proba` gives them and thresholds are chosen on; and one
            draw per pass (chunk, passes, labels). The masks come from the
            seed and are the same for all documents.
        """
        tensors = self._trained()
        n_labels = self.n_labels
        per_row = max(tensors["hidden.weight"].shape[1], (n_passes + 1) * n_labels)
        chunk = chunk or max(64, VALUES_PER_CHUNK // per_row)
        weight, bias = self._all_passes(tensors, n_passes)
        for start in range(0, len(x), chunk):
            rows = slice(start, min(start + chunk, len(x)))
            with one_torch_thread():
                h = _hidden(tensors, _tensor(x[rows]))
                every = torch.addmm(bias, h, weight).sigmoid_().numpy()
            every = every.reshape(len(h), n_passes + 1, n_labels)
            yield rows, every[:, 0], every[:, 1:]

    def _all_passes(
        self, tensors: dict[str, torch.Tensor], n_passes: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Lay the output layer and its masked copies side by side: (hidden, passes+1 × labels)."""
        rng = torch.Generator().manual_seed(self.config.seed + 1)
        output = tensors["output.weight"]
        masks = self._masks((n_passes, len(output)), rng)
        masks = torch.cat([torch.ones(1, len(output)), masks])
        weight = (masks.T[:, :, None] * output[:, None, :]).reshape(len(output), -1)
        return weight, (tensors["output.bias"] + tensors[TAUGHT]).repeat(n_passes + 1)

    def _trained(self) -> dict[str, torch.Tensor]:
        if self._weights is None:
            raise NotReady("This learner has not been trained; call fit or load first.")
        return self._weights

    # --- keeping ----------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write `path` as a folder of weights and configuration, whole or not at all."""
        about = {"config": dataclasses.asdict(self.config), "n_labels": self.n_labels}
        write_artefact(path, tensors=self._trained(), about={"format": FORMAT, **about})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote; raises CorruptArtefact when it is not whole."""
        tensors, about = read_artefact(path, expected_format=FORMAT)
        learner = cls(QuickConfig(**about["config"]), about["n_labels"])
        learner._weights = tensors
        return learner


def _tensor(x: Embeddings) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))


def _nan_where_untaught(truth: Truth) -> torch.Tensor:
    taught = (truth != UNJUDGED).any(axis=0)
    return torch.from_numpy(np.where(taught, 0.0, np.nan).astype(np.float32))


def _uniform(shape: tuple[int, int], rng: torch.Generator) -> torch.Tensor:
    bound = float(shape[0]) ** -0.5
    return torch.empty(shape).uniform_(-bound, bound, generator=rng)


def _hidden(tensors: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    # Unit vectors have entries near 1/√width; bring them near 1.
    return torch.relu(x @ (tensors["hidden.weight"] * x.shape[1] ** 0.5) + tensors["hidden.bias"])


def _output(tensors: dict[str, torch.Tensor], h: torch.Tensor) -> torch.Tensor:
    return h @ tensors["output.weight"] + tensors["output.bias"]


def _endless_batches(n: int, size: int, rng: torch.Generator) -> Iterator[torch.Tensor]:
    while True:
        yield from torch.split(torch.randperm(n, generator=rng), size)
