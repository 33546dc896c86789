"""An exported model runs without the app, and answers as it does."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from core.encoders.encoder import load_encoder
from core.encoders.lexical import LexicalModel
from core.encoders.networks import Cell, NetworkKind
from core.errors import Conflict, CorruptArtefact, InputError
from core.evaluation.calibration import Temperature
from core.evaluation.operating_points import Cuts
from core.evaluation.recalibration import LabelChoice, Map, Method, Recalibration
from core.evaluation.unseen import Chosen
from core.learners.baselines import BaselineConfig, BaselineLearner, Features
from core.learners.bodies import TextNetworkConfig
from core.learners.dataset import JudgedTexts, JudgedVectors
from core.learners.deep import DeepConfig, DeepLearner
from core.learners.quick import QuickConfig, QuickKind, new_quick
from core.learners.text_network import TextNetworkLearner
from core.manifest import seal, verify
from core.model_export.command import export_in_terminal
from core.model_export.export import export_model
from core.rounds import files
from core.rounds.chosen import write_calibration, write_cuts
from core.rounds.task import EncoderUse
from core.settings import Settings
from tests.unit.model_export.made import (
    LABELS,
    TEMPERATURE,
    TEXTS,
    THRESHOLD,
    TRUTH,
    tiny_encoder,
    write_papers,
    write_round,
)

CLOSE = 1e-4  # of probabilities, in single precision


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("export")


@pytest.fixture(scope="module")
def settings(place: Path) -> Settings:
    return Settings(data_dir=place / "data", checkpoints_dir=place / "checkpoints")


def run(example: Path, texts: tuple[str, ...] = TEXTS) -> list[dict[str, object]]:
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", example, *texts],
        cwd=example.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


def proba_of(lines: list[dict[str, object]]) -> np.ndarray:
    return np.array([[line["probabilities"][name] for name in LABELS] for line in lines])


@pytest.fixture(scope="module")
def plain(place: Path, settings: Settings) -> tuple[Path, np.ndarray, np.ndarray]:
    """A regression on vectors: the folder, the app's probabilities, the app's vectors."""
    encoder = tiny_encoder(place / "tiny")
    x = encoder.encode(TEXTS)
    use = EncoderUse(str(place / "tiny"), encoder.fingerprint, encoder.width)
    head = new_quick(QuickConfig(kind=QuickKind.LOGISTIC), len(LABELS), blocks=use.blocks)
    proba = write_round(place / "plain" / "bait_seed3_round1", head, use, x)
    export_model(
        place / "plain" / "bait_seed3_round1",
        place / "plain-out",
        settings=settings,
        asked={"model": 3, "random": 2},
    )
    return place / "plain-out", proba, x


def test_the_example_needs_onnxruntime_and_tokenizers_and_answers_as_the_app(
    plain: tuple[Path, np.ndarray, np.ndarray],
) -> None:
    folder, proba, _ = plain
    text = (folder / "example.py").read_text()
    assert "torch" not in text
    assert "transformers" not in text
    assert len(text.splitlines()) < 30
    lines = run(folder / "example.py")
    np.testing.assert_allclose(proba_of(lines), proba, atol=CLOSE)
    expected = [[n for n, p in zip(LABELS, row, strict=True) if p >= THRESHOLD] for row in proba]
    assert [line["labels"] for line in lines] == expected


def test_labels_calibrated_and_cut_each_in_their_way_leave_as_they_are(
    place: Path, settings: Settings, plain: tuple[Path, np.ndarray, np.ndarray]
) -> None:
    encoder = load_encoder(str(place / "tiny"), device="cpu", max_tokens=64)
    x = encoder.encode(TEXTS)
    use = EncoderUse(str(place / "tiny"), encoder.fingerprint, encoder.width)
    head = new_quick(QuickConfig(kind=QuickKind.LOGISTIC), len(LABELS), blocks=use.blocks)
    folder = place / "own" / "bait_seed3_round1"
    write_round(folder, head, use, x)
    maps = (
        Map(Method.PLATT, (0.6, -0.4)),
        Map(Method.BETA, (0.5, 1.4, 0.2)),
        Map(Method.ISOTONIC, (0.0, 0.5, 1.0, 0.1, 0.3, 0.9)),
    )
    calibration = Recalibration(TEMPERATURE, tuple(LabelChoice(one, {}, "") for one in maps))
    write_calibration(folder, calibration)
    cuts = Cuts(
        np.array([0.2, 0.4, 0.6]), 0.4, np.array([True, False, True]), np.zeros(3, dtype=np.bool_)
    )
    write_cuts(folder, Chosen(calibration, cuts), LABELS)
    seal(folder)

    export_model(folder, place / "own-out", settings=settings)
    lines = run(place / "own-out" / "example.py")
    expected = calibration.apply(head.predict_proba(JudgedVectors(x, TRUTH)))
    np.testing.assert_allclose(proba_of(lines), expected, atol=CLOSE)
    named = [
        [n for n, p, cut in zip(LABELS, row, cuts.thresholds, strict=True) if p >= cut]
        for row in expected
    ]
    assert [line["labels"] for line in lines] == named
    told = json.loads((place / "own-out" / "calibration.json").read_text())
    assert told[LABELS[0]] == {"method": "platt", "slope": 0.6, "shift": -0.4}
    assert told[LABELS[2]] == {"method": "isotonic", "from": [0.0, 0.5, 1.0], "to": [0.1, 0.3, 0.9]}
    card = (place / "own-out" / "README.md").read_text()
    assert "3 labels have a way of their own instead" in card
    assert "0.200 to 0.600" in card
    assert "some labels are calibrated by a curve that is no layer" in card


def test_the_same_with_transformers(plain: tuple[Path, np.ndarray, np.ndarray]) -> None:
    folder, proba, _ = plain
    lines = run(folder / "example_transformers.py")
    np.testing.assert_allclose(proba_of(lines), proba, atol=CLOSE)


@pytest.mark.filterwarnings("ignore")
def test_sentence_transformers_gives_probabilities_and_the_encoders_vectors(
    plain: tuple[Path, np.ndarray, np.ndarray],
) -> None:
    from sentence_transformers import SentenceTransformer

    folder, proba, x = plain
    whole = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    np.testing.assert_allclose(whole.encode(list(TEXTS)), proba, atol=CLOSE)
    encoder = SentenceTransformer(str(folder / "encoder"), device="cpu", local_files_only=True)
    np.testing.assert_allclose(encoder.encode(list(TEXTS)), x, atol=1e-6)


def test_texts_may_be_as_many_and_as_long_as_the_encoder_takes(
    plain: tuple[Path, np.ndarray, np.ndarray],
) -> None:
    folder, proba, _ = plain
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
    for shape in ((1, 1), (5, 3), (1, 128)):
        ids = np.full(shape, 2023, dtype=np.int64)
        (found,) = session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        assert found.shape == (shape[0], len(LABELS))
        assert np.isfinite(found).all()
    one_by_one = [proba_of(run(folder / "example.py", (text,)))[0] for text in TEXTS[:2]]
    np.testing.assert_allclose(one_by_one, proba[:2], atol=CLOSE)


def test_the_card_tells_the_data_the_sampling_the_figures_and_the_limits(
    plain: tuple[Path, np.ndarray, np.ndarray],
) -> None:
    card = (plain[0] / "README.md").read_text()
    assert "900" in card
    assert "| delivery \\| late | 2 | 2 | 1 |" in card
    assert "strategy `bait` (of each batch: random 10%)" in card
    assert "chosen by model (3), random (2)" in card
    assert "out-of-fold" in card
    assert "95 % interval" in card
    assert "temperature of 1.700" in card
    assert "AutoModelForSequenceClassification" in card
    assert "## Licence\n\nNot stated." in card
    assert json.loads((plain[0] / "thresholds.json").read_text()) == dict.fromkeys(
        LABELS, THRESHOLD
    )
    assert json.loads((plain[0] / "labels.json").read_text()) == list(LABELS)
    verify(plain[0])


def test_a_head_that_reads_words_and_asks_neighbours_is_exported_as_onnx(
    place: Path, settings: Settings
) -> None:
    encoder = tiny_encoder(place / "tiny-words")
    words = LexicalModel.fit(TEXTS, width=4)
    words.save(settings.embeddings_dir / "1-x" / "lexical" / words.fingerprint[:16] / "model")
    x = np.concatenate([encoder.encode(TEXTS), words.encode(TEXTS)], axis=1)
    use = EncoderUse(
        str(place / "tiny-words"),
        encoder.fingerprint,
        encoder.width,
        lexical=words.fingerprint,
        lexical_width=words.width,
    )
    head = new_quick(QuickConfig(kind=QuickKind.AUTO), len(LABELS), blocks=use.blocks)
    proba = write_round(place / "words" / "round", head, use, x)
    done = export_model(place / "words" / "round", place / "words-out", settings=settings)
    assert not done.is_classifier
    np.testing.assert_allclose(proba_of(run(place / "words-out" / "example.py")), proba, atol=CLOSE)
    assert not (place / "words-out" / "modules.json").exists()
    card = (place / "words-out" / "README.md").read_text()
    assert "it reads words beside the encoder's vector" in card
    assert "vectors of judged documents" in card


def network(kind: NetworkKind, cell: Cell) -> TextNetworkLearner:
    config = TextNetworkConfig(
        kind=kind, cell=cell, embedding_width=8, filters=4, hidden=4, epochs=1
    )
    return TextNetworkLearner(config, len(LABELS), device="cpu")


@pytest.mark.parametrize(
    ("kind", "cell"),
    [(NetworkKind.CNN, Cell.LSTM), *((NetworkKind.RNN, cell) for cell in Cell)],
    ids=str,
)
def test_a_network_from_scratch_is_exported_as_onnx(
    place: Path, settings: Settings, kind: NetworkKind, cell: Cell
) -> None:
    data = JudgedTexts(list(TEXTS), TRUTH)
    learner = network(kind, cell).fit(data)
    folder = place / f"{kind}-{cell}" / "round"
    learner.save(folder / files.TUNED)
    proba = TEMPERATURE.apply(learner.predict_proba(data))
    write_papers(folder, proba)
    out = place / f"{kind}-{cell}-out"
    export_model(folder, out, settings=settings)
    np.testing.assert_allclose(proba_of(run(out / "example.py")), proba, atol=CLOSE)
    one = run(out / "example.py", TEXTS[:1])  # shorter, and alone
    np.testing.assert_allclose(proba_of(one), proba[:1], atol=CLOSE)


def test_a_fine_tuned_encoder_with_its_linear_head_is_exported(
    place: Path, settings: Settings
) -> None:
    tiny_encoder(place / "tiny-deep")
    data = JudgedTexts(list(TEXTS), TRUTH)
    config = DeepConfig(encoder=str(place / "tiny-deep"), epochs=1, max_tokens=64, pooling="cls")
    learner = DeepLearner(config, len(LABELS), device="cpu").fit(data)
    folder = place / "deep" / "round"
    learner.save(folder / files.TUNED)
    proba = TEMPERATURE.apply(learner.predict_proba(data))
    write_papers(folder, proba)
    done = export_model(folder, place / "deep-out", settings=settings, with_onnx=False)
    assert done.is_classifier
    assert not done.has_onnx
    lines = run(place / "deep-out" / "example_transformers.py")
    np.testing.assert_allclose(proba_of(lines), proba, atol=CLOSE)
    assert "came from a file with their labels" in (place / "deep-out" / "README.md").read_text()


@pytest.mark.parametrize("learner", ["encoder", "head"])
def test_of_exclusive_labels_one_that_was_never_judged_is_never_answered(
    place: Path, settings: Settings, learner: str
) -> None:
    truth = np.array([[-1, 1, 0], [-1, 0, 1], [-1, 0, 1], [-1, 1, 0], [-1, 1, 0]], dtype=np.int8)
    encoder, folder = tiny_encoder(place / f"one-{learner}"), place / f"one-of-{learner}" / "round"
    if learner == "encoder":
        data = JudgedTexts(list(TEXTS), truth)
        config = DeepConfig(encoder=str(encoder.folder), epochs=1, max_tokens=64, exclusive=True)
        deep = DeepLearner(config, len(LABELS), device="cpu").fit(data)
        deep.save(folder / files.TUNED)
        plain = deep.predict_proba(data)
    else:
        use = EncoderUse(str(encoder.folder), encoder.fingerprint, encoder.width)
        quick = QuickConfig(kind=QuickKind.LOGISTIC, exclusive=True)
        vectors = JudgedVectors(encoder.encode(TEXTS), truth)
        head = new_quick(quick, len(LABELS), blocks=use.blocks).fit(vectors)
        head.save(folder / files.LEARNER)
        files.write_json(folder / files.ENCODER, asdict(use))
        plain = head.predict_proba(vectors)
    temperature = Temperature(TEMPERATURE.value, exclusive=True)
    proba = temperature.apply(plain)
    told = {"strategy": "bait", "exclusive": True}
    write_papers(folder, proba, temperature=temperature, settings=told)
    export_model(folder, place / f"one-{learner}-out", settings=settings)
    lines = run(place / f"one-{learner}-out" / "example.py")
    assert all(line["probabilities"][LABELS[0]] is None for line in lines)
    found = np.array([[line["probabilities"][name] for name in LABELS[1:]] for line in lines])
    np.testing.assert_allclose(found, proba[:, 1:], atol=CLOSE)
    best = [LABELS[int(np.nanargmax(row))] for row in proba]
    assert [line["labels"] for line in lines] == [[name] for name in best]


def test_a_baseline_is_refused_by_name(place: Path, settings: Settings) -> None:
    config = BaselineConfig(features=Features.TFIDF)
    learner = BaselineLearner(config, len(LABELS)).fit(JudgedTexts(list(TEXTS), TRUTH))
    folder = place / "baseline" / "round"
    learner.save(folder / files.LEARNER)
    write_papers(folder, np.full(TRUTH.shape, 0.5, dtype=np.float32))
    with pytest.raises(InputError, match=r"'round' is a baseline.*train the learner 'logistic'"):
        export_model(folder, place / "baseline-out", settings=settings)


def test_a_checkpoint_that_was_altered_is_not_exported_and_leaves_nothing(
    place: Path, settings: Settings
) -> None:
    source = place / "plain" / "bait_seed3_round1"
    torn = place / "torn"
    torn.mkdir()
    for file in source.rglob("*"):
        if file.is_file():
            (torn / file.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
            (torn / file.relative_to(source)).write_bytes(file.read_bytes())
    weights = torn / files.LEARNER / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(CorruptArtefact, match=r"model.safetensors"):
        export_model(torn, place / "torn-out", settings=settings)
    assert not list(place.glob("torn-out*"))


def test_an_encoder_that_changed_since_is_refused(place: Path, settings: Settings) -> None:
    encoder = tiny_encoder(place / "tiny-changed")
    use = EncoderUse(str(place / "tiny-changed"), "0" * 64, encoder.width)
    head = new_quick(QuickConfig(kind=QuickKind.LOGISTIC), len(LABELS), blocks=use.blocks)
    write_round(place / "changed" / "round", head, use, encoder.encode(TEXTS))
    with pytest.raises(CorruptArtefact, match="is not the one that 'round' was trained with"):
        export_model(place / "changed" / "round", place / "changed-out", settings=settings)


def test_a_folder_with_something_in_it_is_not_written_over(place: Path, settings: Settings) -> None:
    (place / "mine").mkdir()
    (place / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(Conflict, match="not empty; give another folder"):
        export_model(place / "plain" / "bait_seed3_round1", place / "mine", settings=settings)
    assert (place / "mine" / "thesis.txt").read_text() == "years of work"


def test_the_command_finds_a_folder_and_says_where_it_wrote(
    place: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    out = place / "commanded"
    export_in_terminal(
        str(place / "plain" / "bait_seed3_round1"), out, settings=settings, with_onnx=False
    )
    told = capsys.readouterr()
    assert f"Written to {out}" in told.out
    assert "writing the encoder" in told.err
    assert not (out / "model.onnx").exists()
