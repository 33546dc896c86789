"""Which learner an arm of a replay plays with, and with which options: checked, plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.domain import Posterior
from core.errors import InputError
from core.learners.catalogue import LearnerInfo, Option, Value, learner_info
from core.strategies.plan import Arm, ReplayPlan
from core.strategies.recipe import ALL_LAYERS

CATALOGUE_NAMES = {"quick": "auto", "ensemble": "mlp", "deep": "transformer"}
N_MEMBERS = 5
ENSEMBLE = (Option("n_members", N_MEMBERS, "Members", "", 1, 100),)
INSTEAD = {"hidden": "layers"}  # what options were called once
OUT_OF_PLACE = {"warm_start"}  # there is no round before to go on from
DEEP = "deep"


def learner_of(plan: ReplayPlan, arm: Arm | None = None) -> tuple[str, dict[str, Any]]:
    """An arm's learner and its options, or the plan's own; refuses what does not exist.

    An arm that names another learner has none of the plan's options.
    """
    kind, options = plan.learner, dict(plan.learner_options)
    if arm is not None:
        if arm.learner is not None and arm.learner != plan.learner:
            kind, options = arm.learner, {}
        options |= arm.learner_options
    return kind, {name: _checked(kind, name, value) for name, value in options.items()}


def check_learners(plan: ReplayPlan) -> None:
    """Raise InputError for an arm that cannot be played with its learner."""
    learner_of(plan)
    for arm in plan.arms:
        kind, _ = learner_of(plan, arm)
        heads_beside(kind, arm)
        if arm.recipe.per_second:
            raise InputError(
                f"Arm '{arm.name}' minds the seconds of judging, which no replay knows; "
                "set per_second to false."
            )


def reads_words(plan: ReplayPlan) -> bool:
    """Whether a learner of the plan reads which words a text has."""
    learners = [learner_of(plan, arm) for arm in (None, *plan.arms)]
    return any(kind != DEEP and options.get("lexical", True) for kind, options in learners)


def heads_beside(kind: str, arm: Arm | None) -> int:
    """How many heads of an ensemble give opinions beside the learner."""
    if arm is None:
        return 0
    if arm.recipe.stochastic_layers and not (
        kind == DEEP and arm.recipe.stochastic_layers == ALL_LAYERS
    ):
        raise InputError(
            f"Arm '{arm.name}' wants dropout in {arm.recipe.stochastic_layers} encoder layers, "
            f"which a replay with the {kind} learner does not have; set stochastic_layers to 0."
        )
    if arm.recipe.posterior is not Posterior.ENSEMBLE or kind == "ensemble":
        return 0
    if kind == DEEP:
        raise InputError(
            f"Arm '{arm.name}' wants an ensemble's opinions, which the deep learner has not; "
            "use the posterior 'dropout'."
        )
    return arm.recipe.n_passes


def options_in_full(plan: ReplayPlan) -> Mapping[str, Any]:
    """The plan's learner options with the defaults it leaves as they are, for the record."""
    kind, options = learner_of(plan)
    return {option.name: option.default for option in _options(kind)} | options


def _options(kind: str) -> tuple[Option, ...]:
    own = ENSEMBLE if kind == "ensemble" else ()
    return (*own, *(o for o in _info(kind).options if o.name not in OUT_OF_PLACE))


def _info(kind: str) -> LearnerInfo:
    return learner_info(CATALOGUE_NAMES.get(kind, kind))


def _checked(kind: str, name: str, value: Any) -> Value:
    known = {option.name: option for option in _options(kind)}
    if name in known:
        return known[name].checked(value)
    instead = INSTEAD.get(name, name)
    if instead in known:
        raise InputError(f"The learner '{kind}' has no option '{name}'; did you mean '{instead}'?")
    if kind == "quick" and any(option.name == instead for option in _options("mlp")):
        raise InputError(
            f"The learner 'quick' chooses its own kind and has no option '{name}'; "
            f"name the learner 'mlp' to set its '{instead}'."
        )
    refused = LearnerInfo(kind, "", "", None, tuple(known.values()))
    return refused.option(name).checked(value)
