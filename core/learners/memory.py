"""How much of a batch is computed at a time: what fits, found by trying and remembered.

The gradient is the whole batch's however it is parted.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from core.disk import write_whole

log = logging.getLogger(__name__)

FULL = ("can't allocate memory", "not enough memory", "ALLOC_FAILED")
LOST = ("CUDA error", "cudaError", "device is lost", "HIP error")


@dataclass(frozen=True)
class Memory:
    """Where it is written down how many tokens fitted.

    Parameters
    ----------
    path
        A small JSON file, shared by all trainings of this machine.
    purpose
        What fitted: an encoder's fingerprint, how it is tuned, and its longest text.
    """

    path: Path
    purpose: str

    def recall(self, device: torch.device) -> int | None:
        """Tokens (rows × longest row) that fitted last time."""
        n_tokens = self._read().get(self._key(device))
        return n_tokens if isinstance(n_tokens, int) and n_tokens > 0 else None

    def remember(self, device: torch.device, n_tokens: int) -> None:
        """Write down what fitted."""
        text = json.dumps({**self._read(), self._key(device): n_tokens}, indent=1, sort_keys=True)
        write_whole(self.path, lambda file: file.write(text.encode()))

    def _key(self, device: torch.device) -> str:
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
        return f"{name} | {self.purpose}"

    def _read(self) -> dict[str, int]:
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}  # it saves a few tries, no more
        return found if isinstance(found, dict) else {}


@dataclass
class Parts:
    """The largest part that is tried: None where whole batches fitted so far."""

    n_tokens: int | None = None
    largest: int = 0  # part that did fit, in tokens
    is_halved: bool = False

    @classmethod
    def of(cls, memory: Memory | None, device: torch.device) -> Parts:
        """Begin with twice what fitted last: others may have held the memory then."""
        known = None if memory is None else memory.recall(device)
        return cls(None if known is None else known * 2)

    def split(self, token_ids: Sequence[Sequence[int]]) -> Iterator[slice]:
        """Cut rows into runs of at most `n_tokens`, each of one row at least."""
        start, longest = 0, 0
        for row, ids in enumerate(token_ids):
            longest = max(longest, len(ids))
            if row > start and self.n_tokens and (row + 1 - start) * longest > self.n_tokens:
                yield slice(start, row)
                start, longest = row, len(ids)
        yield slice(start, len(token_ids))

    def fitted(self, n_rows: int, n_longest: int) -> None:
        """Note a part that went through."""
        self.largest = max(self.largest, n_rows * n_longest)

    def halve(self, token_ids: Sequence[Sequence[int]]) -> bool:
        """Take half of the largest part these rows make; False where that was one row."""
        parts = [token_ids[part] for part in self.split(token_ids)]
        if max(len(part) for part in parts) == 1:
            return False
        tried = max(len(part) * max(len(ids) for ids in part) for part in parts)
        self.n_tokens, self.is_halved, self.largest = tried // 2, True, 0
        log.warning("The memory is full: going on with %d tokens at a time", self.n_tokens)
        return True

    def keep(self, memory: Memory | None, device: torch.device) -> None:
        """Remember what fitted, where memory ever was too small."""
        if memory is None or self.n_tokens is None or not self.largest:
            return
        known = memory.recall(device)
        if self.is_halved or (known is not None and self.largest > known):
            memory.remember(device, self.n_tokens if self.is_halved else self.largest)


def is_full(error: BaseException) -> bool:
    """Whether the device had no memory left."""
    if isinstance(error, torch.cuda.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in FULL)


def is_lost(error: BaseException) -> bool:
    """Whether the device can no longer be used by this process."""
    if not isinstance(error, RuntimeError) or is_full(error):
        return False
    if isinstance(error, torch.AcceleratorError):
        return True
    return any(words in str(error) for words in LOST)
