"""Where a training's values come from, and which counts.

Command line over environment over YAML file over preset over defaults; every
value is checked, and remembered with the place it came from.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from core.errors import InputError
from core.replay.config import read_yaml
from core.strategies.plan import refuse_unknown
from core.training.config import TrainConfig

PRESETS = Path(__file__).with_name("presets.yaml")
PREFIX = "MARGINALIA_TRAIN_"
OPTION_PREFIX = f"{PREFIX}OPTION_"
COMMAND_LINE, ENVIRONMENT, DEFAULT = "command line", "environment", "default"
FIELDS = frozenset(TrainConfig.model_fields)


@dataclass(frozen=True)
class Layer:
    """Values of one source; `options` are a mapping among them."""

    name: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Resolved:
    """A checked configuration, and where each value came from (`options.lr` is one)."""

    config: TrainConfig
    origins: Mapping[str, str]

    def as_yaml(self) -> str:
        """The configuration as a file of its own, each line saying where its value came from."""
        lines = [
            self._line(key, value) for key, value in self.config.model_dump(mode="json").items()
        ]
        return "\n".join(lines) + "\n"

    def _line(self, key: str, value: Any) -> str:
        if not isinstance(value, Mapping) or not value:
            return f"{key}: {_plain(value)}  # {self.origins.get(key, DEFAULT)}"
        inner = (
            f"  {name}: {_plain(one)}  # {self.origins.get(f'{key}.{name}', DEFAULT)}"
            for name, one in value.items()
        )
        return "\n".join([f"{key}:", *inner])


def resolve(
    given: Mapping[str, Any],
    *,
    environment: Mapping[str, str] | None = None,
    preset: str | None = None,
    file: Path | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> Resolved:
    """Put the layers together; raises InputError for what does not exist or does not fit.

    `given` is what the command line says, None counting as not said. Naming
    another learner takes back the options that a lower layer gave to its own.
    """
    layers = [Layer(DEFAULT, defaults or {})]
    if preset is not None:
        layers.append(Layer(f"preset {preset}", preset_values(preset)))
    if file is not None:
        layers.append(Layer(str(file), read_yaml(file)))
    layers.append(Layer(ENVIRONMENT, from_environment(environment or {})))
    layers.append(Layer(COMMAND_LINE, {k: v for k, v in given.items() if v is not None}))
    values, origins = _merged(layers)
    return Resolved(config=checked(values, origins), origins=origins)


def preset_values(name: str) -> Mapping[str, Any]:
    """What a preset says."""
    presets = read_yaml(PRESETS)
    if name not in preset_names():
        near = difflib.get_close_matches(name, preset_names(), n=1, cutoff=0.0)[0]
        raise InputError(f"There is no preset '{name}'; did you mean '{near}'?")
    values: Mapping[str, Any] = presets[name]
    return values


def preset_names() -> list[str]:
    """The presets that come along."""
    return sorted(name for name in read_yaml(PRESETS) if not name.startswith("."))


def from_environment(environment: Mapping[str, str]) -> Mapping[str, Any]:
    """Values of MARGINALIA_TRAIN_<KEY> and MARGINALIA_TRAIN_OPTION_<OPTION>."""
    values: dict[str, Any] = {}
    options: dict[str, Any] = {}
    for variable, value in environment.items():
        if variable.startswith(OPTION_PREFIX):
            options[variable.removeprefix(OPTION_PREFIX).lower()] = value
        elif variable.startswith(PREFIX):
            values[variable.removeprefix(PREFIX).lower()] = value
    return {**values, "options": options} if options else values


def checked(values: Mapping[str, Any], origins: Mapping[str, str]) -> TrainConfig:
    """Make a configuration; the first thing that is wrong with it is told in a sentence."""
    if "data" not in values:
        raise InputError(
            "No data to train on; give a CSV or JSON Lines file, 'demo', or project:<name>."
        )
    try:
        return TrainConfig(**values)
    except ValidationError as error:
        raise InputError(_sentence(error, origins)) from None


def _merged(layers: list[Layer]) -> tuple[dict[str, Any], dict[str, str]]:
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for layer in layers:
        refuse_unknown(f"A training ({layer.name})", map(str, layer.values), FIELDS)
        if layer.values.get("learner", values.get("learner")) != values.get("learner"):
            values.pop("options", None)
            origins = {key: was for key, was in origins.items() if not key.startswith("options.")}
        for key, value in layer.values.items():
            if key == "options":
                options = _options(value, layer.name)
                values[key] = {**values.get(key, {}), **options}
                origins |= dict.fromkeys((f"options.{name}" for name in options), layer.name)
            else:
                values[key], origins[key] = value, layer.name
    return values, origins


def _options(value: Any, layer: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise InputError(f"options ({layer}) is {value!r}; give names with values.")
    return value


def _sentence(error: ValidationError, origins: Mapping[str, str]) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    told = first["msg"].removeprefix("Value error, ")
    if not key:
        return f"{told[:1].upper()}{told[1:]}."
    wanted = f"{told[:1].lower()}{told[1:]}"
    return f"{key} ({origins.get(key, DEFAULT)}) is {first['input']!r}; {wanted}."


def _plain(value: Any) -> str:
    """A value on one line, as YAML reads it back."""
    text = yaml.safe_dump([value], allow_unicode=True, width=10_000, default_flow_style=True)
    return str(text).strip()[1:-1]
