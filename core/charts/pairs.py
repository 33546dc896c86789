"""The figures about label pairs: which labels go together, as judged and as predicted."""

from __future__ import annotations

from typing import Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.charts.style import (
    DIVERGING,
    MACRO_F1,
    MICRO_F1,
    SEQUENTIAL,
    empty_figure,
    plain,
    short,
    styled,
    whiskers,
)
from core.evaluation.cooccurrence import (
    PairMeasure,
    companions_of,
    measured_pairs,
    pair_difference,
)
from core.evaluation.counts import Floats
from core.evaluation.intervals import wilson_interval
from core.evaluation.report import Evaluation

Which = Literal["judged", "predicted", "difference"]

JUDGED, PREDICTED = MICRO_F1, MACRO_F1
UNITS = {
    PairMeasure.COUNT: "documents",
    PairMeasure.CONDITIONAL: "share",
    PairMeasure.LIFT: "lift, in doublings",
    PairMeasure.PHI: "phi",
}
MOST_NAMED = 60  # labels up to which rows and columns have room for names
DENSE_HEIGHT = 520
STRONGEST = {1: (0, 119, 187), -1: (221, 110, 43)}  # red, green, blue by sign of the value
PAGES = {True: (21, 24, 28), False: (255, 255, 255)}  # dark or not: it shines through the cells
INKS = {True: "white", False: "#22262B"}  # is the ink light?
MAX_WRITTEN_CELLS = 14  # labels up to which a heatmap writes its numbers


def cooccurrence_heatmap(
    evaluation: Evaluation,
    which: Which = "judged",
    measure: PairMeasure = PairMeasure.COUNT,
    *,
    order: NDArray[np.int64] | None = None,
    dark: bool | None = None,
) -> go.Figure:
    """Documents with the row's label that also have the column's; the diagonal stays empty.

    `order` holds the labels' positions from top to bottom, all or some of them.
    `dark` says whether the page behind is dark, so that numbers stand out on
    half-filled cells; unknown, they take the theme's text colour. With more than
    60 labels the cells carry no names: these stand in what the pointer shows.
    """
    measure = PairMeasure(measure)
    key, names = f"cooccurrence_heatmap/{which}/{measure}", evaluation.names
    if len(names) < 2:
        return empty_figure("Two labels are needed before any can go together.", key=key)
    if evaluation.n_cells == 0:
        return empty_figure("No document is judged here yet.", key=key)
    order = np.arange(len(names)) if order is None else order
    values = _pair_values(evaluation, which, measure)[np.ix_(order, order)]
    finite = values[np.isfinite(values)]
    if not finite.size or not np.abs(finite).max():
        return empty_figure(_no_pairs(which, measure), key=key)
    furthest = _full_colour(finite, dense=len(order) > MOST_NAMED)
    values = np.where(np.isinf(values), np.nan, values)
    two_sided = which == "difference" or measure in (PairMeasure.LIFT, PairMeasure.PHI)
    shown = [plain(names[i]) for i in order]
    dense = len(shown) > MOST_NAMED
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=shown,
            y=shown,
            zmin=-furthest if two_sided else 0,
            zmax=furthest,
            colorscale=DIVERGING if two_sided else SEQUENTIAL,
            colorbar=_colour_bar(which, measure),
            xgap=0 if dense else 1,
            ygap=0 if dense else 1,
            hoverongaps=False,
            **_pair_hover(evaluation, which, order),
        )
    )
    if len(shown) <= MAX_WRITTEN_CELLS:
        _write_cells(figure, values / furthest, _cell_texts(values, which, measure), dark)
    aliases = {plain(names[i]): short(names[i], 16) for i in order}
    small = {"size": 10 if len(shown) > 20 else 12}
    axis = {"type": "category", "labelalias": aliases, "tickfont": small, "showgrid": False}
    if dense:
        axis |= {"showticklabels": False, "ticks": ""}
    figure.update_xaxes(
        title=None if dense else "also has",
        tickangle=-60 if len(shown) > 4 else 0,
        **axis,
    )
    figure.update_yaxes(title="Documents with", autorange="reversed", dtick=1, **axis)
    if dense:
        return _named_below(styled(figure, key=key, height=DENSE_HEIGHT), "also has")
    per_row = 30 if len(shown) <= 20 else 15
    return styled(figure, key=key, height=max(340, 210 + per_row * len(shown)))


def _full_colour(values: Floats, *, dense: bool) -> float:
    """The value drawn in full colour; of very many pairs one that few exceed, or all look empty."""
    sizes = np.abs(values[values != 0])
    return float(np.quantile(sizes, 0.98) if dense else sizes.max())


def _named_below(figure: go.Figure, name: str) -> go.Figure:
    """A title under the cells: plotly puts that of an axis without tick labels onto them."""
    figure.add_annotation(
        text=name, x=0.5, y=0, xref="paper", yref="paper", yanchor="top", showarrow=False
    )
    figure.update_layout(margin={"b": 30})
    return figure


def companion_bars(evaluation: Evaluation, label: int, *, colour: str = "") -> go.Figure:
    """What share of one label's documents has each other label: judged bars, predicted diamonds."""
    key = "companion_bars"
    found = companions_of(label, evaluation.judged_pairs, evaluation.predicted_pairs, most=15)
    if not found:
        return empty_figure("Nothing goes with this label in the measured documents.", key=key)
    colour = colour or JUDGED
    names = [plain(evaluation.names[c.label]) for c in found]
    shares = [c.n_judged / c.of_judged if c.of_judged else 0.0 for c in found]
    lows, highs = wilson_interval([c.n_judged for c in found], [c.of_judged for c in found])
    ends = [
        (float(low), float(high)) if c.of_judged else None
        for c, low, high in zip(found, lows, highs, strict=True)
    ]
    figure = go.Figure()
    figure.add_bar(
        orientation="h",
        y=names,
        x=shares,
        width=0.5,
        name="judged",
        marker={"color": colour, "opacity": 0.55},
        error_x=whiskers(shares, ends, colour),
        customdata=[f"{c.n_judged:,} of {c.of_judged:,} judged" for c in found],
        hovertemplate="%{y}: %{customdata}<extra></extra>",
    )
    drawn = [(name, c) for name, c in zip(names, found, strict=True) if c.of_predicted]
    figure.add_scatter(
        y=[name for name, _ in drawn],
        x=[c.n_predicted / c.of_predicted for _, c in drawn],
        mode="markers",
        name="predicted",
        marker={"symbol": "diamond-open", "size": 10, "color": PREDICTED, "line": {"width": 2}},
        customdata=[f"{c.n_predicted:,} of {c.of_predicted:,} predicted" for _, c in drawn],
        hovertemplate="%{y}: %{customdata}<extra></extra>",
        cliponaxis=False,
    )
    figure.update_xaxes(title="Share of its documents", range=[0, 1.02], tickformat=".0%")
    figure.update_yaxes(
        type="category",
        autorange="reversed",
        dtick=1,
        labelalias={
            plain(evaluation.names[c.label]): short(evaluation.names[c.label]) for c in found
        },
        showgrid=False,
    )
    return styled(figure, key=key, height=130 + 28 * len(found))


def _pair_values(evaluation: Evaluation, which: Which, measure: PairMeasure) -> Floats:
    if which == "difference":
        return pair_difference(evaluation.judged_pairs, evaluation.predicted_pairs, measure)
    pairs = evaluation.judged_pairs if which == "judged" else evaluation.predicted_pairs
    return measured_pairs(pairs, measure)


def _no_pairs(which: Which, measure: PairMeasure) -> str:
    if which == "difference":
        return "The model pairs labels exactly as people judged them."
    if measure in (PairMeasure.LIFT, PairMeasure.PHI):
        return "Too few documents to tell how strongly labels go together."
    return f"No document here was {which} to have two labels."


def _colour_bar(which: Which, measure: PairMeasure) -> dict[str, object]:
    unit = UNITS[measure]
    title = f"predicted − judged<br>({unit})" if which == "difference" else unit
    return {
        "title": {"text": title, "side": "top"},
        "orientation": "h",
        "y": 1.02,
        "yanchor": "bottom",
        "x": 0.5,
        "thickness": 10,
        "len": 0.8,
        "tickformat": {PairMeasure.CONDITIONAL: ".0%", PairMeasure.COUNT: "d"}.get(measure, ".1f"),
        "nticks": 5,
    }


def _cell_texts(values: Floats, which: Which, measure: PairMeasure) -> NDArray[np.object_]:
    """Counts, percentages without their sign, or one decimal; nothing for 0 and the diagonal."""
    sign = "+" if which == "difference" else ""
    if measure in (PairMeasure.LIFT, PairMeasure.PHI):
        texts = [f"{n:{sign}.1f}" if abs(n) >= 0.05 else "" for n in np.nan_to_num(values).ravel()]
    else:
        percent = measure is PairMeasure.CONDITIONAL
        whole = np.nan_to_num(np.round(values * 100 if percent else values))
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


def _pair_hover(
    evaluation: Evaluation, which: Which, order: NDArray[np.int64]
) -> dict[str, object]:
    judged, predicted = evaluation.judged_pairs, evaluation.predicted_pairs
    some = np.ix_(order, order)
    customdata = np.stack(
        [
            judged.counts[some],
            judged.row_present[some],
            predicted.counts[some],
            predicted.row_present[some],
        ],
        axis=-1,
    )
    by_people = "%{customdata[0]:,} of %{customdata[1]:,} judged “%{y}” also “%{x}”"
    by_model = "%{customdata[2]:,} of %{customdata[3]:,} predicted “%{y}” also “%{x}”"
    told = {"judged": by_people, "predicted": by_model, "difference": f"{by_people}<br>{by_model}"}
    return {"customdata": customdata, "hovertemplate": f"{told[which]}<extra></extra>"}
