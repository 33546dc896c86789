"""Words that are frequent where the model is wrong, as a table and as pictures.

Documents of the same judgement are compared: false positives with the absent that
were seen as such, false negatives with the present that were found. So a word
tells what misleads the model, not what the label is about.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from core.disk import write_whole
from core.domain import ABSENT, PRESENT
from core.evaluation.words import Word, over_represented
from core.reporting.material import Material
from core.reporting.tables import Cell, Table

N_WORDS = 40  # of each comparison
FEWEST = 3  # documents on either side: fewer have no words that tell
FEWEST_WORDS = 3  # in a picture
MOST_CLOUDS = 40  # labels with a picture, those with most errors first
ALL = "(all labels)"
ONE_TOO_MANY, MISSED = "false positives", "false negatives"
SIZE = (560, 360)  # pixels of one cloud
COLOURS = {ONE_TOO_MANY: "#b8531a", MISSED: "#0077bb"}
COLUMNS = ("label", "in", "word", "z", "documents_wrong", "documents_right")


@dataclass(frozen=True)
class Found:
    """The words of one label's mistakes, or of all labels'; `position` is None for all."""

    position: int | None
    words: dict[str, tuple[Word, ...]]  # by kind of mistake
    n_wrong: int

    @property
    def n_words(self) -> int:
        """Of both kinds of mistake."""
        return sum(len(words) for words in self.words.values())


def find_words(material: Material) -> list[Found]:
    """For all labels together and for each that has words, the one with most errors first."""
    if not material.texts:
        return []
    found = [_words_of(material, position) for position in range(len(material.outputs.names))]
    found = [each for each in found if any(each.words.values())]
    together = _words_of(material, None)
    by_errors = sorted(found, key=lambda each: -each.n_wrong)
    return [together, *by_errors] if any(together.words.values()) else by_errors


def words_table(material: Material, found: Sequence[Found]) -> Table:
    """Every word that was found, the most telling of each comparison first."""
    rows: list[tuple[Cell, ...]] = [
        (_name(material, each), kind, word.word, float(word.z), word.n_wrong, word.n_right)
        for each in found
        for kind, words in each.words.items()
        for word in words
    ]
    note = (
        "z says how much more often a word is in the wrong documents than in those of the same "
        "judgement that were predicted right."
    )
    if not rows:
        note = (
            "No word stands out in the mistakes."
            if material.texts
            else "There are no texts here to find words in."
        )
    title = "Words that are frequent in the mistakes"
    return Table("over_represented_words", title, COLUMNS, rows, note=note)


def draw_clouds(material: Material, found: Sequence[Found], folder: Path) -> list[Path]:
    """Write a picture for all labels and for those with most errors; gives their paths."""
    paths = []
    for each in in_pictures(found):
        stem = "all-labels" if each.position is None else f"label-{material.files[each.position]}"
        paths.append(folder / f"{stem}.png")
        _write(paths[-1], each)
    return paths


def in_pictures(found: Sequence[Found]) -> list[Found]:
    """Those that have words enough to be worth a picture."""
    return [each for each in found if each.n_words >= FEWEST_WORDS][: MOST_CLOUDS + 1]


def title_of(material: Material, found: Found) -> str:
    """What is above a picture."""
    return f"Words in the mistakes: {_name(material, found)}"


def _name(material: Material, found: Found) -> str:
    return ALL if found.position is None else material.outputs.names[found.position]


def _words_of(material: Material, position: int | None) -> Found:
    part = slice(None) if position is None else slice(position, position + 1)
    guesses, truth = material.guesses[:, part], material.truth[:, part]
    words = {
        kind: tuple(_compared(material, guesses == (state == ABSENT), truth == state))
        for kind, state in ((ONE_TOO_MANY, ABSENT), (MISSED, PRESENT))
    }
    wrong = (guesses & (truth == ABSENT)) | (~guesses & (truth == PRESENT))
    return Found(position, words, int(wrong.sum()))


def _compared(
    material: Material, is_wrong: NDArray[np.bool_], counted: NDArray[np.bool_]
) -> Iterator[Word]:
    """Words of documents with a wrong cell among those counted, against those without one."""
    wrong = (is_wrong & counted).any(axis=1)
    right = counted.any(axis=1) & ~wrong
    if min(int(wrong.sum()), int(right.sum())) < FEWEST:
        return
    texts = np.array(material.texts, dtype=object)
    yield from over_represented(list(texts[wrong]), list(texts[right]), N_WORDS)


def _write(path: Path, found: Found) -> None:
    from core.reporting.pens import font_for  # matplotlib: half a second

    shown = {kind: words for kind, words in found.words.items() if words}
    width, height = SIZE
    picture = Image.new("RGB", (width * len(shown), height + 34), "white")
    pen = ImageDraw.Draw(picture)
    font = font_for(word.word for words in shown.values() for word in words)
    for column, (kind, words) in enumerate(shown.items()):
        heading = ImageFont.truetype(str(font_for(kind)), 18)
        pen.text((column * width + 14, 8), kind, fill=COLOURS[kind], font=heading)
        picture.paste(_cloud(words, font, COLOURS[kind]), (column * width, 34))
    buffer = io.BytesIO()
    picture.quantize(64).save(buffer, format="PNG", optimize=True)
    write_whole(path, lambda file: file.write(buffer.getvalue()))


def _cloud(words: Sequence[Word], font: Path, colour: str) -> Image.Image:
    from wordcloud import WordCloud  # slow to import

    cloud = WordCloud(
        width=SIZE[0],
        height=SIZE[1],
        background_color="white",
        font_path=str(font),
        color_func=lambda *args, **kwargs: colour,
        prefer_horizontal=1.0,
        max_font_size=72,
        random_state=0,
    )
    drawn: Image.Image = cloud.generate_from_frequencies({w.word: w.z for w in words}).to_image()
    return drawn
