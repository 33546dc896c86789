"""Over rounds and days, and within this round."""

from __future__ import annotations

import streamlit as st

from core.charts import figures as charts
from core.domain import EvaluationSource
from core.evaluation import advice
from core.evaluation.epochs import runs_within
from core.evaluation.outlook import Outlook
from core.evaluation.wording import measured_on
from pages.widgets.chart import Point, draw_chart
from pages.widgets.dashboard.history_labels import draw_labels
from pages.widgets.dashboard.history_speed import draw_speed
from pages.widgets.dashboard.view import View
from pages.widgets.roll_back import draw_roll_back
from pages.widgets.round_story import draw_story
from pages.widgets.round_words import history_entries, name_of_score, rounds_table
from pages.widgets.stopping import outlook_of
from pages.widgets.text import counted

ACCURACY = (
    "Accuracy is the share of documents whose one label is predicted. Where a text here says "
    "micro-F1, that is the same number: every wrong label is one missed and one too many."
)


def draw(view: View) -> None:
    """What was gained so far, what more would bring, label by label, and at what speed."""
    _draw_rounds(view)
    _draw_curve(view)
    draw_labels(view)
    _draw_epochs(view)
    draw_speed(view)


def _draw_rounds(view: View) -> None:
    """Scores by round; a click on one leads back to it."""
    entries = history_entries(view.done)
    is_accuracy = name_of_score(view.done) == "Accuracy"
    points = draw_chart(
        "Accuracy by round" if is_accuracy else "F1 by round",
        charts.f1_by_round(entries, micro_name="accuracy" if is_accuracy else "micro-F1"),
        how=advice.how_to_read_f1_by_round()
        + " Click on a round to see what going back to it would change.",
        suggests=advice.what_it_suggests_f1_by_round(entries),
        key="f1_by_round",
        measured=f"Round {view.round_.number}. {measured_on(view.evaluation)}",
        on_select=True,
    )
    if is_accuracy:
        st.caption(ACCURACY)
    with st.expander("The rounds as a table"):
        st.dataframe(
            rounds_table(view.done),
            hide_index=True,
            column_config={"Finished": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm")},
        )
    draw_roll_back(view.here, view.project, view.done, clicked=_clicked(points))


def _clicked(points: list[Point]) -> int | None:
    """The number of the round whose mark is selected."""
    return int(points[0].customdata[1]) if points else None


def _draw_curve(view: View) -> None:
    """What more judgements would bring."""
    outlook = outlook_of(view.round_)
    if outlook is None:
        return
    is_accuracy = name_of_score([view.round_]) == "Accuracy"
    draw_chart(
        f"What more judgements would bring, by round {view.round_.number}",
        charts.learning_curve(
            outlook.forecast,
            why_not=outlook.note,
            score_name="accuracy" if is_accuracy else "micro-F1",
        ),
        how=advice.how_to_read_learning_curve(),
        suggests=advice.what_it_suggests_learning_curve(outlook),
        key="learning_curve",
        measured=_curve_measured_on(outlook),
    )


def _curve_measured_on(outlook: Outlook) -> str | None:
    ahead = outlook.forecast
    if ahead is None:
        return None
    kind = "audit document" if ahead.source is EvaluationSource.AUDIT else "judged document"
    return (
        f"{counted(ahead.n_measured, kind)}, each predicted by learners that did not see it; "
        f"learners of {counted(len(ahead.n_trained), 'size')}."
    )


def _draw_epochs(view: View) -> None:
    """Loss and scores by epoch, where the learner had any."""
    round_ = view.round_
    if not round_.history:
        st.markdown(f"Round {round_.number} has no epochs to show: its learner was solved at once.")
        draw_story(round_)
        return
    n_runs = len(runs_within(round_.history))
    learnt = counted(round_.n_judged or 0, "document")
    runs = (
        f"the band is over {n_runs} folds, each trained without a part of them"
        if n_runs > 1
        else "one run, so there is no band"
    )
    draw_chart(
        f"Loss by epoch, round {round_.number}",
        charts.loss_by_epoch(round_.history, per="document" if round_.is_exclusive else "cell"),
        how=advice.how_to_read_loss_by_epoch(),
        suggests=advice.what_it_suggests_loss_by_epoch(round_.history),
        key="loss_by_epoch",
        measured=f"Loss on the {learnt} trained on; {runs}.",
    )
    if any(entry.get("score") is not None for entry in round_.history):
        st.caption(
            "The validation score is average precision on the training documents that were kept "
            "apart to stop by; no published figure is measured on them."
        )
    draw_story(round_)
