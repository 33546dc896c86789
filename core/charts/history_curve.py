"""The learning curve: micro-F1 by judgements, as measured, as fitted, and carried on."""

from __future__ import annotations

import plotly.graph_objects as go

from core.charts.history import faded
from core.charts.style import HEIGHT, MICRO_F1, NEUTRAL, empty_figure, plain, styled
from core.evaluation.forecast import CurvePoint, Forecast, Range
from core.evaluation.wording import counted


def learning_curve(
    forecast: Forecast | None, *, why_not: str = "", score_name: str = "micro-F1"
) -> go.Figure:
    """Measured points with their intervals, and the fitted curve with its band.

    Left of the dotted line the band is a fit, right of it a forecast. Rounds of
    earlier versions kept no curve: then the points stand alone. `why_not` is
    what to say without a forecast.
    """
    if forecast is None or not any(f1 is not None for f1 in forecast.micro_f1):
        return empty_figure(why_not or "There is no forecast yet.", key="learning_curve")
    figure = go.Figure()
    known = [point for point in forecast.curve if point.f1.value is not None]
    _add_curve(figure, [p for p in known if p.n <= forecast.n_judged], "fitted", dash=None)
    _add_curve(figure, [p for p in known if p.n >= forecast.n_judged], "forecast", dash="dash")
    _add_points(figure, forecast, score_name)
    figure.add_vline(x=forecast.n_judged, line={"color": NEUTRAL, "width": 1, "dash": "dot"})
    figure.add_annotation(
        x=forecast.n_judged,
        y=0.02,
        yref="paper",
        text=f"now: {forecast.n_judged:,}",
        showarrow=False,
        xanchor="right",
        xshift=-4,
        bgcolor="rgba(0,0,0,0)",
    )
    figure.update_xaxes(title="Documents judged", showgrid=False, rangemode="tozero")
    figure.update_yaxes(title=score_name[0].upper() + score_name[1:], range=_y_range(forecast))
    return styled(figure, key="learning_curve", height=HEIGHT)


def _add_curve(figure: go.Figure, points: list[CurvePoint], name: str, *, dash: str | None) -> None:
    if len(points) < 2:
        return
    sizes = [point.n for point in points]
    low = [_or(point.f1.low, point.f1.value) for point in points]
    high = [_or(point.f1.high, point.f1.value) for point in points]
    figure.add_scatter(
        x=[*sizes, *reversed(sizes)],
        y=[*high, *reversed(low)],
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor=faded(MICRO_F1, 0.18 if dash is None else 0.1),
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_scatter(
        x=sizes,
        y=[point.f1.value for point in points],
        mode="lines",
        name=name,
        line={"color": MICRO_F1, "width": 2, "dash": dash},
        customdata=[_told(point.f1) for point in points],
        hovertemplate=f"%{{x:,}} judged, {name}: %{{customdata}}<extra></extra>",
    )


def _add_points(figure: go.Figure, forecast: Forecast, score_name: str) -> None:
    spread = forecast.measured or tuple(Range(f1, None, None) for f1 in forecast.micro_f1)
    values = [_or(f1, 0.0) for f1 in forecast.micro_f1]
    figure.add_scatter(
        x=list(forecast.n_trained),
        y=list(forecast.micro_f1),
        mode="markers",
        name="measured",
        marker={"color": MICRO_F1, "size": 9},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [_or(r.high, v) - v for r, v in zip(spread, values, strict=True)],
            "arrayminus": [v - _or(r.low, v) for r, v in zip(spread, values, strict=True)],
            "color": MICRO_F1,
            "thickness": 1.2,
            "width": 3,
        },
        customdata=[
            plain(f"{counted(n, 'document')} learnt from: {score_name} {_told(r)}")
            for n, r in zip(forecast.n_trained, spread, strict=True)
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )


def _y_range(forecast: Forecast) -> list[float]:
    """From a little below everything drawn, and never narrower than a tenth."""
    drawn = [*forecast.measured, *(point.f1 for point in forecast.curve)]
    values = [v for r in drawn for v in (r.low, r.high) if v is not None]
    values += [f1 for f1 in forecast.micro_f1 if f1 is not None]
    low, high = min(values), max(values)
    room = max(0.1 * (high - low), (0.1 - (high - low)) / 2, 0.02)
    return [max(0.0, low - room), min(1.03, high + room)]


def _or(value: float | None, otherwise: float | None) -> float:
    return float(value if value is not None else otherwise or 0.0)


def _told(estimate: Range) -> str:
    if estimate.value is None:
        return "undefined"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.2f}"
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"
