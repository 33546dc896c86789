"""Every head that can be exported answers as the learner does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from core.domain import PRESENT, UNJUDGED
from core.errors import InputError
from core.evaluation.calibration import Temperature
from core.evaluation.recalibration import LabelChoice, Map, Method, Recalibration
from core.learners.artefacts import write_artefact
from core.learners.dataset import JudgedVectors
from core.learners.ensemble import QuickEnsemble
from core.learners.quick import Activation, QuickConfig, QuickKind, new_quick
from core.model_export.calibrated import Calibrated
from core.model_export.heads import read_head

WIDTHS = (12, 6)
KINDS = (QuickKind.AUTO, QuickKind.LOGISTIC, QuickKind.NEIGHBOURS, QuickKind.LINEAR)


def unit(rng: np.random.Generator, n: int, width: int) -> np.ndarray:
    x = rng.normal(size=(n, width)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def judged(*, exclusive: bool = False) -> JudgedVectors:
    """Forty documents, four labels; of the last one nothing was ever judged."""
    rng = np.random.default_rng(0)
    x = np.concatenate([unit(rng, 40, width) for width in WIDTHS], axis=1)
    truth = (x[:, :4] > 0.1).astype(np.int8)
    if exclusive:
        truth[:] = 0
        truth[np.arange(40), rng.integers(0, 3, 40)] = PRESENT
    truth[:, 3] = UNJUDGED
    truth[:5, 1] = UNJUDGED
    return JudgedVectors(x, truth)


def exported(folder: Path, temperature: Temperature, x: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return Calibrated(read_head(folder), Recalibration(temperature))(
            torch.from_numpy(x)
        ).numpy()


def assert_alike(head: object, data: JudgedVectors, folder: Path, temperature: Temperature) -> None:
    head.fit(data)
    head.save(folder)
    expected = temperature.apply(head.predict_proba(data))
    assert np.isnan(expected[:, 3]).all()
    np.testing.assert_allclose(exported(folder, temperature, data.x), expected, atol=2e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("exclusive", [False, True])
def test_a_quick_head_answers_as_in_the_app(
    tmp_path: Path, kind: QuickKind, exclusive: bool
) -> None:
    config = QuickConfig(kind=kind, exclusive=exclusive, epochs=2)
    head = new_quick(config, 4, blocks=WIDTHS)
    temperature = Temperature(1.6, exclusive=exclusive)
    assert_alike(head, judged(exclusive=exclusive), tmp_path / "head", temperature)


@pytest.mark.parametrize("activation", Activation)
def test_a_network_answers_as_in_the_app_with_any_activation(
    tmp_path: Path, activation: Activation
) -> None:
    config = QuickConfig(kind=QuickKind.MLP, layers=(9, 7), activation=activation, epochs=2)
    head = new_quick(config, 4, blocks=WIDTHS)
    assert_alike(head, judged(), tmp_path / "head", Temperature(0.8))
    layers = Calibrated(read_head(tmp_path / "head"), Recalibration(Temperature(0.8))).as_layers()
    assert [tuple(layer.weight.shape) for layer in layers] == [(9, 18), (7, 9), (4, 7)]


@pytest.mark.parametrize("kind", [QuickKind.AUTO, QuickKind.MLP])
def test_an_ensemble_answers_with_its_mean(tmp_path: Path, kind: QuickKind) -> None:
    head = QuickEnsemble(QuickConfig(kind=kind, epochs=2), 4, 3, blocks=WIDTHS)
    assert_alike(head, judged(), tmp_path / "head", Temperature(1.3))
    assert (
        Calibrated(read_head(tmp_path / "head"), Recalibration(Temperature(1.3))).as_layers()
        is None
    )


def test_layers_with_a_sigmoid_are_the_calibrated_head(tmp_path: Path) -> None:
    data, temperature = judged(), Temperature(2.5)
    head = new_quick(QuickConfig(kind=QuickKind.LOGISTIC), 4, blocks=WIDTHS)
    head.fit(data)
    head.save(tmp_path / "head")
    (layer,) = Calibrated(read_head(tmp_path / "head"), Recalibration(temperature)).as_layers()
    x = torch.from_numpy(data.x)
    proba = layer.activation(x @ layer.weight.T + layer.bias).numpy()
    expected = temperature.apply(head.predict_proba(data))
    np.testing.assert_allclose(proba, expected, atol=2e-6)


def test_a_head_that_asks_the_nearest_documents_is_no_row_of_layers(tmp_path: Path) -> None:
    for kind in (QuickKind.AUTO, QuickKind.NEIGHBOURS):
        head = new_quick(QuickConfig(kind=kind), 4, blocks=WIDTHS).fit(judged())
        head.save(tmp_path / kind)
        assert (
            Calibrated(read_head(tmp_path / kind), Recalibration(Temperature(1.0))).as_layers()
            is None
        )


def test_a_learner_without_such_a_form_is_refused_by_name(tmp_path: Path) -> None:
    write_artefact(tmp_path / "a", tensors={"w": torch.zeros(1)}, about={"format": "odd-4"})
    with pytest.raises(InputError, match="A learner of the kind 'odd-4' cannot be exported"):
        read_head(tmp_path / "a")


def test_the_builders_know_the_formats_that_learners_write(tmp_path: Path) -> None:
    from core.learners.deep import FORMAT as DEEP
    from core.learners.distilling import StudentLearner
    from core.learners.text_network import TextNetworkLearner
    from core.model_export.heads import BUILDERS

    assert {DEEP, StudentLearner.FORMAT, TextNetworkLearner.FORMAT} < set(BUILDERS)
    head = new_quick(QuickConfig(), 4, blocks=WIDTHS).fit(judged())
    head.save(tmp_path / "a")
    assert json.loads((tmp_path / "a" / "learner.json").read_text())["format"] in BUILDERS


PLATT = Map(Method.PLATT, (0.6, -0.4))
BETA = Map(Method.BETA, (0.5, 1.4, 0.2))
STEPS = Map(Method.ISOTONIC, (0.1, 0.4, 0.4001, 0.8, 0.05, 0.05, 0.7, 0.7))
NONE = Map(Method.TEMPERATURE)


def each_its_way(*maps: Map) -> Recalibration:
    return Recalibration(Temperature(1.6), tuple(LabelChoice(one, {}, "") for one in maps))


@pytest.mark.parametrize("maps", [(PLATT, NONE, BETA, NONE), (STEPS, PLATT, NONE, STEPS)])
def test_each_label_is_calibrated_in_its_own_way_as_in_the_app(
    tmp_path: Path, maps: tuple[Map, ...]
) -> None:
    data = judged()
    head = new_quick(QuickConfig(kind=QuickKind.AUTO), 4, blocks=WIDTHS)
    head.fit(data)
    head.save(tmp_path / "head")
    calibration = each_its_way(*maps)
    expected = calibration.apply(head.predict_proba(data))
    with torch.inference_mode():
        module = Calibrated(read_head(tmp_path / "head"), calibration)
        mended = module(torch.from_numpy(data.x)).numpy()
    assert np.isnan(mended[:, 3]).all()
    near_a_step = np.abs(head.predict_proba(data)[:, :1] - 0.4) < 1e-3
    mended, expected = (np.where(near_a_step, 0, one) for one in (mended, expected))
    np.testing.assert_allclose(mended, expected, atol=5e-6)
    assert module.as_layers() is None


def test_a_sigmoid_of_its_own_is_one_more_layer(tmp_path: Path) -> None:
    data = judged()
    head = new_quick(QuickConfig(kind=QuickKind.MLP, layers=(9,), epochs=2), 4, blocks=WIDTHS)
    head.fit(data)
    head.save(tmp_path / "head")
    module = Calibrated(read_head(tmp_path / "head"), each_its_way(PLATT, NONE, PLATT, NONE))
    x = torch.from_numpy(data.x)
    layers = module.as_layers()
    assert layers is not None
    with torch.inference_mode():
        answer = x
        for layer in layers:
            answer = layer.activation(answer @ layer.weight.T + layer.bias)
        np.testing.assert_allclose(answer.numpy(), module(x).numpy(), atol=2e-6)
