"""Which texts had a part in a model, by number: kept in its checkpoint, never to be measured on.

The number follows from the text alone, so a file's rows are recognised whatever
they are called there, and a project's documents too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.disk import write_whole
from core.errors import CorruptArtefact

KNOWN = "trained_texts.npz"

Ids = NDArray[np.int64]


def text_ids(texts: Sequence[str]) -> Ids:
    """A 64-bit number for each text."""
    digests = (hashlib.sha256(text.encode()).digest()[:8] for text in texts)
    return np.array([int.from_bytes(d, "big", signed=True) for d in digests], dtype=np.int64)


@dataclass(frozen=True)
class KnownTexts:
    """Numbers of texts that weights were fitted on, and of those that only chose."""

    fit: Ids
    validation: Ids  # for epochs, variants, calibration and thresholds

    @property
    def all(self) -> Ids:
        """Every text that had a part."""
        return np.union1d(self.fit, self.validation)

    def beside(self, other: KnownTexts) -> KnownTexts:
        """What two models know together."""
        return KnownTexts(
            np.union1d(self.fit, other.fit), np.union1d(self.validation, other.validation)
        )

    def write(self, folder: Path) -> None:
        """Keep it in a checkpoint that is being written."""
        write_whole(
            folder / KNOWN,
            lambda file: np.savez(
                file, allow_pickle=False, fit=np.unique(self.fit), validation=self.validation
            ),
        )

    @classmethod
    def of(cls, folder: Path) -> KnownTexts | None:
        """What a checkpoint says; None where it says nothing, as rounds of earlier versions."""
        path = folder / KNOWN
        if not path.exists():
            return None
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                return cls(stored["fit"], stored["validation"])
        except (OSError, ValueError, EOFError, KeyError) as error:
            raise CorruptArtefact(
                f"'{path}' cannot be read ({error}); put it back from a copy, or train again."
            ) from error
