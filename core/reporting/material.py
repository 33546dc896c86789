"""What every part of a report is made from, and on which documents that was measured."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.domain import PRESENT, EvaluationSource
from core.errors import NotFound
from core.evaluation.belief import Belief, beliefs_by_label
from core.evaluation.counts import Counts, Mask, masked_truth
from core.evaluation.outputs import EvaluationOutputs
from core.evaluation.report import Evaluation
from core.evaluation.wording import counted
from core.reporting.names import file_names, readable, readable_outputs

DOCUMENTS = {
    EvaluationSource.AUDIT: "drawn at random for measuring and never trained on",
    EvaluationSource.OUT_OF_FOLD: "each predicted by a model that did not see it (out-of-fold); "
    "people or a strategy chose them, so they need not be like the rest",
    EvaluationSource.HELD_OUT: "kept out of training",
    EvaluationSource.NONE: "from an unknown source",
}


@dataclass(frozen=True)
class Material:
    """The measured documents, their evaluation, and how the report is to tell of them."""

    outputs: EvaluationOutputs
    evaluation: Evaluation
    title: str
    with_texts: bool = True
    chosen: bool = False  # these labels were named among more

    @cached_property
    def files(self) -> tuple[str, ...]:
        """The name of each label's files, without ending."""
        return file_names(self.outputs.names)

    @cached_property
    def truth(self) -> Counts:
        """(documents, labels): -1 also where there is a judgement but no probability."""
        return masked_truth(self.outputs.proba, self.outputs.truth).astype("int64")

    @cached_property
    def beliefs(self) -> list[Belief]:
        """How far each label's probabilities can be believed."""
        return beliefs_by_label(self.outputs.proba, self.outputs.truth, seed=self.outputs.seed)

    @property
    def guesses(self) -> Mask:
        """(documents, labels): what was predicted."""
        return self.outputs.guesses

    @property
    def texts(self) -> tuple[str, ...]:
        """How the documents begin; empty where unknown or left out."""
        return self.outputs.texts if self.with_texts else ()

    def document(self, position: int) -> str:
        """What people know a document by."""
        if self.outputs.external_ids:
            return self.outputs.external_ids[position]
        if self.outputs.document_ids is not None:
            return str(self.outputs.document_ids[position])
        return f"document {position + 1}"

    @property
    def measured_on(self) -> str:
        """What every figure was measured on, in a sentence."""
        evaluation = self.evaluation
        if evaluation.n_documents == 0:
            return "No document was measured: none has both a judgement and a probability."
        n_present = int((self.truth == PRESENT).sum())
        return (
            f"Measured on {counted(evaluation.n_documents, 'document')}, "
            f"{DOCUMENTS[evaluation.source]}: {evaluation.n_cells:,} judged cells of "
            f"(document, label), {n_present:,} of them present; nothing is counted from cells "
            "that nobody judged."
        )


def gather(
    outputs: EvaluationOutputs,
    *,
    title: str = "",
    labels: tuple[str, ...] = (),
    with_texts: bool = True,
) -> Material:
    """Measure the outputs again, of some labels alone where they are named.

    Raises NotFound for a label that is not among them.
    """
    chosen = readable_outputs(_only(outputs, labels) if labels else outputs)
    return Material(
        chosen,
        chosen.evaluate(),
        title=readable(title).strip() or usual_title(chosen),
        with_texts=with_texts,
        chosen=bool(labels),
    )


def usual_title(outputs: EvaluationOutputs) -> str:
    """ "news, round 3", as far as the outputs know."""
    project, number = outputs.about.get("project"), outputs.about.get("round")
    told = [str(project)] if project else []
    if number is not None:
        told.append(f"round {number}")
    return readable(", ".join(told)) or "Evaluation"


def _only(outputs: EvaluationOutputs, labels: tuple[str, ...]) -> EvaluationOutputs:
    missing = [label for label in labels if label not in outputs.names]
    if missing:
        known = ", ".join(f"'{name}'" for name in outputs.names[:8])
        raise NotFound(
            f"Label '{missing[0]}' is not among the {len(outputs.names)} of these outputs "
            f"({known}{' …' if len(outputs.names) > 8 else ''}); write it as it is there."
        )
    wanted = [outputs.names.index(label) for label in dict.fromkeys(labels)]
    return outputs.only(np.array(wanted, dtype=np.int64))
