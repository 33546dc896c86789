"""`python -m core export-model`: a checkpoint's model as a folder, from the command line."""

from __future__ import annotations

import sys
from pathlib import Path

from core.errors import NotFound
from core.model_export.export import Exported, export_model
from core.services.checkpoints import check_can_be_used, folder_of_round
from core.services.model_exports import who_chose
from core.services.operating_points import thresholds_by_name
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Round


def export_in_terminal(
    checkpoint: str,
    out: Path,
    *,
    settings: Settings,
    store: Store | None = None,
    with_onnx: bool = True,
    quiet: bool = False,
) -> Exported:
    """Export the checkpoint in a folder, or, given a store, the round of this id.

    Raises what `export_model` raises, and NotFound where there is neither.
    """
    folder, asked, thresholds = _find(checkpoint, settings, store)
    exported = export_model(
        folder,
        out,
        settings=settings,
        with_onnx=with_onnx,
        asked=asked,
        thresholds=thresholds,
        on_progress=lambda doing: None if quiet else print(f"{doing} …", file=sys.stderr),
    )
    print(f"Written to {exported.folder} ({exported.n_bytes / 1e6:.0f} MB); begin with README.md.")
    return exported


def _find(
    checkpoint: str, settings: Settings, store: Store | None
) -> tuple[Path, dict[str, int], dict[str, float] | None]:
    """The folder, who chose its documents, and thresholds set by people for a round by its id."""
    for folder in (Path(checkpoint), settings.checkpoints_dir / checkpoint):
        if folder.is_dir():
            return folder, {}, None
    if store is None or not checkpoint.isdecimal():
        raise NotFound(
            f"There is no folder '{checkpoint}', neither here nor in '{settings.checkpoints_dir}'; "
            "give a checkpoint's folder, or a round's id."
        )
    with store.read() as session:
        round_ = session.get(Round, int(checkpoint))
        if round_ is None:
            raise NotFound(f"There is no round {checkpoint}; the page Train lists them.")
        check_can_be_used(settings, round_)
        thresholds = thresholds_by_name(session, round_)
        return folder_of_round(settings, round_), who_chose(session, round_), thresholds
