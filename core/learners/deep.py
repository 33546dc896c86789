"""The deep round's learner: the encoder itself, fine-tuned with a head on texts.

Batches, pooling and padding are the encoder's own (`core.encoders.encoder`),
so that what is learnt here is what quick rounds read later. What trains is
`core.learners.tuning`, the training `core.learners.finetuning`.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from core.domain import Proba, Samples
from core.encoders.batches import pad_id_of
from core.encoders.encoder import Encoder, load_encoder
from core.encoders.stochastic import encode_stochastic, has_dropout
from core.errors import InputError, NotReady
from core.learners.artefacts import read_artefact, whole_folder, write_into
from core.learners.batched import run_batched
from core.learners.dataset import JudgedTexts
from core.learners.deep_config import DeepConfig
from core.learners.deep_network import Network, save_encoder, set_dropout
from core.learners.finetuning import OnEpoch, OnStep, Outcome, fine_tune
from core.learners.losses import make_loss, probabilities
from core.learners.masking import TAUGHT, prior_logits, taught_by
from core.learners.memory import Memory
from core.learners.naming import StreamingClassifier
from core.learners.seeding import own_randomness
from core.learners.tokens import Tokens
from core.learners.validation import set_apart, validation_score

__all__ = ["DeepConfig", "DeepLearner"]

log = logging.getLogger(__name__)

FORMAT = "marginalia-deep-learner-1"
ENCODER_FOLDER = "encoder"
TEXTS_PER_CHUNK = 512

Forward = Callable[[Network, torch.Tensor, torch.Tensor], torch.Tensor]


class DeepLearner(StreamingClassifier):
    """A fine-tuned encoder with a probability per label.

    Each label is its own Bernoulli, or with `exclusive` one of those that
    share a probability of 1. A label that was not judged once has learnt
    nothing: its probabilities are NaN.

    Parameters
    ----------
    config
        How to train; its seed is the only source of randomness.
    n_labels
        Columns of truth and of every probability.
    device
        A torch device; by default CUDA where there is one, else the CPU.
    """

    def __init__(self, config: DeepConfig, n_labels: int, device: str | None = None) -> None:
        self.config = config
        self.n_labels = n_labels
        self.multi_label = True
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.encoder_folder: Path | None = None  # where `save` put the fine-tuned encoder
        self.outcome: Outcome | None = None  # how the training went
        self._encoder: Encoder | None = None
        self._network: Network | None = None
        self._tokens: Tokens | None = None
        self._taught = torch.zeros(n_labels)

    # --- training ---------------------------------------------------------

    def fit(
        self,
        train_set: JudgedTexts,
        weights: NDArray[np.float64] | None = None,
        *,
        validation: JudgedTexts | None = None,
        state: Path | None = None,
        memory: Path | None = None,
        on_epoch: OnEpoch | None = None,
        on_step: OnStep | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Self:
        """Fine-tune from the configured encoder on the judged cells of `train_set`.

        Parameters
        ----------
        validation
            Documents for early stopping; by default a part of `train_set` is
            set apart, where it is large enough.
        state
            A folder to go on from where a training of the same was broken off;
            see `fine_tune`. Whoever gave it removes it.
        memory
            A JSON file in which is remembered how much fits a GPU.
        on_epoch, on_step
            Told (epoch from 1, mean loss) and (step from 1, steps in all,
            loss). `on_epoch` may ask for predictions, without a trace in the
            training.

        Raises Cancelled when `should_stop` says so, leaving what was learnt
        before in force.
        """
        if weights is not None:
            raise ValueError("sample weights are not supported; unjudged cells are masked instead")
        before = self._encoder, self._network, self._tokens, self._taught
        try:
            with own_randomness(self.config.seed, device=self.device):
                encoder, network = self._begin(train_set)
            self._take(encoder, network)
            if validation is None and self.config.early_stopping:
                train_set, validation = set_apart(
                    train_set, self.config.validation_share, seed=self.config.seed
                )
            self._taught = torch.from_numpy(taught_by(train_set.truth))
            with own_randomness(self.config.seed, device=self.device), network.adapted():
                self.outcome = fine_tune(
                    network,
                    self._token_ids(train_set.texts),
                    torch.from_numpy(train_set.truth),
                    config=self.config.training(),
                    pad_id=pad_id_of(encoder.tokenizer),
                    loss=make_loss(self.config.what_is_minimised(), train_set.truth),
                    validate=None if validation is None else self._validate(validation),
                    state=state,
                    memory=None if memory is None else Memory(memory, self._purpose(encoder)),
                    identity=self._identity(encoder),
                    on_epoch=on_epoch,
                    on_step=on_step,
                    should_stop=should_stop,
                )
        except BaseException:
            self._encoder, self._network, self._tokens, self._taught = before
            raise
        network.eval()
        return self

    def _begin(self, train_set: JudgedTexts) -> tuple[Encoder, Network]:
        """Load what is gone on from, and put a head on it."""
        config = self.config
        start = Path(config.warm_start) if config.warm_start else None
        encoder = self._load_encoder(
            config.encoder if start is None else str(start.absolute() / ENCODER_FOLDER)
        )
        if config.dropout is not None:
            set_dropout(encoder.model, config.dropout)
        network = self._new_network(encoder)
        prior = prior_logits(train_set.truth)
        if config.exclusive:
            share = 1.0 / (1.0 + np.exp(-prior))
            prior = np.log(share / share.sum()).astype(np.float32)
        with torch.no_grad():
            network.head.bias.copy_(torch.from_numpy(prior))
        if start is not None:
            self._take_over_head(network, start)
        return encoder, network

    def _take_over_head(self, network: Network, start: Path) -> None:
        head, about = read_artefact(start, expected_format=FORMAT)
        head.pop(TAUGHT, None)
        if about["n_labels"] == self.n_labels:
            network.head.load_state_dict(head)
        else:
            log.warning(
                "'%s' knows %d labels, not %d: its encoder is gone on with, its head is not",
                start,
                about["n_labels"],
                self.n_labels,
            )

    def _load_encoder(self, name: str) -> Encoder:
        return load_encoder(
            name,
            device=str(self.device),
            max_tokens=self.config.max_tokens,
            pooling=self.config.own_pooling(),
        )

    def _new_network(self, encoder: Encoder) -> Network:
        network = Network(
            encoder,
            n_labels=self.n_labels,
            head_dropout=self.config.head_dropout,
            tuning=self.config.what_trains(),
        )
        return network.to(self.device)

    def _take(self, encoder: Encoder, network: Network) -> None:
        self._encoder, self._network = encoder, network
        self._tokens = Tokens(encoder.tokenizer, max_tokens=encoder.max_tokens)

    def _validate(self, validation: JudgedTexts) -> Callable[[], float | None]:
        return lambda: validation_score(self.predict_proba(validation), validation.truth)

    def _purpose(self, encoder: Encoder) -> str:
        return f"training {encoder.fingerprint} {self.config.tuning} {encoder.max_tokens}"

    def _identity(self, encoder: Encoder) -> str:
        """Tell trainings apart that must not go on from each other."""
        longer = {"epochs": 0, "early_stopping": True, "patience": 0, "min_epochs": 0}
        options = dataclasses.asdict(self.config) | longer
        return json.dumps([encoder.fingerprint, options], sort_keys=True)

    # --- predicting -------------------------------------------------------

    def score_stream(
        self,
        x: list[str],
        *,
        n_passes: int,
        n_layers: int | None = None,
        chunk: int | None = None,
    ) -> Iterator[tuple[slice, Proba, Samples]]:
        """Yield (rows, plain probabilities, samples), by default 512 texts at a time.

        Each pass has one mask in the head, the same for all texts, and other
        parts of the encoder's last `n_layers` switched off (None: of the whole
        encoder, 0: none); what stands before those is computed once.
        """
        self._trained()
        chunk = chunk or TEXTS_PER_CHUNK
        for start in range(0, len(x), chunk):
            texts = x[start : start + chunk]
            proba = self._run(texts, self._probabilities, self.n_labels)
            samples = np.empty((len(texts), 0, self.n_labels), dtype=np.float32)
            if n_passes:
                samples = self._samples(texts, n_passes, n_layers, seed=start)
            yield slice(start, start + len(texts)), proba, samples

    def _samples(
        self, texts: list[str], n_passes: int, n_layers: int | None, *, seed: int
    ) -> Samples:
        encoder, network = self._trained()
        if n_layers is None and not has_dropout(encoder.model):
            n_layers = 0
        if n_layers == 0 and network.dropout.p == 0:
            raise InputError(
                "Every dropout of this encoder and its head is 0, so Monte Carlo passes would all "
                "agree; set head_dropout above 0, or use a strategy without samples such as "
                "'entropy'."
            )
        if n_layers == 0:
            vectors = self._run(texts, Network.pooled, encoder.width)[:, None]
        else:
            vectors = encode_stochastic(
                encoder,
                texts,
                n_layers=n_layers,
                n_passes=n_passes,
                seed=self.config.seed + 1 + seed,
            )
        return self._from_head(vectors, n_passes)

    @torch.inference_mode()
    def _from_head(self, vectors: NDArray[np.float32], n_passes: int) -> Samples:
        """Send vectors (texts, passes or 1, width) through the head under each pass's mask."""
        _, network = self._trained()
        rng = torch.Generator().manual_seed(self.config.seed + 1)
        keep = 1.0 - network.dropout.p
        masks = (torch.rand(n_passes, vectors.shape[2], generator=rng) < keep) / max(keep, 1e-8)
        logits = network.logits((torch.from_numpy(vectors) * masks).to(self.device))
        samples: Samples = self._answer(logits).cpu().numpy()
        return samples

    def embed(self, data_set: JudgedTexts) -> NDArray[np.float32]:
        """Give the fine-tuned encoder's unit vectors, shape (documents, width)."""
        encoder, _ = self._trained()
        return self._run(data_set.texts, Network.pooled, encoder.width)

    def _probabilities(
        self, network: Network, ids: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        return self._answer(network(ids, mask))

    def _answer(self, logits: torch.Tensor) -> torch.Tensor:
        return probabilities(logits.float(), exclusive=self.config.exclusive, taught=self._taught)

    def _run(self, texts: list[str], forward: Forward, width: int) -> NDArray[np.float32]:
        """Run `forward` over texts, back in their order."""
        _, network = self._trained()
        assert self._tokens is not None
        return run_batched(
            lambda ids, mask: forward(network, ids, mask),
            texts,
            self._tokens,
            width=width,
            device=self.device,
            precision=self.config.precision,
        )

    def _token_ids(self, texts: list[str]) -> list[list[int]]:
        assert self._tokens is not None
        return self._tokens.of(texts)

    def _trained(self) -> tuple[Encoder, Network]:
        if self._encoder is None or self._network is None:
            raise NotReady("This learner has not been trained; call fit or load first.")
        # Training may have gone on with the CPU where the GPU was lost.
        self.device = self._encoder.device = self._network.head.weight.device
        return self._encoder, self._network

    # --- keeping ----------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write `path` as a folder, whole or not at all.

        Its folder `encoder` is what `load_encoder` takes, and becomes
        `encoder_folder`.
        """
        encoder, network = self._trained()
        about: dict[str, Any] = {
            "format": FORMAT,
            "config": dataclasses.asdict(self.config),
            "n_labels": self.n_labels,
            "outcome": None if self.outcome is None else dataclasses.asdict(self.outcome),
        }
        head = {name: tensor.cpu() for name, tensor in network.head.state_dict().items()}
        with whole_folder(path) as partial:
            save_encoder(encoder, partial / ENCODER_FOLDER)
            write_into(partial, tensors={**head, TAUGHT: self._taught}, about=about)
        self.encoder_folder = path / ENCODER_FOLDER

    @classmethod
    def load(cls, path: Path, device: str | None = None) -> Self:
        """Read what `save` wrote; raises CorruptArtefact when it is not whole."""
        head, about = read_artefact(path, expected_format=FORMAT)
        learner = cls(DeepConfig(**about["config"]), about["n_labels"], device)
        learner.encoder_folder = path / ENCODER_FOLDER
        encoder = learner._load_encoder(str(learner.encoder_folder.absolute()))
        network = learner._new_network(encoder)
        learner._taught = head.pop(TAUGHT, learner._taught)  # older ones have none
        network.head.load_state_dict(head)
        learner._take(encoder, network.eval())
        if about.get("outcome"):
            learner.outcome = Outcome(**about["outcome"])
        return learner
