"""The quick round's learners: heads on cached features, made and read back by one door each.

What every head is stands in `core.learners.quick_head`; choosing among them on
judged documents is the business of `core.learners.choosing`.
"""

from __future__ import annotations

from pathlib import Path

from core.learners.artefacts import read_artefact
from core.learners.blend import BlendHead
from core.learners.logistic import LogisticHead
from core.learners.mlp import MLPHead
from core.learners.nearest import NeighboursHead
from core.learners.quick_head import FORMAT, Activation, QuickConfig, QuickHead, QuickKind

__all__ = ["Activation", "QuickConfig", "QuickHead", "QuickKind", "load_quick", "new_quick"]

HEADS: dict[QuickKind, type[QuickHead]] = {
    QuickKind.AUTO: BlendHead,
    QuickKind.BLEND: BlendHead,
    QuickKind.LOGISTIC: LogisticHead,
    QuickKind.NEIGHBOURS: NeighboursHead,
    QuickKind.MLP: MLPHead,
    QuickKind.LINEAR: MLPHead,
}


def new_quick(config: QuickConfig, n_labels: int, *, blocks: tuple[int, ...] = ()) -> QuickHead:
    """Make a head that has not been trained; `auto` is a blend with the usual numbers."""
    return HEADS[config.kind](config, n_labels, blocks=blocks)


def load_quick(path: Path) -> QuickHead:
    """Read what a head's `save` wrote; raises CorruptArtefact when it is not whole."""
    tensors, about = read_artefact(path, expected_format=FORMAT)
    head = new_quick(
        QuickConfig(**about["config"]), about["n_labels"], blocks=tuple(about["blocks"])
    )
    head.remember(tensors)
    return head
