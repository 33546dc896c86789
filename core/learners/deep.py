"""The deep round's learner: the encoder itself, fine-tuned with a head on texts.

Batches, pooling and padding are the encoder's own (`core.encoders.encoder`),
so that what is learnt here is what quick rounds read later. The training loop
is `core.learners.finetuning`.
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

from core.domain import Proba, Samples
from core.encoders.encoder import (
    TOKENS_PER_BATCH,
    Encoder,
    batches_by_length,
    load_encoder,
    pad,
    pad_id_of,
    tokenise,
    unit_mean,
)
from core.errors import InputError, NotReady
from core.learners.artefacts import partial_folder, put_in_place, read_artefact, write_into
from core.learners.dataset import JudgedTexts
from core.learners.finetuning import OnEpoch, Training, fine_tune
from core.learners.losses import LossConfig, make_loss
from core.learners.masking import prior_logits
from core.learners.naming import DenseClassifier

FORMAT = "marginalia-deep-learner-1"
ENCODER_FOLDER = "encoder"


@dataclass(frozen=True)
class DeepConfig:
    """How the encoder is fine-tuned."""

    encoder: str = "bundled"  # or a local folder, or a Hugging Face name
    epochs: int = 5
    lr: float = 2e-4  # a six-layer encoder bears more than the 2e-5 usual for twelve layers
    head_lr: float = 2e-3  # the head starts from nothing
    batch_size: int = 16
    max_tokens: int = 256
    weight_decay: float = 0.01
    warmup_share: float = 0.1
    head_dropout: float = 0.1
    seed: int = 0


class Network(torch.nn.Module):
    """The encoder, its masked mean, and one linear layer with a logit per label."""

    def __init__(self, encoder: Any, *, n_labels: int, head_dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = torch.nn.Dropout(head_dropout)
        self.head = torch.nn.Linear(int(encoder.config.hidden_size), n_labels)

    def pooled(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Give unit vectors of shape (rows, width)."""
        return unit_mean(self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state, mask)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Give logits of shape (rows, labels)."""
        pooled = self.pooled(ids, mask)
        # Unit vectors have entries near 1/√width; bring them near 1.
        logits: torch.Tensor = self.head(self.dropout(pooled * pooled.shape[1] ** 0.5))
        return logits


class DeepLearner(DenseClassifier):
    """A fine-tuned encoder with a probability per label, each its own Bernoulli.

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
        self._encoder: Encoder | None = None
        self._network: Network | None = None

    # --- training ---------------------------------------------------------

    def fit(
        self,
        train_set: JudgedTexts,
        weights: NDArray[np.float64] | None = None,
        *,
        on_epoch: OnEpoch | None = None,
        on_step: Callable[[int, int, float], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Self:
        """Fine-tune from the configured encoder on the judged cells of `train_set`.

        `on_epoch` is told (epoch from 1, mean loss), `on_step` (step from 1,
        steps in all, loss). `on_epoch` may ask for predictions, without a
        trace in the training. Raises Cancelled when `should_stop` says so,
        leaving what was learnt before in force.
        """
        if weights is not None:
            raise ValueError("sample weights are not supported; unjudged cells are masked instead")
        before = self._encoder, self._network
        encoder = load_encoder(
            self.config.encoder, device=str(self.device), max_tokens=self.config.max_tokens
        )
        torch.manual_seed(self.config.seed)
        network = self._new_network(encoder)
        with torch.no_grad():
            network.head.bias.copy_(torch.from_numpy(prior_logits(train_set.truth)))
        self._encoder, self._network = encoder, network
        try:
            fine_tune(
                network,
                tokenise(encoder.tokenizer, train_set.texts, max_tokens=encoder.max_tokens),
                torch.from_numpy(train_set.truth),
                config=Training(
                    epochs=self.config.epochs,
                    lr=self.config.lr,
                    head_lr=self.config.head_lr,
                    batch_size=self.config.batch_size,
                    weight_decay=self.config.weight_decay,
                    warmup_share=self.config.warmup_share,
                    seed=self.config.seed,
                ),
                loss=make_loss(LossConfig(), train_set.truth),
                pad_id=pad_id_of(encoder.tokenizer),
                on_epoch=on_epoch,
                on_step=on_step,
                should_stop=should_stop,
            )
        except BaseException:
            self._encoder, self._network = before
            raise
        network.eval()
        return self

    def _new_network(self, encoder: Encoder) -> Network:
        network = Network(
            encoder.model, n_labels=self.n_labels, head_dropout=self.config.head_dropout
        )
        return network.to(self.device)

    # --- predicting -------------------------------------------------------

    def predict_proba(
        self,
        data_set: JudgedTexts,
        multi_label_threshold: float = 0.5,
        dropout_sampling: int = 1,
    ) -> Proba | Samples:
        """Give every label's probability for every document, dense.

        Shape (documents, labels), or (documents, passes, labels) with
        `dropout_sampling` above 1; `multi_label_threshold` is small-text's and
        cuts nothing here. Raises InputError where sampling is asked of a
        network without dropout.
        """
        n_passes = dropout_sampling if dropout_sampling > 1 else 0
        shape = (len(data_set), n_passes, self.n_labels)
        result = np.empty(shape if n_passes else (len(data_set), self.n_labels), dtype=np.float32)
        for rows, proba, samples in self.score_stream(data_set.texts, n_passes=n_passes):
            result[rows] = samples if n_passes else proba
        return result

    def score_stream(
        self, x: list[str], *, n_passes: int, chunk: int | None = None
    ) -> Iterator[tuple[slice, Proba, Samples]]:
        """Yield (rows, plain probabilities, samples), by default 512 texts at a time."""
        _, network = self._trained()
        if n_passes:
            _refuse_without_dropout(network)
        torch.manual_seed(self.config.seed + 1)
        chunk = chunk or 512
        for start in range(0, len(x), chunk):
            texts = x[start : start + chunk]
            plain = self._run(texts, _probabilities)
            samples = np.empty((len(texts), n_passes, self.n_labels), dtype=np.float32)
            network.train()  # module, attention and functional dropout alike
            try:
                for number in range(n_passes):
                    samples[:, number] = self._run(texts, _probabilities)
            finally:
                network.eval()
            yield slice(start, start + len(texts)), plain, samples

    def embed(self, data_set: JudgedTexts) -> NDArray[np.float32]:
        """Give the fine-tuned encoder's unit vectors, shape (documents, width)."""
        return self._run(data_set.texts, Network.pooled)

    @torch.inference_mode()
    def _run(
        self, texts: list[str], forward: Callable[[Network, Any, Any], torch.Tensor]
    ) -> NDArray[np.float32]:
        """Run `forward` over texts in length-sorted batches, back in their order."""
        encoder, network = self._trained()
        token_ids = tokenise(encoder.tokenizer, texts, max_tokens=encoder.max_tokens)
        width = encoder.width if forward is Network.pooled else self.n_labels
        result = np.empty((len(texts), width), dtype=np.float32)
        budget = TOKENS_PER_BATCH.get(self.device.type, TOKENS_PER_BATCH["cpu"])
        on_cuda = self.device.type == "cuda"
        for batch in batches_by_length([len(ids) for ids in token_ids], budget):
            ids, mask = pad(
                [token_ids[i] for i in batch],
                pad_id=pad_id_of(encoder.tokenizer),
                device=self.device,
            )
            with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=on_cuda):
                rows = forward(network, ids, mask)
            result[batch] = rows.float().cpu().numpy()
        return result

    def _trained(self) -> tuple[Encoder, Network]:
        if self._encoder is None or self._network is None:
            raise NotReady("This learner has not been trained; call fit or load first.")
        return self._encoder, self._network

    # --- keeping ----------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write `path` as a folder, whole or not at all.

        Its folder `encoder` is what `load_encoder` takes, and becomes
        `encoder_folder`.
        """
        encoder, network = self._trained()
        partial = partial_folder(path)
        encoder.model.save_pretrained(partial / ENCODER_FOLDER)
        encoder.tokenizer.save_pretrained(partial / ENCODER_FOLDER)
        about = {"config": dataclasses.asdict(self.config), "n_labels": self.n_labels}
        head = {name: tensor.cpu() for name, tensor in network.head.state_dict().items()}
        write_into(partial, tensors=head, about={"format": FORMAT, **about})
        put_in_place(partial, path)
        self.encoder_folder = path / ENCODER_FOLDER

    @classmethod
    def load(cls, path: Path, device: str | None = None) -> Self:
        """Read what `save` wrote; raises CorruptArtefact when it is not whole."""
        head, about = read_artefact(path, expected_format=FORMAT)
        learner = cls(DeepConfig(**about["config"]), about["n_labels"], device)
        learner.encoder_folder = path / ENCODER_FOLDER
        encoder = load_encoder(
            str(learner.encoder_folder.absolute()),
            device=str(learner.device),
            max_tokens=learner.config.max_tokens,
        )
        network = learner._new_network(encoder)
        network.head.load_state_dict(head)
        learner._encoder, learner._network = encoder, network.eval()
        return learner


def _probabilities(network: Network, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return torch.sigmoid(network(ids, mask).float())


def _refuse_without_dropout(network: Network) -> None:
    rates = [module.p for module in network.modules() if isinstance(module, torch.nn.Dropout)]
    for name, rate in vars(network.encoder.config).items():
        if "drop" in name and "classifier" not in name and isinstance(rate, float):
            rates.append(rate)
    if not any(rate > 0 for rate in rates):
        raise InputError(
            "Every dropout of this encoder and its head is 0, so Monte Carlo passes would all "
            "agree; set head_dropout above 0, or use a strategy without samples such as 'entropy'."
        )
