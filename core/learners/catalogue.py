"""What pages and commands need to know of the learners: names, options, limits, words.

Data only, so that the server can list learners without loading torch. What an
option does is the business of the learner's own module.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from core.domain import RoundKind
from core.errors import InputError

Value = bool | int | float | str | tuple[int, ...] | None


@dataclass(frozen=True)
class Option:
    """One thing that may be changed of a learner.

    Its type is that of `default`; None says that the learner's own choice
    stands, and then `low` tells a number from a whole number.
    """

    name: str
    default: Value
    title: str
    help: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    is_usual: bool = False  # shown without unfolding

    def checked(self, value: Any) -> Value:
        """Give the value as the learner takes it; raises InputError for what does not fit."""
        if self.choices:
            return self._one_of(value)
        if isinstance(self.default, bool):
            return self._yes_or_no(value)
        if isinstance(self.default, tuple):
            return tuple(self._number(part) for part in _parts(value))  # type: ignore[misc]
        if isinstance(self.default, str):
            return str(value)
        if value is None and self.default is None:
            return None
        return self._number(value)

    def _one_of(self, value: Any) -> str:
        if value not in self.choices:
            offered = " or ".join(f"'{choice}'" for choice in self.choices)
            raise InputError(f"{self.name} is {value!r}; give {offered}.")
        return str(value)

    def _yes_or_no(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise InputError(f"{self.name} is {value!r}; give true or false.")
        return value

    def _number(self, value: Any) -> int | float:
        is_whole = isinstance(self.low, int)
        low, high = self.low, self.high
        assert low is not None
        assert high is not None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or (is_whole and value != int(value)) or not low <= value <= high:
            kind = "whole number" if is_whole else "number"
            raise InputError(f"{self.name} is {value!r}; give a {kind} from {low:g} to {high:g}.")
        return int(value) if is_whole else float(value)


@dataclass(frozen=True)
class LearnerInfo:
    """One way of learning."""

    name: str
    title: str
    description: str
    round_kind: RoundKind | None  # None: for commands and comparisons, not for rounds
    options: tuple[Option, ...] = ()

    def option(self, name: str) -> Option:
        """The option of this name; raises InputError naming the nearest one."""
        by_name = {option.name: option for option in self.options}
        if name not in by_name:
            raise InputError(
                f"The learner '{self.name}' has no option '{name}'{_nearest(name, by_name)}; "
                f"it has {', '.join(by_name) or 'none'}."
            )
        return by_name[name]

    def checked(self, options: Mapping[str, Any]) -> dict[str, Value]:
        """Check changes of the defaults, each as the learner takes it."""
        return {name: self.option(name).checked(value) for name, value in options.items()}


ACTIVATIONS = ("relu", "gelu", "silu", "elu", "tanh", "leaky_relu", "prelu")

# --- options several learners share ---------------------------------------------------------

_LEXICAL = Option(
    "lexical",
    True,
    "Words beside meaning",
    "Let the learner see which words a text has, beside the encoder's vector. With few "
    "judgements that is worth a great deal.",
)
_C = Option(
    "C",
    None,
    "C",
    "How little the weights are held back. Empty: chosen on judged documents left out.",
    1e-4,
    1e4,
)
_LAYERS = Option(
    "layers",
    (256,),
    "Layers",
    "Units of each hidden layer, such as 412-220-118.",
    1,
    4096,
    is_usual=True,
)
_ACTIVATION = Option("activation", "relu", "Activation", choices=ACTIVATIONS)
_HEAD = (
    Option("dropout", 0.5, "Dropout", "Share of hidden units switched off in training.", 0.0, 0.9),
    Option("epochs", 20, "Epochs", "", 1, 1000),
    Option("lr", 1e-3, "Learning rate", "", 1e-6, 1.0),
    Option("weight_decay", 1e-2, "Weight decay", "", 0.0, 1.0),
    Option("batch_size", 256, "Batch size", "", 1, 8192),
)
_LOSS = (
    Option(
        "loss",
        "cross-entropy",
        "Loss",
        "Asymmetric lets easy absences count less. It shifts probabilities; recalibration mends "
        "part of that.",
        choices=("cross-entropy", "asymmetric"),
    ),
    Option(
        "positive_weight",
        False,
        "Weigh presences",
        "Count each presence as often as the label has absences per presence, at most 20 times.",
    ),
)
_STOPPING = (
    Option(
        "early_stopping",
        True,
        "Stop early",
        "Keep a tenth of the training documents apart, stop when they gain nothing more, and go "
        "back to the best epoch.",
    ),
    Option("patience", 2, "Patience", "Epochs without gain that are borne.", 1, 50),
    Option("min_epochs", 2, "Fewest epochs", "", 1, 100),
)
_SCHEDULE = (
    Option("weight_decay", 0.01, "Weight decay", "", 0.0, 1.0),
    Option("warmup_share", 0.1, "Warm-up", "Share of the steps.", 0.0, 1.0),
)


_EMBEDDINGS = Option(
    "embeddings",
    "encoder",
    "Word vectors",
    "What they begin as: the encoder's own, or by chance.",
    choices=("encoder", "random"),
)


def _text_training(
    *, epochs: int, lr: float, batch_size: int, max_tokens: int
) -> tuple[Option, ...]:
    return (
        Option("epochs", epochs, "Epochs", "At most.", 1, 100, is_usual=True),
        Option("lr", lr, "Learning rate", "", 1e-7, 1e-1),
        Option("batch_size", batch_size, "Batch size", "Computed in parts that fit.", 1, 512),
        Option("max_tokens", max_tokens, "Tokens", "Longer texts are cut here.", 8, 8192),
        *_SCHEDULE,
        *_LOSS,
        *_STOPPING,
    )


# --- the learners -----------------------------------------------------------------------------

LEARNERS: tuple[LearnerInfo, ...] = (
    LearnerInfo(
        "auto",
        "Chosen by itself",
        "Tries its variants on judged documents left out and keeps the best. The default.",
        RoundKind.QUICK,
        (_LEXICAL,),
    ),
    LearnerInfo(
        "logistic",
        "Logistic regression",
        "One regularised regression per label. Hard to beat with few judgements.",
        RoundKind.QUICK,
        (_LEXICAL, _C),
    ),
    LearnerInfo(
        "neighbours",
        "Nearest judged documents",
        "Asks which labels the most alike judged documents have. Good for rare labels.",
        RoundKind.QUICK,
        (_LEXICAL,),
    ),
    LearnerInfo(
        "mlp",
        "Small network",
        "Layers with dropout, trained by gradient. Wants several hundred judgements.",
        RoundKind.QUICK,
        (_LEXICAL, _LAYERS, _ACTIVATION, *_HEAD),
    ),
    LearnerInfo(
        "linear",
        "Linear, by gradient",
        "One layer with dropout on the vector.",
        RoundKind.QUICK,
        (_LEXICAL, *_HEAD),
    ),
    LearnerInfo(
        "transformer",
        "Language model",
        "Trains the encoder itself, all of it or a part. The best there is once several hundred "
        "documents are judged.",
        RoundKind.DEEP,
        (
            Option(
                "tuning",
                "full",
                "What is trained",
                "All of it, the head alone, the last layers, layer by layer from the top, or "
                "small matrices beside the weights (LoRA).",
                choices=("full", "head", "last", "gradual", "lora"),
                is_usual=True,
            ),
            *_text_training(epochs=5, lr=2e-4, batch_size=16, max_tokens=256),
            Option("head_lr", 2e-3, "Head's learning rate", "", 1e-7, 1.0),
            Option("head_dropout", 0.1, "Head's dropout", "", 0.0, 0.9),
            Option("dropout", None, "Encoder's dropout", "Empty: its own.", 0.0, 0.9),
            Option(
                "pooling",
                "",
                "Pooling",
                "A text's vector: the mean of its tokens or the first. Empty: as the encoder "
                "was made for.",
                choices=("", "mean", "cls"),
            ),
            Option("last_layers", 2, "Last layers", "How many, where only they train.", 1, 48),
            Option(
                "layer_decay",
                1.0,
                "Rate per layer",
                "Each lower layer learns at this share of the rate above it.",
                0.1,
                1.0,
            ),
            Option(
                "lora_targets",
                "qv",
                "LoRA on",
                "Query; query and value; or all four of attention.",
                choices=("q", "qv", "qkvo"),
            ),
            Option("lora_rank", 8, "LoRA rank", "", 1, 256),
            Option("lora_alpha", 16, "LoRA alpha", "", 1, 512),
            Option(
                "precision",
                "auto",
                "Precision",
                "Automatic: half precision on a GPU.",
                choices=("auto", "float32", "bfloat16"),
            ),
            Option(
                "warm_start",
                False,
                "Go on from the round in force",
                "Begin with the weights an earlier deep round tuned, not with the encoder as it "
                "came. Documents that round learnt from are then never measured on.",
            ),
        ),
    ),
    LearnerInfo(
        "cnn",
        "Convolutional network",
        "Looks for telling runs of words. Small and fast; begins with the encoder's word vectors "
        "and wants thousands of judgements.",
        RoundKind.DEEP,
        (
            Option("embedding_width", 128, "Width of a token", "", 8, 1024),
            _EMBEDDINGS,
            Option("filters", 100, "Filters", "Of each size.", 4, 2048, is_usual=True),
            Option("kernel_sizes", (3, 4, 5), "Kernel sizes", "Tokens.", 1, 15),
            Option("dropout", 0.5, "Dropout", "", 0.0, 0.9),
            *_text_training(epochs=20, lr=1e-3, batch_size=32, max_tokens=256),
        ),
    ),
    LearnerInfo(
        "rnn",
        "Recurrent network",
        "Reads word by word. Small; begins with the encoder's word vectors and wants thousands "
        "of judgements.",
        RoundKind.DEEP,
        (
            Option("cell", "lstm", "Cell", choices=("rnn", "gru", "lstm"), is_usual=True),
            Option("hidden", 128, "Hidden units", "", 4, 2048, is_usual=True),
            Option("bidirectional", True, "Both directions"),
            Option("embedding_width", 128, "Width of a token", "", 8, 1024),
            _EMBEDDINGS,
            Option("dropout", 0.5, "Dropout", "", 0.0, 0.9),
            *_text_training(epochs=20, lr=1e-3, batch_size=32, max_tokens=256),
        ),
    ),
    LearnerInfo(
        "student",
        "Small student",
        "A small network taught by the round in force on texts nobody judged, so that the "
        "exported model is small and fast.",
        RoundKind.DEEP,
        (
            Option(
                "student",
                "transformer",
                "Student",
                "A two-layer transformer, a convolutional or a recurrent network.",
                choices=("transformer", "cnn", "rnn"),
                is_usual=True,
            ),
            Option(
                "teacher_weight",
                0.5,
                "The teacher's weight",
                "Of every label it answers for; that of a judgement is the rest of 1.",
                0.0,
                1.0,
            ),
            Option(
                "temperature",
                1.0,
                "Temperature",
                "Above 1 the teacher's answers are softened.",
                0.1,
                20.0,
            ),
            Option("n_layers", 2, "Layers", "Of a transformer student.", 1, 12),
            Option("most_texts", 20_000, "Unjudged texts", "At most, by lot.", 0, 1_000_000),
            *_text_training(epochs=5, lr=5e-4, batch_size=32, max_tokens=256),
        ),
    ),
    LearnerInfo(
        "tfidf-logistic",
        "Words and logistic regression",
        "TF-IDF of words and word pairs: the baseline everything must beat.",
        None,
        (_C,),
    ),
    LearnerInfo(
        "frozen-logistic",
        "Frozen encoder and logistic regression",
        "The encoder as it came, and one regression per label.",
        None,
        (_C, Option("pooling", "mean", "Pooling", choices=("mean", "cls"))),
    ),
    LearnerInfo(
        "frozen-svc",
        "Frozen encoder and support vectors",
        "The encoder as it came, and one linear support vector machine per label.",
        None,
        (_C, Option("pooling", "mean", "Pooling", choices=("mean", "cls"))),
    ),
)

DEFAULT_LEARNER: Mapping[RoundKind, str] = MappingProxyType(
    {RoundKind.QUICK: "auto", RoundKind.DEEP: "transformer"}
)


def learner_info(name: str) -> LearnerInfo:
    """The learner of this name; raises InputError naming the nearest one."""
    by_name = {learner.name: learner for learner in LEARNERS}
    if name not in by_name:
        raise InputError(
            f"There is no learner '{name}'{_nearest(name, by_name)}; "
            f"there are {', '.join(by_name)}."
        )
    return by_name[name]


def learners_of(kind: RoundKind) -> tuple[LearnerInfo, ...]:
    """The learners of quick or of deep rounds, the default first."""
    return tuple(learner for learner in LEARNERS if learner.round_kind is kind)


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(str(name), list(known), n=1)
    return f" (did you mean '{near[0]}'?)" if near else ""


def _parts(value: Any) -> list[Any]:
    """Take 412-220-118, or a list."""
    if isinstance(value, str):
        parts = [part for part in value.replace(",", "-").split("-") if part.strip()]
        return [int(part) if part.strip().isdecimal() else part for part in parts]
    return list(value) if isinstance(value, list | tuple) else [value]
