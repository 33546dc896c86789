from __future__ import annotations

import re
from collections import Counter, defaultdict
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.multiclass import OneVsRestClassifier

from core.demo.__main__ import corpus_bytes, labels_bytes
from core.demo.corpus import (
    DemoRow,
    demo_corpus_path,
    demo_labels,
    demo_labels_path,
    demo_rows,
)
from core.demo.dice import Deck, Dice
from core.demo.generator import ASIDE, generate
from core.demo.material import LABEL_NAMES, load_material


@pytest.fixture(scope="module")
def rows() -> list[DemoRow]:
    return demo_rows()


def test_the_generator_writes_the_committed_files_byte_for_byte() -> None:
    assert corpus_bytes() == demo_corpus_path().read_bytes()
    assert labels_bytes() == demo_labels_path().read_bytes()


def test_another_seed_gives_another_corpus_of_the_same_size(rows: list[DemoRow]) -> None:
    other = generate(seed=1)
    assert len(other) == len(rows)
    assert {row.text for row in other} != {row.text for row in rows}


def test_reading_gives_back_what_was_generated(rows: list[DemoRow]) -> None:
    assert [(row.text, row.labels) for row in rows] == [(r.text, r.labels) for r in generate()]


def test_ids_and_texts_are_unique_also_when_case_and_punctuation_are_ignored(
    rows: list[DemoRow],
) -> None:
    assert len(rows) >= 1_500
    assert len({row.external_id for row in rows}) == len(rows)
    assert len({" ".join(_words(row.text)) for row in rows}) == len(rows)


def test_texts_are_short_and_leave_no_placeholder_behind(rows: list[DemoRow]) -> None:
    for row in rows:
        assert 20 <= len(row.text) <= 600, row.external_id
        assert row.text == row.text.strip()
        assert not re.search(rf"[{{}}|…\r\t{ASIDE}]|  |None", row.text), row.text


def test_labels_are_those_described_and_come_in_their_order(rows: list[DemoRow]) -> None:
    labels = demo_labels()
    names = [label.name for label in labels]
    assert names == list(LABEL_NAMES)
    assert len(set(names)) == 12
    for label in labels:
        assert re.fullmatch(r"[a-z]+", label.name)
        assert re.fullmatch(r"[A-Z][^.]{30,150}\.", label.description)
    for row in rows:
        assert list(row.labels) == [name for name in names if name in row.labels]


def test_label_frequencies_are_uneven_and_some_texts_have_none(rows: list[DemoRow]) -> None:
    counts = Counter(name for row in rows for name in row.labels)
    shares = {name: counts[name] / len(rows) for name in LABEL_NAMES}
    assert 0.02 <= min(shares.values()) <= 0.03
    assert 0.27 <= max(shares.values()) <= 0.33
    assert 0.06 <= sum(not row.labels for row in rows) / len(rows) <= 0.10
    assert 1.3 <= sum(counts.values()) / len(rows) <= 1.7


@pytest.mark.parametrize(
    ("one", "other"),
    [("billing", "refund"), ("outage", "complaint"), ("cancel", "complaint"), ("slow", "device")],
)
def test_related_labels_keep_company(rows: list[DemoRow], one: str, other: str) -> None:
    pairs = Counter(pair for row in rows for pair in combinations(sorted(row.labels), 2))
    assert pairs[(min(one, other), max(one, other))] >= 25


def test_praise_comes_with_complaints_less_often_than_chance_would_have_it(
    rows: list[DemoRow],
) -> None:
    counts = Counter(name for row in rows for name in row.labels)
    together = sum({"praise", "complaint"} <= set(row.labels) for row in rows)
    assert 0 < together < counts["praise"] * counts["complaint"] / len(rows)


def test_hardly_any_text_nearly_repeats_another(rows: list[DemoRow]) -> None:
    repeats = {
        b for a, b, overlap in _overlaps([_words(row.text) for row in rows]) if overlap > 0.6
    }
    assert len(repeats) / len(rows) < 0.01


def test_the_words_of_every_label_also_occur_where_it_does_not_apply(rows: list[DemoRow]) -> None:
    material = load_material()
    for name in LABEL_NAMES:
        assert len(material.labels[name].says) >= 25
        fixed = [
            phrase for phrase in material.labels[name].mentions if not re.search(r"[{\[]", phrase)
        ]
        without = " ".join(row.text for row in rows if name not in row.labels)
        assert any(phrase in without for phrase in fixed), name


def test_a_bag_of_words_model_neither_fails_nor_solves_the_corpus(rows: list[DemoRow]) -> None:
    texts = np.array([row.text for row in rows], dtype=object)
    truth = np.array([[name in row.labels for name in LABEL_NAMES] for row in rows], dtype=int)
    order = np.random.default_rng(0).permutation(len(rows))
    train, test = order[: len(rows) // 2], order[len(rows) // 2 :]

    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    # Balanced, because at a frequency of 3 % nothing would reach 0.5 otherwise.
    model = OneVsRestClassifier(LogisticRegression(class_weight="balanced", max_iter=1_000))
    model.fit(vectorizer.fit_transform(texts[train]), truth[train])
    proba = model.predict_proba(vectorizer.transform(texts[test]))

    assert 0.70 <= _micro_f1(truth[test], proba, 0.5) <= 0.90
    best = max(_micro_f1(truth[test], proba, threshold) for threshold in np.linspace(0.1, 0.9, 33))
    assert 0.70 <= best <= 0.90


def test_a_deck_deals_every_card_before_it_repeats_one() -> None:
    deck = Deck("abcdef", Dice(3))
    assert sorted(deck.deal() for _ in range(6)) == list("abcdef")
    assert sorted(deck.deal() for _ in range(6)) == list("abcdef")


def test_weighted_picks_follow_their_weights_and_never_take_a_zero() -> None:
    dice = Dice(5)
    picks = Counter(
        dice.pick_weighted({"often": 3.0, "never": 0.0, "rare": 1.0}) for _ in range(4_000)
    )
    assert picks["never"] == 0
    assert 2_850 < picks["often"] < 3_150


def _micro_f1(truth: NDArray[np.int_], proba: NDArray[np.float64], threshold: float) -> float:
    return float(f1_score(truth, proba >= threshold, average="micro"))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _overlaps(texts: list[list[str]]) -> list[tuple[int, int, float]]:
    """Return (earlier, later, Jaccard overlap of word trigrams) of texts that share any."""
    trigrams = [{tuple(words[at : at + 3]) for at in range(len(words))} for words in texts]
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    result = []
    for later, grams in enumerate(trigrams):
        shared = Counter(earlier for gram in grams for earlier in holders[gram])
        for earlier, n in shared.items():
            result.append((earlier, later, n / len(grams | trigrams[earlier])))
        for gram in grams:
            holders[gram].append(later)
    return result
