"""Vectors of the words a text uses, whatever its language, and what is kept of them."""

import json

import numpy as np
import pytest

from core.encoders.cache import EmbeddingCache, encode_missing
from core.encoders.lexical import (
    ABOUT,
    VOCABULARY,
    WEIGHTS,
    LexicalModel,
    counted_terms,
    sample,
    terms_of,
)
from core.errors import CorruptArtefact

TEXTS = [
    "The kettle leaks.",
    "A leaking kettle, again",
    "My parcel is late",
    "late parcel, late refund",
    "Refund the kettle!",
    "Where is my refund?",
]


def fitted(texts=TEXTS, **changed):
    return LexicalModel.fit(texts, **changed)


def test_words_are_lower_case_and_whole_in_any_script():
    assert terms_of("Größe 42, naïve: été!") == ["größe", "42", "naïve", "été"]
    assert terms_of("नमस्ते दुनिया") == ["नमस्ते", "दुनिया"]
    assert terms_of("возврат денег") == ["возврат", "денег"]


def test_a_longer_word_counts_with_its_beginning_too():
    assert counted_terms("Refund, refunded") == {"refund": 1, "refunded": 1, "refu-": 2}
    x = fitted(["I was refunded", "my refund", "the kettle"], width=3).encode(["refunding", "pot"])
    assert x[0].any()
    assert not x[1].any()


def test_scripts_without_spaces_give_a_few_characters_at_a_time():
    assert terms_of("我想退") == ["我想", "想退", "我想退"]
    assert terms_of("猫") == ["猫"]
    assert terms_of("USB接口 ok") == ["usb", "ok", "接口"]


def test_chinese_texts_that_share_words_are_alike():
    texts = ["我想退款", "请给我退款", "包裹还没有到", "我的包裹在哪里"]
    x = fitted(texts).encode(texts)
    assert x[0] @ x[1] > x[0] @ x[2]
    assert x[2] @ x[3] > x[0] @ x[3]


def test_vectors_have_length_one_and_like_texts_are_near():
    x = fitted(width=3).encode(TEXTS)
    assert x.shape == (6, 3)
    assert x.dtype == np.float32
    assert np.linalg.norm(x, axis=1) == pytest.approx(1, abs=1e-6)
    assert x[2] @ x[3] > 0.9 > x[0] @ x[2]


def test_a_text_of_unknown_words_is_all_zeros():
    x = fitted(width=3).encode(["", "zzz", "…", "kettle"])
    assert not x[:3].any()
    assert x[3].any()


@pytest.mark.parametrize(
    ("texts", "width"),
    [([], 1), ([""], 1), (["?!", "…"], 1), (["one"], 1), (["a b", "b c"], 2), (["a"] * 300, 1)],
)
def test_few_documents_make_narrow_vectors_and_none_makes_a_zero(texts, width):
    model = fitted(texts)
    x = model.encode([*texts, "a b c d"])
    assert model.width == width
    assert x.shape == (len(texts) + 1, width)
    assert np.isfinite(x).all()


def test_the_same_text_gets_the_same_vector_in_any_company():
    model = fitted()
    together, alone = model.encode(TEXTS)[3], model.encode([TEXTS[3]])[0]
    assert together.tolist() == alone.tolist()


def test_fitting_twice_gives_one_model_and_other_texts_another():
    first, again, other = fitted(), fitted(), fitted([*TEXTS, "something else"])
    assert first.fingerprint == again.fingerprint
    assert first.encode(TEXTS).tolist() == again.encode(TEXTS).tolist()
    assert other.fingerprint != first.fingerprint


def test_in_a_large_pool_a_term_of_one_document_counts_for_nothing():
    texts = [f"alike only{i}" for i in range(100)]
    assert fitted(texts).terms == ["alik-", "alike", "only-"]
    assert "only7" in fitted(texts[:99]).terms


def test_the_terms_of_most_documents_are_kept():
    assert fitted(max_terms=4).terms == ["kett-", "kettle", "refu-", "refund"]


def test_a_large_pool_is_fitted_on_a_part_drawn_by_lot_always_alike():
    assert sample(5, most=5).tolist() == [0, 1, 2, 3, 4]
    rows = sample(1000, most=10)
    assert len(set(rows.tolist())) == 10
    assert rows.tolist() == sorted(sample(1000, most=10).tolist())
    assert rows.tolist() != sample(1000, seed=1, most=10).tolist()


def test_progress_ends_with_all_texts():
    told = []
    fitted().encode(["kettle"] * 2500, on_progress=told.append)
    assert told == [1000, 2000, 2500]


def test_a_cache_takes_it_as_any_encoder(tmp_path):
    model = fitted(width=3)
    cache = EmbeddingCache(tmp_path, fingerprint=model.fingerprint, width=model.width)
    ids = np.array([4, 9])
    assert encode_missing(model, cache, ids, lambda some: [TEXTS[i % 5] for i in some]) == 2
    assert cache.rows(ids) == pytest.approx(model.encode([TEXTS[4], TEXTS[4]]), abs=1e-3)


# --- keeping --------------------------------------------------------------


def test_a_loaded_model_gives_the_same_vectors(tmp_path):
    model = fitted(n_documents=40)
    model.save(tmp_path / "model")
    loaded = LexicalModel.load(tmp_path / "model")
    assert loaded.encode(TEXTS).tolist() == model.encode(TEXTS).tolist()
    assert (loaded.fingerprint, loaded.n_documents) == (model.fingerprint, 40)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-9])


def change_a_weight(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def change_a_word(path):
    path.write_text(path.read_text("utf-8").replace("kettle", "kittle"), "utf-8")


def write_a_word_less(path):
    path.write_text(json.dumps(json.loads(path.read_text("utf-8"))[1:]), "utf-8")


def call_it_other(path):
    path.write_text(path.read_text("utf-8").replace("lexical-1", "lexical-0"), "utf-8")


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        (WEIGHTS, cut_short),
        (WEIGHTS, change_a_weight),
        (VOCABULARY, cut_short),
        (VOCABULARY, change_a_word),
        (VOCABULARY, write_a_word_less),
        (ABOUT, cut_short),
        (ABOUT, call_it_other),
        (WEIGHTS, lambda path: path.unlink()),
    ],
)
def test_a_model_that_is_not_whole_is_refused_with_a_sentence(tmp_path, name, harm):
    fitted().save(tmp_path / "model")
    harm(tmp_path / "model" / name)
    with pytest.raises(CorruptArtefact, match="remove that folder"):
        LexicalModel.load(tmp_path / "model")
