"""What a training is given: data, learner, split and names, typed and checked.

Data only. Where each value comes from is `core.training.layers`; the learners'
own options are `core.training.options`.
"""

from __future__ import annotations

import re
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from core.errors import InputError
from core.evaluation.operating_points import Aim, Goal, Scope

PROJECT = "project:"
DEMO = "demo"
LIKE_A_PROJECT = re.compile(r"\d+(-|$)")  # what projects' folders are called
NAME_PATTERN = r"^[\w][\w .,=+-]{0,79}$"
LARGEST_SEED = 2**31 - 1

EmptyMeans = Literal["unjudged", "no_label_applies"]


class TrainConfig(BaseModel):
    """One training from texts with labels to a model in a folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str = Field(min_length=1)  # a file, "demo", or "project:<id or name>"
    text: str | None = None  # column; by default guessed, as on import
    labels: str | None = None  # column of lists
    separator: str | None = Field(default=None, max_length=5)  # between labels of one cell
    empty_means: EmptyMeans = "unjudged"  # what a cell without labels says
    test: str | None = None  # a file to measure on
    test_share: float = Field(default=0.2, ge=0.0, le=0.9)  # drawn from the data without one
    validation_share: float = Field(default=0.15, gt=0.0, le=0.5)  # of the rest, without folds
    folds: int | None = Field(default=None, ge=0, le=20)  # None: 5 where that is cheap, else none
    subsample: float = Field(default=1.0, gt=0.0, le=1.0)  # of the documents to train on
    learner: str = "auto"
    options: dict[str, Any] = Field(default_factory=dict)  # of the learner
    teacher: str | None = None  # a checkpoint, for the learner 'student'
    encoder: str = "bundled"  # or a local folder, or a Hugging Face name
    max_tokens: int = Field(default=256, ge=8, le=8192)
    exclusive: bool = False  # exactly one label per text
    threshold: float | None = Field(default=None, gt=0.0, lt=1.0)  # None: chosen on unseen texts
    aim: Goal = Goal.F1  # what thresholds are chosen for
    scope: Scope = Scope.SHARED  # one for all labels, or one per label
    beta: float = 1.0  # of the aim f-beta
    floor: float = 0.8  # of the aims precision and recall
    cost_false_positive: float = 1.0
    cost_false_negative: float = 1.0
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED)
    name: str = Field(default="", pattern=rf"^$|{NAME_PATTERN}")  # empty: from the data
    strategy: str = Field(default="whole", pattern=r"^[\w][\w.+-]{0,39}$")
    resume: bool = False  # go on with the latest checkpoint of this seed, optimiser and all
    warm_start: bool = False  # its weights alone, with a fresh optimiser
    extra_epochs: int | None = Field(default=None, ge=1, le=1000)  # on top, with either

    @field_validator("*", mode="before")
    @classmethod
    def _no_number_is_a_boolean(cls, value: Any, info: ValidationInfo) -> Any:
        wanted = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, bool) and wanted is not bool:
            raise ValueError("this is neither yes nor no")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.resume and self.warm_start:
            raise ValueError("resume and warm_start exclude each other; choose one of them")
        if self.extra_epochs is not None and not (self.resume or self.warm_start):
            raise ValueError("extra_epochs needs resume or warm_start; say which")
        if self.warm_start and self.folds:
            raise ValueError(
                "a warm start in folds would be measured on texts that its weights know; leave "
                "out folds"
            )
        try:
            _ = self.full_aim
        except InputError as error:
            raise ValueError(str(error).rstrip(".")) from None
        if self.folds == 1:
            raise ValueError("one fold leaves nothing to train on; give 0, or 2 and more")
        return self

    @property
    def is_project(self) -> bool:
        """Whether the data are a project's judgements, and training is a round."""
        return self.data.startswith(PROJECT)

    @property
    def full_aim(self) -> Aim:
        """What thresholds are chosen for; raises InputError for what cannot be."""
        return Aim(
            goal=self.aim,
            scope=self.scope,
            beta=self.beta,
            floor=self.floor,
            cost_false_positive=self.cost_false_positive,
            cost_false_negative=self.cost_false_negative,
        )

    @property
    def goes_on(self) -> bool:
        """Whether it begins with an earlier checkpoint."""
        return self.resume or self.warm_start

    @property
    def resolved_name(self) -> str:
        """The folder of its checkpoints."""
        return self.name or usual_name(self.data)


def usual_name(data: str) -> str:
    """What checkpoints of some data are called: `news` for `files/news.csv.gz`."""
    last = re.split(r"[/\\]", data)[-1]
    stem = last.split(".")[0] if "." in last[1:] else last
    name = re.sub(r"[^\w -]", "-", stem).strip(" -")[:80] or "texts"
    return f"data-{name}"[:80] if LIKE_A_PROJECT.match(name) else name
