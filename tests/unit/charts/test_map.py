"""The map of documents as a figure."""

from __future__ import annotations

import numpy as np
import pytest

from core.charts.map import (
    GL_FROM,
    MapGroup,
    MapPoints,
    MapValues,
    beginning,
    groups_by_label,
    groups_by_state,
    map_of_documents,
)
from core.palette import PALETTE


def points(n: int) -> MapPoints:
    rng = np.random.default_rng(0)
    xy = rng.standard_normal((n, 2)).astype(np.float32)
    return MapPoints(np.arange(n, dtype=np.int64) + 100, xy, [f"text {i}" for i in range(n)])


def rows(*at: int) -> np.ndarray:
    return np.array(at, dtype=np.int64)


def members(groups: list[MapGroup]) -> dict[str, list[int]]:
    return {group.name: group.rows.tolist() for group in groups if len(group.rows)}


def test_every_point_is_drawn_once_with_its_document_and_counted_in_the_legend() -> None:
    groups = [
        MapGroup("some", rows(0, 2), "#0077BB"),
        MapGroup("others", rows(1, 3, 4), "#808080", is_behind=True),
        MapGroup("none", rows(), "#DD6E2B"),
    ]
    figure = map_of_documents(points(5), groups, key="k")
    assert [trace.name for trace in figure.data] == ["others · 3", "some · 2"]
    assert sorted(np.concatenate([t.customdata for t in figure.data])) == [100, 101, 102, 103, 104]
    some = figure.data[1]
    np.testing.assert_array_equal(some.x, points(5).xy[[0, 2], 0])
    assert list(some.text) == ["text 0", "text 2"]


def test_axes_have_one_scale_the_height_is_fixed_and_a_drag_draws_a_line() -> None:
    layout = map_of_documents(points(3), [MapGroup("a", rows(0, 1), "#0077BB")], key="k").layout
    assert (layout.yaxis.scaleanchor, layout.yaxis.scaleratio) == ("x", 1)
    assert layout.height == 640
    assert (layout.dragmode, layout.uirevision) == ("lasso", "k")
    assert layout.xaxis.visible is False


@pytest.mark.parametrize(("n", "kind"), [(GL_FROM, "scatter"), (GL_FROM + 1, "scattergl")])
def test_many_points_are_drawn_by_the_graphics_card(n: int, kind: str) -> None:
    figure = map_of_documents(points(n), [MapGroup("a", np.arange(n), "#0077BB")], key="k")
    assert figure.data[0].type == kind


def test_numbers_have_one_scale_and_are_told_with_the_text() -> None:
    values = MapValues("refund", rows(2, 0), np.array([0.25, 0.5]), low=0.0, high=1.0)
    figure = map_of_documents(points(3), [MapGroup("unknown", rows(1), "#808080")], values, key="k")
    drawn = figure.data[1]
    assert (drawn.marker.cmin, drawn.marker.cmax) == (0.0, 1.0)
    assert list(drawn.text) == ["text 2<br>refund: 0.25", "text 0<br>refund: 0.50"]
    assert list(drawn.customdata) == [102, 100]


def test_a_number_that_is_the_same_everywhere_is_drawn_too() -> None:
    figure = map_of_documents(points(2), [], MapValues("r", rows(0, 1), np.ones(2)), key="k")
    assert figure.data[0].marker.cmin < figure.data[0].marker.cmax


def test_chosen_documents_stand_out() -> None:
    groups = [MapGroup("a", rows(0, 1), "#0077BB"), MapGroup("b", rows(2), "#DD6E2B")]
    figure = map_of_documents(points(3), groups, key="k", chosen=np.array([101]))
    assert [list(trace.selectedpoints) for trace in figure.data] == [[1], []]
    untouched = map_of_documents(points(3), groups, key="k")
    assert untouched.data[0].selectedpoints is None


def test_nothing_to_draw_is_said_in_a_figure_of_the_same_height() -> None:
    figure = map_of_documents(points(3), [MapGroup("a", rows(), "#0077BB")], key="k")
    assert figure.layout.height == 640
    assert "No document is left" in figure.layout.annotations[0].text.replace("<br>", " ")


def test_texts_are_cut_and_never_read_as_markup() -> None:
    assert beginning("<b>bold</b>  %{x}\n&") == "&lt;b&gt;bold&lt;/b&gt; % {x} &amp;"
    long = beginning("word " * 100)
    assert len(long.replace("<br>", " ")) <= 120
    assert long.endswith("…")
    assert max(map(len, long.split("<br>"))) <= 44


def test_states_are_told_apart_and_the_audit_set_is_on_its_own() -> None:
    judged = np.array([False, True, True, False, True, True])
    whole = np.array([False, False, True, False, True, True])
    audit = np.array([False, False, False, True, True, False])
    assert members(groups_by_state(judged, whole, audit, rows(0, 1, 2, 3, 4))) == {
        "not judged": [0],
        "judged in part": [1],
        "judged whole": [2],
        "audit, not judged": [3],
        "audit, judged": [4],
    }


def test_a_document_with_several_of_the_labels_has_none_of_their_colours() -> None:
    present = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0]], dtype=bool)
    judged = np.array([True, True, True, True, False])
    named = [(0, "billing", PALETTE[0]), (1, "refund", PALETTE[1])]
    groups = groups_by_label(present, judged, named, np.arange(5))
    assert members(groups) == {
        "not judged": [4],
        "none of these": [3],
        "billing": [0],
        "refund": [1],
        "several of these": [2],
    }
    assert {g.name: g.colour for g in groups if g.name in ("billing", "refund")} == {
        "billing": PALETTE[0],
        "refund": PALETTE[1],
    }


def test_labels_of_one_colour_differ_in_shape() -> None:
    present = np.eye(10, dtype=bool)
    named = [(i, f"label {i}", PALETTE[i % 8]) for i in range(10)]
    groups = groups_by_label(present, np.ones(10, dtype=bool), named, np.arange(10))
    looks = [(g.colour, g.symbol) for g in groups if g.name.startswith("label")]
    assert len(set(looks)) == 10


def test_without_a_label_in_colour_all_judged_ones_are_alike() -> None:
    groups = groups_by_label(np.ones((2, 1), dtype=bool), np.array([True, False]), [], rows(0, 1))
    assert members(groups) == {"not judged": [1], "none of these": [0]}
