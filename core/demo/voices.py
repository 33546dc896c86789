"""How a message sounds: a mail, a chat line, a voicemail transcript, a list.

A voice takes the finished phrases of one message and dresses them; it adds
nothing that a label could rest on.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from core.demo.dice import Dice

Fill = Callable[[str], str]  # a key of the frame material → one filled-in phrase

LOWERABLE = {
    "The", "My", "It", "We", "Your", "You", "When", "Please", "Is", "Can", "There", "Could",
    "How", "What", "Where", "Which", "Why", "Do", "This", "That", "Every", "Somebody", "Has",
    "Would", "Are", "Any", "A", "They", "Our", "Nobody", "One",
}  # fmt: skip
PAUSED_BEFORE = {"and", "but", "because", "so", "that", "for", "to", "in", "from", "when", "with"}
ABBREVIATIONS = {
    "please": "pls", "you": "u", "your": "ur", "because": "cos", "thanks": "thx",
    "are": "r", "though": "tho", "really": "rly", "tomorrow": "tmrw", "what": "wot",
}  # fmt: skip
MISSPELT = {
    "received": "recieved", "definitely": "definately", "their": "there", "they're": "their",
    "address": "adress", "engineer": "engineeer", "believe": "beleive", "until": "untill",
    "again": "agian", "working": "workign", "connection": "conection", "account": "acount",
    "appointment": "apointment", "separate": "seperate", "would": "woud", "number": "numbr",
    "money": "mony", "password": "pasword", "people": "poeple", "because": "becuase",
}  # fmt: skip


def tidy(sentence: str) -> str:
    """Begin with a capital, end with a stop, as somebody careful would."""
    sentence = re.sub(r"\bi\b(?!\.)", "I", sentence.strip())
    sentence = sentence[0].upper() + sentence[1:]
    return sentence if sentence[-1] in ".!?:" else sentence + "."


def joined(join: str, sentence: str) -> str:
    """Put a joining phrase before a sentence, minding the capital after a comma."""
    if join.rstrip()[-1] in ".:":
        return join + sentence
    first = sentence.split()[0].strip(",.")
    if first in LOWERABLE:
        return join + sentence[0].lower() + sentence[1:]
    return join + sentence if re.match(r"I\b|I'", sentence) else sentence


def terse(parts: list[str], fill: Fill, dice: Dice) -> str:
    """Only what matters, one line."""
    return " ".join(tidy(part) for part in parts)


def plain(parts: list[str], fill: Fill, dice: Dice) -> str:
    """A paragraph from a web form."""
    sentences = [tidy(part) for part in parts]
    if dice.chance(0.3):
        sentences.insert(0, fill("openers"))
    if dice.chance(0.4):
        sentences.append(fill("closers"))
    return " ".join(sentences)


def mail(parts: list[str], fill: Fill, dice: Dice) -> str:
    """A greeting, one or two paragraphs, a signature."""
    sentences = [tidy(part) for part in parts]
    if dice.chance(0.2):
        sentences.insert(0, fill("openers"))
    if dice.chance(0.4):
        sentences.append(fill("closers"))
    split = dice.below(len(sentences)) if len(sentences) > 2 and dice.chance(0.6) else 0
    paragraphs = [" ".join(sentences[:split]), " ".join(sentences[split:])]
    body = "\n\n".join(paragraph for paragraph in paragraphs if paragraph)
    return f"{fill('greetings')}\n\n{body}\n\n{fill('signoffs')}"


def foreign(parts: list[str], fill: Fill, dice: Dice) -> str:
    """Somebody still learning English, formal and careful."""
    sentences = [tidy(part) for part in parts]
    if dice.chance(0.5):
        sentences.insert(dice.below(2), fill("foreign_contexts"))
    if dice.chance(0.6):
        sentences.append(fill("foreign_closers"))
    body = " ".join(sentences)
    return f"{fill('foreign_openers')} {body}" if dice.chance(0.7) else body


def listed(parts: list[str], fill: Fill, dice: Dice) -> str:
    """A short list, each point on its own line."""
    mark = dice.pick(["- ", "* ", "• ", "{}) ", "{}. "])
    lines = [mark.format(n) + part for n, part in enumerate(map(tidy, parts), start=1)]
    text = "\n".join([fill("list_openers"), *lines])
    return f"{text}\n{fill('closers')}" if dice.chance(0.4) else text


def chat(parts: list[str], fill: Fill, dice: Dice) -> str:
    """Typed with two thumbs: small letters, loose stops, short forms."""
    style = dice.pick([" ", "\n", ".. ", " "])
    lines = [part.rstrip(".") if style != " " else part for part in parts]
    text = style.join(lines)
    if dice.chance(0.25):
        text = (
            dice.pick(["hi", "hello", "hey", "hiya", "morning"])
            + dice.pick([" ", ", ", "\n"])
            + text
        )
    if dice.chance(0.65):
        text = text.lower()
    if dice.chance(0.5):
        text = text.replace("'", "")
    if dice.chance(0.4):
        text = _words_replaced(text, ABBREVIATIONS, dice)
    if dice.chance(0.15):
        text = text.rstrip(".") + dice.pick(["??", " ???", "!!", " :(", " :/", "..."])
    return text


def voicemail(parts: list[str], fill: Fill, dice: Dice) -> str:
    """A transcript of somebody thinking aloud."""
    spoken = " ".join(tidy(part) for part in parts).split(" ")
    gaps = [at for at, word in enumerate(spoken) if at and word in PAUSED_BEFORE]
    for at in sorted(dice.shuffled(gaps)[: 1 + dice.below(3)], reverse=True):
        spoken[at - 1] = f"{spoken[at - 1].rstrip(',')}, {fill('fillers')},"
    mark = fill("voicemail_marks") if dice.chance(0.5) else ""
    return f"{mark}{fill('voicemail_openers')} {' '.join(spoken)} {fill('voicemail_closers')}"


def with_typos(text: str, dice: Dice) -> str:
    """Let one to three slips into the longer words."""
    text = _words_replaced(text, MISSPELT, dice)
    words = re.split(r"(\s+)", text)
    places = [at for at, word in enumerate(words) if len(word) >= 6 and word.isalpha()]
    for at in dice.shuffled(places)[: 1 + dice.below(3)]:
        words[at] = _slip(words[at], dice)
    return "".join(words)


def _slip(word: str, dice: Dice) -> str:
    at = 1 + dice.below(len(word) - 2)
    kind = dice.below(3)
    if kind == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + word[at + 1 :] if kind == 1 else word[:at] + word[at] + word[at:]


def _words_replaced(text: str, replacements: dict[str, str], dice: Dice) -> str:
    def replace(match: re.Match[str]) -> str:
        word = match.group()
        return replacements[word] if word in replacements and dice.chance(0.7) else word

    return re.sub(r"[a-z']+", replace, text)


VOICES: dict[str, Callable[[list[str], Fill, Dice], str]] = {
    "terse": terse,
    "plain": plain,
    "mail": mail,
    "foreign": foreign,
    "listed": listed,
    "chat": chat,
    "voicemail": voicemail,
}
