"""Composes the demo corpus from the hand-written material, always the same way.

For each wanted set of labels it deals phrases that make exactly these labels
apply, adds asides that mention others without making them apply, and lets a
voice dress the whole. Files are left to `python -m core.demo`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.demo import voices
from core.demo.dice import Deck, Dice
from core.demo.filling import Filler, Slots
from core.demo.material import LABEL_NAMES, Material, load_material
from core.demo.quotas import QUOTAS

SEED = 20_260
MIN_CHARS, MAX_CHARS = 20, 600
MAX_SCENE_USES = 6  # a text seen more often than that would give its labels away
MAX_OVERLAP = 0.55  # shared word trigrams of two texts that use the same phrases
VOICE_WEIGHTS = {
    "plain": 0.34, "mail": 0.21, "chat": 0.19, "voicemail": 0.08,
    "foreign": 0.07, "terse": 0.07, "listed": 0.04,
}  # fmt: skip
P_MENTION = 0.32  # an aside about something that is not the matter
P_BRIDGE = 0.45  # an aside is announced: "Before you ask: ..."
P_CONTEXT = 0.3
P_ABOUT = 0.4  # the matter is announced before it is told
P_MAYBE = 0.05  # an aside that half of the readers would label
P_MORE_COMPLAINT = 0.45  # who complains seldom stops at one sentence
P_MORE = 0.08
TOPICS = frozenset(LABEL_NAMES) - {"complaint", "refund", "cancel"}
HOME_TOPICS = frozenset({"outage", "slow", "device", "visit"})
ASIDE = "\N{INFORMATION SEPARATOR ONE}"  # what follows speaks of other amounts, days and people
UNBRIDGED = frozenset({"praise", "complaint", "security"})
FOLLOW_UP = "… "  # what follows needs something said before it


@dataclass(frozen=True)
class Draft:
    """The phrases of one message, the labels they earn, and how to recognise a repeat."""

    parts: list[str]
    labels: frozenset[str]
    core: frozenset[str]  # phrases that carry the labels, unfilled


@dataclass(frozen=True)
class GeneratedRow:
    """One text and its labels, in the order of LABEL_NAMES."""

    text: str
    labels: tuple[str, ...]


def generate(seed: int = SEED) -> list[GeneratedRow]:
    """Return the whole corpus in its final, shuffled order."""
    return Generator(load_material(), Dice(seed)).rows()


class Generator:
    """Keeps what has been used, so that texts neither repeat nor nearly repeat."""

    def __init__(self, material: Material, dice: Dice) -> None:
        self._material = material
        self._dice = dice
        self._filler = Filler(material, dice)
        self._decks: dict[str, Deck] = {}
        self._scene_uses: dict[str, int] = {}
        self._trigrams_by_core: dict[frozenset[str], list[set[str]]] = {}

    def rows(self) -> list[GeneratedRow]:
        """Fill every quota, in shuffled order."""
        wanted = [
            frozenset(names.split("|")) - {""}
            for names, count in QUOTAS.items()
            for _ in range(count)
        ]
        return [self._row(labels) for labels in self._dice.shuffled(wanted)]

    def _row(self, wanted: frozenset[str]) -> GeneratedRow:
        while True:
            draft, text = self._message(wanted)
            if MIN_CHARS <= len(text) <= MAX_CHARS and self._is_new(draft, text):
                names = tuple(name for name in LABEL_NAMES if name in draft.labels)
                return GeneratedRow(text, names)

    def _message(self, wanted: frozenset[str]) -> tuple[Draft, str]:
        dice, slots = self._dice, Slots()
        voice = dice.pick_weighted(VOICE_WEIGHTS)
        draft = self._draft(wanted, voice)
        parts = [self._part(part, slots) for part in draft.parts]
        voice = _fitting(voice, parts, draft)

        def fill(key: str) -> str:
            asks_nothing = not draft.labels - {"praise"} and key in {"openers", "closers"}
            return self._filler.filled(self._frame(f"quiet_{key}" if asks_nothing else key), slots)

        if voice in {"plain", "mail", "voicemail"}:
            parts = self._connected(draft, parts, fill)
        text = voices.VOICES[voice](parts, fill, dice)
        careless = {"chat": 0.4, "foreign": 0.2, "plain": 0.2, "terse": 0.25, "mail": 0.1}
        if dice.chance(careless.get(voice, 0.0)):
            text = voices.with_typos(text, dice)
        return draft, text

    def _draft(self, wanted: frozenset[str], voice: str) -> Draft:
        if not wanted:
            return self._unlabelled()
        core = self._foreign(wanted) if voice == "foreign" else self._covering(wanted)
        if voice == "foreign":
            return Draft(core, wanted, frozenset(core))
        return self._with_asides(core, wanted)

    def _unlabelled(self) -> Draft:
        material, dice = self._material, self._dice
        kind = dice.pick_weighted({"none": 0.5, "resolved": 0.36, "answers": 0.14})
        if kind == "answers":
            mentions = [self._mention(name) for name in dice.shuffled(LABEL_NAMES)[:1]]
            parts = [self._deal("answers", material.answers), *mentions]
            return Draft(parts, frozenset(), frozenset(mentions))
        text = self._deal(kind, material.none if kind == "none" else material.resolved)
        return Draft([text], frozenset(), frozenset([text]))

    def _foreign(self, wanted: frozenset[str]) -> list[str]:
        labels = self._material.labels
        return [
            self._deal(f"foreign {name}", labels[name].foreign)
            for name in LABEL_NAMES
            if name in wanted
        ]

    def _covering(self, wanted: frozenset[str]) -> list[str]:
        """Deal phrases whose labels together are exactly the wanted ones."""
        chosen: list[tuple[int, str]] = []
        left = wanted
        while left:
            names, phrase = self._scene(left) or self._single(left)
            chosen.append((max(LABEL_NAMES.index(name) for name in names), phrase))
            left -= names
        for name in sorted(wanted):
            if self._dice.chance(P_MORE_COMPLAINT if name == "complaint" else P_MORE):
                chosen.append((LABEL_NAMES.index(name), self._says(name)))
        phrases = [phrase for _, phrase in sorted(dict.fromkeys(chosen))]
        if "complaint" in wanted and len(phrases) > 1 and self._dice.chance(0.25):
            phrases = [phrases[-1], *phrases[:-1]]
        return phrases if not phrases[0].startswith(FOLLOW_UP) else self._covering(wanted)

    def _scene(self, left: frozenset[str]) -> tuple[frozenset[str], str] | None:
        fitting = [names for names in self._material.scenes if names <= left]
        if not fitting or not self._dice.chance(0.65):
            return None
        names = self._dice.pick(fitting)
        phrase = self._deal("+".join(sorted(names)), self._material.scenes[names])
        uses = self._scene_uses.get(phrase, 0)
        if uses >= MAX_SCENE_USES:
            return None
        self._scene_uses[phrase] = uses + 1
        return names, phrase

    def _single(self, left: frozenset[str]) -> tuple[frozenset[str], str]:
        name = self._dice.pick(sorted(left))
        return frozenset([name]), self._says(name)

    def _says(self, name: str) -> str:
        return self._deal(f"says {name}", self._material.labels[name].says)

    def _mention(self, name: str) -> str:
        return self._deal(f"mentions {name}", self._material.labels[name].mentions)

    def _with_asides(self, core: list[str], wanted: frozenset[str]) -> Draft:
        """Put what surrounds the matter before and after it."""
        dice, labels, parts, given = self._dice, self._material.labels, list(core), wanted
        absent = [name for name in LABEL_NAMES if name not in wanted]
        near = [
            name
            for name in absent
            if labels[name].near & wanted and not labels[name].never & wanted
        ]
        if near and dice.chance(P_MENTION):
            name = dice.pick(near)
            bridged = name not in UNBRIDGED and dice.chance(P_BRIDGE)
            bridge = self._frame("bridges") if bridged else ""
            parts.append(f"{bridge}{ASIDE}{self._mention(name)}")
        elif near and dice.chance(P_MAYBE * 2):
            name = dice.pick(near)
            parts.append(self._deal(f"maybe {name}", labels[name].maybe))
            given = wanted | {name} if dice.chance(0.5) else wanted
        if dice.chance(P_CONTEXT):
            at_home = wanted & HOME_TOPICS and dice.chance(0.5)
            parts.insert(dice.below(2), self._frame("home_contexts" if at_home else "contexts"))
        if dice.chance(P_ABOUT):
            name = dice.pick(sorted(wanted))
            parts.insert(0, self._deal(f"about {name}", labels[name].about))
        return Draft(parts, given, frozenset(core))

    def _frame(self, key: str) -> str:
        return self._deal(key, self._material.frame[key])

    def _connected(self, draft: Draft, parts: list[str], fill: voices.Fill) -> list[str]:
        """Join a second matter to the first with a word or two, now and then."""
        result = [voices.tidy(part) for part in parts]
        places = [at for at, part in enumerate(draft.parts) if at and part in draft.core]
        if (
            len(draft.labels & TOPICS) > 1
            and len(draft.core) > 1
            and places
            and self._dice.chance(0.5)
        ):
            result[places[0]] = voices.joined(fill("joins"), result[places[0]])
        return result

    def _part(self, phrase: str, slots: Slots) -> str:
        bridge, _, aside = phrase.rpartition(ASIDE)
        if ASIDE in phrase:
            filled = self._filler.filled(self._filler.reworded(aside), {})
            return voices.joined(bridge, voices.tidy(filled)) if bridge else filled
        return self._filler.filled(self._filler.reworded(phrase.removeprefix(FOLLOW_UP)), slots)

    def _deal(self, key: str, phrases: tuple[str, ...]) -> str:
        if key not in self._decks:
            self._decks[key] = Deck(phrases, self._dice)
        return self._decks[key].deal()

    def _is_new(self, draft: Draft, text: str) -> bool:
        words = re.findall(r"\w+", text.lower())
        trigrams = {" ".join(words[at : at + 3]) for at in range(len(words))}
        earlier = self._trigrams_by_core.setdefault(draft.core, [])
        if any(len(trigrams & seen) > MAX_OVERLAP * len(trigrams | seen) for seen in earlier):
            return False
        earlier.append(trigrams)
        return True


def _fitting(voice: str, parts: list[str], draft: Draft) -> str:
    """Nobody speaks of writing on the telephone, and a list needs two points."""
    unspoken = re.search(r"\b(writ|e?mail|typ|send|sent|attach|PS)", " ".join(parts))
    unfit = {"voicemail": bool(unspoken), "listed": len(parts) < 2, "foreign": not draft.labels}
    return "plain" if unfit.get(voice, False) else voice
