"""Which learner, and what is changed of it: fields made from the catalogue, usual ones first."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log10
from typing import Any

import streamlit as st

from core.domain import RoundKind
from core.learners.catalogue import DEFAULT_LEARNER, LearnerInfo, Option, learner_info, learners_of
from core.services.learner_choice import KIND

CHOICES = {
    "": "its own choice",
    "cls": "the first token",
    "mean": "the mean of all tokens",
    "full": "all of it",
    "head": "the head alone",
    "last": "its last layers",
    "gradual": "layer by layer, from the top",
    "lora": "small matrices beside it (LoRA)",
    "q": "query",
    "qv": "query and value",
    "qkvo": "query, key, value and output",
    "transformer": "a two-layer transformer",
    "cnn": "a convolutional network",
    "rnn": "a recurrent network",
}
# Options that mean something only beside a value of another one.
ONLY_WITH: dict[str, tuple[str, tuple[Any, ...]]] = {
    "last_layers": ("tuning", ("last",)),
    "layer_decay": ("tuning", ("full", "last", "gradual")),
    "dropout": ("tuning", ("full", "last", "gradual", "lora")),
    "lora_targets": ("tuning", ("lora",)),
    "lora_rank": ("tuning", ("lora",)),
    "lora_alpha": ("tuning", ("lora",)),
    "patience": ("early_stopping", (True,)),
    "min_epochs": ("early_stopping", (True,)),
}
UNUSED = ("loss", "positive_weight")  # where exactly one label applies: softmax has its own loss
TOGGLES_IN_A_ROW, FIELDS_IN_A_ROW = 2, 3


def choose_learner(
    kind: RoundKind, remembered: dict[str, Any], *, exclusive: bool, project_id: int
) -> dict[str, Any]:
    """The learner's name and what is changed of its options; nothing where all is as usual."""
    infos = {info.name: info for info in learners_of(kind)}
    usual = str(remembered.get(KIND, DEFAULT_LEARNER[kind]))
    name = st.selectbox(
        "Learn with",
        list(infos),
        index=list(infos).index(usual) if usual in infos else 0,
        format_func=lambda name: infos[name].title,
        key=f"learner_{kind}_{project_id}",
    )
    info = learner_info(name)
    form = _Form(info, remembered if usual == name else {}, project_id)
    st.caption(info.description)
    options = [option for option in info.options if not exclusive or option.name not in UNUSED]
    chosen = form.fields([option for option in options if option.is_usual], {})
    further, before = [option for option in options if not option.is_usual], form.before
    n_changed = sum(option.name in before for option in further)
    title = "Further options" + (f", {n_changed} changed" if n_changed else "")
    if further and st.toggle(title, bool(n_changed), key=f"further_{name}_{project_id}"):
        chosen |= form.fields(further, chosen)
    else:  # folded away, what was changed last time stays so
        chosen |= {option.name: before[option.name] for option in further if option.name in before}
    changed = {
        key: value for key, value in chosen.items() if not _is_default(info.option(key), value)
    }
    return {KIND: name, **changed} if changed or name != DEFAULT_LEARNER[kind] else {}


@dataclass(frozen=True)
class _Form:
    """One learner's fields, beginning with what was changed last time in this project."""

    info: LearnerInfo
    before: dict[str, Any]
    project_id: int  # in every key: boxes of one key would bring one project's choice to another

    def fields(self, options: list[Option], chosen: dict[str, Any]) -> dict[str, Any]:
        """A field for each option that means something beside what is chosen; toggles first."""
        toggles = [option for option in options if isinstance(option.default, bool)]
        values = self._row_by_row(toggles, TOGGLES_IN_A_ROW)
        meant = [
            option
            for option in options
            if option not in toggles and _is_meant(option, self.info, {**chosen, **values})
        ]
        return values | self._row_by_row(meant, FIELDS_IN_A_ROW)

    def _row_by_row(self, options: list[Option], n_columns: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for start in range(0, len(options), n_columns):
            row = options[start : start + n_columns]
            for column, option in zip(st.columns(n_columns), row, strict=False):
                key = f"option_{self.info.name}_{option.name}_{self.project_id}"
                with column:
                    value = self.before.get(option.name, option.default)
                    values[option.name] = _field(option, value, key=key)
        return values


def _is_meant(option: Option, info: LearnerInfo, chosen: dict[str, Any]) -> bool:
    other, values = ONLY_WITH.get(option.name, ("", ()))
    defaults = {known.name: known.default for known in info.options}
    return other not in defaults or chosen.get(other, defaults[other]) in values


def _field(option: Option, value: Any, *, key: str) -> Any:
    """A toggle, a choice, a text or a number, as the option's default asks for."""
    told = {"help": option.help or None, "key": key}
    if option.choices:
        return st.selectbox(
            option.title,
            option.choices,
            index=option.choices.index(value) if value in option.choices else 0,
            format_func=lambda choice: CHOICES.get(choice, choice),
            **told,
        )
    if isinstance(option.default, bool):
        return st.toggle(option.title, bool(value), **told)
    if isinstance(option.default, tuple):
        return st.text_input(option.title, "-".join(map(str, value)), max_chars=100, **told)
    if isinstance(option.default, str):
        return st.text_input(option.title, str(value), **told)
    return _number(option, value, told)


def _number(option: Option, value: Any, told: dict[str, Any]) -> Any:
    """A whole number, or one written as short as it can be."""
    assert option.low is not None
    is_whole = isinstance(option.low, int)
    as_given = int if is_whole else float
    return st.number_input(
        option.title,
        as_given(option.low),
        as_given(option.high or 0),
        None if value is None else as_given(value),
        step=1 if is_whole else _step(option),
        format=None if is_whole else "%g",
        placeholder="its own choice",
        **told,
    )


def _step(option: Option) -> float:
    """What one press of plus adds: as large as the default's first figure."""
    usual = option.default if isinstance(option.default, float) else 0.1
    return float(10 ** floor(log10(usual))) if usual else 0.05


def _is_default(option: Option, value: Any) -> bool:
    default = option.default
    if isinstance(default, tuple):
        said = value if isinstance(value, str) else "-".join(map(str, value))
        return said.strip() == "-".join(map(str, default))
    if isinstance(default, float) and value is not None:
        return abs(value - default) <= 1e-12
    return bool(value == default)
