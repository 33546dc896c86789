"""What every tab draws from: one round's stored results, read once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.errors import CorruptArtefact, InputError
from core.evaluation.outputs import OUTPUTS, EvaluationOutputs, read_outputs
from core.evaluation.report import Evaluation
from core.services.rounds import RoundInfo, load_evaluation
from core.store.store import Store
from core.store.tables import Project
from pages.widgets.context import Context

NO_OUTPUTS = (
    "The documents that this round was measured on are not kept with it, so none of them can be "
    "shown. Run a round again."
)


@dataclass(frozen=True)
class View:
    """One round of one project, as the tabs see it."""

    here: Context
    project: Project
    round_: RoundInfo
    evaluation: Evaluation
    done: list[RoundInfo]  # all finished rounds, the newest first

    @property
    def folder(self) -> Path | None:
        """Where the round's files lie."""
        if self.round_.checkpoint is None:
            return None
        return self.here.settings.checkpoints_dir / self.round_.checkpoint

    def outputs(self) -> EvaluationOutputs | None:
        """The measured documents; None for rounds of earlier versions, or without a whole file.

        A file that is not whole is told once a run, above the tabs, by `problem`.
        """
        if self.folder is None or not (path := self.folder / OUTPUTS).is_file():
            return None
        try:
            return _read(str(path), path.stat().st_mtime_ns)
        except (CorruptArtefact, InputError):
            return None

    def problem(self) -> str | None:
        """What is wrong with the measured documents' file, if it is there."""
        if self.folder is None or not (path := self.folder / OUTPUTS).is_file():
            return None
        try:
            _read(str(path), path.stat().st_mtime_ns)
        except (CorruptArtefact, InputError) as error:
            return str(error)
        return None


def evaluation_of(here: Context, round_: RoundInfo) -> Evaluation | None:
    """What was measured of a finished round, read once: it never changes."""
    return _load(here.store, here.store.url, round_.id, str(round_.finished_at))


@st.cache_resource(max_entries=8, show_spinner=False)
def _load(_store: Store, url: str, round_id: int, finished_at: str) -> Evaluation | None:
    with _store.read() as session:
        return load_evaluation(session, round_id)


@st.cache_resource(max_entries=4, show_spinner=False)
def _read(path: str, changed: int) -> EvaluationOutputs:
    """Shared by everyone who looks; nobody writes into it."""
    return read_outputs(Path(path))
