"""How far the model can be trusted: what was measured of a round, drawn and put in words."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.charts import figures as charts
from core.domain import JobStatus
from core.evaluation import advice
from core.evaluation.report import Evaluation
from core.services.rounds import RoundInfo, list_rounds, load_evaluation
from pages.widgets.chart import draw_chart
from pages.widgets.context import Context, context, go_to, require_project
from pages.widgets.job_watch import watch_job
from pages.widgets.label_scores import draw_label_chooser, draw_scores_table
from pages.widgets.round_words import freshness, history_entries, interval, score
from pages.widgets.text import escaped

WIDE = 14  # labels from which two heatmaps no longer fit side by side
PAIR_MEASURES = {"count": "documents", "conditional": "share of the row's label"}
PAIR_TITLES = {
    "judged": "Judged together",
    "predicted": "Predicted together",
    "difference": "Difference: predicted minus judged",
}
HEADLINES = {
    "micro_f1": ("Micro-F1", "Every judged (document, label) counts the same."),
    "macro_f1": ("Macro-F1", "Every label counts the same, however rare."),
    "precision": ("Precision", "Of the labels the model gives, the share that is right."),
    "recall": ("Recall", "Of the labels people gave, the share that the model finds."),
}


def main() -> None:
    """Draw the page."""
    here = context()
    project = require_project(here)
    with here.store.read() as session:
        rounds = list_rounds(session, project.id)
        told = freshness(session, project.id)
    done = [round_ for round_ in rounds if round_.status is JobStatus.DONE]
    st.title("Dashboards")
    watch_job(here, project.id, in_full=False)
    if not done:
        st.info("There is nothing to show before the first round is done.")
        if st.button("Go to Train", icon=":material/model_training:"):
            go_to("train", project_id=project.id)
        return
    round_ = choose_round(done, told)
    with here.store.read() as session:
        evaluation = load_evaluation(session, round_.id)
    if evaluation is None:
        st.info(f"Round {round_.number} was not measured.")
        return
    draw_headline(round_)
    draw_tabs(here, round_, evaluation, done)


def choose_round(done: list[RoundInfo], told: str) -> RoundInfo:
    """The round in force, unless another is picked."""
    in_force = next((i for i, round_ in enumerate(done) if round_.is_active), 0)
    about, pick = st.columns([3, 1], vertical_alignment="center")
    about.markdown(told)
    return pick.selectbox(
        "Round",
        done,
        index=in_force,
        format_func=lambda r: f"Round {r.number}{', in force' if r.is_active else ''}",
        key=f"round_{done[in_force].id}",
        label_visibility="collapsed",
    )


def draw_headline(round_: RoundInfo) -> None:
    """The few figures first, and what they were measured on."""
    with st.container(horizontal=True, gap="medium"):
        for name, (title, meaning) in HEADLINES.items():
            with st.container(width=150, gap=None):
                st.metric(title, score(round_.metrics, name), help=meaning)
                if ends := interval(round_.metrics, name):
                    st.caption(f"95 %: {ends}")
    st.markdown(f":material/straighten: {round_.metrics.get('note', '')}")


def draw_tabs(
    here: Context, round_: RoundInfo, evaluation: Evaluation, done: list[RoundInfo]
) -> None:
    """Only the open tab is computed and sent."""
    contents: dict[str, Callable[[], None]] = {
        "Thresholds": lambda: draw_thresholds(evaluation),
        "Labels": lambda: draw_labels(evaluation),
        "Together": lambda: draw_together(evaluation),
        "Probabilities": lambda: draw_probabilities(evaluation),
        "History": lambda: draw_history(round_, done),
    }
    for tab, draw in zip(
        st.tabs(list(contents), key="view", bind="query-params"), contents.values(), strict=True
    ):
        if tab.open:
            with tab:
                draw()


def draw_thresholds(evaluation: Evaluation) -> None:
    """Where to cut, and whether to believe the probabilities."""
    left, right = st.columns(2)
    with left:
        draw_chart(
            "Threshold sweep",
            charts.threshold_sweep(evaluation),
            how=advice.how_to_read_threshold_sweep(),
            suggests=advice.what_it_suggests_threshold_sweep(evaluation),
            key="threshold_sweep",
        )
    with right:
        draw_chart(
            "Reliability",
            charts.reliability_diagram(evaluation),
            how=advice.how_to_read_reliability_diagram(),
            suggests=advice.what_it_suggests_reliability_diagram(evaluation),
            key="reliability",
        )


def draw_labels(evaluation: Evaluation) -> None:
    """Every label on its own."""
    draw_chart(
        "Precision, recall and F1 by label",
        charts.per_label_bars(evaluation),
        how=advice.how_to_read_per_label_bars(),
        suggests=advice.what_it_suggests_per_label_bars(evaluation),
        key="per_label",
    )
    draw_scores_table(evaluation)
    chosen = draw_label_chooser(evaluation)
    draw_chart(
        "Precision against recall",
        charts.precision_recall_curves(evaluation, chosen or None),
        how=advice.how_to_read_precision_recall_curves(),
        suggests=advice.what_it_suggests_precision_recall_curves(evaluation),
        key="pr_curves",
    )


def draw_together(evaluation: Evaluation) -> None:
    """Which labels go together, for people and for the model."""
    measure = st.segmented_control(
        "Show", list(PAIR_MEASURES), format_func=PAIR_MEASURES.get, default="count", key="pairs"
    )
    judged, predicted = st.columns(2) if len(evaluation.names) <= WIDE else (st, st)
    for place, which in ((judged, "judged"), (predicted, "predicted"), (st, "difference")):
        with place.container(border=True, key=f"pairs_{which}"):
            st.markdown(f"#### {PAIR_TITLES[which]}")
            figure = charts.cooccurrence_heatmap(evaluation, which, measure or "count")
            st.plotly_chart(figure, key=f"pairs_{which}_chart", alt=PAIR_TITLES[which])
    suggests = advice.what_it_suggests_cooccurrence_heatmap(evaluation)
    st.markdown(f":material/lightbulb: {escaped(suggests)}")
    st.caption(advice.how_to_read_cooccurrence_heatmap())


def draw_probabilities(evaluation: Evaluation) -> None:
    """How well present and absent are told apart."""
    label = st.selectbox(
        "Label", [None, *evaluation.names], format_func=lambda n: n or "All labels", key="histogram"
    )
    draw_chart(
        "Probabilities of what was judged",
        charts.probability_histograms(evaluation, label),
        how=advice.how_to_read_probability_histograms(),
        suggests=advice.what_it_suggests_probability_histograms(evaluation, label),
        key="histograms",
    )


def draw_history(round_: RoundInfo, done: list[RoundInfo]) -> None:
    """Over rounds, and within this one."""
    entries = history_entries(done)
    draw_chart(
        "F1 by round",
        charts.f1_by_round(entries),
        how=advice.how_to_read_f1_by_round(),
        suggests=advice.what_it_suggests_f1_by_round(entries),
        key="f1_by_round",
    )
    draw_chart(
        f"Loss by epoch, round {round_.number}",
        charts.loss_by_epoch(round_.history),
        how=advice.how_to_read_loss_by_epoch(),
        suggests=advice.what_it_suggests_loss_by_epoch(round_.history),
        key="loss_by_epoch",
    )


main()
