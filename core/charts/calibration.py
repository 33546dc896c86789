"""Figures about believing probabilities: one label's curve, all labels' errors, ways compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from core.charts.style import (
    FAINT,
    MACRO_F1,
    MICRO_F1,
    NEUTRAL,
    empty_figure,
    plain,
    short,
    styled,
    whiskers,
)
from core.evaluation.belief import Belief, Compared, Verdict
from core.evaluation.recalibration import LabelChoice, Method, Recalibration
from core.evaluation.reliability import Reliability
from core.evaluation.wording import FEW_POSITIVES
from core.palette import PALETTE

CURVES_PX = 460
ROW_PX, MARGIN_PX = 24, 120
WORST = 30  # labels drawn of many
THINNEST_BAR = 0.012  # of the axis: bins of equal mass can be narrower than a pixel
NO_CELLS = "Nothing is measured yet: judge some documents and run a round."
LOOKS = {
    Method.PLATT: ("Platt", PALETTE[0], "circle"),
    Method.BETA: ("beta", PALETTE[1], "diamond"),
    Method.ISOTONIC: ("isotonic", PALETTE[2], "square"),
}


def reliability_curves(
    compared: Compared, *, name: str | None = None, colour: str = MICRO_F1
) -> go.Figure:
    """Observed against predicted frequency above, judgements per bin below.

    Each mark's customdata is its bin: lower end, upper end, judgements, and 1
    where the probabilities are those before calibration.
    """
    key = f"reliability_curves/{name}"
    after, before = compared.after, compared.before
    if after.n_cells == 0:
        return empty_figure(NO_CELLS, key=key, height=CURVES_PX)
    if after.n_present < FEW_POSITIVES:
        whose = "These documents have" if name is None else f"“{name}” has"
        few = f"{whose} {after.n_present} positives, too few to draw (under {FEW_POSITIVES})."
        return empty_figure(few, key=key, height=CURVES_PX)
    figure = reliability_frame()
    if before is not None:
        told = f"before calibration (ECE {before.ece:.3f})"
        add_reliability(figure, before.binned, told, NEUTRAL, is_raw=True)
    told = "after calibration" if before is not None else "model"
    add_reliability(figure, after.binned, f"{told} (ECE {after.ece:.3f})", colour)
    add_bin_counts(figure, after.binned)
    return styled(figure, key=plain(key), height=CURVES_PX)


def reliability_frame() -> go.Figure:
    """The diagonal, with room for curves above and bars below."""
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.72, 0.28], vertical_spacing=0.06
    )
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        name="exact",
        mode="lines",
        line={"color": NEUTRAL, "dash": "dot", "width": 1.5},
        hoverinfo="skip",
        row=1,
        col=1,
    )
    figure.update_xaxes(range=[-0.02, 1.02], showgrid=False)
    figure.update_xaxes(title="Predicted probability", row=2, col=1)
    figure.update_yaxes(title="Observed share", range=[-0.02, 1.02], row=1, col=1)
    return figure


def add_reliability(
    figure: go.Figure, binned: Reliability, name: str, colour: str, *, is_raw: bool = False
) -> None:
    """A point with its interval for each bin that holds something."""
    filled = binned.count > 0
    observed = binned.observed[filled]
    ends = list(zip(binned.interval_low[filled], binned.interval_high[filled], strict=True))
    figure.add_scatter(
        x=binned.mean_predicted[filled],
        y=observed,
        name=name,
        mode="lines+markers",
        line={"color": colour, "width": 2, "dash": "dash" if is_raw else "solid"},
        marker={"size": 9, "symbol": "diamond-open" if is_raw else "circle"},
        error_y=whiskers(list(observed), ends, colour),
        customdata=_bins(binned, is_raw=is_raw),
        hovertemplate="predicted %{x:.2f}, present in %{y:.0%} of %{customdata[2]:,} judgements",
        row=1,
        col=1,
    )


def add_bin_counts(figure: go.Figure, binned: Reliability) -> None:
    """A bar for each bin that holds something, as high as the logarithm of how much."""
    filled = binned.count > 0
    counts = binned.count[filled]
    lower, upper = binned.bin_lower[filled], binned.bin_upper[filled]
    figure.add_bar(
        x=(lower + upper) / 2,
        y=counts,
        width=np.maximum((upper - lower) * 0.92, THINNEST_BAR),
        name="judgements",
        marker={"color": FAINT},
        text=_brief_where_wide(counts, upper - lower),
        textposition="outside",
        cliponaxis=False,
        customdata=_bins(binned),
        hovertemplate=(
            "%{y:,} judgements predicted %{customdata[0]:.2f} to %{customdata[1]:.2f}"
            "<extra></extra>"
        ),
        showlegend=False,
        row=2,
        col=1,
    )
    # room above the tallest bar for its number; one judgement still shows
    top = float(np.log10(counts.max())) * 1.25 + 0.35
    figure.update_yaxes(
        title="Judgements",
        type="log",
        range=[-0.3, top],
        dtick=max(1, round(top / 3)),
        row=2,
        col=1,
    )


def _bins(binned: Reliability, *, is_raw: bool = False) -> list[list[float]]:
    return [
        [float(lower), float(upper), int(count), int(is_raw)]
        for lower, upper, count in zip(
            binned.bin_lower, binned.bin_upper, binned.count, strict=True
        )
        if count > 0
    ]


def _brief_where_wide(counts: NDArray[Any], widths: NDArray[Any]) -> list[str]:
    """Numbers over the bars that have room for one."""
    return [
        _brief(int(count)) if width > 0.04 else ""
        for count, width in zip(counts, widths, strict=True)
    ]


def _brief(count: int) -> str:
    if count < 1000:
        return f"{count}"
    return f"{count / 1000:.0f}k" if count > 9999 else f"{count / 1000:.1f}k"


def calibration_errors(
    beliefs: Sequence[Belief], names: Sequence[str], *, colours: Sequence[str] | None = None
) -> go.Figure:
    """Each label's calibration error beside what chance alone gives, the worst on top.

    `names` and `colours` follow `beliefs`; labels with too few judgements are
    counted, not drawn, and of many the worst thirty are. A dot's customdata begins
    with its label's position.
    """
    told = [one for one in range(len(beliefs)) if beliefs[one].verdict is not Verdict.THIN]
    if not told:
        few = "No label has judgements enough to tell whether its probabilities can be believed."
        return empty_figure(few, key="calibration_errors")
    drawn = sorted(told, key=lambda i: (beliefs[i].verdict is Verdict.BELIEVED, -beliefs[i].ece))
    drawn = drawn[:WORST]
    figure = go.Figure()
    _add_chance(figure, [beliefs[i] for i in drawn])
    for is_believed in (False, True):
        some = [i for i in drawn if (beliefs[i].verdict is Verdict.BELIEVED) == is_believed]
        if some:
            _add_errors(figure, some, beliefs, drawn, colours, is_believed=is_believed)
    _name_rows(figure, [names[i] for i in drawn])
    figure.update_xaxes(
        title="Calibration error" + _left_out("the worst {n}", len(beliefs), len(told), len(drawn)),
        rangemode="tozero",
    )
    styled(figure, key="calibration_errors", height=MARGIN_PX + ROW_PX * len(drawn))
    return figure


def _add_chance(figure: go.Figure, beliefs: Sequence[Belief]) -> None:
    figure.add_bar(
        y=list(range(len(beliefs))),
        x=[belief.ece_by_chance for belief in beliefs],
        orientation="h",
        width=0.7,
        name="what chance gives, 19 times in 20",
        marker={"color": FAINT},
        hovertemplate="a faultless model stays below %{x:.3f}<extra></extra>",
    )


def _add_errors(
    figure: go.Figure,
    positions: Sequence[int],
    beliefs: Sequence[Belief],
    drawn: Sequence[int],
    colours: Sequence[str] | None,
    *,
    is_believed: bool,
) -> None:
    figure.add_scatter(
        y=[drawn.index(i) for i in positions],
        x=[beliefs[i].ece for i in positions],
        name="believable" if is_believed else "off in some way",
        mode="markers",
        marker={
            "size": 11,
            "symbol": "circle-open" if is_believed else "circle",
            "line": {"width": 2},
            "color": [colours[i] for i in positions]
            if colours
            else (MICRO_F1 if is_believed else MACRO_F1),
        },
        customdata=[
            [i, str(beliefs[i].verdict), beliefs[i].n_present, beliefs[i].n_cells]
            for i in positions
        ],
        hovertemplate=(
            "%{x:.3f}: %{customdata[1]}, %{customdata[2]:,} present of %{customdata[3]:,} judged"
            "<extra></extra>"
        ),
    )


def _left_out(words: str, n_labels: int, n_told: int, n_drawn: int) -> str:
    """Words for the labels that are not drawn, each on a line that fits a narrow screen."""
    told = []
    if n_told > n_drawn:
        told.append(f"<br>{words.format(n=n_drawn)} of {n_told} labels")
    if n_labels > n_told:
        n_few = n_labels - n_told
        told.append(f"<br>{n_few} {'has' if n_few == 1 else 'have'}<br>too few judgements")
    return ";".join(told)


def methods_compared(found: Recalibration, names: Sequence[str]) -> go.Figure:
    """How much less surprise each way leaves than the shared temperature, on left-out documents.

    `names` follow the labels. Of many labels the thirty with the most to gain are drawn.
    """
    tried = {label: gained for label, one in enumerate(found.labels) if (gained := _gains(one))}
    if not tried:
        few = "No label has judgements enough for a way of its own; all keep the temperature."
        return empty_figure(few, key="methods_compared")
    drawn = sorted(tried, key=lambda label: -max(tried[label].values()))[:WORST]
    highest = max(0.01, *(max(tried[label].values()) for label in drawn))
    lowest = max(-highest, min(min(tried[label].values()) for label in drawn))
    figure = go.Figure()
    for method, (name, colour, symbol) in LOOKS.items():
        rows = [row for row, label in enumerate(drawn) if method in tried[label]]
        gains = [tried[drawn[row]][method] for row in rows]
        is_chosen = [found.labels[drawn[row]].map.method is method for row in rows]
        figure.add_scatter(
            y=rows,
            x=[max(gain, lowest) for gain in gains],  # much worse is bad enough
            name=name,
            mode="markers",
            marker={
                "size": [12 if chosen else 9 for chosen in is_chosen],
                "symbol": [symbol if chosen else f"{symbol}-open" for chosen in is_chosen],
                "color": colour,
                "line": {"width": 1.5, "color": colour},
            },
            customdata=[
                [gain, "in force" if chosen else "not in force"]
                for gain, chosen in zip(gains, is_chosen, strict=True)
            ],
            hovertemplate=f"{name}: %{{customdata[0]:+.4f}}, %{{customdata[1]}}<extra></extra>",
        )
    figure.add_vline(x=0, line={"color": NEUTRAL, "dash": "dot", "width": 1.5})
    _name_rows(figure, [names[label] for label in drawn])
    figure.update_xaxes(
        title="Log loss saved"
        + _left_out("the most to gain: {n}", len(found.labels), len(tried), len(drawn)),
        range=[lowest - 0.05 * (highest - lowest), highest + 0.05 * (highest - lowest)],
    )
    return styled(figure, key="methods_compared", height=MARGIN_PX + ROW_PX * len(drawn))


def _gains(choice: LabelChoice) -> dict[Method, float]:
    """Log loss by the shared temperature less that by each other way that was tried."""
    shared = choice.losses.get(Method.TEMPERATURE)
    if shared is None:
        return {}
    return {method: shared - choice.losses[method] for method in LOOKS if method in choice.losses}


def _name_rows(figure: go.Figure, names: Sequence[str]) -> None:
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=[short(name) for name in names],
        range=[len(names) - 0.4, -0.6],  # the first on top
        showgrid=False,
    )
