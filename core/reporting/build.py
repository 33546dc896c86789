"""A report from saved outputs: every figure, table and picture, and one page with all of it.

It reads nothing but the outputs and writes nothing but the folder; neither
database nor app is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.disk import folder_size, write_whole
from core.errors import Cancelled
from core.evaluation.answers import Known, Question
from core.evaluation.outputs import OUTPUTS, EvaluationOutputs
from core.evaluation.suspect_counts import suspects_measured
from core.evaluation.verdicts import answers, what_first
from core.reporting import findings, scores
from core.reporting.clouds import Found, draw_clouds, find_words, in_pictures, title_of, words_table
from core.reporting.figures import Drawn, draw_all, write_json, write_plotly
from core.reporting.folder import new_report, write_marker
from core.reporting.material import Material, gather
from core.reporting.options import Format, ReportOptions
from core.reporting.page import Content, Picture, figure_page, whole_page
from core.reporting.pictures import draw_pictures
from core.reporting.recipes import recipes_for
from core.reporting.sections import ERRORS, LABELS, OF_TABLES
from core.reporting.tables import Table, write_table

PAGE = "report.html"
FIGURES, TABLES, CLOUDS = "figures", "tables", "wordclouds"
CLOUDS_SHOWN = 5  # on the page: all labels, and those with most errors


@dataclass(frozen=True)
class Report:
    """What was written where; `notes` say what is missing and why."""

    folder: Path
    page: Path
    n_figures: int
    n_tables: int
    n_bytes: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Watch:
    """Who is told how far a report is, and who may stop it."""

    on_stage: Callable[[str, float], None] = lambda doing, share: None
    should_stop: Callable[[], bool] = lambda: False

    def at(self, doing: str, share: float) -> None:
        """Tell; raises Cancelled where it should stop."""
        if self.should_stop():
            raise Cancelled("The report was cancelled.")
        self.on_stage(doing, share)


def write_report(
    outputs: EvaluationOutputs,
    out: Path,
    options: ReportOptions | None = None,
    *,
    made: datetime,
    watch: Watch | None = None,
) -> Report:
    """Write the report into `out`, whole or not at all.

    Raises Conflict where files of others are in `out` (see `ReportOptions.force`),
    NotFound for a label that the outputs do not have.
    """
    options, watch = options or ReportOptions(), watch or Watch()
    with new_report(out, force=options.force) as folder:
        watch.at("measuring", 0.0)
        material = gather(
            outputs, title=options.title, labels=options.labels, with_texts=options.with_texts
        )
        notes = _what_is_missing(material)
        watch.at("writing the tables", 0.05)
        found = find_words(material)
        tables = [*_tables(material), words_table(material, found)]
        for table in tables:
            write_table(folder / TABLES, table)
        pictures = _pictures(material, found, folder, watch)
        watch.at("drawing the figures", 0.25)
        figures = list(draw_all(recipes_for(material), material))
        notes += _write_figures(figures, folder / FIGURES, options, watch)
        watch.at("putting it on one page", 0.95)
        content = Content(
            material,
            figures,
            tables,
            pictures=pictures,
            notes=notes,
            made=f"Made {made:%Y-%m-%d %H:%M} {made.tzname() or ''}".strip() + ".",
            sections=OF_TABLES,
            answers=_in_short(material),
        )
        _write_text(folder / PAGE, whole_page(content))
        about = {"title": material.title, "made": made.isoformat(), "notes": notes}
        write_marker(folder, about)
        n_bytes = folder_size(folder)
    return Report(out, out / PAGE, len(figures), len(tables), n_bytes, tuple(notes))


def find_outputs(path: Path) -> Path:
    """The file of outputs that a path names: itself, or the one in that folder."""
    if not path.is_dir():
        return path
    named = path / OUTPUTS
    as_json = named.with_suffix(".json")
    return as_json if as_json.is_file() and not named.is_file() else named


def _tables(material: Material) -> Iterable[Table]:
    yield findings.thresholds(material)
    yield findings.sweep(material)
    yield findings.calibration(material)
    yield findings.reliability_bins(material)
    yield scores.classification_report(material)
    yield scores.confusion_matrices(material)
    if material.outputs.exclusive:
        yield scores.confusion_between_labels(material)
    else:
        yield findings.pairs(material)
    yield scores.by_fold(material)
    yield findings.errors(material)


def _pictures(material: Material, found: list[Found], folder: Path, watch: Watch) -> list[Picture]:
    """Draw all, and give those that the page shows too."""
    from core.reporting.confusion import draw_confusion  # matplotlib: half a second

    watch.at("drawing confusion matrices", 0.1)
    matrices = draw_confusion(material, folder / TABLES)
    told = "Judged down, predicted across; shaded by the share of the row."
    shown = [Picture(path, "Confusion matrices", told, LABELS) for path in matrices[:1]]
    watch.at("drawing words", 0.15)
    clouds = draw_clouds(material, found, folder / CLOUDS)
    told = "The larger, the more often in wrong documents than in right ones judged alike."
    return shown + [
        Picture(path, title_of(material, each), told, ERRORS)
        for path, each in zip(clouds[:CLOUDS_SHOWN], in_pictures(found), strict=False)
    ]


def _write_figures(
    figures: list[Drawn], folder: Path, options: ReportOptions, watch: Watch
) -> list[str]:
    folder.mkdir(exist_ok=True)
    for drawn in figures:
        if Format.JSON in options.formats:
            write_json(folder, drawn)
        if Format.HTML in options.formats:
            _write_text(folder / f"{drawn.name}.html", figure_page(drawn))
    if Format.HTML in options.formats:
        write_plotly(folder)
    if Format.PNG not in options.formats:
        return []
    missing = draw_pictures(
        folder,
        figures,
        on_share=lambda share: watch.at("drawing figures as PNG", 0.3 + 0.6 * share),
        should_stop=watch.should_stop,
    )
    return [missing] if missing else []


def _in_short(material: Material) -> list[tuple[str, str]]:
    """The questions that saved outputs can answer, the summary of the answers first."""
    outputs = material.outputs
    known = Known(
        evaluation=material.evaluation,
        exclusive=outputs.exclusive,
        thresholds=outputs.thresholds,
        suspects=suspects_measured(outputs),
    )
    given = tuple(a for a in answers(known) if a.question is not Question.GOING_ON)
    return [("In short", what_first(given)), *((str(a.question), a.sentence) for a in given)]


def _what_is_missing(material: Material) -> list[str]:
    outputs = material.outputs
    told = [
        (material.evaluation.n_cells == 0, material.measured_on),
        (
            outputs.folds is None,
            "The outputs do not say which fold a document was left out of: no scores by fold.",
        ),
        (
            not outputs.texts and material.with_texts,
            "The outputs hold no texts: errors are listed without them, and there are no words.",
        ),
        (not material.with_texts, "Texts were left out on request."),
    ]
    return [sentence for is_so, sentence in told if is_so]


def _write_text(path: Path, text: str) -> None:
    write_whole(path, lambda file: file.write(text.encode("utf-8")))
