"""Over rounds, and within this one."""

from __future__ import annotations

import streamlit as st

from core.charts import figures as charts
from core.evaluation import advice
from pages.widgets.chart import draw_chart
from pages.widgets.dashboard.view import View
from pages.widgets.round_story import draw_story
from pages.widgets.round_words import history_entries, name_of_score

ACCURACY = (
    "Accuracy is the share of documents whose one label is predicted. Where a text here says "
    "micro-F1, that is the same number: every wrong label is one missed and one too many."
)


def draw(view: View) -> None:
    """Scores by round, and loss by epoch."""
    round_, done = view.round_, view.done
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
