"""Turns a hand-written phrase into one wording of it.

`[this|that]` is a choice, `{town}` a slot; some words are exchanged for others
that mean the same, so that no phrase is learnt by heart from one spelling.
"""

from __future__ import annotations

import re

from core.demo.dice import Dice
from core.demo.material import Material

P_SYNONYM = 0.4

Slots = dict[str, str]  # the values one text has settled on


class Filler:
    """Words phrases with the slots and synonyms of the material."""

    def __init__(self, material: Material, dice: Dice) -> None:
        self._slots = material.slots
        self._synonyms = material.synonyms
        self._dice = dice

    def reworded(self, phrase: str) -> str:
        """Say some words another way, minding a and an."""

        def other(match: re.Match[str]) -> str:
            article, word = match.group(1) or "", match.group(2)
            if word not in self._synonyms or not self._dice.chance(P_SYNONYM):
                return match.group()
            word = self._dice.pick(self._synonyms[word])
            if article:
                article = article[0] + ("n " if word[0] in "aeiou" else " ")
            return article + word

        return re.sub(r"(?<![\w{-])(\b[Aa]n? )?([a-z]+)(?![\w}])", other, phrase)

    def filled(self, phrase: str, slots: Slots) -> str:
        """Choose among alternatives and put in values; `slots` remembers them for the text."""

        def alternative(match: re.Match[str]) -> str:
            alternatives: list[str] = match.group(1).split("|")
            return self._dice.pick(alternatives)

        def value(match: re.Match[str]) -> str:
            key = match.group(1)
            if key not in slots:
                taken = slots.values()  # two days or months in one text differ
                slots[key] = self._dice.pick([v for v in self._slots[key] if v not in taken])
            return slots[key]

        chosen = re.sub(r"\[([^\]]*\|[^\]]*)\]", alternative, phrase)
        return re.sub(r"\{(\w+)\}", value, chosen)
