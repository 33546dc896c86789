"""Small networks that read token ids: a convolutional one, a recurrent one, a cut transformer.

Each gives one row of features per text, whatever the padding and whatever stands
beside it in the batch. Training them is `core.learners.text_network`; a folder
that `save_body` wrote is an encoder for `core.encoders.encoder.load_encoder`.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from transformers import AutoConfig, AutoModel

from core.disk import sha256_of
from core.encoders.folders import NETWORK, folder_of
from core.encoders.pooling import unit_mean
from core.errors import CorruptArtefact, InputError

WEIGHTS = "model.safetensors"
FORMAT = "marginalia-network-1"
WAY_OUT = "train it again, or roll back to an earlier round"


class NetworkKind(StrEnum):
    """How token vectors become a text's features."""

    CNN = "cnn"
    RNN = "rnn"
    TRANSFORMER = "transformer"  # the first layers of another; kept as any encoder is


class Cell(StrEnum):
    """What a recurrent network is made of."""

    RNN = "rnn"
    GRU = "gru"
    LSTM = "lstm"


CELLS = {Cell.RNN: torch.nn.RNN, Cell.GRU: torch.nn.GRU, Cell.LSTM: torch.nn.LSTM}


@dataclass(frozen=True)
class NetworkConfig:
    """How a network is built; everything but its weights."""

    kind: NetworkKind
    vocabulary: int  # the tokeniser's
    n_rows: int  # token vectors; tokens that were too rare for one of their own share row 0
    embedding_width: int = 128
    embedding_dropout: float = 0.0
    filters: int = 100  # of each kernel size
    kernel_sizes: tuple[int, ...] = (3, 4, 5)  # tokens
    cell: Cell = Cell.LSTM
    hidden: int = 128
    bidirectional: bool = True


class Words(torch.nn.Module):
    """Token vectors (rows, tokens, width), zero at padding.

    Parameters
    ----------
    config
        Only its sizes are read.
    row_of
        Shape (vocabulary,): which of the `n_rows` vectors is a token's; by
        default each token has its own.
    """

    row_of: torch.Tensor

    def __init__(self, config: NetworkConfig, row_of: torch.Tensor | None) -> None:
        super().__init__()
        if row_of is None:
            row_of = torch.arange(config.vocabulary).clamp(max=config.n_rows - 1)
        self.register_buffer("row_of", row_of)
        self.embedding = torch.nn.Embedding(config.n_rows, config.embedding_width)
        self.dropout = torch.nn.Dropout(config.embedding_dropout)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Look tokens up; ids and mask are (rows, tokens)."""
        vectors: torch.Tensor = self.dropout(self.embedding(self.row_of[ids]))
        return vectors * mask.unsqueeze(-1).to(vectors.dtype)


class ConvolutionalBody(torch.nn.Module):
    """Convolutions of several sizes, and of each filter its largest answer over real tokens.

    After Kim (2014), "Convolutional neural networks for sentence
    classification". There is one answer per token, texts being wider than they
    are by zeros, so that a text shorter than a kernel has features too.
    """

    def __init__(self, config: NetworkConfig, row_of: torch.Tensor | None = None) -> None:
        super().__init__()
        if not config.kernel_sizes or min(config.kernel_sizes) < 1:
            raise InputError(
                f"Kernel sizes {config.kernel_sizes} make no convolution; give some from 1 token."
            )
        self.config = config
        self.words = Words(config, row_of)
        self.convolutions = torch.nn.ModuleList(
            torch.nn.Conv1d(config.embedding_width, config.filters, size)
            for size in config.kernel_sizes
        )
        self.width = config.filters * len(config.kernel_sizes)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Give features (rows, width), none below 0."""
        vectors = self.words(ids, mask).transpose(1, 2)  # (rows, width, tokens)
        padding = (mask == 0).unsqueeze(1)
        features = []
        for convolve, size in zip(self.convolutions, self.config.kernel_sizes, strict=True):
            widened = torch.nn.functional.pad(vectors, ((size - 1) // 2, size // 2))
            answers = convolve(widened).masked_fill(padding, -torch.inf)
            features.append(torch.relu(answers.amax(dim=2)))
        return torch.cat(features, dim=1)


class RecurrentBody(torch.nn.Module):
    """A recurrent network's state after the last real token, in one direction or both.

    Backwards means each row turned round within its own length. Rows run padded
    and the states are picked afterwards: what comes after a state cannot change
    it, and torch's packed sequences take two to five times as long on a CPU.
    """

    def __init__(self, config: NetworkConfig, row_of: torch.Tensor | None = None) -> None:
        super().__init__()
        self.config = config
        self.words = Words(config, row_of)
        n_directions = 2 if config.bidirectional else 1
        self.directions = torch.nn.ModuleList(
            CELLS[config.cell](config.embedding_width, config.hidden, batch_first=True)
            for _ in range(n_directions)
        )
        self.width = config.hidden * n_directions

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Give features (rows, width)."""
        vectors = self.words(ids, mask)
        last = mask.sum(dim=1).clamp(min=1) - 1
        rows = torch.arange(len(last), device=last.device)
        readings = [vectors, _turned_round(vectors, last)][: len(self.directions)]
        states = [
            run(reading)[0][rows, last]
            for run, reading in zip(self.directions, readings, strict=True)
        ]
        return torch.cat(states, dim=1)


class TransformerBody(torch.nn.Module):
    """A transformer's masked mean, as a body like the others; entries near 1."""

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder = encoder
        self.width = int(encoder.config.hidden_size)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Give features (rows, width), each row of length √width."""
        hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        features: torch.Tensor = unit_mean(hidden, mask) * self.width**0.5
        return features


Body = ConvolutionalBody | RecurrentBody | TransformerBody


def build_body(
    config: NetworkConfig, row_of: torch.Tensor | None = None
) -> ConvolutionalBody | RecurrentBody:
    """Build an untrained network; weights come from torch's generator."""
    if config.kind is NetworkKind.TRANSFORMER:
        raise InputError("A small transformer is cut from an encoder: use cut_transformer.")
    make = ConvolutionalBody if config.kind is NetworkKind.CNN else RecurrentBody
    return make(config, row_of)


def cut_transformer(encoder: str, n_layers: int) -> TransformerBody:
    """Take an encoder's embeddings and first layers; raises InputError where it has fewer."""
    folder = folder_of(encoder)
    if (folder / NETWORK).exists():
        raise InputError(
            f"Encoder '{encoder}' is itself a small network, so no layers can be cut from it; "
            "give a transformer."
        )
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    if not 1 <= n_layers <= config.num_hidden_layers:
        raise InputError(
            f"Encoder '{encoder}' has {config.num_hidden_layers} layers, so none of {n_layers} "
            f"can be cut from it; give 1 to {config.num_hidden_layers}."
        )
    model = AutoModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
    kept = [
        module
        for module in model.modules()
        if isinstance(module, torch.nn.ModuleList) and len(module) == config.num_hidden_layers
    ]
    if len(kept) != 1:
        raise InputError(
            f"The layers of encoder '{encoder}' (a '{config.model_type}') cannot be told apart; "
            "use a convolutional or recurrent network instead."
        )
    del kept[0][n_layers:]
    model.config.num_hidden_layers = n_layers
    return TransformerBody(model)


# --- keeping --------------------------------------------------------------------


def save_body(body: Body, folder: Path) -> None:
    """Write weights and description into an existing folder, flushed by whoever owns it."""
    if isinstance(body, TransformerBody):
        body.encoder.save_pretrained(folder)
        return
    tensors = {name: tensor.cpu().contiguous() for name, tensor in body.state_dict().items()}
    save_file(tensors, folder / WEIGHTS)
    about = {
        "format": FORMAT,
        "network": dataclasses.asdict(body.config),
        "weights_sha256": sha256_of(folder / WEIGHTS),
    }
    (folder / NETWORK).write_text(json.dumps(about, indent=2), encoding="utf-8")


def load_body(folder: Path) -> ConvolutionalBody | RecurrentBody:
    """Read what `save_body` wrote; raises CorruptArtefact when a byte of it is another."""
    try:
        about = json.loads((folder / NETWORK).read_text(encoding="utf-8"))
        if about["format"] != FORMAT:
            raise ValueError(f"its format is '{about['format']}', not '{FORMAT}'")
        if sha256_of(folder / WEIGHTS) != about["weights_sha256"]:
            raise ValueError("its weights are not those that were written")
        body = build_body(_config_of(about["network"]))
        body.load_state_dict(load((folder / WEIGHTS).read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise CorruptArtefact(
            f"The network in '{folder}' cannot be read ({error}); {WAY_OUT}."
        ) from error
    return body


def _config_of(about: dict[str, Any]) -> NetworkConfig:
    return NetworkConfig(
        **{
            **about,
            "kind": NetworkKind(about["kind"]),
            "cell": Cell(about["cell"]),
            "kernel_sizes": tuple(about["kernel_sizes"]),
        }
    )


def _turned_round(vectors: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
    """Turn each row (rows, tokens, width) round up to its last real token."""
    at = torch.arange(vectors.shape[1], device=vectors.device)
    turned = last.unsqueeze(1) - at
    turned = torch.where(turned >= 0, turned, at)
    return vectors.gather(1, turned.unsqueeze(2).expand_as(vectors))
