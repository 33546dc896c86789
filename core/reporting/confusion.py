"""Confusion matrices as pictures: two by two for every label, or label by label."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from numpy.typing import NDArray

from core.disk import write_whole
from core.reporting.figures import INK, PAPER
from core.reporting.material import Material
from core.reporting.pens import drawable, font_for
from core.reporting.scores import confusion_matrices, label_confusion

ACROSS, PER_PICTURE = 6, 60  # small matrices
CELL_IN = 0.34  # inches, of a matrix of labels
MOST_WRITTEN = 40  # labels up to which a matrix of labels writes its numbers
DPI = 110
DPI = 110
LONGEST_NAME = 18  # characters
BLUE = np.array([0x00, 0x77, 0xBB]) / 255


def draw_confusion(material: Material, folder: Path) -> list[Path]:
    """Write the pictures that fit the project; gives their paths, the first one first."""
    if material.evaluation.n_cells == 0:
        return []
    pages = list(_small_matrices(material))
    names = [f"confusion_matrices{'' if i == 0 else f'-{i + 1}'}.png" for i in range(len(pages))]
    if material.outputs.exclusive:
        pages.insert(0, _between_labels(material))
        names.insert(0, "confusion_between_labels.png")
    paths = [folder / name for name in names]
    for path, figure in zip(paths, pages, strict=True):
        _write(path, figure)
    return paths


def _small_matrices(material: Material) -> Iterator[Figure]:
    rows = confusion_matrices(material).rows
    for start in range(0, len(rows), PER_PICTURE):
        chosen = rows[start : start + PER_PICTURE]
        names = [str(row[0]) for row in chosen]
        counts = np.array([row[1:5] for row in chosen], dtype=np.int64)
        yield _grid(names, counts)


def _grid(names: list[str], counts: NDArray[np.int64]) -> Figure:
    """Matrices side by side, judged down and predicted across, shaded by the share of the row."""
    n_rows = -(-len(names) // ACROSS)
    figure = Figure(figsize=(ACROSS * 1.75, n_rows * 1.95 + 0.3), facecolor=PAPER)
    places = figure.subplots(n_rows, ACROSS, squeeze=False)
    for position, axes in enumerate(places.flat):
        if position >= len(names):
            axes.axis("off")
            continue
        tp, fp, fn, tn = counts[position]
        _draw_matrix(axes, np.array([[tp, fn], [fp, tn]]), written=True)
        axes.set_title(**_written(names[position]))
        first = position % ACROSS == 0
        axes.set_xticks([0, 1], ["predicted", "not"], fontsize=6.5)
        axes.set_yticks([0, 1], ["present", "absent"] if first else ["", ""], fontsize=6.5)
    figure.tight_layout()
    return figure


def _between_labels(material: Material) -> Figure:
    names, matrix = material.outputs.names, label_confusion(material)
    side = max(4.0, CELL_IN * len(names) + 2.2)
    figure = Figure(figsize=(side, side), facecolor=PAPER)
    axes = figure.subplots()
    _draw_matrix(axes, matrix, written=len(names) <= MOST_WRITTEN)
    shown = [_written(name) for name in names]
    axes.set_xticks(range(len(names)), [told["label"] for told in shown], rotation=90)
    axes.set_yticks(range(len(names)), [told["label"] for told in shown])
    for axis in (axes.xaxis, axes.yaxis):
        for written, told in zip(axis.get_ticklabels(), shown, strict=True):
            written.set_fontproperties(told["font"])
    axes.set_xlabel("predicted", color=INK)
    axes.set_ylabel("judged", color=INK)
    figure.tight_layout()
    return figure


def _draw_matrix(axes: Axes, matrix: NDArray[np.int64], *, written: bool) -> None:
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    cells = 1 - shares[..., None] * (1 - BLUE)
    axes.imshow(cells, aspect="equal")
    axes.tick_params(length=0, colors=INK)
    for (row, column), n in np.ndenumerate(matrix):
        if not written or (n == 0 and len(matrix) > 2):
            continue
        ink = PAPER if shares[row, column] > 0.6 else INK
        axes.text(column, row, f"{n:,}", ha="center", va="center", fontsize=8, color=ink)


def _written(name: str) -> dict[str, Any]:
    """A short name and a font that has its letters."""
    cut = name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1].rstrip() + "…"
    font = font_for([cut])
    label = drawable(" ".join(cut.split()), font).replace("$", r"\$")
    return {"label": label, "font": FontProperties(fname=font, size=8)}


def _write(path: Path, figure: Figure) -> None:
    FigureCanvasAgg(figure)  # no window, no state shared with others
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, pil_kwargs={"optimize": True})
    write_whole(path, lambda file: file.write(buffer.getvalue()))
