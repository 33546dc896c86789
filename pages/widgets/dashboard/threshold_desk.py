"""The thresholds on the desk: those in force, those an aim asks for, those moved by hand.

What is moved by hand lives in session_state until it is put in force or another aim
is chosen; what an aim asks for is computed once and shared by everyone who looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from core.domain import EvaluationSource
from core.errors import CorruptArtefact, InputError
from core.evaluation.counts import Floats, Mask
from core.evaluation.operating_points import Aim, Scope
from core.evaluation.outputs import OUTPUTS, EvaluationOutputs, read_outputs
from core.evaluation.report import Evaluation
from core.evaluation.summary import Estimate
from core.evaluation.thresholds import DEFAULT_GRID, Sweep, sweep, sweep_interval
from core.evaluation.trying import CHOOSING, Given, Trial, gain, given, macro_gain, try_aim
from core.services.operating_points import OperatingPoint, operating_point
from pages.widgets.dashboard.view import View


@dataclass(frozen=True)
class Draft:
    """Thresholds that could be put in force; `own` by label id, of those that have one."""

    shared: float
    own: Mapping[int, float] = field(default_factory=dict)
    aim: Aim | None = None  # what they were chosen for; None: by hand, or as in force
    is_moved: bool = False  # somebody moved a point

    def of(self, label_id: int) -> float:
        """A label's own, or the shared one."""
        return self.own.get(label_id, self.shared)


@dataclass(frozen=True)
class Desk:
    """One round's measured documents, those that choose, and the thresholds in force."""

    view: View
    outputs: EvaluationOutputs
    choosing: EvaluationOutputs  # the same where the measured documents choose themselves
    point: OperatingPoint

    @property
    def is_apart(self) -> bool:
        """Whether what is measured chooses nothing."""
        return self.choosing is not self.outputs and self.outputs.source is EvaluationSource.AUDIT

    @property
    def in_force(self) -> Draft:
        """The thresholds in force, to begin from."""
        return Draft(self.point.shared, dict(self.point.own), self.point.aim)

    def array(self, draft: Draft) -> Floats:
        """(labels,) the thresholds of a draft."""
        return np.array([draft.of(id_) for id_ in self.outputs.label_ids])

    def sharing(self, draft: Draft) -> list[int]:
        """The positions of the labels that have the shared threshold."""
        return [i for i, id_ in enumerate(self.outputs.label_ids) if id_ not in draft.own]

    def is_as_in_force(self, draft: Draft) -> bool:
        """Whether putting the draft in force would change nothing that is predicted."""
        alike: bool = np.allclose(self.array(draft), self.array(self.in_force), atol=1e-6)
        return alike and abs(draft.shared - self.point.shared) < 1e-6

    def trial(self, aim: Aim) -> Trial:
        """What an aim asks for; raises NotReady where too few documents are measured."""
        return _tried(*self._mark, tuple(aim.to_json().items()), self)

    def predictions(self, draft: Draft) -> tuple[Mask, bool]:
        """(documents, labels) by these thresholds, and whether the documents had no part in them.

        Thresholds chosen for an aim are judged by the trial of that aim, the round's own
        by what the round measured. A point moved by hand was moved while looking.
        """
        if draft.aim is not None and not draft.is_moved:
            if self.point.is_own_of_round and self.is_as_in_force(draft):
                return self.outputs.guesses, True
            trial = self.trial(draft.aim)
            if np.allclose(trial.cuts.thresholds, self.array(draft), atol=1e-6):
                return trial.predicted, True
        return self.outputs.proba >= self.array(draft).astype(np.float32), self.is_apart

    def gains(self, aim: Aim) -> tuple[Estimate, tuple[Estimate, Estimate] | None]:
        """What an aim gains over what is in force; and one per label over one for all."""
        return _gained(*self._mark, tuple(aim.to_json().items()), repr(self.point), self)

    def given(self, predicted: Mask, aim: Aim) -> Given:
        """What predictions give on the measured documents."""
        return _given(*self._mark, predicted.tobytes(), tuple(aim.to_json().items()), self)

    def evaluation_of_choosing(self) -> Evaluation:
        """What was measured on the documents that choose."""
        if self.choosing is self.outputs:
            return self.view.evaluation
        return _evaluated(*self._mark, self)

    def curves(self, labels: list[int], draft: Draft) -> tuple[Sweep, tuple[Floats, Floats]]:
        """The sweep of these labels, on the documents that choose, and the interval of its F1."""
        whole = len(labels) == len(self.outputs.names)
        chosen = self.choosing if whole else self.choosing.only(np.array(labels))
        point = draft.of(self.outputs.label_ids[labels[0]]) if len(labels) == 1 else draft.shared
        grid = tuple(sorted({*DEFAULT_GRID.tolist(), point}))
        return _swept(*self._mark, tuple(labels), grid, chosen)

    @property
    def _mark(self) -> tuple[str, int]:
        """What results of this round are remembered by."""
        assert self.view.folder is not None
        path = self.view.folder / OUTPUTS
        return str(path), path.stat().st_mtime_ns


def desk_of(view: View) -> Desk | None:
    """The desk, or None where the round kept no documents to choose on."""
    outputs = view.outputs()
    if outputs is None or not len(outputs) or not outputs.label_ids:
        return None
    with view.here.store.read() as session:
        point = operating_point(session, view.project.id, view.round_.id)
    return Desk(view, outputs, _choosing(view) or outputs, point)


def moved(desk: Desk, base: Draft) -> Draft:
    """A draft with what was moved by hand since."""
    hand = st.session_state.get(hand_key(desk.view.round_.id)) or {}
    if not hand:
        return base
    own = {**base.own, **hand.get("own", {})}
    for label_id in hand.get("given_back", ()):
        own.pop(label_id, None)
    return replace(base, shared=hand.get("shared", base.shared), own=own, aim=None, is_moved=True)


def move(round_id: int, label_id: int | None, threshold: float) -> None:
    """Remember where a point was let go: a label's own, or the shared one."""
    hand = _hand(round_id)
    if label_id is None:
        hand["shared"] = threshold
    else:
        hand["own"] = {**hand.get("own", {}), label_id: threshold}
        hand["given_back"] = [id_ for id_ in hand.get("given_back", ()) if id_ != label_id]
    st.session_state[hand_key(round_id)] = hand


def give_back(round_id: int, label_id: int) -> None:
    """Let a label have the shared threshold again."""
    hand = _hand(round_id)
    hand["own"] = {id_: at for id_, at in hand.get("own", {}).items() if id_ != label_id}
    hand["given_back"] = [*hand.get("given_back", ()), label_id]
    st.session_state[hand_key(round_id)] = hand


def forget(round_id: int) -> None:
    """Forget what was moved by hand."""
    st.session_state.pop(hand_key(round_id), None)


def hand_key(round_id: int) -> str:
    """Where the points moved by hand are kept."""
    return f"thresholds_by_hand_{round_id}"


def _hand(round_id: int) -> dict[str, Any]:
    return dict(st.session_state.get(hand_key(round_id)) or {})


def _choosing(view: View) -> EvaluationOutputs | None:
    """The documents that the round's thresholds were chosen on, where it kept them."""
    if view.folder is None or not (path := view.folder / CHOOSING).is_file():
        return None
    try:
        kept = _read_choosing(str(path), path.stat().st_mtime_ns)
    except (CorruptArtefact, InputError) as error:
        st.error(str(error))
        return None
    return kept if len(kept) else None


@st.cache_resource(max_entries=4, show_spinner=False)
def _read_choosing(path: str, changed: int) -> EvaluationOutputs:
    return read_outputs(Path(path))


@st.cache_resource(max_entries=64, show_spinner="Trying it on the measured documents …")
def _tried(path: str, changed: int, aim: tuple[tuple[str, Any], ...], _desk: Desk) -> Trial:
    chosen_on = None if _desk.choosing is _desk.outputs else _desk.choosing
    return try_aim(_desk.outputs, Aim.from_json(dict(aim)), chosen_on=chosen_on)


@st.cache_resource(max_entries=64, show_spinner=False)
def _gained(
    path: str, changed: int, aim: tuple[tuple[str, Any], ...], in_force: str, _desk: Desk
) -> tuple[Estimate, tuple[Estimate, Estimate] | None]:
    outputs, asked = _desk.outputs, Aim.from_json(dict(aim))
    tried = _desk.trial(asked).predicted
    now, _ = _desk.predictions(_desk.in_force)
    gained = gain(outputs, tried, now, asked)
    if asked.scope is Scope.SHARED:
        return gained, None
    shared = _desk.trial(replace(asked, scope=Scope.SHARED)).predicted
    return gained, (gain(outputs, tried, shared, asked), macro_gain(outputs, tried, shared))


@st.cache_resource(max_entries=4, show_spinner=False)
def _evaluated(path: str, changed: int, _desk: Desk) -> Evaluation:
    return _desk.choosing.evaluate()


@st.cache_resource(max_entries=256, show_spinner=False)
def _given(
    path: str, changed: int, predicted: bytes, aim: tuple[tuple[str, Any], ...], _desk: Desk
) -> Given:
    mask = np.frombuffer(predicted, dtype=np.bool_).reshape(_desk.outputs.proba.shape)
    return given(_desk.outputs, mask, Aim.from_json(dict(aim)))


@st.cache_resource(max_entries=256, show_spinner=False)
def _swept(
    path: str,
    changed: int,
    labels: tuple[int, ...],
    grid: tuple[float, ...],
    _chosen: EvaluationOutputs,
) -> tuple[Sweep, tuple[Floats, Floats]]:
    points = np.array(grid)
    return (
        sweep(_chosen.proba, _chosen.truth, grid=points),
        sweep_interval(_chosen.proba, _chosen.truth, seed=_chosen.seed, grid=points),
    )
