"""The colours of labels, the same on the card and in every figure. Knows nothing else."""

from __future__ import annotations

# Eight hues told apart with any common colour vision, after Paul Tol's "vibrant" and "muted" sets.
PALETTE = (
    "#0077BB",
    "#DD6E2B",
    "#009988",
    "#CC3311",
    "#1C9FD0",
    "#EE3377",
    "#8D8D33",
    "#AA4499",
)


def label_colour(position: int) -> str:
    """The colour of the label at a position in the schema."""
    return PALETTE[position % len(PALETTE)]
