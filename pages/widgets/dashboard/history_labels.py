"""How each label went over the rounds: a strip of many, and lines of a few."""

from __future__ import annotations

import streamlit as st

from core.charts import figures as charts
from core.charts.label_curves import colours_of
from core.evaluation import advice
from core.evaluation.label_progress import Order, Progress, RoundOfLabels, ordered, progress
from core.services.label_progress import labels_of_rounds
from core.store.store import Store
from pages.widgets.chart import draw_chart
from pages.widgets.dashboard.view import View
from pages.widgets.round_words import measured_on
from pages.widgets.text import counted

MOST_ROUNDS = 30  # columns that can be told apart
MOST_ROWS = 40
MOST_LINES = 8  # colours that can be told apart


def draw_labels(view: View) -> None:
    """The latest rounds, up to the one looked at."""
    shown = [r for r in view.done if r.number <= view.round_.number][:MOST_ROUNDS]
    rounds = _load(
        view.here.store,
        view.here.store.url,
        tuple((round_.id, str(round_.finished_at)) for round_ in shown),
    )
    labels = progress(rounds)
    if len(rounds) < 2 or not labels:
        return
    left, right = st.columns([1, 2])
    order = left.selectbox("Labels in order of", list(Order), key="label_order")
    chosen = right.multiselect(
        "Labels to follow as lines",
        sorted(label.name for label in labels),
        key="label_lines_chosen",
        max_selections=MOST_LINES,
        placeholder="None: all as a strip",
    )
    if chosen:
        _draw_lines(view, rounds, [label for label in labels if label.name in chosen])
    else:
        _draw_strip(view, rounds, ordered(labels, order))


def _draw_strip(view: View, rounds: list[RoundOfLabels], labels: list[Progress]) -> None:
    drawn = labels
    if len(labels) > MOST_ROWS and not st.toggle(
        f"All {len(labels):,} labels", key="all_labels", help="Otherwise the first 40 in order."
    ):
        drawn = labels[:MOST_ROWS]
    kept = f"{len(drawn):,} of {counted(len(labels), 'label')}"
    draw_chart(
        "F1 of labels by round",
        charts.label_strip(rounds, drawn),
        how=advice.how_to_read_label_strip(),
        suggests=advice.what_it_suggests_label_strip(labels),
        key=f"label_strip_{len(drawn)}",
        measured=f"{kept}, {_measured(view, rounds)}",
    )


def _draw_lines(view: View, rounds: list[RoundOfLabels], labels: list[Progress]) -> None:
    outputs = view.outputs()
    draw_chart(
        "F1 of chosen labels by round",
        charts.label_lines(
            rounds, labels, colours=None if outputs is None else colours_of(outputs)
        ),
        how=advice.how_to_read_label_lines(),
        suggests=advice.what_it_suggests_label_lines(labels),
        key="label_lines",
        measured=f"{counted(len(labels), 'label')}, {_measured(view, rounds)}",
    )


def _measured(view: View, rounds: list[RoundOfLabels]) -> str:
    return (
        f"{counted(len(rounds), 'round')}; the last was measured on "
        f"{measured_on(view.round_.metrics)}."
    )


@st.cache_resource(max_entries=16, show_spinner=False)
def _load(_store: Store, url: str, rounds: tuple[tuple[int, str], ...]) -> list[RoundOfLabels]:
    """Finished rounds never change, so theirs is read once."""
    with _store.read() as session:
        return labels_of_rounds(session, [id_ for id_, _ in rounds])
