"""Letters for pictures that are drawn without a browser: fonts of the machine that have them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from matplotlib.font_manager import findfont, fontManager, get_font

MISSING = "\u25a1"  # an empty square, which the usual font has
USUAL = "DejaVu Sans"  # comes with matplotlib
NO_LETTERS = "Last Resort"  # a font that has a box for every character there is


def font_for(words: Iterable[str]) -> Path:
    """A font that has every letter of these words, else the usual one."""
    letters = {c for word in words for c in word if not c.isspace()}
    if _has(usual_font(), letters):
        return usual_font()
    return next((path for path in _others() if _has(path, letters)), usual_font())


@cache
def usual_font() -> Path:
    """The font that is always there."""
    return Path(findfont(USUAL))


def drawable(text: str, font: Path) -> str:
    """The text with a square for every letter that the font lacks."""
    return "".join(c if c.isspace() or _has(font, {c}) else MISSING for c in text)


def _has(font: Path, letters: set[str]) -> bool:
    try:
        face = get_font(str(font))
        return all(face.get_char_index(ord(c)) for c in letters)
    except (OSError, RuntimeError):  # a font that cannot be read has nothing
        return False


@cache
def _others() -> tuple[Path, ...]:
    """The machine's other upright fonts, by name, those for text before those for symbols."""
    fonts = {
        entry.fname: entry.name
        for entry in fontManager.ttflist
        if entry.style == "normal"
        and entry.weight in (400, "normal", "regular")
        and NO_LETTERS not in entry.name
    }
    return tuple(Path(fname) for fname in sorted(fonts, key=lambda f: (fonts[f], f)))
