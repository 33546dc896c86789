"""How hidden states become one unit vector per text, and where an encoder's folder says so.

The folder's word is the one sentence-transformers writes and reads.
"""

from __future__ import annotations

import json
import logging
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch

from core.errors import CorruptArtefact

log = logging.getLogger(__name__)

POOLING_FILE = Path("1_Pooling") / "config.json"
OLD_KEY = "pooling_mode_"  # one boolean for each mode, in files of older versions


class Pooling(StrEnum):
    """Which hidden states stand for a text."""

    MEAN = "mean"  # of all real tokens
    CLS = "cls"  # the first token's


def pooled(hidden: torch.Tensor, mask: torch.Tensor, pooling: Pooling) -> torch.Tensor:
    """Give unit vectors (rows, width) from hidden states (rows, tokens, width), in float32."""
    if pooling is Pooling.MEAN:
        return unit_mean(hidden, mask)
    return torch.nn.functional.normalize(hidden[:, 0].float(), dim=-1)


def unit_mean(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Average the hidden states (rows, tokens, width) of real tokens, then scale to length 1."""
    weights = mask.unsqueeze(-1).float()
    mean = (hidden.float() * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1.0)
    return torch.nn.functional.normalize(mean, dim=-1)


def pooling_of(folder: Path) -> Pooling:
    """Read what the folder says; the mean where it says nothing, or what we do not have."""
    path = folder / POOLING_FILE
    if not path.exists():
        return Pooling.MEAN
    try:
        modes = _modes(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, AttributeError) as error:
        raise CorruptArtefact(
            f"'{path}' is not a pooling configuration; save the encoder again, or delete the file "
            "to use the mean."
        ) from error
    if len(modes) == 1 and modes[0] in set(Pooling):
        return Pooling(modes[0])
    log.warning("'%s' asks for pooling %s; the mean is used instead", path, ", ".join(modes))
    return Pooling.MEAN


def write_pooling(folder: Path, pooling: Pooling, *, width: int) -> None:
    """Let the folder say how its encoder is pooled."""
    path = folder / POOLING_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {"embedding_dimension": width, "pooling_mode": str(pooling), "include_prompt": True}
    path.write_text(json.dumps(about, indent=2), encoding="utf-8")


def _modes(about: dict[str, Any]) -> list[str]:
    if "pooling_mode" in about:
        mode = about["pooling_mode"]
        return [mode] if isinstance(mode, str) else [str(one) for one in mode]
    old = {"cls": "cls_token", "mean": "mean_tokens"}
    names = {OLD_KEY + key: mode for mode, key in old.items()}
    return [
        names.get(key, key.removeprefix(OLD_KEY))
        for key, value in about.items()
        if key.startswith(OLD_KEY) and value
    ] or [str(Pooling.MEAN)]
