"""The figure about label pairs: which labels go together, as judged and as predicted."""

from __future__ import annotations

from typing import Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.charts.style import DIVERGING, SEQUENTIAL, empty_figure, plain, short, styled
from core.evaluation.cooccurrence import Cooccurrence
from core.evaluation.counts import Floats
from core.evaluation.report import Evaluation

Which = Literal["judged", "predicted", "difference"]
Measure = Literal["count", "conditional"]

STRONGEST = {1: (0, 119, 187), -1: (221, 110, 43)}  # red, green, blue by sign of the value
PAGES = {True: (21, 24, 28), False: (255, 255, 255)}  # dark or not: it shines through the cells
INKS = {True: "white", False: "#22262B"}  # is the ink light?
MAX_WRITTEN_CELLS = 14  # labels up to which a heatmap writes its numbers


def cooccurrence_heatmap(
    evaluation: Evaluation,
    which: Which = "judged",
    measure: Measure = "count",
    *,
    dark: bool | None = None,
) -> go.Figure:
    """Documents with the row's label that also have the column's; the diagonal stays empty.

    `dark` says whether the page behind is dark, so that numbers stand out on
    half-filled cells; unknown, they take the theme's text colour.
    """
    key, names = f"cooccurrence_heatmap/{which}/{measure}", evaluation.names
    if len(names) < 2:
        return empty_figure("Two labels are needed before any can go together.", key=key)
    if evaluation.n_cells == 0:
        return empty_figure("No document is judged here yet.", key=key)
    values = _pair_values(evaluation, which, measure)
    np.fill_diagonal(values, np.nan)
    if np.isnan(values).all() or not np.nanmax(np.abs(values)):
        return empty_figure(_no_pairs(which), key=key)
    furthest = float(np.nanmax(np.abs(values)))
    shown = [plain(name) for name in names]
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=shown,
            y=shown,
            zmin=-furthest if which == "difference" else 0,
            zmax=furthest,
            colorscale=DIVERGING if which == "difference" else SEQUENTIAL,
            colorbar=_colour_bar(which, measure),
            xgap=1,
            ygap=1,
            hoverongaps=False,
            **_pair_hover(evaluation, which),
        )
    )
    if len(names) <= MAX_WRITTEN_CELLS:
        _write_cells(figure, values / furthest, _cell_texts(values, which, measure), dark)
    aliases = {plain(name): short(name, 16) for name in names}
    small = {"size": 10 if len(names) > 20 else 12}
    axis = {"type": "category", "labelalias": aliases, "tickfont": small, "showgrid": False}
    figure.update_xaxes(title="also has", tickangle=-60 if len(names) > 4 else 0, **axis)
    figure.update_yaxes(title="Documents with", autorange="reversed", dtick=1, **axis)
    per_row = 30 if len(names) <= 20 else 15
    return styled(figure, key=key, height=max(340, 210 + per_row * len(names)))


def _pair_values(evaluation: Evaluation, which: Which, measure: Measure) -> Floats:
    judged, predicted = (
        _measured(pairs, measure) for pairs in (evaluation.judged_pairs, evaluation.predicted_pairs)
    )
    if which == "difference":
        return predicted - judged
    return judged if which == "judged" else predicted


def _measured(pairs: Cooccurrence, measure: Measure) -> Floats:
    return pairs.conditional if measure == "conditional" else pairs.counts.astype(np.float64)


def _no_pairs(which: Which) -> str:
    if which == "difference":
        return "The model pairs labels exactly as people judged them."
    return f"No document here was {which} to have two labels."


def _colour_bar(which: Which, measure: Measure) -> dict[str, object]:
    unit = "documents" if measure == "count" else "share"
    title = f"predicted − judged<br>({unit})" if which == "difference" else unit
    return {
        "title": {"text": title, "side": "top"},
        "orientation": "h",
        "y": 1.02,
        "yanchor": "bottom",
        "x": 0.5,
        "thickness": 10,
        "len": 0.8,
        "tickformat": ".0%" if measure == "conditional" else "d",
        "nticks": 5,
    }


def _cell_texts(values: Floats, which: Which, measure: Measure) -> NDArray[np.object_]:
    """Counts, or percentages without their sign; nothing for 0 and for the diagonal."""
    sign = "+" if which == "difference" else ""
    whole = np.nan_to_num(np.round(values * 100 if measure == "conditional" else values))
    texts = [f"{n:{sign}.0f}" if n else "" for n in whole.ravel()]
    return np.array(texts, dtype=object).reshape(values.shape)


def _write_cells(
    figure: go.Figure, strength: Floats, texts: NDArray[np.object_], dark: bool | None
) -> None:
    """Write each number in the ink that stands out more from its cell."""
    names = figure.data[0].x
    needs_light = light_ink_stands_out(np.nan_to_num(strength), dark=bool(dark))
    for is_light, ink in INKS.items():
        chosen = needs_light == is_light
        colour = None if dark is None and not is_light else ink
        rows, columns = np.nonzero(chosen & (texts != ""))
        figure.add_scatter(
            x=[names[i] for i in columns],
            y=[names[i] for i in rows],
            text=texts[rows, columns],
            mode="text",
            textfont={"size": 12 if len(names) <= 8 else 10, "color": colour},
            hoverinfo="skip",
            showlegend=False,
        )


def light_ink_stands_out(strength: Floats, *, dark: bool) -> NDArray[np.bool_]:
    """Whether white has more contrast (WCAG 2.2) than the dark ink with cells of this colour.

    `strength`, from −1 to 1 in any shape, is how far the cell's colour covers the page behind.
    """
    cover = np.abs(strength)[..., None]
    colour = np.where(strength[..., None] < 0, STRONGEST[-1], STRONGEST[1])
    cells = _luminance(cover * colour + (1 - cover) * np.array(PAGES[dark]))
    dark_ink = float(_luminance(np.array([0x22, 0x26, 0x2B], dtype=np.float64)))
    stands_out: NDArray[np.bool_] = 1.05 / (cells + 0.05) > (cells + 0.05) / (dark_ink + 0.05)
    return stands_out


def _luminance(rgb: Floats) -> Floats:
    share = rgb / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    luminance: Floats = linear @ np.array([0.2126, 0.7152, 0.0722])
    return luminance


def _pair_hover(evaluation: Evaluation, which: Which) -> dict[str, object]:
    judged, predicted = evaluation.judged_pairs, evaluation.predicted_pairs
    customdata = np.stack(
        [judged.counts, judged.row_present, predicted.counts, predicted.row_present], axis=-1
    )
    by_people = "%{customdata[0]:,} of %{customdata[1]:,} judged “%{y}” also “%{x}”"
    by_model = "%{customdata[2]:,} of %{customdata[3]:,} predicted “%{y}” also “%{x}”"
    told = {"judged": by_people, "predicted": by_model, "difference": f"{by_people}<br>{by_model}"}
    return {"customdata": customdata, "hovertemplate": f"{told[which]}<extra></extra>"}
