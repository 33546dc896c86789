"""How far along a project is, as the Train and Annotate pages tell of it."""

from __future__ import annotations

import streamlit as st

from core.evaluation import advice_stopping as advice
from core.evaluation.outlook import Outlook
from core.services.rounds import RoundInfo
from pages.widgets.round_words import is_accuracy
from pages.widgets.text import escaped

STORED = "stopping"  # in a round's metrics


def outlook_of(round_: RoundInfo | None) -> Outlook | None:
    """What the round knew of the way ahead; rounds of earlier versions knew nothing."""
    stored = None if round_ is None else round_.metrics.get(STORED)
    return None if stored is None else Outlook.from_json(stored)


def draw_outlook(round_: RoundInfo, outlook: Outlook) -> None:
    """The gist, the labels that hold it back, and behind a fold what it rests on."""
    with st.container(border=True, key="how_far_along"):
        st.markdown(f"**How far along, by round {round_.number}**")
        for told in (
            advice.what_more_would_bring(outlook),
            advice.has_it_settled(outlook),
            advice.what_labels_need(outlook),
        ):
            if told:
                st.markdown(escaped(told))
        if is_accuracy(round_):
            st.caption("Micro-F1 is accuracy here: one label is predicted of each document.")
        if outlook.labels:
            lines = [
                f"- **{escaped(label.name)}**: {escaped(advice.what_a_label_needs(label, outlook))}"
                for label in outlook.labels
            ]
            with st.expander(_labels_title(outlook)):
                st.markdown("\n".join(lines))
        with st.expander("What this rests on"):
            if assumed := advice.what_was_assumed(outlook):
                st.markdown(escaped(assumed))
            st.markdown(
                "\n".join(
                    f"- {escaped(advice.what_a_criterion_says(reading))}"
                    for reading in outlook.agreement.readings
                )
            )


def _labels_title(outlook: Outlook) -> str:
    shown = len(outlook.labels)
    if shown == outlook.n_labels:
        return "Label by label"
    return f"The rarest and the weakest labels ({shown} of {outlook.n_labels})"


def in_one_sentence(round_: RoundInfo | None) -> str:
    """The gist for a caption; nothing where nothing is known."""
    outlook = outlook_of(round_)
    return "" if outlook is None else escaped(advice.in_one_sentence(outlook))
