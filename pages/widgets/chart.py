"""A chart between its two sentences: how to read it, and what this one suggests doing."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from pages.widgets.text import escaped

CONFIG = {
    "displaylogo": False,
    # Charts hold still under a finger; what is left is the picture and the full screen.
    "modeBarButtonsToRemove": [
        "zoom2d",
        "pan2d",
        "zoomIn2d",
        "zoomOut2d",
        "autoScale2d",
        "resetScale2d",
        "select2d",
        "lasso2d",
    ],
}


def draw_chart(title: str, figure: go.Figure, *, how: str, suggests: str, key: str) -> None:
    """Draw one chart in a frame of its own."""
    with st.container(border=True, key=f"chart_{key}"):
        st.markdown(f"#### {title}")
        st.plotly_chart(
            figure, theme="streamlit", config=CONFIG, key=key, alt=f"{title}. {suggests}"
        )
        st.markdown(f":material/lightbulb: {escaped(suggests)}")
        st.caption(how)
