"""Keeps the annotator's name in the browser, so that a reload does not make a stranger of them.

A session ends with its tab; without this a reload would sign judgements with the default name.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import streamlit as st

KEY = "remembered_name"

# Inline code is told from a file name by its line breaks.
JS = """
export default function ({ data, setStateValue }) {
  const place = "marginalia|annotator";
  try {
    const kept = localStorage.getItem(place);
    if (data.is_typed) localStorage.setItem(place, data.name);
    else if (kept && kept !== data.name) setStateValue("name", kept);
  } catch {
    // a browser that keeps nothing: the name is typed again
  }
}
"""


@cache
def _component() -> Any:
    return st.components.v2.component(KEY, html="<span hidden></span>", js=JS)


def remember_name(name: str, *, is_typed: bool) -> None:
    """Store a name that was typed; bring it back where a fresh session knows only the default."""
    _component()(data={"name": name, "is_typed": is_typed}, key=KEY, on_name_change=_restore)


def _restore() -> None:
    kept = str(getattr(st.session_state[KEY], "name", None) or "").strip()
    if kept and "annotator_typed" not in st.session_state:
        st.session_state["annotator"] = kept[:200]
