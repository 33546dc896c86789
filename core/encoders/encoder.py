"""Turns texts into unit-length vectors with a transformer that is on this machine.

It owns loading, checking and running the encoder; keeping the vectors is
`core.encoders.cache`, changing the weights is `core.learners.deep`.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging as transformers_logging

from core.encoders.backends import EXACT, Backend, Fetch, Runner, TorchOnCpu, TorchOnGpu
from core.encoders.batches import TOKENS_PER_BATCH, batches_by_length, pad, pad_id_of, tokenise
from core.encoders.folders import (
    BUNDLED,
    BUNDLED_SHA256,
    DEFAULT_MAX_TOKENS,
    NETWORK,
    fingerprint_of,
    folder_of,
    max_tokens_of,
)
from core.encoders.pooling import Pooling, pooled, pooling_of, unit_mean

__all__ = [
    "BUNDLED",
    "BUNDLED_SHA256",
    "DEFAULT_MAX_TOKENS",
    "TOKENS_PER_BATCH",
    "Encoder",
    "Pooling",
    "batches_by_length",
    "fingerprint_of",
    "load_encoder",
    "pad",
    "pad_id_of",
    "pooled",
    "tokenise",
    "unit_mean",
]

log = logging.getLogger(__name__)

transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]


class Encoder:
    """A tokeniser and a network that makes one vector of a document.

    The network is a transformer whose hidden states are pooled, or one of ours
    (`core.encoders.networks`), which pools by itself.

    Parameters
    ----------
    folder
        Holds config.json, the tokeniser's files and weights in .safetensors.
    name
        What people call it; the fingerprint, not the name, is its identity.
    device
        A torch device; by default CUDA where there is one, else the CPU.
    max_tokens
        Longer texts are cut here; by default where the folder says, else at
        `DEFAULT_MAX_TOKENS`.
    pooling
        By default what the folder says, and the masked mean where it is silent.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str,
        device: str | None = None,
        max_tokens: int | None = None,
        pooling: Pooling | None = None,
    ) -> None:
        self.name = name
        self.folder = folder
        max_tokens = max_tokens or max_tokens_of(folder)
        self.pooling = pooling or pooling_of(folder)
        self.fingerprint = fingerprint_of(folder, max_tokens=max_tokens, pooling=self.pooling)
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self.is_network = (folder / NETWORK).exists()
        self.model: Any = _network_in(folder) if self.is_network else _transformer_in(folder)
        self.model.to(self.device).eval()
        self.width = int(self.model.width if self.is_network else self.model.config.hidden_size)
        self.max_tokens = min(max_tokens, int(self.tokenizer.model_max_length))
        self.tokens_per_batch = TOKENS_PER_BATCH.get(self.device.type, TOKENS_PER_BATCH["cpu"])
        self.backend = Backend.TORCH
        self.runner: Runner | None = None  # none: torch with the weights as they are

    def encode(
        self, texts: Sequence[str], *, on_progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """Encode texts, whatever their number and lengths.

        Parameters
        ----------
        texts
            May be empty strings; an empty sequence gives an empty array.
        on_progress
            Told after each batch how many texts are done.

        Returns
        -------
        vectors
            Shape (texts, width), each row of length 1, in the order of `texts`.
        """
        vectors = np.zeros((len(texts), self.width), dtype=np.float32)
        n_done = 0
        for rows, batch in self.encode_batches(texts):
            vectors[rows] = batch
            n_done += len(rows)
            if on_progress is not None:
                on_progress(n_done)
        return vectors

    def encode_batches(
        self, texts: Sequence[str]
    ) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        """Yield (positions in `texts`, their unit vectors), the longest texts first."""
        token_ids = tokenise(self.tokenizer, texts, max_tokens=self.max_tokens)
        lengths = [len(ids) for ids in token_ids]
        runner = self.runner or self.reference()
        under_way: deque[tuple[list[int], Fetch]] = deque()
        for rows in batches_by_length(lengths, self.tokens_per_batch):
            under_way.append((rows, self._launch(runner, [token_ids[row] for row in rows])))
            if len(under_way) >= runner.n_ahead:
                done, fetch = under_way.popleft()
                yield done, fetch()
        for done, fetch in under_way:
            yield done, fetch()

    def use(self, backend: Backend, runner: Runner | None) -> None:
        """Encode in another way from now on; the weights may not change any more.

        `vectors` stays torch's, in bfloat16 where the backend computes in it.
        """
        self.backend, self.runner = backend, runner

    @property
    def arithmetic(self) -> str:
        """Name how vectors are computed, as far as a cache of them can tell it."""
        if self.device.type != "cpu":
            return f"{self.device.type}-bf16"
        return "float32" if self.backend in EXACT else str(self.backend)

    def reference(self) -> Runner:
        """Give the runner that all others are measured against."""
        return TorchOnCpu(self) if self.device.type == "cpu" else TorchOnGpu(self)

    def vectors(self, ids: torch.Tensor, mask: torch.Tensor, *, model: Any = None) -> torch.Tensor:
        """Run the network, or a copy of it, as it stands; ids and mask are (rows, tokens).

        Gives unit vectors (rows, width) in float32, with gradients where they are on.
        """
        model = self.model if model is None else model
        half = self.device.type == "cuda" or self.backend not in EXACT
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=half):
            if self.is_network:
                return torch.nn.functional.normalize(model(ids, mask).float(), dim=-1)
            hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
        return pooled(hidden, mask, self.pooling)

    def _launch(self, runner: Runner, token_ids: list[list[int]]) -> Fetch:
        """Start a batch; one that does not fit into the device's memory is halved, then halved."""
        try:
            ids, mask = pad(token_ids, pad_id=pad_id_of(self.tokenizer), device=self.device)
            return runner.launch(ids, mask)
        except torch.OutOfMemoryError:
            if len(token_ids) == 1:
                raise
        self.tokens_per_batch = max(self.tokens_per_batch // 2, self.max_tokens)
        log.warning("Out of memory on %s: batches are halved", self.device)
        torch.cuda.empty_cache()
        half = len(token_ids) // 2
        parts = [self._launch(runner, part)() for part in (token_ids[:half], token_ids[half:])]
        return lambda: np.concatenate(parts)


def _transformer_in(folder: Path) -> Any:
    return AutoModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32)


def _network_in(folder: Path) -> Any:
    from core.encoders.networks import load_body

    return load_body(folder)


def load_encoder(
    name_or_path: str = BUNDLED,
    *,
    device: str | None = None,
    max_tokens: int | None = None,
    pooling: Pooling | None = None,
) -> Encoder:
    """Load the bundled encoder, a local folder, or a Hugging Face name.

    Only the last goes to the network, and the log says so first. Raises
    CorruptArtefact when the bundled weights are not the published ones, and
    InputError for a folder without usable weights.
    """
    encoder = Encoder(
        folder_of(name_or_path),
        name=name_or_path,
        device=device,
        max_tokens=max_tokens,
        pooling=pooling,
    )
    log.info("Encoder %s on %s, %d wide", encoder.name, encoder.device, encoder.width)
    return encoder
