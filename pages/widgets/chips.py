"""Labels as coloured chips, in the colours that they have everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from re import fullmatch

import streamlit as st

MAX_CHIPS = 12
GREY = "#808080"


@dataclass(frozen=True)
class Chip:
    """One label; what is filled was said by people, what is outlined by the model."""

    name: str
    colour: str
    note: str = ""
    is_filled: bool = True


def draw_chips(title: str, chips: Iterable[Chip], *, nothing: str) -> None:
    """A line of chips after its title, cut where it would be long."""
    chips = list(chips)
    drawn = " ".join(_html(chip) for chip in chips[:MAX_CHIPS])
    more = f" and {len(chips) - MAX_CHIPS} more" if len(chips) > MAX_CHIPS else ""
    st.html(
        '<div style="font-size:0.875rem;line-height:1.9">'
        f'<span style="opacity:0.75">{escape(title)}</span> '
        f"{drawn or escape(nothing)}{more}</div>"
    )


def _html(chip: Chip) -> str:
    # the colour is the label's own only where it is one: it comes from the database
    colour = chip.colour if fullmatch(r"#[0-9A-Fa-f]{6}", chip.colour) else GREY
    fill = f"{colour}33" if chip.is_filled else "transparent"
    note = f' <span style="opacity:0.75">{escape(chip.note)}</span>' if chip.note else ""
    return (
        f'<span style="display:inline-block;border:1.5px solid {colour};background:{fill};'
        "border-radius:0.75rem;padding:0 0.5rem;margin:0 0.15rem;max-width:100%;"
        f'overflow-wrap:anywhere;line-height:1.5">{escape(chip.name)}{note}</span>'
    )
