"""Dataclass trees to JSON and back, guided by their annotations.

Arrays become lists, NaN becomes null, and floats keep six decimals, more than
any score on this much data can mean.
"""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from core.errors import InputError

T = TypeVar("T")
DECIMALS = 6


def to_json(value: Any) -> Any:
    """Plain dicts, lists, numbers, strings and None."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, np.ndarray):
        return to_json(value.tolist())
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return round(value, DECIMALS) if np.isfinite(value) else None
    return value


def from_json(kind: type[T], stored: Any) -> T:
    """Build a dataclass tree; fields it does not know are passed over.

    Raises InputError when a field without a default is missing.
    """
    built: T = _build(kind, stored)
    return built


def _build(kind: Any, stored: Any) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        if stored is None:
            return None
        return _build(next(a for a in arguments if a is not NoneType), stored)
    if origin is np.ndarray:
        return _array(get_args(arguments[1])[0], stored)
    if origin is tuple:
        kinds = [arguments[0]] * len(stored) if arguments[-1] is Ellipsis else arguments
        return tuple(_build(k, item) for k, item in zip(kinds, stored, strict=True))
    if is_dataclass(kind):
        return _dataclass(kind, stored)
    if kind is float:
        return float("nan") if stored is None else float(stored)
    return kind(stored)


def _array(scalar: Any, stored: Any) -> Any:
    if issubclass(scalar, np.floating):
        return np.array(stored, dtype=object).astype(scalar)  # object, so that None becomes NaN
    return np.array(stored, dtype=scalar)


def _dataclass(kind: Any, stored: dict[str, Any]) -> Any:
    hints = get_type_hints(kind)
    given = {}
    for field in fields(kind):
        if field.name in stored:
            given[field.name] = _build(hints[field.name], stored[field.name])
        elif field.default is MISSING and field.default_factory is MISSING:
            raise InputError(
                f"The stored evaluation has no field '{field.name}'; "
                "run the round again to evaluate it anew."
            )
    return kind(**given)
