from __future__ import annotations

import pytest

from core.domain import RoundKind
from core.errors import InputError
from core.learners.catalogue import DEFAULT_LEARNER, LEARNERS, learner_info, learners_of


def test_every_default_is_a_value_its_own_option_takes():
    for learner in LEARNERS:
        for option in learner.options:
            assert option.checked(option.default) == option.default, (learner.name, option.name)


def test_names_are_unique_and_the_default_comes_first():
    names = [learner.name for learner in LEARNERS]
    assert len(set(names)) == len(names)
    for kind in RoundKind:
        assert learners_of(kind)[0].name == DEFAULT_LEARNER[kind]
    for learner in LEARNERS:
        options = [option.name for option in learner.options]
        assert len(set(options)) == len(options), learner.name


@pytest.mark.parametrize(
    ("learner", "given", "taken"),
    [
        ("mlp", {"layers": "412-220-118"}, {"layers": (412, 220, 118)}),
        ("mlp", {"layers": [64]}, {"layers": (64,)}),
        ("mlp", {"layers": ""}, {"layers": ()}),
        ("logistic", {"C": None}, {"C": None}),
        ("logistic", {"C": 10}, {"C": 10.0}),
        ("transformer", {"tuning": "lora", "lora_rank": 16}, {"tuning": "lora", "lora_rank": 16}),
    ],
)
def test_values_are_taken_as_the_learner_wants_them(learner, given, taken):
    assert learner_info(learner).checked(given) == taken


@pytest.mark.parametrize(
    ("learner", "given", "said"),
    [
        ("mlp", {"epochs": 0}, "epochs is 0; give a whole number from 1 to 1000."),
        ("mlp", {"epochs": 2.5}, "epochs is 2.5; give a whole number"),
        ("mlp", {"epochs": True}, "epochs is True; give a whole number"),
        ("mlp", {"layers": "12-x"}, "layers is 'x'; give a whole number from 1 to 4096."),
        ("mlp", {"activation": "relu6"}, "give 'relu' or 'gelu'"),
        ("mlp", {"dropouts": 0.1}, "did you mean 'dropout'?"),
        ("transformer", {"early_stopping": 1}, "give true or false"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_way_out(learner, given, said):
    with pytest.raises(InputError) as refused:
        learner_info(learner).checked(given)
    assert said in str(refused.value)


def test_an_unknown_learner_is_refused_with_the_nearest_named():
    with pytest.raises(InputError, match="did you mean 'transformer'"):
        learner_info("transfomer")
