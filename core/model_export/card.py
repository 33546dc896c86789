"""The model card: what the model was taught, how well it does, and what it is not good for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from core.domain import ABSENT, PRESENT, EvaluationSource
from core.errors import CorruptArtefact
from core.evaluation.report import Evaluation
from core.model_export.source import Source

MEASURED_ON = {
    EvaluationSource.AUDIT: "an audit set drawn at random, which no round learns from",
    EvaluationSource.OUT_OF_FOLD: "judged documents, each predicted by a model that had not seen "
    "it (out-of-fold); they were chosen by the strategy, not drawn at random",
    EvaluationSource.HELD_OUT: "a random part of the judged documents kept out of training; what "
    "was judged was chosen by the strategy, not drawn at random",
    EvaluationSource.NONE: "nothing: there were too few documents to measure on",
}
FIGURES = (
    ("micro_f1", "micro F1"),
    ("macro_f1", "macro F1"),
    ("precision", "precision"),
    ("recall", "recall"),
)


def write_card(source: Source, *, files: Mapping[str, str], asked: Mapping[str, int]) -> str:
    """Give the card as Markdown with the front matter that model hubs read.

    Parameters
    ----------
    files
        What lies in the folder, by name: what it is for.
    asked
        Judged documents by who chose them, where that is known.
    """
    return (
        "\n\n".join(
            part.strip("\n")
            for part in (
                _front(source),
                f"# {source.folder.parent.name}: {source.folder.name}",
                _what(source),
                "## Files\n\n" + _table(("file", "what it is"), files.items()),
                "## Data\n\n" + _data(source, asked),
                "## Figures\n\n" + _figures(source),
                "## Probabilities\n\n" + _probabilities(source),
                "## Limits\n\n" + _limits(source),
                "## Versions\n\n" + _versions(source),
                "## Licence\n\nNot stated. Say here under which terms this model and the texts it "
                "learnt from may be used; the encoder has terms of its own.",
            )
        )
        + "\n"
    )


def _front(source: Source) -> str:
    return "---\npipeline_tag: text-classification\nlicense: unknown\n---"


def _what(source: Source) -> str:
    kind = "exactly one of" if source.is_exclusive else "any number of"
    words = " and of which words they use" if source.words is not None else ""
    return (
        f"Puts {kind} {len(source.label_names)} labels on a text. It reads texts with the encoder "
        f"`{source.encoder_name}` ({source.encoder.width} values per text, cut at "
        f"{source.encoder.max_tokens} tokens){words}."
    )


def _data(source: Source, asked: Mapping[str, int]) -> str:
    statistics, arrays = source.statistics, source.judged
    lines = [
        f"- Documents in the pool: {_n(statistics.get('n_documents'))}",
        f"- Learnt from: {_n(statistics.get('n_trained_on'))} judged documents",
        f"- Kept out of training to measure on: {_n(statistics.get('n_held_out'))}",
        f"- Judged documents of the random audit set: {_n(statistics.get('n_audited'))}",
        f"- Hash of the data: `{statistics.get('data_hash', 'unknown')}`",
    ]
    text = "\n".join(lines) + "\n\n" + _sampling(source, asked)
    if "train_truth" in arrays:
        truth = arrays["train_truth"]
        rows = [
            (
                name,
                int((truth[:, at] == PRESENT).sum()),
                int((truth[:, at] == ABSENT).sum()),
                int((truth[:, at] < 0).sum()),
            )
            for at, name in enumerate(source.label_names)
        ]
        text += "\n\nOf the judged documents apart from the audit set:\n\n"
        text += _table(("label", "present", "absent", "unjudged"), rows)
    return text


def _sampling(source: Source, asked: Mapping[str, int]) -> str:
    settings = source.statistics.get("settings", {})
    if "strategy" not in settings:
        return "The texts came from a file with their labels; who chose them is not known."
    recipe = settings.get("recipe") or {}
    shares = {key: value for key, value in recipe.items() if key.endswith("_share") and value}
    said = ", ".join(f"{key.removesuffix('_share')} {value:.0%}" for key, value in shares.items())
    text = "How the documents to judge were chosen: "
    text += f"this round asks by the strategy `{settings['strategy']}`"
    text += f" (of each batch: {said})" if said else ""
    if asked:
        text += "; the judged documents were chosen by " + ", ".join(
            f"{kind} ({n:,})" for kind, n in asked.items()
        )
    return text + ". Documents chosen by a model are no random sample of the pool."


def _figures(source: Source) -> str:
    figures = source.figures
    try:
        evaluation = Evaluation.from_json(source.evaluation)
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptArtefact(
            f"The evaluation in '{source.folder}' cannot be read ({error!r}); run the round again."
        ) from error
    text = (
        f"Measured on {evaluation.n_documents:,} documents: {MEASURED_ON[evaluation.source]}.\n\n"
    )
    rows = [(said, _value(figures.get(key)), _interval(figures, key)) for key, said in FIGURES]
    text += _table(("figure", "value", "95 % interval"), rows)
    labels = [
        (
            one.name,
            _value(one.f1),
            _between(*(one.f1_interval or (None, None))),
            one.support,
        )
        for one in evaluation.labels
    ]
    text += "\n\n" + _table(("label", "F1", "95 % interval", "present in the measured"), labels)
    if note := figures.get("note"):
        text += f"\n\n{note}"
    return text


def _probabilities(source: Source) -> str:
    cut = f"A label is predicted {_cuts(source)} (`thresholds.json`)"
    if source.are_cuts_set:
        cut += "; people set this after the round, whose figures above are by its own thresholds"
    if source.is_exclusive:
        cut = "The most probable label is predicted"
    temperature = source.calibration.temperature
    how = f"divided by a temperature of {temperature.value:.3f}, fitted on unseen documents"
    if temperature.value == 1.0:
        how = f"not rescaled ({temperature.reason or 'the temperature is 1'})"
    if n_mended := int(source.calibration.is_own.sum()):
        how += (
            f"; {n_mended} labels have a way of their own instead (`calibration.json`: platt is "
            "σ(slope · logit p + shift), beta σ(slope · ln p − slope · ln(1 − p) + shift), "
            "isotonic a line through points)"
        )
    ece = source.figures.get("ece")
    error = "undefined" if ece is None else f"{ece:.3f}"
    return (
        f"{cut}. Logits are {how}; that is part of every file here. Expected calibration error on "
        f"the measured documents: {error}."
    )


def _cuts(source: Source) -> str:
    values = source.cuts.thresholds
    if len(set(values.tolist())) > 1:
        return f"from a threshold of its own on, {values.min():.3f} to {values.max():.3f}"
    return f"from {values[0] if len(values) else source.cuts.shared:.3f} on"


def _limits(source: Source) -> str:
    lines = [
        f"- Nothing beyond {source.encoder.max_tokens} tokens of a text is read.",
        "- It knows the labels and the kind of texts above, and answers about others all the same.",
        "- Arithmetic is in single precision; the app keeps texts' vectors in half precision, so "
        "its own probabilities differ by a few ten-thousandths.",
    ]
    if source.asks_documents:
        lines.append(
            "- It holds vectors of judged documents, which it compares texts with; from them "
            "something of those texts may be guessed."
        )
    if untaught := source.untaught:
        lines.append(
            f"- Never judged, so without a probability (NaN): {', '.join(map(str, untaught))}."
        )
    return "\n".join(lines)


def _versions(source: Source) -> str:
    statistics = source.statistics
    packages = statistics.get("packages", {})
    lines = [f"- code: {statistics.get('code_version', 'unknown')}"]
    lines += [f"- {name}: {version}" for name, version in sorted(packages.items())]
    lines.append(f"- encoder's fingerprint: `{source.encoder.fingerprint}`")
    lines.append(f"- trained on: {statistics.get('device', 'unknown')}")
    return "\n".join(lines)


def _table(head: tuple[str, ...], rows: Any) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return " ".join(text.replace("|", "\\|").split())


def _n(value: Any) -> str:
    return "unknown" if value is None else f"{value:,}"


def _value(value: float | None) -> str:
    return "undefined" if value is None or np.isnan(value) else f"{value:.3f}"


def _interval(figures: Mapping[str, Any], key: str) -> str:
    return _between(figures.get(f"{key}_low"), figures.get(f"{key}_high"))


def _between(low: float | None, high: float | None) -> str:
    if low is None or high is None or np.isnan(low) or np.isnan(high):
        return "undefined"
    return f"{low:.3f} to {high:.3f}"
