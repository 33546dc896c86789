"""A learner's options in a training, checked against the catalogue of learners."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.errors import InputError
from core.learners.catalogue import LearnerInfo, Option, Value, learner_info
from core.strategies.plan import refuse_unknown
from core.training.config import TrainConfig

BESIDE = frozenset(
    {"max_tokens", "seed", "encoder", "warm_start", "exclusive"}
)  # said of a training


def checked_options(config: TrainConfig, origins: Mapping[str, str]) -> dict[str, Value]:
    """What a configuration changes of its learner's defaults, as the learner takes it.

    Raises InputError, saying where the value came from.
    """
    info = learner_info(config.learner)
    known = [option.name for option in info.options if option.name not in BESIDE]
    for name in config.options:
        if name in BESIDE:
            raise InputError(f"'{name}' is said beside the options, not among them: {name}: …")
    refuse_unknown(f"The learner '{info.name}'", config.options, known or ["no options"])
    return {
        name: _checked(info.option(name), value, origins.get(f"options.{name}", ""))
        for name, value in config.options.items()
    }


def learner_options(config: TrainConfig) -> dict[str, Any]:
    """The checked options, with what a training says beside them where the learner has it."""
    info = learner_info(config.learner)
    beside = {"max_tokens": config.max_tokens}
    return {
        **checked_options(config, {}),
        **{name: value for name, value in beside.items() if _has(info, name)},
    }


def usual_folds(config: TrainConfig) -> int:
    """How often the learner is trained to see documents as new: where that is cheap, five times."""
    if config.folds is not None:
        return config.folds
    return 0 if learner_info(config.learner).round_kind == "deep" else 5


def _has(info: LearnerInfo, name: str) -> bool:
    return any(option.name == name for option in info.options)


def _checked(option: Option, value: Any, origin: str) -> Value:
    try:
        return option.checked(_typed(option, value))
    except InputError as error:
        told = f" ({origin})" if origin else ""
        raise InputError(f"Of the learner's options{told}: {error}") from None


def _typed(option: Option, value: Any) -> Any:
    """A word from the command line or the environment, as the kind of value it stands for."""
    if not isinstance(value, str) or option.choices or isinstance(option.default, str | tuple):
        return value
    word = value.strip().lower()
    if option.default is None and word in {"", "none", "null"}:
        return None
    if isinstance(option.default, bool):
        return {"true": True, "yes": True, "false": False, "no": False}.get(word, value)
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return value
