"""Chance that falls the same way on every platform and Python version.

Only `random.Random.random` promises an unchanging sequence for a seed, so
everything here is built on that one method.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """A seeded source of picks, chances and shuffles."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def below(self, n: int) -> int:
        """Return a whole number from 0 to n - 1."""
        return int(self._random.random() * n)

    def chance(self, probability: float) -> bool:
        """Return True with the given probability."""
        return self._random.random() < probability

    def pick(self, items: Sequence[T]) -> T:
        """Return one of the items, each as likely as the others."""
        return items[self.below(len(items))]

    def pick_weighted(self, weights: dict[str, float]) -> str:
        """Return one of the keys, as likely as its share of the weights."""
        left = self._random.random() * sum(weights.values())
        for key, weight in weights.items():
            left -= weight
            if left < 0:
                return key
        return key

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return the items in a random order (Fisher and Yates)."""
        result = list(items)
        for last in range(len(result) - 1, 0, -1):
            other = self.below(last + 1)
            result[last], result[other] = result[other], result[last]
        return result


class Deck:
    """Deals its cards in a random order and reshuffles when they run out.

    Every phrase is therefore used about equally often, which keeps repeats
    far apart.
    """

    def __init__(self, cards: Sequence[str], dice: Dice) -> None:
        self._cards = tuple(cards)
        self._dice = dice
        self._left: list[str] = []

    def deal(self) -> str:
        """Return the next card."""
        if not self._left:
            self._left = self._dice.shuffled(self._cards)
        return self._left.pop()
