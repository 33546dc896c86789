"""What weight files hold, read from their heads: no weight is loaded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path

from safetensors import SafetensorError, safe_open

from core.errors import CorruptArtefact
from core.learners.masking import TAUGHT

LAYER = re.compile(r"^(.*?\blayers?\.\d+)\.")


def layers_in(weights: Iterable[Path]) -> dict[str, int]:
    """Numbers by layer, over several .safetensors files; which labels were taught is none."""
    layers: dict[str, int] = {}
    for path in weights:
        for name, shape in shapes_in(path).items():
            if name.rpartition(".")[2] == TAUGHT:
                continue
            layer = layer_of(name)
            layers[layer] = layers.get(layer, 0) + prod(shape)
    return dict(sorted(layers.items(), key=lambda item: natural(item[0])))


def shapes_in(path: Path) -> Mapping[str, tuple[int, ...]]:
    """The shapes of a .safetensors file's tensors."""
    try:
        with safe_open(path, framework="numpy") as stored:
            names: list[str] = list(stored.keys())
            return {name: tuple(stored.get_slice(name).get_shape()) for name in names}
    except (OSError, SafetensorError) as error:
        raise CorruptArtefact(
            f"The weights '{path}' cannot be read ({error}); put the file back from a copy."
        ) from error


def layer_of(name: str) -> str:
    """The layer that a parameter belongs to; outside of numbered ones its first two words."""
    match = LAYER.match(name)
    return match[1] if match else ".".join(name.split(".")[:2] if "." in name else [name])


def natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts layer 2 before layer 10, and letters as they are."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in name.split(".")]
