"""Ways to run an encoder: what they give, which is chosen, what is remembered, what is refused."""

import importlib.util
import json

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

from core.encoders import measuring
from core.encoders import openvino_runner as exporting
from core.encoders.backends import Backend, TorchBf16, build_runner, candidates
from core.encoders.cache import EmbeddingCache, encode_missing
from core.encoders.encoder import load_encoder
from core.encoders.measuring import Choice, Measured, least_spearman, make_fast, measure
from core.encoders.pooling import Pooling
from core.errors import Cancelled, InputError

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "green", "blue", "big", "small"]
COLOURS = WORDS[5:]
TEXTS = [" ".join(COLOURS[(i * k) % 5] for k in range(1, 2 + i % 7)) for i in range(80)]
SEVERAL = ["red", "green blue big red green", "", "big " * 100, "blue"]

needs_openvino = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="openvino is not installed"
)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "encoder"
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
    )
    BertModel(config).save_pretrained(folder)
    BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=32).save_pretrained(folder)
    return folder


@pytest.fixture
def tiny(folder):
    return load_encoder(str(folder), device="cpu")


@pytest.fixture(autouse=True)
def small_samples_are_worth_measuring(monkeypatch):
    monkeypatch.setattr(measuring, "WORTH_TOKENS", 10)


def use(encoder, backend, kept):
    encoder.use(backend, build_runner(backend, encoder, kept))
    return encoder


class Distorted:
    """A fast backend that turns vectors around."""

    n_ahead = 1

    def __init__(self, width):
        self.width = width

    def launch(self, ids, mask):
        rows = np.random.default_rng(int(ids.sum())).normal(size=(len(ids), self.width))
        vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return lambda: vectors


@pytest.mark.parametrize("n_threads", [1, 3])
def test_batches_side_by_side_give_what_one_after_the_other_gives(tiny, n_threads):
    tiny.tokens_per_batch = 16
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        together = tiny.encode(TEXTS)
        assert torch.get_num_threads() == n_threads
    finally:
        torch.set_num_threads(before)
    for text, row in zip(TEXTS, together, strict=True):
        given = tiny.tokenizer([text], return_tensors="pt")
        with torch.no_grad():
            expected = tiny.vectors(given["input_ids"], given["attention_mask"])[0]
        assert row == pytest.approx(expected.numpy(), abs=1e-5)


@pytest.mark.parametrize("pooling", Pooling)
@pytest.mark.parametrize(
    ("backend", "tolerance"),
    [
        (Backend.TORCH_BF16, 0.05),
        pytest.param(Backend.OPENVINO, 1e-5, marks=needs_openvino),
        pytest.param(Backend.OPENVINO_BF16, 0.05, marks=needs_openvino),
    ],
)
def test_every_backend_gives_float32s_vectors_for_short_long_and_empty_texts(
    folder, tmp_path, backend, tolerance, pooling
):
    encoder = load_encoder(str(folder), device="cpu", pooling=pooling)
    encoder.tokens_per_batch = 64  # several batches, so that the order is put right
    expected = encoder.encode(SEVERAL)
    found = use(encoder, backend, tmp_path / "kept").encode(SEVERAL)
    np.testing.assert_allclose(found, expected, atol=tolerance)
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(5), abs=1e-3)
    assert encoder.encode([]).shape == (0, 16)


def test_the_arithmetic_is_named_by_what_a_cache_can_tell(tiny, tmp_path):
    assert tiny.arithmetic == "float32"
    assert use(tiny, Backend.TORCH_BF16, tmp_path).arithmetic == "torch-bf16"
    tiny.use(Backend.OPENVINO, None)
    assert tiny.arithmetic == "float32"


def test_a_batch_too_large_for_the_memory_is_halved_and_later_ones_are_smaller(tiny):
    class Small:
        n_ahead = 1

        def launch(self, ids, mask):
            if len(ids) > 4:
                raise torch.OutOfMemoryError("full")
            return tiny.reference().launch(ids, mask)

    expected = tiny.encode(TEXTS)
    before = tiny.tokens_per_batch
    tiny.use(Backend.TORCH, Small())
    np.testing.assert_allclose(tiny.encode(TEXTS), expected, atol=1e-5)
    assert tiny.tokens_per_batch < before


# --- choosing -----------------------------------------------------------------


def test_what_was_measured_is_remembered_and_not_measured_again(tiny, tmp_path, monkeypatch):
    backend = make_fast(tiny, TEXTS, n_texts=len(TEXTS), folder=tmp_path)
    choice = measuring.remembered(tiny, tmp_path)
    assert choice.fastest is backend is tiny.backend
    assert [one.backend for one in choice.measured] == candidates(tiny)
    assert choice.measured[0].spearman == pytest.approx(1.0)
    monkeypatch.setattr(measuring, "measure", None)  # calling it would fail
    again = load_encoder(str(tiny.folder), device="cpu")
    assert make_fast(again, TEXTS, n_texts=len(TEXTS), folder=tmp_path) is backend


def test_the_fastest_remembered_backend_is_used(tiny, tmp_path):
    measured = (
        Measured(Backend.TORCH, 1.0, 1.0, 1.0),
        Measured(Backend.TORCH_BF16, 2.0, 0.9995, 0.9999),
    )
    choice = Choice(Backend.TORCH, Backend.TORCH_BF16, measured)
    measuring.remember(tiny, choice, tmp_path)
    assert measuring.remembered(tiny, tmp_path) == choice
    if Backend.TORCH_BF16 in candidates(tiny):
        make_fast(tiny, TEXTS, n_texts=5, folder=tmp_path)
        assert isinstance(tiny.runner, TorchBf16)


def test_another_encoder_is_measured_by_itself(tiny, tmp_path):
    measuring.remember(tiny, Choice(Backend.TORCH, Backend.TORCH), tmp_path)
    other = load_encoder(str(tiny.folder), device="cpu", max_tokens=8)
    assert measuring.remembered(other, tmp_path) is None


def test_a_broken_note_is_measured_anew(tiny, tmp_path, caplog):
    make_fast(tiny, TEXTS, n_texts=len(TEXTS), folder=tmp_path)
    (note,) = tmp_path.glob("*.json")
    note.write_text('{"exact": "to', encoding="utf-8")
    make_fast(tiny, TEXTS, n_texts=len(TEXTS), folder=tmp_path)
    assert "is measured again" in caplog.text
    assert json.loads(note.read_text(encoding="utf-8"))["exact"] in list(Backend)


def test_the_sample_is_of_all_texts_and_long_ones_are_cut():
    texts = [f"{number:04} " + "word " * 1000 for number in range(1000)]
    sample = measuring.sample_of(texts)
    assert len(sample) == measuring.MOST_TEXTS
    assert sample[-1][:4] > "0880"
    assert sum(map(len, sample)) <= measuring.SAMPLE_TOKENS * measuring.CHARS_PER_TOKEN
    assert measuring.sample_of(["short", ""]) == ["short", ""]


def test_few_texts_are_not_worth_measuring(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(measuring, "WORTH_TOKENS", 10**6)
    assert make_fast(tiny, TEXTS, n_texts=len(TEXTS), folder=tmp_path) is Backend.TORCH
    assert list(tmp_path.iterdir()) == [tiny.folder]
    assert make_fast(tiny, TEXTS[:3], n_texts=10**9, folder=tmp_path) is Backend.TORCH


def test_a_backend_that_breaks_the_ranking_is_refused_however_fast(tiny, tmp_path, monkeypatch):
    def build(backend, encoder, _folder):
        return None if backend is Backend.TORCH else Distorted(encoder.width)

    monkeypatch.setattr(measuring, "candidates", lambda _: [Backend.TORCH, Backend.TORCH_BF16])
    monkeypatch.setattr(measuring, "build_runner", build)
    choice = measure(tiny, TEXTS, folder=tmp_path)
    assert choice.fastest is Backend.TORCH
    assert "its ranking is off" in choice.measured_as(Backend.TORCH_BF16).refused
    assert tiny.backend is Backend.TORCH
    assert tiny.runner is None


def test_a_backend_that_fails_is_noted_and_torch_goes_on(tiny, tmp_path, monkeypatch, caplog):
    def build(backend, encoder, _folder):
        if backend is Backend.TORCH:
            return None
        raise RuntimeError("no such instruction")

    expected = tiny.encode(TEXTS)
    monkeypatch.setattr(measuring, "candidates", lambda _: [Backend.TORCH, Backend.OPENVINO])
    monkeypatch.setattr(measuring, "build_runner", build)
    choice = measure(tiny, TEXTS, folder=tmp_path)
    assert choice.measured_as(Backend.OPENVINO).refused == "no such instruction"
    make_fast(tiny, TEXTS, n_texts=5, folder=tmp_path, forced="openvino")
    assert "torch goes on" in caplog.text
    np.testing.assert_array_equal(tiny.encode(TEXTS), expected)


def test_a_forced_backend_is_honoured_and_an_unknown_one_named(tiny, tmp_path):
    assert make_fast(tiny, TEXTS, n_texts=1, folder=tmp_path, forced="torch") is Backend.TORCH
    if Backend.TORCH_BF16 in candidates(tiny):
        forced = make_fast(tiny, TEXTS, n_texts=1, folder=tmp_path, forced="torch-bf16")
        assert forced is Backend.TORCH_BF16
        assert isinstance(tiny.runner, TorchBf16)
    with pytest.raises(InputError, match="'tensorrt', which is no backend; give one of auto, tor"):
        make_fast(tiny, TEXTS, n_texts=1, folder=tmp_path, forced="tensorrt")


def test_rank_correlation_is_perfect_for_the_same_and_low_for_other_vectors():
    rng = np.random.default_rng(0)
    truth, other = rng.normal(size=(2, 30, 8)).astype(np.float32)
    assert least_spearman(truth, truth) == pytest.approx(1.0)
    assert least_spearman(2 * truth, truth) == pytest.approx(1.0)
    assert least_spearman(other, truth) < 0.9
    assert least_spearman(np.zeros_like(truth), truth) == 0.0


# --- vectors of different arithmetic ----------------------------------------------


def test_a_cache_keeps_the_arithmetic_it_began_with():
    measured = (
        Measured(Backend.TORCH, 1.0, 1.0, 1.0),
        Measured(Backend.TORCH_BF16, 2.0, 0.9995, 0.9999),
        Measured(Backend.OPENVINO, 1.5, 1.0, 1.0),
        Measured(Backend.OPENVINO_BF16, 3.0, 0.9, 0.9, "its ranking is off"),
    )
    choice = Choice(Backend.OPENVINO, Backend.TORCH_BF16, measured)
    assert choice.for_cache(None) is Backend.TORCH_BF16
    assert choice.for_cache("float32") is Backend.OPENVINO
    assert choice.for_cache("torch-bf16") is Backend.TORCH_BF16
    assert choice.for_cache("openvino-bf16") is Backend.OPENVINO
    assert choice.for_cache("cuda-bf16") is Backend.OPENVINO


def test_mixed_vectors_are_noted_and_announced_once(tiny, tmp_path, caplog):
    cache = EmbeddingCache(tmp_path / "cache", fingerprint=tiny.fingerprint, width=16)
    assert cache.arithmetic is None
    encode_missing(tiny, cache, [1, 2], lambda ids: ["red"] * len(ids))
    assert cache.arithmetic == "float32"
    assert "differ by rounding" not in caplog.text
    use(tiny, Backend.TORCH_BF16, tmp_path)
    for number in (3, 4):
        encode_missing(tiny, cache, [number], lambda ids: ["red"] * len(ids))
    assert caplog.text.count("differ by rounding") == 1
    again = EmbeddingCache(tmp_path / "cache", fingerprint=tiny.fingerprint, width=16)
    assert again.arithmetic == "float32"
    noted = json.loads((again.folder / "arithmetic.json").read_text(encoding="utf-8"))
    assert noted == ["float32", "torch-bf16"]


def test_a_cache_older_than_the_note_holds_float32(tiny, tmp_path):
    cache = EmbeddingCache(tmp_path / "cache", fingerprint=tiny.fingerprint, width=16)
    cache.append([1], tiny.encode(["red"]))
    assert cache.arithmetic == "float32"


# --- many documents -----------------------------------------------------------------


def test_documents_are_sorted_by_length_across_chunks_and_each_has_its_own_vector(tiny, tmp_path):
    tiny.tokens_per_batch = 32
    cache = EmbeddingCache(tmp_path / "cache", fingerprint=tiny.fingerprint, width=16)
    told = []
    n_done = encode_missing(
        tiny,
        cache,
        np.arange(80),
        lambda ids: [TEXTS[i] for i in ids],
        chunk=4,
        on_progress=told.append,
    )
    assert n_done == told[-1] == 80
    assert told == sorted(told)
    lengths = [len(TEXTS[i].split()) for i in cache.ids()]
    assert lengths == sorted(lengths, reverse=True)
    np.testing.assert_allclose(cache.rows(np.arange(80)), tiny.encode(TEXTS), atol=1e-3)


def test_stopped_between_batches_encoding_keeps_them_and_goes_on_later(tiny, tmp_path):
    tiny.tokens_per_batch = 32
    cache = EmbeddingCache(tmp_path / "cache", fingerprint=tiny.fingerprint, width=16)
    asked = []

    def stop_at_the_third():
        asked.append(1)
        return len(asked) == 3

    def read(ids):
        return [TEXTS[i] for i in ids]

    with pytest.raises(Cancelled, match=r"stopped after \d+ of 80"):
        encode_missing(tiny, cache, np.arange(80), read, should_stop=stop_at_the_third)
    n_kept = len(cache)
    assert 0 < n_kept < 80
    assert encode_missing(tiny, cache, np.arange(80), read) == 80 - n_kept
    np.testing.assert_allclose(cache.rows(np.arange(80)), tiny.encode(TEXTS), atol=1e-3)


# --- exported models ------------------------------------------------------------------


@needs_openvino
@pytest.mark.parametrize("harm", ["cut", "altered", "gone", "no note"])
def test_a_damaged_export_is_made_anew(tiny, tmp_path, caplog, harm):
    expected = use(tiny, Backend.OPENVINO, tmp_path).encode(SEVERAL)
    (kept,) = tmp_path.glob("openvino-*")
    weights = kept / "model.bin"
    if harm == "cut":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif harm == "altered":
        weights.write_bytes(bytes(weights.stat().st_size))
    else:
        (weights if harm == "gone" else kept / "about.json").unlink()
    found = use(tiny, Backend.OPENVINO, tmp_path).encode(SEVERAL)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert "exporting it again" in caplog.text


@needs_openvino
def test_an_export_is_read_again_and_old_ones_go(tiny, folder, tmp_path, monkeypatch):
    for max_tokens in (8, 9, 10, 11):
        shorter = load_encoder(str(folder), device="cpu", max_tokens=max_tokens)
        use(shorter, Backend.OPENVINO, tmp_path / "kept")
    assert len(list((tmp_path / "kept").glob("openvino-*"))) == exporting.KEPT_EXPORTS
    monkeypatch.setattr(exporting, "_export", None)  # calling it would fail
    use(shorter, Backend.OPENVINO, tmp_path / "kept")


@needs_openvino
def test_an_encoder_that_cannot_be_exported_leaves_nothing_on_the_disk(tiny, tmp_path):
    expected = tiny.encode(SEVERAL)
    exports, tiny.model.forward = tmp_path / "exports", None  # torch traces by calling it
    make_fast(tiny, SEVERAL, n_texts=5, folder=exports, forced="openvino")
    assert tiny.backend is Backend.TORCH
    assert list(exports.iterdir()) == []
    del tiny.model.forward
    np.testing.assert_array_equal(tiny.encode(SEVERAL), expected)


@needs_openvino
def test_exporting_leaves_the_encoder_as_it_was(tiny, tmp_path):
    expected = tiny.encode(SEVERAL)
    build_runner(Backend.OPENVINO, tiny, tmp_path)
    assert not any(module.training for module in tiny.model.modules())
    np.testing.assert_array_equal(tiny.encode(SEVERAL), expected)


def test_a_batch_ends_where_rows_get_much_shorter_but_not_before_it_is_worth_running():
    from core.encoders.batches import batches_by_length

    lengths = [100] * 6 + [50] * 20
    assert [len(batch) for batch in batches_by_length(lengths, 2048)] == [6, 20]
    short_tail = [100] * 3 + [50] * 20  # three rows keep no processor busy
    assert [len(batch) for batch in batches_by_length(short_tail, 2048)] == [6, 17]


def test_dropout_passes_are_in_the_backends_precision_and_still_vary(tiny, tmp_path):
    from core.encoders.stochastic import encode_stochastic

    exact = encode_stochastic(tiny, SEVERAL, n_passes=3)
    use(tiny, Backend.TORCH_BF16, tmp_path)
    rounded = encode_stochastic(tiny, SEVERAL, n_passes=3)
    assert (rounded != exact).any()
    assert rounded.std(axis=1).max() > 0
    assert np.linalg.norm(rounded, axis=2) == pytest.approx(np.ones((5, 3)), abs=1e-3)
