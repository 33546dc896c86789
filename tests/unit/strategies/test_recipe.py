"""What a recipe takes and what it refuses."""

import json

import pytest

from core.domain import Aggregation, Batching, Posterior
from core.errors import InputError
from core.strategies.recipe import ALL_LAYERS, Recipe


def test_a_strategy_brings_its_own_ways_and_changes_come_on_top():
    assert Recipe.of("beal-joint").aggregation is Aggregation.SUM
    assert Recipe.of("beal-joint", {"aggregation": "max"}).aggregation is Aggregation.MAX
    assert Recipe.of("entropy", {"random_share": 0.2}).random_share == 0.2


def test_it_survives_being_written_down():
    recipe = Recipe.of("variance", {"batching": "greedy", "posterior": "ensemble", "n_passes": 5})
    assert (recipe.batching, recipe.posterior) == (Batching.GREEDY, Posterior.ENSEMBLE)
    assert Recipe(**json.loads(json.dumps(recipe.to_json()))) == recipe


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"agregation": "max"}, "no 'agregation'; did you mean 'aggregation'"),
        ({"aggregation": "median"}, "aggregation is 'median'; choose one of mean, sum, max"),
        ({"random_share": 1.5}, "random_share is 1.5; give a number from 0 to 1"),
        ({"random_share": True}, "random_share is True"),
        ({"random_share": 0.6, "rare_share": 0.6}, "add up to 1.2; keep them within 1"),
        ({"near_copy": 0.2}, "near_copy is 0.2; give a number from 0.5 to 1"),
        ({"n_passes": 1}, "n_passes is 1; give a whole number from 2 to 200"),
        ({"n_passes": 2.5}, "n_passes is 2.5; give a whole number"),
        ({"stochastic_layers": -2}, "stochastic_layers is -2"),
    ],
)
def test_what_cannot_be_is_refused_by_name(changes, words):
    with pytest.raises(InputError, match=words):
        Recipe.of("bald", changes)


def test_dropout_in_the_encoder_is_refused_where_it_would_change_nothing():
    with pytest.raises(InputError, match="'entropy' makes no use of dropout in the encoder"):
        Recipe.of("entropy", {"stochastic_layers": 1})
    with pytest.raises(InputError, match="heads share the encoder's vectors"):
        Recipe.of("bald", {"stochastic_layers": ALL_LAYERS, "posterior": "ensemble"})
    assert Recipe.of("beal-mean", {"stochastic_layers": 2}).stochastic_layers == 2
