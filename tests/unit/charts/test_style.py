from __future__ import annotations

import plotly.graph_objects as go
import pytest

from core.charts.style import (
    DASHES,
    HEIGHT,
    empty_figure,
    label_dash,
    plain,
    short,
    styled,
    whiskers,
)
from core.palette import PALETTE, label_colour

WHITE, NEAR_BLACK = "#ffffff", "#0e1117"


def luminance(colour: str) -> float:
    """Relative luminance as WCAG defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", PALETTE)
@pytest.mark.parametrize("background", [WHITE, NEAR_BLACK])
def test_every_colour_stands_out_on_a_light_and_on_a_dark_page(colour, background):
    darker, lighter = sorted([luminance(colour), luminance(background)])
    assert (lighter + 0.05) / (darker + 0.05) >= 3.0


def test_54_labels_are_told_apart_by_colour_and_dash():
    assert len({(label_colour(i), label_dash(i)) for i in range(54)}) == 54
    assert label_dash(0) == DASHES[0]


def test_a_name_is_drawn_as_it_is_written():
    assert plain("<b>a&b</b> %{x}") == "&lt;b&gt;a&amp;b&lt;/b&gt; % {x}"


def test_a_long_name_is_cut_with_an_ellipsis():
    assert short("a label with a long name", 10) == "a label w…"
    assert short("billing", 10) == "billing"


def test_whiskers_are_distances_from_the_value_and_missing_where_undefined():
    bars = whiskers([0.5, 0.7], [(0.25, 1.0), None], "red")

    assert bars["array"] == [0.5, None]
    assert bars["arrayminus"] == [0.25, None]


def test_a_figure_keeps_its_height_and_its_state_over_a_refresh_and_lets_the_page_shine_through():
    layout = styled(go.Figure(), key="sweep").layout

    assert (layout.height, layout.uirevision, layout.dragmode) == (HEIGHT, "sweep", False)
    assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert layout.title.text is None
    assert layout.font.color is None  # left to the page's theme


def test_an_empty_figure_is_a_sentence_without_axes():
    figure = empty_figure("Nothing is measured yet.", key="empty")

    assert figure.layout.annotations[0].text == "Nothing is measured yet."
    assert not figure.layout.xaxis.visible
    assert len(figure.data) == 0
