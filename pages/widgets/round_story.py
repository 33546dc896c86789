"""How a round learnt, in sentences: with what, which variant was best, why it stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.learners.catalogue import LEARNERS
from core.services.learner_choice import KIND, learner_name, learner_title
from core.services.rounds import RoundInfo
from pages.widgets.learner_form import CHOICES
from pages.widgets.text import escaped


def draw_story(round_: RoundInfo) -> None:
    """What is known of how it learnt; what people should know stands out."""
    outcome = _outcome(round_)
    st.caption(" ".join(filter(None, _sentences(round_, outcome))))
    for message in outcome.get("messages") or ():
        st.warning(escaped(str(message)), icon=":material/info:")


def _outcome(round_: RoundInfo) -> dict[str, Any]:
    """What the training told of itself; rounds of earlier versions told nothing."""
    return dict(round_.metrics.get("learner") or {})


def _sentences(round_: RoundInfo, outcome: Mapping[str, Any]) -> list[str]:
    title = escaped(learner_title(round_.kind, round_.learner))
    told = [f"Learner: {'; '.join([f'**{title}**', *_changes(round_)])}."]
    if chosen := outcome.get("chosen"):
        told.append(_on_choice(str(chosen), outcome.get("scores") or {}))
    if stopped := outcome.get("stopped_because"):
        told.append(escaped(str(stopped)))
    return told


def _changes(round_: RoundInfo) -> list[str]:
    """`epochs: 3`, `early stopping: off`: what was asked to be otherwise."""
    options = {name: value for name, value in round_.learner.items() if name != KIND}
    info = next((i for i in LEARNERS if i.name == learner_name(round_.kind, round_.learner)), None)
    titles = {} if info is None else {option.name: option.title for option in info.options}
    return [
        escaped(f"{titles.get(name, name).lower()}: {_value(value)}")
        for name, value in options.items()
    ]


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "-".join(map(str, value))
    if isinstance(value, bool):
        return "on" if value else "off"
    if value in (None, ""):
        return "its own choice"
    return f"{value:g}" if _is_number(value) else CHOICES.get(str(value), str(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _on_choice(chosen: str, scores: Mapping[str, Any]) -> str:
    """Which variant won, by how much; one that had no rival needs no words."""
    known = {name: float(value) for name, value in scores.items() if _is_number(value)}
    others = [value for name, value in known.items() if name != chosen]
    if not others or chosen not in known:
        return ""
    lowest, highest = f"{min(others):.3f}", f"{max(others):.3f}"
    between = lowest if lowest == highest else f"{lowest} to {highest}"
    return (
        f"Of {len(known)} variants, *{escaped(chosen)}* did best on judged documents left out: "
        f"{known[chosen]:.3f}, the others {between}."
    )
