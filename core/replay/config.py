"""Where a plan's values come from: command line over YAML file over preset over defaults."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from core.errors import InputError
from core.settings import Settings
from core.strategies.catalogue import DEFAULT_STRATEGY
from core.strategies.plan import ReplayPlan

PRESETS = Path(__file__).parent / "presets"
DEFAULTS: Mapping[str, Any] = {"data": "demo", "arms": ["random", DEFAULT_STRATEGY]}
INSTEAD = {"n_rounds": "budget", "budget": "n_rounds"}  # to say one takes the other back


def resolve_plan(
    given: Mapping[str, Any],
    *,
    settings: Settings,
    preset: str | None = None,
    config: Path | None = None,
) -> ReplayPlan:
    """Make a plan of what was said, where nothing was said of the layers below.

    `given` are a plan's keys; None counts as not said. Naming another learner
    takes back the options that a lower layer gave to its own.
    """
    layers: list[Mapping[str, Any]] = [{**DEFAULTS, "encoder": settings.encoder}]
    if preset is not None:
        layers.append(read_yaml(_preset_file(preset)))
    if config is not None:
        layers.append(read_yaml(config))
    layers.append({key: value for key, value in given.items() if value is not None})
    values: dict[str, Any] = {}
    for layer in layers:
        if layer.get("learner", values.get("learner")) != values.get("learner"):
            values.pop("learner_options", None)
        for key in layer:
            values.pop(INSTEAD.get(key, ""), None)
        values |= layer
    return ReplayPlan.of(values)


def read_yaml(path: Path) -> Mapping[str, Any]:
    """Read a file of a plan's keys."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"There is no file '{path}'; give a YAML file with a plan.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        told = " ".join(str(error).split())
        raise InputError(f"'{path}' is not YAML that can be read: {told}.") from None
    if not isinstance(values, Mapping):
        raise InputError(f"'{path}' holds no names with values; begin with a line like data: demo.")
    return values


def as_yaml(plan: ReplayPlan) -> str:
    """Write a plan as `read_yaml` reads it."""
    return str(yaml.safe_dump(plan.to_json(), sort_keys=False, allow_unicode=True))


def preset_names() -> list[str]:
    """The presets that come along."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def _preset_file(name: str) -> Path:
    names = preset_names()
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.0)[0]
        raise InputError(f"There is no preset '{name}'; did you mean '{near}'?")
    return PRESETS / f"{name}.yaml"
