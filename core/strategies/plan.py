"""What a replay compares, and by which rules: arms, seeds, budgets, the learner.

Data only, checked when it is made, so that pages, jobs and the command line
share one description; playing it is `core.replay`.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Self

from core.errors import InputError
from core.strategies.recipe import Recipe

BASELINE = "random"
# "quick" chooses among its own variants, "ensemble" is several small networks, "deep" tunes.
LEARNERS = ("quick", "logistic", "neighbours", "mlp", "linear", "ensemble", "deep")
PROJECT = "project:"
NAME_PATTERN = re.compile(r"[\w][\w .,=+-]{0,79}")
WHOLE_NUMBERS = {
    "n_initial": (1, 1_000_000),
    "batch_size": (1, 100_000),
    "n_rounds": (0, 10_000),
    "n_folds": (0, 50),
}
# Two plans that agree in everything else can share one folder of results.
OPEN_ENDED = ("name", "arms", "seeds", "targets")


@dataclass(frozen=True)
class Arm:
    """One of the ways that are compared. Raises InputError for what cannot be."""

    name: str
    recipe: Recipe
    cold_start: bool = False  # first documents by label names and coverage, not by lot
    learner: str | None = None  # None: the plan's, as in every fair comparison of strategies
    learner_options: Mapping[str, Any] = field(default_factory=dict)  # changes to the plan's

    def __post_init__(self) -> None:
        _check_name("An arm", self.name)
        if not isinstance(self.cold_start, bool):
            raise InputError(f"cold_start is {self.cold_start!r}; give true or false.")
        if self.learner is not None:
            _check_learner(self.learner)

    @property
    def draws_by_lot(self) -> bool:
        """Whether every question is drawn at random, so that others can be measured by it."""
        recipe = self.recipe
        return recipe.strategy == BASELINE and not (recipe.rare_share or recipe.coverage_share)

    def to_json(self) -> dict[str, Any]:
        """Plain values: the recipe's, and beside them the arm's own."""
        own = {key: getattr(self, key) for key in ("name", "cold_start", "learner")}
        return {**own, "learner_options": dict(self.learner_options), **self.recipe.to_json()}

    @classmethod
    def of(cls, given: str | Mapping[str, Any]) -> Self:
        """Read a strategy's name, `bald:batching=groups,random_share=.2`, or such a mapping.

        What is not said is as the strategy's own recipe has it. Without a name
        the arm is called what was said.
        """
        values = _of_text(given) if isinstance(given, str) else dict(given)
        if not isinstance(values.get("strategy"), str):
            raise InputError(f"The arm {given!r} names no strategy; give 'strategy'.")
        own = {field.name for field in dataclasses.fields(cls)} - {"recipe"}
        of_arm = {key: values[key] for key in own & set(values)}
        changes = {key: value for key, value in values.items() if key not in own | {"strategy"}}
        refuse_unknown("An arm", changes, _keys(Recipe) - {"strategy"} | own)
        recipe = Recipe.of(values["strategy"], changes)
        of_arm.setdefault("name", _usual_name(recipe.strategy, changes, of_arm))
        return cls(recipe=recipe, **of_arm)


@dataclass(frozen=True)
class ReplayPlan:
    """A comparison of arms on gold-labelled data. Raises InputError for what cannot be.

    `data` is "demo", a CSV file, the name of a public set, or "project:<id>";
    with ":8000" after it, its pool is a fixed random choice of so many.
    """

    name: str
    data: str
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...] = (0, 1, 2)
    n_initial: int = 100  # judged before the first question
    batch_size: int = 50
    n_rounds: int = 12  # questions asked, each of one batch
    n_folds: int = 3  # for the threshold, each costs one training; below 2 it is one half
    learner: str = "quick"
    learner_options: Mapping[str, Any] = field(default_factory=dict)
    encoder: str = "bundled"  # as in the settings
    targets: tuple[float, ...] = (0.90, 0.95)  # shares of the full data's score

    def __post_init__(self) -> None:
        for name in ("arms", "seeds", "targets"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        _check_name("A plan", self.name)
        if not self.arms or not self.seeds:
            raise InputError("Give at least one strategy and one seed.")
        _refuse_twice("strategy", [arm.name for arm in self.arms])
        _refuse_twice("seed", list(self.seeds))
        for name, (low, high) in WHOLE_NUMBERS.items():
            _check_whole(name, getattr(self, name), low, high)
        for seed in self.seeds:
            _check_whole("A seed", seed, 0, 2**31 - 1)
        _check_learner(self.learner)
        for share in self.targets:
            if not isinstance(share, float) or not 0 < share <= 1:
                raise InputError(f"A target is {share!r}; give shares from above 0 to 1.")

    @property
    def budget(self) -> int:
        """Documents judged in the end, where the pool has as many."""
        return self.n_initial + self.n_rounds * self.batch_size

    @property
    def baseline(self) -> str | None:
        """The arm others are compared with: "random", or the first that draws all by lot."""
        by_lot = [arm.name for arm in self.arms if arm.draws_by_lot]
        return BASELINE if BASELINE in by_lot else next(iter(by_lot), None)

    @property
    def fingerprint(self) -> str:
        """Identify the whole plan."""
        return _sha256(self.to_json())

    @property
    def rules_fingerprint(self) -> str:
        """Identify the rules that all arms and seeds are played by."""
        kept = {key: value for key, value in self.to_json().items() if key not in OPEN_ENDED}
        return _sha256(kept)

    def to_json(self) -> dict[str, Any]:
        """Plain values that `of` reads back."""
        return {
            **{field.name: getattr(self, field.name) for field in dataclasses.fields(self)},
            "arms": [arm.to_json() for arm in self.arms],
            "seeds": list(self.seeds),
            "targets": list(self.targets),
            "learner_options": dict(self.learner_options),
        }

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Read plain values, as from YAML; refuses unknown keys, naming the nearest right one.

        `arms` holds what `Arm.of` reads, `seeds` may be a number of seeds,
        `budget` may stand for `n_rounds`, and `name` follows from the data.
        """
        values = dict(given)
        refuse_unknown("A plan", values, _keys(cls) | {"budget"})
        if not isinstance(values.get("data"), str) or not values["data"]:
            raise InputError("The plan names no data; give 'demo', a CSV file or a data set.")
        values.setdefault("name", usual_name(values["data"]))
        values["arms"] = [Arm.of(arm) for arm in _listed("arms", values.get("arms", ()))]
        if isinstance(seeds := values.get("seeds"), int) and not isinstance(seeds, bool):
            values["seeds"] = range(seeds)
        for name in ("seeds", "targets"):
            if name in values:
                values[name] = _listed(name, values[name])
        if (budget := values.pop("budget", None)) is not None:
            values["n_rounds"] = _rounds_for(budget, values)
        return cls(**values)


def usual_name(data: str) -> str:
    """What results on some data are called: `news` for `files/news.csv.gz`."""
    last = PurePath(data).name if not data.startswith(PROJECT) else data
    stem = last.split(".")[0] if "." in last[1:] else last
    return re.sub(r"[^\w -]", "-", stem).strip(" -") or "replay"


def refuse_unknown(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise InputError for a key that is not known, naming the nearest that is."""
    known = sorted(known)
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.0)[0]
            raise InputError(f"{what} has no '{key}'; did you mean '{near}'?")


def _of_text(text: str) -> dict[str, Any]:
    strategy, _, rest = text.partition(":")
    values: dict[str, Any] = {"strategy": strategy.strip()}
    for part in filter(None, (part.strip() for part in rest.split(","))):
        key, separator, value = (word.strip() for word in part.partition("="))
        if not separator or not value:
            raise InputError(f"'{part}' in '{text}' sets nothing; write name=value.")
        values[key] = _value(value)
    return values


def _value(text: str) -> Any:
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _usual_name(strategy: str, changes: Mapping[str, Any], of_arm: Mapping[str, Any]) -> str:
    said = {**changes, **{key: of_arm[key] for key in ("cold_start", "learner") if key in of_arm}}
    return " ".join([strategy, *(f"{key}={value}" for key, value in said.items())])


def _rounds_for(budget: Any, values: Mapping[str, Any]) -> int:
    if "n_rounds" in values:
        raise InputError("Give either n_rounds or budget; one follows from the other.")
    _check_whole("budget", budget, 1, 10_000_000)
    n_initial = values.get("n_initial", ReplayPlan.n_initial)
    batch_size = values.get("batch_size", ReplayPlan.batch_size)
    _check_whole("n_initial", n_initial, 1, budget)
    _check_whole("batch_size", batch_size, 1, 100_000)
    return int(-(-(budget - n_initial) // batch_size))


def _listed(name: str, value: Any) -> list[Any]:
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise InputError(f"{name} is {value!r}; give a list.")
    return list(value)


def _keys(kind: type[Any]) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


def _check_name(what: str, name: Any) -> None:
    if not isinstance(name, str) or not NAME_PATTERN.fullmatch(name):
        raise InputError(
            f"{what} is called {name!r}; begin with a letter or digit, and use letters, digits, "
            "spaces and . , = + - _ (at most 80)."
        )


def _check_learner(name: Any) -> None:
    if name not in LEARNERS:
        near = difflib.get_close_matches(str(name), LEARNERS, n=1, cutoff=0.0)[0]
        raise InputError(f"There is no learner '{name}'; did you mean '{near}'?")


def _check_whole(name: str, value: Any, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InputError(f"{name} is {value!r}; give a whole number from {low} to {high}.")


def _refuse_twice(what: str, names: list[Any]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"The {what} '{name}' is there twice; give each once.")


def _sha256(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
