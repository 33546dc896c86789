"""Texts to token ids, each text once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.encoders.batches import tokenise

MOST_TEXTS = 20_000  # kept: those asked for again are training and validation documents


class Tokens:
    """A tokeniser that remembers the texts it saw first."""

    def __init__(self, tokenizer: Any, *, max_tokens: int) -> None:
        self.tokenizer, self.max_tokens = tokenizer, max_tokens
        self._known: dict[str, list[int]] = {}

    def of(self, texts: Sequence[str]) -> list[list[int]]:
        """Give each text's ids, at least one and at most `max_tokens`."""
        new = list(dict.fromkeys(text for text in texts if text not in self._known))
        ids = tokenise(self.tokenizer, new, max_tokens=self.max_tokens)
        found = dict(zip(new, ids, strict=True))
        for text in new[: MOST_TEXTS - len(self._known)]:
            self._known[text] = found[text]
        return [self._known[text] if text in self._known else found[text] for text in texts]
