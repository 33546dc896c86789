"""Options of small networks, and where their weights begin: at random, or with an encoder's."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain

import torch

from core.encoders.encoder import DEFAULT_MAX_TOKENS, load_encoder
from core.encoders.networks import (
    Body,
    Cell,
    ConvolutionalBody,
    NetworkConfig,
    NetworkKind,
    RecurrentBody,
    build_body,
    cut_transformer,
)
from core.errors import InputError
from core.learners.deep_config import one_of
from core.learners.early_stopping import EarlyStopping
from core.learners.losses import LossConfig, LossKind
from core.learners.training import Training

# Of a token vector's entries before training; see docs/decisions/021.
RANDOM_SCALE, ENCODER_SCALE = 0.1, 0.3


class Embeddings(StrEnum):
    """Where token vectors begin."""

    RANDOM = "random"
    ENCODER = "encoder"  # the encoder's own, along their main directions


@dataclass(frozen=True)
class TextNetworkConfig:
    """How the network is built and trained, as plain values."""

    kind: str = "cnn"  # or rnn, transformer
    encoder: str = "bundled"  # whose tokeniser, and whose token vectors or layers
    embeddings: str = "encoder"  # or random; see docs/decisions/021
    frozen_epochs: int = 0  # token vectors stay as they begin so long
    embedding_width: int = 128  # at most the encoder's, where token vectors are its own
    embedding_dropout: float = 0.0
    min_count: int = 2  # a rarer token shares one vector with all such, where they begin at random
    filters: int = 100
    kernel_sizes: tuple[int, ...] = (3, 4, 5)
    cell: str = "lstm"  # or gru, rnn
    hidden: int = 128
    bidirectional: bool = True
    n_layers: int = 2  # of the transformer
    dropout: float = 0.5  # before the head
    epochs: int = 20
    lr: float = 1e-3
    head_lr: float | None = None  # None: the same
    batch_size: int = 32
    max_tokens: int = DEFAULT_MAX_TOKENS
    weight_decay: float = 0.01
    warmup_share: float = 0.1
    loss: str = "cross-entropy"  # or asymmetric
    positive_weight: bool = False
    exclusive: bool = False  # exactly one label per document
    precision: str = "auto"  # or float32, bfloat16
    early_stopping: bool = True  # where there are enough documents to judge by
    patience: int = 2
    min_epochs: int = 2
    validation_share: float = 0.1  # of the training documents, for early stopping
    seed: int = 0

    def training(self) -> Training:
        """What the training loop reads of it."""
        stopping = EarlyStopping(patience=self.patience, min_epochs=self.min_epochs)
        return Training(
            epochs=self.epochs,
            lr=self.lr,
            head_lr=self.head_lr or self.lr,
            batch_size=self.batch_size,
            weight_decay=self.weight_decay,
            warmup_share=self.warmup_share,
            precision=self.precision,
            seed=self.seed,
            exclusive=self.exclusive,
            stopping=stopping if self.early_stopping else None,
        )

    def what_is_minimised(self) -> LossConfig:
        """The loss; raises InputError for one that does not exist."""
        return LossConfig(
            kind=one_of(LossKind, "loss", self.loss),
            positive_weight=self.positive_weight,
            exclusive=self.exclusive,
        )


def new_body(config: TextNetworkConfig, token_ids: list[list[int]], *, vocabulary: int) -> Body:
    """Build a network to be trained on `token_ids`; randomness comes from torch's generator."""
    if one_of(NetworkKind, "kind", config.kind) is NetworkKind.TRANSFORMER:
        return cut_transformer(config.encoder, config.n_layers)
    if one_of(Embeddings, "embeddings", config.embeddings) is Embeddings.ENCODER:
        return _with_vectors_of(config, vocabulary)
    counts = Counter(chain.from_iterable(token_ids))
    known = sorted(token for token, count in counts.items() if count >= config.min_count)
    row_of = torch.zeros(vocabulary, dtype=torch.int64)
    row_of[known] = torch.arange(1, len(known) + 1)
    body = build_body(_sizes(config, vocabulary, n_rows=len(known) + 1), row_of)
    with torch.no_grad():
        body.words.embedding.weight.mul_(RANDOM_SCALE)
    return body


def _with_vectors_of(
    config: TextNetworkConfig, vocabulary: int
) -> ConvolutionalBody | RecurrentBody:
    encoder = load_encoder(config.encoder, device="cpu")
    if encoder.is_network:
        raise InputError(
            f"Encoder '{config.encoder}' is itself a small network, so no other begins with its "
            "token vectors; give a transformer, or embeddings 'random'."
        )
    vectors = encoder.model.get_input_embeddings().weight
    width = min(config.embedding_width, vectors.shape[1])
    config = replace(config, embedding_width=width)
    body = build_body(_sizes(config, vocabulary, n_rows=len(vectors)))
    with torch.no_grad():
        centred = vectors - vectors.mean(dim=0)
        directions = torch.linalg.eigh(centred.T @ centred).eigenvectors.flip(1)
        main = centred @ directions[:, :width]
        body.words.embedding.weight.copy_(main * (ENCODER_SCALE / main.std()))
    return body


def _sizes(config: TextNetworkConfig, vocabulary: int, *, n_rows: int) -> NetworkConfig:
    return NetworkConfig(
        kind=NetworkKind(config.kind),
        vocabulary=vocabulary,
        n_rows=n_rows,
        embedding_width=config.embedding_width,
        embedding_dropout=config.embedding_dropout,
        filters=config.filters,
        kernel_sizes=tuple(config.kernel_sizes),
        cell=one_of(Cell, "cell", config.cell),
        hidden=config.hidden,
        bidirectional=config.bidirectional,
    )
