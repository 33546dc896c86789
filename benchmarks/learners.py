"""Every learner on public data: score, seconds, parameters. The table behind docs/decisions/021.

    MARGINALIA_SHARED=… python -m benchmarks.learners [rotten_tomatoes bbc …]
        [--learners tfidf-lr frozen-lr …] [--train 1000] [--test 1000] [--epochs 3] [--seeds 1]
        [--teacher full] [--jsonl results.jsonl]

Sets with one label per document are scored by accuracy, arxiv-cs by micro- and
macro-F1 at one threshold for all labels, chosen on one half of the test
documents and used on the other, and the other way round. Seconds of a frozen
encoder contain the encoding. Every row is printed as JSON when it is done, the
table at the end.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import f1_score

from core.encoders.encoder import Pooling, load_encoder
from core.encoders.lexical import LexicalModel
from core.learners.baseline_heads import Head
from core.learners.baselines import BaselineConfig, BaselineLearner, Features
from core.learners.choosing import fit_out_of_fold
from core.learners.dataset import JudgedTexts, JudgedVectors
from core.learners.quick import QuickConfig
from core.learners.text_learners import new_text_learner
from core.replay.data import load_dataset
from core.settings import get_settings

SETS = ("rotten_tomatoes", "bbc", "imdb", "arxiv-cs")
MULTI_LABEL = ("arxiv-cs", "nlupp", "goemotions", "netflix-genres")
BASELINES = {
    "tfidf-lr": BaselineConfig(),
    "frozen-lr": BaselineConfig(Features.MEAN),
    "frozen-cls-lr": BaselineConfig(Features.CLS),
    "frozen-svc": BaselineConfig(Features.MEAN, Head.SVC),
    "frozen-cls-svc": BaselineConfig(Features.CLS, Head.SVC),
}
TUNED = {
    "head": {"tuning": "head"},
    "last-2": {"tuning": "last", "last_layers": 2},
    "gradual": {"tuning": "gradual", "layer_decay": 0.8},
    "full": {},
    "lora-q": {"tuning": "lora", "lora_targets": "q", "lr": 1e-3},
    "lora-qv": {"tuning": "lora", "lora_targets": "qv", "lr": 1e-3},
    "lora-qkvo": {"tuning": "lora", "lora_targets": "qkvo", "lr": 1e-3},
}
FROM_SCRATCH = {
    "cnn": ("cnn", {}),
    "cnn-random": ("cnn", {"embeddings": "random"}),
    "lstm": ("rnn", {"cell": "lstm"}),
    "gru": ("rnn", {"cell": "gru"}),
}
STUDENTS = {
    "student": {"student": "transformer"},
    "student-cnn": {"student": "cnn", "lr": 1e-3, "dropout": 0.5},
}
ANSWERS: dict[tuple[Any, ...], np.ndarray] = {}
LEARNERS = (*BASELINES, "quick", *FROM_SCRATCH, *TUNED, *STUDENTS)


@dataclass(frozen=True)
class Task:
    """One set, cut to size; `pool` are texts whose labels only a student's teacher guesses."""

    name: str
    train: JudgedTexts
    test: JudgedTexts
    pool: tuple[str, ...]
    seed: int
    epochs: int | None
    teacher: str

    @property
    def exclusive(self) -> bool:
        return self.name not in MULTI_LABEL

    @property
    def n_labels(self) -> int:
        return self.train.n_labels


@dataclass(frozen=True)
class Answer:
    """What a learner said of the test documents, and what that took."""

    proba: np.ndarray
    train_s: float
    predict_s: float
    n_parameters: int
    n_trained: int
    note: str = ""


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    data: str
    learner: str
    seed: int
    n_train: int
    n_test: int
    score: dict[str, float]
    train_s: float
    predict_s: float
    n_parameters: int
    n_trained: int
    note: str = ""


def main() -> None:
    given = arguments()
    rows = []
    for name in given.data:
        for seed in range(given.seeds):
            task = task_of(name, given, seed)
            for learner in given.learners:
                row = row_of(task, learner, maker_of(learner)(task, learner))
                rows.append(row)
                line = json.dumps(asdict(row))
                print(line, flush=True)
                if given.jsonl:
                    with given.jsonl.open("a", encoding="utf-8") as file:
                        file.write(line + "\n")
    print(table(rows))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="*", default=list(SETS))
    parser.add_argument("--learners", nargs="+", choices=LEARNERS, default=list(LEARNERS))
    parser.add_argument("--train", type=int, default=1000)
    parser.add_argument("--pool", type=int, default=2000, help="texts a student is taught on")
    parser.add_argument("--test", type=int, default=1000)
    parser.add_argument("--epochs", type=int, help="of what trains on texts; else its own")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--teacher", choices=(*TUNED, "frozen-lr"), default="full")
    parser.add_argument("--threads", type=int, help="of torch; else its own choice")
    parser.add_argument("--jsonl", type=Path)
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    return given


def task_of(name: str, given: argparse.Namespace, seed: int) -> Task:
    whole = load_dataset(name, get_settings())
    rng = np.random.default_rng(seed)
    order, test = rng.permutation(len(whole.texts)), rng.permutation(len(whole.test_texts))
    train = JudgedTexts(whole.texts, whole.truth)[order[: given.train]]
    held = JudgedTexts(whole.test_texts, whole.test_truth)[test[: given.test]]
    pool = [whole.texts[at] for at in order[given.train : given.train + given.pool]]
    return Task(name, train, held, tuple(pool), seed, given.epochs, given.teacher)


def maker_of(name: str) -> Callable[[Task, str], Answer]:
    if name in BASELINES:
        return baseline
    if name == "quick":
        return quick
    return student if name in STUDENTS else on_texts


# --- the learners ---------------------------------------------------------------------------


def baseline(task: Task, name: str) -> Answer:
    config = replace(BASELINES[name], n_members=0, exclusive=task.exclusive, seed=task.seed)
    train: JudgedTexts | JudgedVectors = task.train
    test: JudgedTexts | JudgedVectors = task.test
    before, n_frozen = (0.0, 0.0), 0
    if config.features is not Features.TFIDF:
        train, test, before, n_frozen = frozen(task, Pooling(config.features))
    learner = BaselineLearner(config, task.n_labels)
    train_s, _ = timed(lambda: learner.fit(train))
    predict_s, proba = timed(lambda: learner.predict_proba(test))
    n_head = int(learner._fitted().weights.size + learner._fitted().bias.size)
    return Answer(
        proba, train_s + before[0], predict_s + before[1], n_frozen + n_head, n_head, "C tried"
    )


def quick(task: Task, name: str) -> Answer:
    """The default of quick rounds: meaning and words, the variant chosen out of fold."""
    train, test, before, n_frozen = frozen(task, Pooling.MEAN)

    def with_words() -> tuple[JudgedVectors, JudgedVectors, int]:
        words = LexicalModel.fit([*task.train.texts, *task.pool])
        both = [
            np.concatenate([part.x, words.encode(texts)], axis=1)
            for part, texts in ((train, task.train.texts), (test, task.test.texts))
        ]
        wide = [JudgedVectors(x, part.truth) for x, part in zip(both, (train, test), strict=True)]
        return wide[0], wide[1], wide[0].x.shape[1] - train.x.shape[1]

    words_s, (wide_train, wide_test, n_words) = timed(with_words)
    config = QuickConfig(exclusive=task.exclusive, seed=task.seed)
    blocks = (train.x.shape[1], n_words)
    train_s, fitted = timed(lambda: fit_out_of_fold(config, wide_train, blocks=blocks))
    predict_s, proba = timed(lambda: fitted.learner.predict_proba(wide_test))
    n_head = (sum(blocks) + 1) * task.n_labels
    return Answer(
        proba,
        before[0] + words_s + train_s,
        before[1] + predict_s,
        n_frozen + n_head,
        n_head,
        fitted.chosen,
    )


def on_texts(task: Task, name: str, **lesson: Any) -> Answer:
    kind, options = FROM_SCRATCH.get(name) or ("transformer", TUNED.get(name, {}))
    if name in STUDENTS:
        kind, options = "student", STUDENTS[name]
    if task.epochs:
        options = {**options, "epochs": task.epochs}
    learner: Any = new_text_learner(
        kind, options, task.n_labels, encoder="bundled", seed=task.seed, exclusive=task.exclusive
    )
    n_trained = 0

    def count(step: int, n_steps: int, loss: float) -> None:
        nonlocal n_trained
        if step in (1, n_steps) or step % 50 == 0:
            at = learner._network.parameters()
            n_trained = max(n_trained, sum(p.numel() for p in at if p.requires_grad))

    train_s, _ = timed(lambda: learner.fit(task.train, on_step=count, **lesson))
    predict_s, proba = timed(lambda: learner.predict_proba(task.test))
    n_parameters = sum(p.numel() for p in learner._network.parameters())
    note = f"{learner.outcome.n_epochs} epochs, best {learner.outcome.best_epoch}"
    return Answer(proba, train_s, predict_s, n_parameters, n_trained, note)


def student(task: Task, name: str) -> Answer:
    """Taught by the teacher's answers about texts without labels; its seconds are its own."""
    proba = answers_of_teacher(task)
    answer = on_texts(task, name, pool_texts=task.pool, teacher_proba=proba)
    return replace(answer, note=f"{answer.note}; taught by {task.teacher}")


def answers_of_teacher(task: Task) -> np.ndarray:
    """The teacher's probabilities of the pool, asked once for all its students."""
    key = (task.name, task.seed, len(task.train), task.teacher)
    if key not in ANSWERS:
        pool = JudgedTexts(task.pool, np.zeros((len(task.pool), task.n_labels), dtype=np.int8))
        teach = baseline if task.teacher in BASELINES else on_texts
        ANSWERS[key] = teach(replace(task, test=pool), task.teacher).proba
    return ANSWERS[key]


def frozen(
    task: Task, pooling: Pooling
) -> tuple[JudgedVectors, JudgedVectors, tuple[float, float], int]:
    """Vectors of train and test documents, the seconds they took, and the encoder's size."""
    train_s, train = vectors_of(tuple(task.train.texts), pooling)
    test_s, test = vectors_of(tuple(task.test.texts), pooling)
    size = sum(p.numel() for p in encoder_of(pooling).model.parameters())
    return (
        JudgedVectors(train, task.train.truth),
        JudgedVectors(test, task.test.truth),
        (train_s, test_s),
        size,
    )


@lru_cache(maxsize=8)
def vectors_of(texts: tuple[str, ...], pooling: Pooling) -> tuple[float, np.ndarray]:
    encoder = encoder_of(pooling)
    return timed(lambda: encoder.encode(texts))


@lru_cache(maxsize=2)
def encoder_of(pooling: Pooling) -> Any:
    return load_encoder("bundled", pooling=pooling)


# --- scores and the table -------------------------------------------------------------------


def row_of(task: Task, learner: str, answer: Answer) -> Row:
    return Row(
        task.name,
        learner,
        task.seed,
        len(task.train),
        len(task.test),
        score_of(answer.proba, task.test.truth, exclusive=task.exclusive),
        round(answer.train_s, 2),
        round(answer.predict_s, 2),
        answer.n_parameters,
        answer.n_trained,
        answer.note,
    )


def score_of(proba: np.ndarray, truth: np.ndarray, *, exclusive: bool) -> dict[str, float]:
    proba = np.nan_to_num(proba)
    if exclusive:
        right = proba.argmax(axis=1) == truth.argmax(axis=1)
        return {"accuracy": round(float(right.mean()), 4)}
    named = np.zeros(truth.shape, dtype=bool)
    halves = np.arange(len(truth)) % 2
    for half in (0, 1):
        here, there = halves == half, halves != half
        best = max(
            np.arange(0.05, 0.96, 0.025),
            key=lambda t: f1_score(truth[there].ravel(), proba[there].ravel() >= t),
        )
        named[here] = proba[here] >= best
    return {
        average: round(float(f1_score(truth, named, average=average, zero_division=0)), 4)
        for average in ("micro", "macro")
    }


def table(rows: list[Row]) -> str:
    """Mean over seeds, a line per set and learner."""
    lines = [
        f"{'data':<16}{'learner':<16}{'documents':>10}  {'score':<26}"
        f"{'train s':>9}{'predict s':>10}{'trained':>12}{'parameters':>12}  note"
    ]
    for data, learner in dict.fromkeys((row.data, row.learner) for row in rows):
        of = [row for row in rows if (row.data, row.learner) == (data, learner)]
        score = ", ".join(
            f"{name} {np.mean([row.score[name] for row in of]):.3f}" for name in of[0].score
        )
        lines.append(
            f"{data:<16}{learner:<16}{of[0].n_train:>10,}  {score:<26}"
            f"{np.mean([row.train_s for row in of]):>9.1f}"
            f"{np.mean([row.predict_s for row in of]):>10.1f}"
            f"{of[0].n_trained:>12,}{of[0].n_parameters:>12,}  {of[0].note}"
        )
    return "\n".join(lines)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    answer = work()
    return time.perf_counter() - started, answer


if __name__ == "__main__":
    main()
