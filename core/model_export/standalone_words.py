"""The words of a text as a vector, beside its meaning; needs numpy alone."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np

BEGINNING = 4
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
MARKS = "".join(chr(c) for c in range(0x300, 0x10000) if unicodedata.category(chr(c))[0] == "M")
WORD = re.compile(rf"\w[\w{re.escape(MARKS)}]*")
RUN = re.compile(f"[{UNSPACED}]+")


class Words:
    """What `words.npz` and `vocabulary.json` in a folder describe."""

    def __init__(self, folder: Path) -> None:
        terms = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
        self.columns = {term: column for column, term in enumerate(terms)}
        with np.load(folder / "words.npz", allow_pickle=False) as stored:
            self.idf, self.components = stored["idf"], stored["components"]

    def encode(self, texts: list[str]) -> np.ndarray:
        """Give unit vectors (texts, width); a text without one known word is all zeros."""
        vectors = np.zeros((len(texts), self.components.shape[1]), dtype=np.float32)
        for row, text in enumerate(texts):
            counts = {t: n for t, n in terms_of(text).items() if t in self.columns}
            if counts:
                columns = [self.columns[term] for term in counts]
                weights = (1 + np.log(list(counts.values()))) * self.idf[columns]
                vector = (weights / np.linalg.norm(weights)) @ self.components[columns]
                vectors[row] = vector / (np.linalg.norm(vector) or 1)
        return vectors


def terms_of(text: str) -> Counter[str]:
    """Count words, how they begin, and of scripts without spaces a few characters at a time."""
    lower = text.lower()
    words = WORD.findall(lower if text.isascii() else RUN.sub(" ", lower))
    for run in [] if text.isascii() else RUN.findall(lower):
        sizes = (1,) if len(run) == 1 else (2, 3)
        words += [run[at : at + n] for n in sizes for at in range(len(run) - n + 1)]
    return Counter(words + [f"{word[:BEGINNING]}-" for word in words if len(word) > BEGINNING])
