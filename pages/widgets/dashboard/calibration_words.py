"""The scores of probabilities as a small table, with what each of them is."""

from __future__ import annotations

import streamlit as st

from core.evaluation.belief import Belief, Compared

WHAT_THEY_ARE = """
- **Calibration error**: how far observed shares are from probabilities, on average over bins
  (ECE). A faultless model has one too; *by chance* is what it stays below, 19 times in 20.
- **Adaptive**: the same over bins that hold equally many judgements; of all labels, the mean of
  each label's own. **Largest gap**: the bin that is furthest off, by the bins chosen above.
- **Brier score**: the mean square of how far a probability was from what came true. It is
  *being off* − *telling apart* + *how hard it is* + *within bins*: what calibrating can mend,
  what the model knows, what always saying the share would score, and what the bins hide.
- **Skill**: the share of that difficulty which the model takes away. **Log loss**: the surprise
  per judgement, in nats; a sure mistake costs most.
"""


def draw_parts(found: Compared) -> None:
    """Now, and before calibration where that is known."""
    if found.after.n_cells == 0:
        return
    with st.expander("The scores behind it"):
        beliefs = [found.after] if found.before is None else [found.after, found.before]
        heads = ["as reported", "before calibration"][: len(beliefs)]
        lines = [f"| | {' | '.join(heads)} |", f"|:--|{'--:|' * len(beliefs)}"]
        for parts in zip(*(_rows(belief) for belief in beliefs), strict=True):
            name = parts[0][0]
            lines.append(f"| {name} | {' | '.join(_told(value) for _, value in parts)} |")
        st.markdown("\n".join(lines))
        st.caption(WHAT_THEY_ARE)


def _rows(belief: Belief) -> list[tuple[str, float]]:
    brier = belief.brier
    return [
        ("Calibration error (ECE)", belief.ece),
        ("… by chance, up to", belief.ece_by_chance),
        ("Adaptive calibration error", belief.adaptive_ece),
        ("Largest gap", belief.largest_gap),
        ("Brier score", brier.brier),
        ("= being off (reliability)", brier.reliability),
        ("− telling apart (resolution)", brier.resolution),
        ("+ how hard it is (uncertainty)", brier.uncertainty),
        ("+ within bins", brier.within),
        ("Skill", brier.skill),
        ("Log loss", belief.log_loss),
    ]


def _told(value: float) -> str:
    return "undefined" if value != value else f"{value:.4f}"
