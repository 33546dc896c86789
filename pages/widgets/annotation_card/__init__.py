"""The annotation card: one browser component that talks to the API by itself.

Labelling causes no page run. The page hands over where the API is, a token and the
label schema; `card.js` and the files before it do the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

FOLDER = Path(__file__).parent
SCRIPTS = (
    "keep",
    "identity",
    "server",
    "outbox",
    "deck",
    "judging",
    "evidence",
    "view",
    "keys",
    "card",
)  # in this order: later ones use earlier ones


@cache
def _component() -> Any:
    return st.components.v2.component(
        "annotation_card",
        html=_read("card.html"),
        css=_read("card.css"),
        js="\n".join(_read(f"{name}.js") for name in SCRIPTS),
    )


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def annotation_card(
    *,
    api_base: str,
    token: str,
    project: dict[str, Any],
    labels: Sequence[dict[str, Any]],
    annotator: str,
    options: dict[str, Any],
    key: str,
) -> Any:
    """Draw the card. The result's `used_up` is true in the run after the last document."""
    return _component()(
        data={
            "api_base": api_base,
            "token": token,
            "project": project,
            "labels": list(labels),
            "annotator": annotator,
            "options": options,
        },
        key=key,
        on_token_needed_change=lambda: None,
        on_used_up_change=lambda: None,
    )
