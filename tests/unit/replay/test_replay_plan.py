"""What can be planned, and what is refused with a word on the way out."""

import json

import pytest

from core.errors import InputError
from core.strategies.plan import Arm, ReplayPlan, usual_name

PLAN = {
    "data": "demo",
    "arms": ["random", "bald:batching=groups,random_share=.2"],
    "seeds": 2,
    "n_rounds": 4,
}


def test_an_arm_reads_a_strategy_with_changes_and_is_named_for_them() -> None:
    arm = Arm.of("bald: batching=groups, random_share=.2, cold_start=true")
    assert arm.recipe.strategy == "bald"
    assert (arm.recipe.batching.value, arm.recipe.random_share) == ("groups", 0.2)
    assert arm.cold_start
    assert arm.name == "bald batching=groups random_share=0.2 cold_start=True"
    assert Arm.of({"strategy": "bald", "name": "ours"}).name == "ours"
    assert Arm.of("random").name == "random"


def test_what_is_not_said_of_an_arm_is_as_the_strategy_has_it() -> None:
    assert Arm.of("bald").recipe.batching.value == "soft-groups"


def test_a_plan_is_read_back_from_what_it_writes() -> None:
    plan = ReplayPlan.of(PLAN)
    again = ReplayPlan.of(json.loads(json.dumps(plan.to_json())))
    assert again == plan
    assert again.fingerprint == plan.fingerprint
    assert plan.seeds == (0, 1)
    assert plan.budget == 300


def test_a_budget_stands_for_rounds() -> None:
    given = {key: value for key, value in PLAN.items() if key != "n_rounds"}
    plan = ReplayPlan.of({**given, "n_initial": 100, "batch_size": 50, "budget": 260})
    assert plan.n_rounds == 4
    with pytest.raises(InputError, match="either n_rounds or budget"):
        ReplayPlan.of({**PLAN, "budget": 260})


def test_arms_and_seeds_leave_the_rules_as_they_are_and_nothing_else_does() -> None:
    plan = ReplayPlan.of(PLAN)
    more = ReplayPlan.of({**PLAN, "arms": ["random", "badge"], "seeds": 5, "name": "other"})
    assert more.rules_fingerprint == plan.rules_fingerprint
    assert more.fingerprint != plan.fingerprint
    for changed in (
        {"batch_size": 10},
        {"n_rounds": 5},
        {"learner_options": {"layers": [8]}},
        {"n_folds": 2},
        {"data": "elsewhere"},
    ):
        assert ReplayPlan.of({**PLAN, **changed}).rules_fingerprint != plan.rules_fingerprint


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"arm": []}, "A plan has no 'arm'; did you mean 'arms'"),
        ({"arms": ["blad"]}, "did you mean 'bald'"),
        ({"arms": ["bald:bathcing=top"]}, "An arm has no 'bathcing'; did you mean 'batching'"),
        ({"arms": ["bald:batching"]}, "write name=value"),
        ({"arms": ["bald:random_share=2"]}, "random_share is 2"),
        ({"arms": ["bald:cold_start=perhaps"]}, "cold_start is 'perhaps'"),
        ({"arms": [{"name": "x"}]}, "names no strategy"),
        ({"arms": ["bald", "bald"]}, "'bald' is there twice"),
        ({"arms": []}, "at least one strategy"),
        ({"arms": "bald"}, "give a list"),
        ({"seeds": []}, "at least one strategy and one seed"),
        ({"seeds": [1, 1]}, "The seed '1' is there twice"),
        ({"seeds": [-1]}, "A seed is -1"),
        ({"n_initial": 0}, "n_initial is 0"),
        ({"batch_size": True}, "batch_size is True"),
        ({"learner": "quik"}, "did you mean 'quick'"),
        ({"targets": [2.0]}, "A target is 2.0"),
        ({"name": "../up"}, "A plan is called '../up'"),
        ({"data": None}, "names no data"),
    ],
)
def test_what_cannot_be_is_refused_by_name(changed, message) -> None:
    with pytest.raises(InputError, match=message):
        ReplayPlan.of({**PLAN, **changed})


def test_the_baseline_is_random_by_name_or_else_the_first_drawn_by_lot() -> None:
    assert ReplayPlan.of(PLAN).baseline == "random"
    lots = ["bald", "random:cold_start=true", "random"]
    assert ReplayPlan.of({**PLAN, "arms": lots}).baseline == "random"
    assert ReplayPlan.of({**PLAN, "arms": lots[:2]}).baseline == "random cold_start=True"
    assert ReplayPlan.of({**PLAN, "arms": ["bald"]}).baseline is None


def test_what_draws_only_a_part_by_lot_is_no_baseline() -> None:
    partly = {"name": "random", "strategy": "random", "rare_share": 0.3}
    assert ReplayPlan.of({**PLAN, "arms": [partly, "bald"]}).baseline is None
    assert ReplayPlan.of({**PLAN, "arms": [partly, "random:near_copy=.9"]}).baseline is not None


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("nlupp:8000", "nlupp-8000"),
        ("files/news.csv.gz", "news"),
        ("project:3", "project-3"),
        ("demo", "demo"),
        ("/tmp/my data.csv", "my data"),
    ],
)
def test_results_are_named_for_their_data(data: str, name: str) -> None:
    assert usual_name(data) == name
    assert ReplayPlan.of({**PLAN, "data": data}).name == name
