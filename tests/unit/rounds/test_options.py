"""What a request may say of the learner: by its name and the catalogue's options, nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from core.domain import RoundKind
from core.errors import InputError
from core.learners.catalogue import LEARNERS, Option
from core.services.learner_choice import checked_learner, learner_title, usable_learner

ROUND_OPTIONS = [
    pytest.param(info.name, option, id=f"{info.name}-{option.name}")
    for info in LEARNERS
    if info.round_kind is not None
    for option in info.options
]


@pytest.mark.parametrize(("name", "option"), ROUND_OPTIONS)
def test_every_option_may_be_said_as_it_is_by_default(name: str, option: Option) -> None:
    (kind,) = {info.round_kind for info in LEARNERS if info.name == name}
    assert kind is not None
    chosen = checked_learner(kind, {"kind": name, option.name: option.default})
    said = chosen.pop(option.name)
    assert (tuple(said) if isinstance(said, list) else said) == option.default
    assert chosen == {"kind": name}


def test_without_a_name_the_default_learner_is_meant() -> None:
    assert checked_learner(RoundKind.QUICK, {}) == {"kind": "auto"}
    assert checked_learner(RoundKind.DEEP, {"epochs": 3}) == {"kind": "transformer", "epochs": 3}


def test_layers_may_be_typed_and_are_kept_as_json_has_them() -> None:
    chosen = checked_learner(RoundKind.QUICK, {"kind": "mlp", "layers": "412-220-118"})
    assert chosen == {"kind": "mlp", "layers": [412, 220, 118]}
    assert checked_learner(RoundKind.QUICK, chosen) == chosen


@pytest.mark.parametrize(
    ("kind", "learner", "sentence"),
    [
        (RoundKind.QUICK, {"kind": "mpl"}, "no learner 'mpl' .did you mean 'mlp'"),
        (RoundKind.QUICK, {"kind": "cnn"}, "'cnn' is for deep ones, not for quick rounds; .*auto"),
        (RoundKind.DEEP, {"kind": "mlp"}, "not for deep rounds; .*transformer, cnn, rnn, student"),
        (RoundKind.QUICK, {"kind": "frozen-svc"}, "is for commands and comparisons"),
        (RoundKind.QUICK, {"kind": "mlp", "layer": 3}, "no option 'layer' .did you mean 'layers'"),
        (RoundKind.QUICK, {"kind": "mlp", "dropout": 0.95}, "dropout is 0.95; give a number from"),
        (RoundKind.QUICK, {"kind": "mlp", "epochs": 2.5}, "epochs is 2.5; give a whole number"),
        (RoundKind.DEEP, {"epochs": True}, "epochs is True"),
        (RoundKind.DEEP, {"warm_start": "yes"}, "warm_start is 'yes'; give true or false"),
    ],
)
def test_what_does_not_exist_is_refused_and_the_nearest_is_named(
    kind: RoundKind, learner: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        checked_learner(kind, learner)
    assert usable_learner(kind, learner) == {}  # remembered from another version, it is let go


def test_rounds_that_name_no_learner_are_told_by_what_they_used() -> None:
    assert learner_title(RoundKind.QUICK, {"hidden": 256}) == "Small network"
    assert learner_title(RoundKind.DEEP, {}) == "Language model"
    assert learner_title(RoundKind.QUICK, {"kind": "of-tomorrow"}) == "of-tomorrow"
