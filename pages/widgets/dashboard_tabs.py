"""What each tab of the dashboards draws, from one stored evaluation."""

from __future__ import annotations

import streamlit as st

from core.charts import figures as charts
from core.charts.pairs import Measure, Which
from core.evaluation import advice
from core.evaluation.report import Evaluation
from core.services.rounds import RoundInfo
from pages.widgets.chart import CONFIG, draw_chart
from pages.widgets.label_scores import draw_label_chooser, draw_scores_table
from pages.widgets.round_story import draw_story
from pages.widgets.round_words import history_entries, name_of_score
from pages.widgets.text import escaped

WIDE = 14  # labels from which two heatmaps no longer fit side by side
PAIR_MEASURES: dict[Measure, str] = {
    "count": "documents",
    "conditional": "share of the row's label",
}
ACCURACY = (
    "Accuracy is the share of documents whose one label is predicted. Where a text here says "
    "micro-F1, that is the same number: every wrong label is one missed and one too many."
)
PAIR_TITLES: dict[Which, str] = {
    "judged": "Judged together",
    "predicted": "Predicted together",
    "difference": "Difference: predicted minus judged",
}


def draw_reliability(evaluation: Evaluation) -> None:
    """Whether to believe the probabilities, where no threshold is chosen."""
    st.markdown(
        "Exactly one label applies to each document, so the most probable one is predicted, "
        "however probable it is: there is no threshold to choose."
    )
    draw_chart(
        "Reliability",
        charts.reliability_diagram(evaluation),
        how=advice.how_to_read_reliability_diagram(),
        suggests=advice.what_it_suggests_reliability_diagram(evaluation),
        key="reliability",
    )


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
        "Show",
        list(PAIR_MEASURES),
        format_func=PAIR_MEASURES.__getitem__,
        default="count",
        key="pairs",
    )
    judged, predicted = st.columns(2) if len(evaluation.names) <= WIDE else (st, st)
    for which, place in zip(PAIR_TITLES, (judged, predicted, st), strict=True):
        with place.container(border=True, key=f"pairs_{which}"):
            st.markdown(f"#### {PAIR_TITLES[which]}")
            figure = charts.cooccurrence_heatmap(
                evaluation, which, measure or "count", dark=st.context.theme.type == "dark"
            )
            st.plotly_chart(
                figure, key=f"pairs_{which}_chart", config=CONFIG, alt=PAIR_TITLES[which]
            )
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
    main = name_of_score(done)
    is_accuracy = main == "Accuracy"
    draw_chart(
        "Accuracy by round" if is_accuracy else "F1 by round",
        charts.f1_by_round(entries, micro_name="accuracy" if is_accuracy else "micro-F1"),
        how=advice.how_to_read_f1_by_round(),
        suggests=advice.what_it_suggests_f1_by_round(entries),
        key="f1_by_round",
    )
    if is_accuracy:
        st.caption(ACCURACY)
    if round_.history:
        per = "document" if round_.is_exclusive else "cell"
        draw_chart(
            f"Loss by epoch, round {round_.number}",
            charts.loss_by_epoch(round_.history, per=per),
            how=advice.how_to_read_loss_by_epoch(),
            suggests=advice.what_it_suggests_loss_by_epoch(round_.history),
            key="loss_by_epoch",
        )
    else:
        st.markdown(f"Round {round_.number} has no epochs to show: its learner was solved at once.")
    if any(entry.get("score") is not None for entry in round_.history):
        st.caption(
            "The validation score is average precision on the training documents that were kept "
            "apart to stop by; no published figure is measured on them."
        )
    draw_story(round_)
