"""What rounds weigh on the disk, which keep their weights, and letting go of the others."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.services.checkpoints import (
    Checkpoint,
    PruneReport,
    list_checkpoints,
    pin_round,
    prune_checkpoints,
)
from core.services.projects import ProjectSettings, change_settings
from core.store.tables import Project
from pages.widgets.context import Context
from pages.widgets.errors import shown_errors
from pages.widgets.text import counted, escaped

UNITS = ("kB", "MB", "GB", "TB")


def draw_kept_weights(here: Context, project: Project) -> None:
    """A fold; sizes are read from the disk only while it is open."""
    fold = st.expander("Kept weights", key="kept_weights", on_change="rerun")
    if not fold.open:
        return
    with fold, shown_errors():
        settings = ProjectSettings.of(project)
        checkpoints = list_checkpoints(here.store, here.settings, project.id)
        total = sum(checkpoint.n_bytes for checkpoint in checkpoints)
        st.markdown(
            f"All rounds together take {size(total)}. The round in force, the newest "
            f"{settings.keep_weights} and those that are pinned keep their weights, so that you "
            "can go back to them. Figures of every round are kept for ever."
        )
        st.dataframe(_table(checkpoints), hide_index=True)
        left, right = st.columns(2)
        with left:
            _choose_policy(here, project, settings)
        with right:
            _choose_pinned(here, project, checkpoints)
        report = prune_checkpoints(here.store, here.settings, project.id, dry_run=True)
        _draw_pruning(here, project, report)


def size(n_bytes: int) -> str:
    """`12 MB`, in powers of ten as file managers tell it."""
    value = n_bytes / 1000
    for unit in UNITS:
        if value < 999.5 or unit == UNITS[-1]:
            return f"{value:.1f} {unit}" if value < 9.95 else f"{value:,.0f} {unit}"
        value /= 1000
    raise AssertionError


def _table(checkpoints: list[Checkpoint]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "Round": checkpoint.number,
                "Size": size(checkpoint.n_bytes),
                "Weights": _fate(checkpoint),
            }
            for checkpoint in checkpoints
        ]
    )


def _fate(checkpoint: Checkpoint) -> str:
    if checkpoint.pruned_at is not None:
        return f"let go on {checkpoint.pruned_at[:10]}: {checkpoint.pruned_because}"
    if checkpoint.kept_because:
        return f"kept: {checkpoint.kept_because}"
    return "go at the next clearing"


def _choose_policy(here: Context, project: Project, settings: ProjectSettings) -> None:
    key = f"keep_weights_{project.id}"  # a box of the same key would bring another project's value

    def keep() -> None:
        with shown_errors(), here.store.write() as session:
            change_settings(session, project.id, keep_weights=int(st.session_state[key]))

    st.number_input(
        "Newest rounds that keep their weights",
        *(1, 1_000, settings.keep_weights),
        key=key,
        on_change=keep,
    )


def _choose_pinned(here: Context, project: Project, checkpoints: list[Checkpoint]) -> None:
    there = {c.number: c for c in checkpoints if c.pruned_at is None}
    pinned = [number for number, checkpoint in there.items() if checkpoint.is_pinned]

    key = f"pinned_{project.id}"

    def pin() -> None:
        wanted = set(st.session_state[key])
        with shown_errors(), here.store.write() as session:
            for number in wanted.symmetric_difference(pinned):
                pin_round(session, project.id, there[number].round_id, is_pinned=number in wanted)

    st.multiselect(
        "Pinned: kept whatever comes",
        list(there),
        pinned,
        format_func=lambda number: f"Round {number}",
        key=key,
        on_change=pin,
        placeholder="None",
    )


def _draw_pruning(here: Context, project: Project, report: PruneReport) -> None:
    if not report.removed:
        st.caption("There is nothing to clear: every round that has weights keeps them.")
        return
    rounds = len({removed.round_number for removed in report.removed})
    words = f"Free {size(report.n_bytes)} of {counted(rounds, 'round')}"
    if st.button(words, key="prune", icon=":material/mop:"):
        done = prune_checkpoints(here.store, here.settings, project.id)
        st.toast(f"{size(done.n_bytes)} are free again.")
        st.rerun()
    st.caption("Goes: " + "; ".join(_removed(report)) + ".")


def _removed(report: PruneReport) -> list[str]:
    by_round: dict[int, list[str]] = {}
    for removed in report.removed:
        what = "arrays over the pool" if removed.what.startswith("pool array") else removed.what
        by_round.setdefault(removed.round_number, []).append(what)
    return [
        f"of round {number} {escaped(', '.join(dict.fromkeys(parts)))}"
        for number, parts in by_round.items()
    ]
