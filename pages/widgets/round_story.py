"""How a round learnt, in sentences: with what, which variant was best, why it stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.learners.catalogue import LEARNERS
from core.services.learner_choice import KIND, learner_name, learner_title
from core.services.rounds import RoundInfo
from pages.widgets.text import escaped

TITLES = {info.name: info.title for info in LEARNERS}


def draw_story(round_: RoundInfo) -> None:
    """What is known of how it learnt; what people should know stands out."""
    st.markdown(" ".join(_sentences(round_)))
    for message in round_.metrics.get("messages") or ():
        st.warning(escaped(str(message)), icon=":material/info:")


def _sentences(round_: RoundInfo) -> list[str]:
    told = [
        f"Learner: **{escaped(learner_title(round_.kind, round_.learner))}**{_changes(round_)}."
    ]
    if chosen := round_.metrics.get("chosen"):
        told.append(_on_choice(str(chosen), round_.metrics.get("scores") or {}))
    if stopped := round_.metrics.get("stopped_because"):
        told.append(escaped(str(stopped)))
    return told


def _changes(round_: RoundInfo) -> str:
    """` (epochs 3, tuning lora)`: what was asked to be otherwise."""
    options = {name: value for name, value in round_.learner.items() if name != KIND}
    info = next((i for i in LEARNERS if i.name == learner_name(round_.kind, round_.learner)), None)
    titles = {} if info is None else {option.name: option.title for option in info.options}
    told = [
        escaped(f"{titles.get(name, name).lower()} {_value(value)}")
        for name, value in options.items()
    ]
    return f" ({', '.join(told)})" if told else ""


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "-".join(map(str, value))
    if isinstance(value, bool):
        return "on" if value else "off"
    return "its own" if value in (None, "") else f"{value:g}" if _is_number(value) else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _on_choice(chosen: str, scores: Mapping[str, Any]) -> str:
    known = {name: float(value) for name, value in scores.items() if _is_number(value)}
    told = f"Of its variants, **{escaped(TITLES.get(chosen, chosen))}** did best"
    if not known:
        return f"{told}."
    ranked = sorted(known.items(), key=lambda item: -item[1])
    listed = ", ".join(f"{escaped(TITLES.get(name, name))} {value:.2f}" for name, value in ranked)
    return f"{told} on judged documents left out ({listed})."
