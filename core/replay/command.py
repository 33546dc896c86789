"""One replay from beginning to end: load, encode, play, compare, write. For terminals and jobs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.domain import Embeddings
from core.encoders.encoder import Encoder, load_encoder
from core.replay.compare import compare
from core.replay.data import ReplayData, load_dataset, vectors_of
from core.replay.options import check_learners, reads_words
from core.replay.report import tables, write_results
from core.replay.run import Progress, full_data_scores, run_plan
from core.replay.words import Words, words_of
from core.settings import Settings
from core.store.store import Store
from core.strategies.plan import ReplayPlan


def replay(
    plan: ReplayPlan,
    settings: Settings,
    *,
    results: Path,
    store: Store | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> dict[str, Any]:
    """Play a plan, or what of it is not played yet, and write `results`/<name of the plan>.

    Returns the statistics, as `core.replay.compare.compare` describes them.
    Raises InputError before any work for what cannot be played, and Cancelled
    when stopped; what is played stays.
    """
    check_learners(plan)
    data = load_dataset(plan.data, settings, store)
    on_progress(Progress(0, 1, describe(data)))
    encoder = load_encoder(plan.encoder)
    x, test_x = _encode(data, encoder, settings, should_stop, on_progress)
    words = words_for(plan, data, settings, should_stop)
    label_x = label_vectors(plan, data, encoder)
    about_encoder = {"name": plan.encoder, "fingerprint": encoder.fingerprint}
    del encoder  # a deep learner wants the room
    folder = results / plan.name
    runs = run_plan(
        plan,
        data,
        x,
        test_x,
        folder=folder,
        label_x=label_x,
        words=words,
        should_stop=should_stop,
        on_progress=on_progress,
    )
    full = full_data_scores(folder, plan.seeds)
    statistics = compare(plan, runs, full)
    write_results(
        folder, plan, data, encoder=about_encoder, runs=runs, full=full, statistics=statistics
    )
    return statistics


def label_vectors(plan: ReplayPlan, data: ReplayData, encoder: Encoder) -> Embeddings | None:
    """Vectors of the label names with their descriptions, where an arm starts by them."""
    if not any(arm.cold_start for arm in plan.arms):
        return None
    return encoder.encode(data.label_texts or data.labels)


def words_for(
    plan: ReplayPlan, data: ReplayData, settings: Settings, should_stop: Callable[[], bool]
) -> Words | None:
    """Vectors of the words, where a learner of the plan reads them."""
    if not reads_words(plan):
        return None
    folder = settings.data_dir / "replay-embeddings"
    return words_of(data, folder=folder, should_stop=should_stop)


def describe(data: ReplayData) -> str:
    """What is played on, in a line."""
    return (
        f"{data.name}: {len(data.texts)} documents to ask about, "
        f"{len(data.test_texts)} to test on, {len(data.labels)} labels. {data.note}"
    ).strip()


def replay_in_terminal(
    plan: ReplayPlan,
    settings: Settings,
    *,
    results: Path,
    store: Store | None = None,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Play a plan, saying what is done, and say what was found."""
    started = time.perf_counter()

    def on_progress(progress: Progress) -> None:
        elapsed = time.perf_counter() - started
        say(f"{progress.share:4.0%} {elapsed:5.0f} s  {progress.sentence}")

    statistics = replay(plan, settings, results=results, store=store, on_progress=on_progress)
    say("")
    say(tables(statistics))
    say(f"\nWritten to {results / plan.name}")
    return statistics


def _encode(
    data: ReplayData,
    encoder: Encoder,
    settings: Settings,
    should_stop: Callable[[], bool],
    on_progress: Callable[[Progress], None],
) -> tuple[Embeddings, Embeddings]:
    return vectors_of(
        data,
        encoder,
        folder=settings.data_dir / "replay-embeddings",
        should_stop=should_stop,
        on_progress=lambda n: on_progress(Progress(0, 1, f"{n} texts encoded")),
    )
