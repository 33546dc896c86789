"""A small network on token ids with a probability per label: convolutional, recurrent, or a
transformer of few layers. The networks themselves are `core.encoders.networks`, the training
loop is `core.learners.finetuning`, and teaching one by a larger learner `core.learners.distilling`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoTokenizer

from core.domain import UNJUDGED, Proba, Samples, Truth
from core.encoders.batches import pad_id_of
from core.encoders.encoder import load_encoder
from core.encoders.folders import folder_of, write_max_tokens
from core.encoders.networks import Body, TransformerBody, save_body
from core.encoders.pooling import Pooling, write_pooling
from core.encoders.stochastic import has_dropout
from core.errors import InputError, NotReady
from core.learners.artefacts import read_artefact, whole_folder, write_into
from core.learners.batched import run_batched
from core.learners.bodies import TextNetworkConfig, new_body
from core.learners.dataset import JudgedTexts
from core.learners.finetuning import OnEpoch, OnStep, Outcome, fine_tune
from core.learners.losses import Loss, make_loss, probabilities
from core.learners.masking import TAUGHT, prior_logits
from core.learners.memory import Memory
from core.learners.naming import StreamingClassifier
from core.learners.seeding import own_randomness
from core.learners.tokens import Tokens
from core.learners.training_run import Watching
from core.learners.validation import set_apart, validation_score

ENCODER_FOLDER = "encoder"
TEXTS_PER_CHUNK = 512


@dataclass(frozen=True)
class Lesson:
    """What a network is taught: targets (texts, …) as the loss takes them."""

    texts: list[str]
    targets: torch.Tensor
    loss: Loss
    prior: NDArray[np.float32]  # log-odds (labels,) before looking at the text
    is_taught: NDArray[np.bool_]  # (labels,)


class TextNetwork(torch.nn.Module):
    """A body, dropout, and one linear layer with a logit per label."""

    def __init__(
        self, body: Body, *, n_labels: int, dropout: float, frozen_epochs: int = 0
    ) -> None:
        super().__init__()
        self.body = body
        self.dropout = torch.nn.Dropout(dropout)
        self.head = torch.nn.Linear(body.width, n_labels)
        self.frozen_epochs = frozen_epochs

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Give logits (rows, labels) for ids and mask, both (rows, tokens)."""
        logits: torch.Tensor = self.head(self.dropout(self.body(ids, mask)))
        return logits

    def pooled(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Give unit vectors (rows, width)."""
        return torch.nn.functional.normalize(self.body(ids, mask).float(), dim=-1)

    def begin_epoch(self, epoch: int, n_epochs: int) -> None:
        """Let token vectors learn from the epoch after the frozen ones."""
        if not isinstance(self.body, TransformerBody):
            self.body.words.embedding.weight.requires_grad_(epoch > self.frozen_epochs)


class TextNetworkLearner(StreamingClassifier):
    """A small network trained on texts, each label its own Bernoulli, or all of them one choice.

    A label that was not judged once has learnt nothing: its probabilities are NaN.

    Parameters
    ----------
    config
        How to build and train it; its seed is the only source of randomness.
    n_labels
        Columns of truth and of every probability.
    device
        A torch device; by default CUDA where there is one, else the CPU.
    """

    FORMAT: ClassVar[str] = "marginalia-text-network-1"
    CONFIG: ClassVar[type[TextNetworkConfig]] = TextNetworkConfig

    def __init__(self, config: TextNetworkConfig, n_labels: int, device: str | None = None) -> None:
        self.config = config
        self.n_labels = n_labels
        self.multi_label = True
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.encoder_folder: Path | None = None  # where `save` put the network
        self.outcome: Outcome | None = None  # of the last training
        self._tokens: Tokens | None = None
        self._network: TextNetwork | None = None
        self._taught: NDArray[np.float32] = np.zeros(n_labels, dtype=np.float32)

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
        """Train from the start on the judged cells of `train_set`.

        Parameters
        ----------
        validation
            Documents for early stopping; by default a part of `train_set` is
            set apart, where it is large enough.
        state, on_epoch, on_step, should_stop
            As in `core.learners.finetuning.fine_tune`.
        memory
            A JSON file in which is remembered how much fits a GPU.

        Raises Cancelled when `should_stop` says so, leaving what was learnt
        before in force.
        """
        if weights is not None:
            raise ValueError("sample weights are not supported; unjudged cells are masked instead")
        train_set, validation = self._parted(train_set, validation)
        lesson = Lesson(
            train_set.texts,
            torch.from_numpy(train_set.truth),
            make_loss(self.config.what_is_minimised(), train_set.truth),
            prior=self._prior(train_set.truth),
            is_taught=(train_set.truth != UNJUDGED).any(axis=0),
        )
        watching = Watching(
            validation and self._validate(validation), on_epoch, on_step, should_stop
        )
        return self._learn(lesson, watching, state=state, memory=memory)

    def _parted(
        self, train_set: JudgedTexts, validation: JudgedTexts | None
    ) -> tuple[JudgedTexts, JudgedTexts | None]:
        if validation is not None or not self.config.early_stopping:
            return train_set, validation
        return set_apart(train_set, self.config.validation_share, seed=self.config.seed)

    def _prior(self, truth: Truth) -> NDArray[np.float32]:
        """Each label's logit before looking at the text, as the head begins."""
        prior = prior_logits(truth)
        if not self.config.exclusive:
            return prior
        share = 1.0 / (1.0 + np.exp(-prior))
        return np.asarray(np.log(share / share.sum()), dtype=np.float32)

    def _validate(self, validation: JudgedTexts) -> Callable[[], float | None]:
        return lambda: validation_score(self.predict_proba(validation), validation.truth)

    def _learn(
        self, lesson: Lesson, watching: Watching, *, state: Path | None, memory: Path | None
    ) -> Self:
        before = self._tokens, self._network, self._taught, self.outcome
        config = self.config
        folder = folder_of(config.encoder)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        longest = min(config.max_tokens, int(tokenizer.model_max_length))
        purpose = f"training {config.kind} {config.embedding_width} {config.hidden} {longest}"
        try:
            self._tokens = Tokens(tokenizer, max_tokens=longest)
            token_ids = self._tokens.of(lesson.texts)
            with own_randomness(config.seed, device=self.device):
                body = new_body(config, token_ids, vocabulary=len(tokenizer))
                self._network = self._around(body, lesson.prior)
            self._taught = np.where(lesson.is_taught, 0.0, np.nan).astype(np.float32)
            self.outcome = fine_tune(
                self._network,
                token_ids,
                lesson.targets,
                config=config.training(),
                pad_id=pad_id_of(tokenizer),
                loss=lesson.loss,
                validate=watching.validate,
                state=state,
                memory=None if memory is None else Memory(memory, purpose),
                identity=self._identity(),
                on_epoch=watching.on_epoch,
                on_step=watching.on_step,
                should_stop=watching.should_stop,
            )
        except BaseException:
            self._tokens, self._network, self._taught, self.outcome = before
            raise
        self._network.eval()
        self.device = self._network.head.weight.device  # the CPU, where the GPU was lost
        return self

    def _around(self, body: Body, prior: NDArray[np.float32] | None = None) -> TextNetwork:
        network = TextNetwork(
            body,
            n_labels=self.n_labels,
            dropout=self.config.dropout,
            frozen_epochs=self.config.frozen_epochs,
        )
        if prior is not None:
            with torch.no_grad():
                network.head.bias.copy_(torch.from_numpy(prior))
        return network.to(self.device)

    def _identity(self) -> str:
        """Tell trainings apart that must not go on from each other."""
        longer = {"epochs": 0, "early_stopping": True, "patience": 0, "min_epochs": 0}
        options = dataclasses.asdict(self.config) | longer
        return json.dumps([self.FORMAT, options], sort_keys=True)

    # --- predicting -------------------------------------------------------

    def score_stream(
        self, x: Sequence[str], *, n_passes: int, chunk: int | None = None
    ) -> Iterator[tuple[slice, Proba, Samples]]:
        """Yield (rows, plain probabilities, samples), by default 512 texts at a time."""
        _, network = self._trained()
        if n_passes and not has_dropout(network):
            raise InputError(
                "Every dropout of this network is 0, so Monte Carlo passes would all agree; set "
                "dropout above 0, or use a strategy without samples such as 'entropy'."
            )
        chunk = chunk or TEXTS_PER_CHUNK
        for start in range(0, len(x), chunk):
            texts = x[start : start + chunk]
            plain = self._proba(texts)
            samples = np.empty((len(texts), n_passes, self.n_labels), dtype=np.float32)
            with own_randomness(self.config.seed, 1 + start, device=self.device):
                network.train()
                try:
                    for number in range(n_passes):
                        samples[:, number] = self._proba(texts)
                finally:
                    network.eval()
            yield slice(start, start + len(texts)), plain, samples

    def embed(self, data_set: JudgedTexts) -> NDArray[np.float32]:
        """Give the network's unit vectors, shape (documents, width)."""
        return self._run(data_set.texts, TextNetwork.pooled)

    def _proba(self, texts: Sequence[str]) -> Proba:
        logits = torch.from_numpy(self._run(texts, TextNetwork.forward))
        proba: Proba = probabilities(
            logits, exclusive=self.config.exclusive, taught=torch.from_numpy(self._taught)
        ).numpy()
        return proba

    def _run(
        self,
        texts: Sequence[str],
        forward: Callable[[TextNetwork, torch.Tensor, torch.Tensor], torch.Tensor],
    ) -> NDArray[np.float32]:
        """Run `forward` over texts, back in their order."""
        tokens, network = self._trained()
        return run_batched(
            lambda ids, mask: forward(network, ids, mask),
            texts,
            tokens,
            width=network.body.width if forward is TextNetwork.pooled else self.n_labels,
            device=next(network.parameters()).device,
            precision=self.config.precision,
        )

    def _trained(self) -> tuple[Tokens, TextNetwork]:
        if self._tokens is None or self._network is None:
            raise NotReady("This learner has not been trained; call fit or load first.")
        return self._tokens, self._network

    # --- keeping ----------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write `path` as a folder, whole or not at all.

        Its folder `encoder` is what `load_encoder` takes, and becomes
        `encoder_folder`.
        """
        tokens, network = self._trained()
        head = {name: tensor.cpu() for name, tensor in network.head.state_dict().items()}
        head[TAUGHT] = torch.from_numpy(self._taught)
        about = {
            "format": self.FORMAT,
            "config": dataclasses.asdict(self.config),
            "n_labels": self.n_labels,
            "outcome": None if self.outcome is None else dataclasses.asdict(self.outcome),
        }
        with whole_folder(path) as partial:
            _save_encoder(tokens, network.body, partial / ENCODER_FOLDER)
            write_into(partial, tensors=head, about=about)
        self.encoder_folder = path / ENCODER_FOLDER

    @classmethod
    def load(cls, path: Path, device: str | None = None) -> Self:
        """Read what `save` wrote; raises CorruptArtefact when it is not whole."""
        head, about = read_artefact(path, expected_format=cls.FORMAT)
        options = {**about["config"], "kernel_sizes": tuple(about["config"]["kernel_sizes"])}
        learner = cls(cls.CONFIG(**options), about["n_labels"], device)
        learner.encoder_folder = path / ENCODER_FOLDER
        encoder = load_encoder(
            str(learner.encoder_folder.absolute()),
            device=str(learner.device),
            max_tokens=learner.config.max_tokens,
        )
        learner._tokens = Tokens(encoder.tokenizer, max_tokens=encoder.max_tokens)
        body = encoder.model if encoder.is_network else TransformerBody(encoder.model)
        learner._network = learner._around(body).eval()
        learner._taught = head.pop(TAUGHT).numpy()
        learner._network.head.load_state_dict(head)
        if about.get("outcome"):
            learner.outcome = Outcome(**about["outcome"])
        return learner


def _save_encoder(tokens: Tokens, body: Body, folder: Path) -> None:
    """Write what `load_encoder` takes."""
    folder.mkdir()
    save_body(body, folder)
    tokens.tokenizer.save_pretrained(folder)
    write_max_tokens(folder, tokens.max_tokens)
    if isinstance(body, TransformerBody):
        write_pooling(folder, Pooling.MEAN, width=body.width)
