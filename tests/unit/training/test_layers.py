"""Where a training's values come from, and which of them counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.training.config import TrainConfig, usual_name
from core.training.layers import PREFIX, preset_names, resolve
from core.training.options import checked_options, learner_options, usual_folds

VALUES = {
    "seed": st.integers(0, 9),
    "max_tokens": st.integers(8, 512),
    "test_share": st.sampled_from([0.0, 0.25, 0.5]),
    "exclusive": st.booleans(),
    "strategy": st.sampled_from(["whole", "mine", "yours"]),
}
LAYER = st.fixed_dictionaries({}, optional=VALUES)


@given(said=LAYER, environment=LAYER, file=LAYER)
def test_every_value_is_that_of_the_highest_layer_that_says_it(
    tmp_path_factory: pytest.TempPathFactory,
    said: dict[str, Any],
    environment: dict[str, Any],
    file: dict[str, Any],
) -> None:
    path = tmp_path_factory.getbasetemp() / "layer.yaml"
    path.write_text(yaml.safe_dump({"data": "x.csv", **file}), encoding="utf-8")
    variables = {f"{PREFIX}{key.upper()}": str(value) for key, value in environment.items()}
    resolved = resolve(
        {**dict.fromkeys(VALUES), **said}, environment=variables, preset="fast", file=path
    )
    preset = {"max_tokens": 128}
    defaults = TrainConfig(data="x.csv").model_dump()
    layers = [
        ("default", defaults),
        ("preset fast", preset),
        (str(path), file),
        ("environment", environment),
        ("command line", said),
    ]
    for key in VALUES:
        origin, wanted = [(name, layer[key]) for name, layer in layers if key in layer][-1]
        assert getattr(resolved.config, key) == wanted
        assert resolved.origins.get(key, "default") == origin


def test_options_are_merged_one_by_one_until_another_learner_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("data: x.csv\noptions: {lr: 1e-4}\n", encoding="utf-8")
    resolved = resolve({"options": {"epochs": "7"}}, preset="paper", file=path)
    assert checked_options(resolved.config, resolved.origins) == {
        "epochs": 7, "lr": 1e-4, "batch_size": 16, "weight_decay": 0.01, "head_dropout": 0.1,
        "patience": 2,
    }  # fmt: skip
    assert resolved.origins["options.lr"] == str(path)
    other = resolve({"learner": "logistic"}, preset="paper", file=path)
    assert other.config.options == {}
    assert not [key for key in other.origins if key.startswith("options.")]


def test_the_presets_are_what_they_are_called() -> None:
    assert preset_names() == ["fast", "paper"]
    fast, paper = (resolve({"data": "x.csv"}, preset=name).config for name in preset_names())
    assert (fast.subsample, fast.max_tokens) == (0.05, 128)
    assert {"epochs": 3, "batch_size": 16, "lr": 5e-6}.items() <= learner_options(fast).items()
    assert (paper.subsample, paper.max_tokens) == (1.0, 512)
    wanted = {"epochs": 20, "batch_size": 16, "lr": 2e-5, "weight_decay": 0.01, "patience": 2}
    assert wanted.items() <= learner_options(paper).items()
    assert learner_options(paper)["head_dropout"] == 0.1
    assert learner_options(paper)["max_tokens"] == 512


def test_what_is_shown_can_be_given_back(tmp_path: Path) -> None:
    said = {"data": "my texts.csv", "seed": 4, "options": {"epochs": 2}, "name": "it's: mine"}
    said["name"] = "mine"
    resolved = resolve(said, preset="paper")
    shown = tmp_path / "shown.yaml"
    shown.write_text(resolved.as_yaml(), encoding="utf-8")
    assert resolve({}, file=shown).config == resolved.config
    assert "seed: 4  # command line" in resolved.as_yaml()
    assert "  lr: 2.0e-05  # preset paper" in resolved.as_yaml()
    assert "folds: null  # default" in resolved.as_yaml()


@pytest.mark.parametrize(
    ("said", "variables", "message"),
    [
        ({"data": "x", "sed": 1}, {}, r"\(command line\) has no 'sed'; did you mean 'seed'"),
        ({"data": "x"}, {"MARGINALIA_TRAIN_EPOHCS": "1"}, r"\(environment\) has no 'epohcs'"),
        ({"data": "x", "seed": "x"}, {}, r"seed \(command line\) is 'x'"),
        ({"data": "x"}, {"MARGINALIA_TRAIN_SEED": "1.5"}, r"seed \(environment\) is '1.5'"),
        ({"data": "x", "seed": True}, {}, r"seed \(command line\) is True"),
        ({"data": "x", "test_share": 2}, {}, r"test_share \(command line\) is 2"),
        ({"data": "x", "folds": 1}, {}, "one fold leaves nothing|One fold leaves nothing"),
        ({"data": "x", "resume": True, "warm_start": True}, {}, "exclude each other"),
        ({"data": "x", "extra_epochs": 2}, {}, "needs resume or warm_start"),
        ({"data": "x", "options": "lr"}, {}, "give names with values"),
        ({}, {}, "No data to train on"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_origin(
    said: dict[str, Any], variables: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        resolve(said, environment=variables)


@pytest.mark.parametrize(
    ("learner", "options", "message"),
    [
        ("transfromer", {}, "did you mean 'transformer'"),
        ("transformer", {"epohcs": 3}, "did you mean 'epochs'"),
        ("transformer", {"epochs": "many"}, "epochs is 'many'"),
        ("transformer", {"epochs": 1000}, "epochs is 1000"),
        ("transformer", {"max_tokens": 64}, "said beside the options"),
        ("transformer", {"early_stopping": "perhaps"}, "early_stopping is 'perhaps'"),
        ("logistic", {"epochs": 3}, "no 'epochs'"),
    ],
)
def test_options_a_learner_does_not_take_are_refused(
    learner: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        checked_options(TrainConfig(data="x", learner=learner, options=options), {})


def test_words_stand_for_values_of_the_options_kind() -> None:
    options = {"epochs": "3", "lr": "2e-5", "early_stopping": "no", "dropout": "", "tuning": "lora"}
    checked = checked_options(TrainConfig(data="x", learner="transformer", options=options), {})
    assert checked == {
        "epochs": 3, "lr": 2e-5, "early_stopping": False, "dropout": None, "tuning": "lora"
    }  # fmt: skip
    mlp = TrainConfig(data="x", learner="mlp", options={"layers": "412-220-118"})
    assert checked_options(mlp, {}) == {"layers": (412, 220, 118)}


def test_folds_are_usual_where_they_are_cheap() -> None:
    assert usual_folds(TrainConfig(data="x")) == 5
    assert usual_folds(TrainConfig(data="x", learner="tfidf-logistic")) == 5
    assert usual_folds(TrainConfig(data="x", learner="transformer")) == 0
    assert usual_folds(TrainConfig(data="x", folds=0)) == 0


@pytest.mark.parametrize(
    ("data", "name"),
    [("files/news.csv.gz", "news"), ("demo", "demo"), ("-", "texts"), ("a b!.jsonl", "a b")],
)
def test_checkpoints_are_called_after_the_data(data: str, name: str) -> None:
    assert usual_name(data) == name
