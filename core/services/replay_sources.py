"""What a comparison can be played on: the project's own judgements, the demo, public sets.

Counts documents so that a plan can be made to fit; reading them is the worker's
(`core.replay.data`), whose ways of parting pool and test are told here in words.
"""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from core.errors import InputError, NotReady
from core.services.judgement_matrix import judgement_matrix
from core.settings import Settings
from core.strategies.plan import PROJECT

DEMO = "demo"
FEWEST_JUDGED = 150  # documents; fewer leave too little to ask about and to test on
ENOUGH_AUDITED = 50  # as `core.replay.project` has it
TEST_SHARE = 0.3  # as `core.replay.data` has it
LARGEST_POOL = 8_000  # a random choice of so many of a larger set: more only takes longer


@dataclass(frozen=True)
class Source:
    """Documents whose labels are known."""

    data: str  # as a plan names them
    title: str
    n_pool: int  # to ask about
    n_test: int  # to measure on
    told: str  # a sentence or two on how many there are and how they are parted
    why_not: str = ""  # why nothing can be played on them, and the way out


def own_source(session: Session, project_id: int) -> Source:
    """The project's completely judged documents."""
    matrix = judgement_matrix(session, project_id)
    n_judged = int(matrix.is_complete.sum())
    n_audited = int((matrix.is_complete & matrix.is_audited).sum())
    n_test = max(n_audited, round(TEST_SHARE * n_judged))
    if n_audited >= ENOUGH_AUDITED:
        n_test = n_audited
        parted = f"tested on the {n_audited:,} of them in the audit set"
    elif n_audited:
        parted = (
            f"tested on {n_test:,} of them: the {n_audited:,} in the audit set and "
            f"{n_test - n_audited:,} drawn by lot"
        )
    else:
        parted = f"tested on {n_test:,} of them, drawn by lot"
    why_not = ""
    if n_judged < FEWEST_JUDGED or n_judged - n_test < 2:
        why_not = (
            f"{n_judged:,} documents of this project are judged completely; a comparison needs "
            f"{FEWEST_JUDGED} at least. Judge {max(FEWEST_JUDGED - n_judged, 1):,} more, "
            "or compare on the demo texts meanwhile."
        )
    return Source(
        data=f"{PROJECT}{project_id}",
        title="This project's judged documents",
        n_pool=n_judged - n_test,
        n_test=n_test,
        told=(
            f"{n_judged:,} documents are judged completely; {parted}. The others lean towards what "
            "was asked about before, for all strategies alike."
        ),
        why_not=why_not,
    )


def demo_source() -> Source:
    """The made-up help desk messages that come along."""
    from core.demo.corpus import demo_rows

    n = len(demo_rows())
    n_test = round(n * TEST_SHARE)
    return Source(
        data=DEMO,
        title="The demo texts",
        n_pool=n - n_test,
        n_test=n_test,
        told=(
            f"{n:,} made-up messages to a help desk; tested on {n_test:,} of them, drawn by lot. "
            "What wins here need not win on your texts."
        ),
    )


def public_names(settings: Settings) -> list[str]:
    """The data sets with several labels that are in the optional folder."""
    folder = settings.shared / "data" if settings.shared is not None else None
    if folder is None or not folder.is_dir():
        return []
    found = sorted(path.parent for path in folder.glob("*/train.csv.gz"))
    return [
        path.name
        for path in found
        if (path / "test.csv.gz").is_file()
        and _about(path).get("kind", "multi-label") == "multi-label"
    ]


def public_source(settings: Settings, name: str) -> Source:
    """One of the public sets; raises InputError where it is not there."""
    if settings.shared is None or name not in public_names(settings):
        raise InputError(f"There is no public data set '{name}' in the optional folder.")
    folder = settings.shared / "data" / name
    n_train, n_test = (_n_rows(folder, part) for part in ("train", "test"))
    is_cut = n_train > LARGEST_POOL
    n_asked = f"{LARGEST_POOL:,} of {n_train:,}" if is_cut else f"{n_train:,}"
    title = str(_about(folder).get("title", "")).rstrip(".")
    return Source(
        data=f"{name}:{LARGEST_POOL}" if is_cut else name,
        title=f"Public: {name}",
        n_pool=min(n_train, LARGEST_POOL),
        n_test=n_test,
        told=(
            f"{title + ': ' if title else ''}{n_asked} texts to ask about"
            f"{', drawn by lot' if is_cut else ''}, {n_test:,} to test on."
        ),
    )


def check_source(session: Session, settings: Settings, project_id: int, data: str) -> None:
    """Raise InputError for data this project may not play on, NotReady for too few judgements."""
    if data == DEMO:
        return
    if data == f"{PROJECT}{project_id}":
        if why_not := own_source(session, project_id).why_not:
            raise NotReady(why_not)
        return
    name, _, size = data.partition(":")
    if name not in public_names(settings) or (size and not size.isdecimal()):
        raise InputError(
            f"A comparison cannot be played on '{data}'; choose this project's own documents, "
            "the demo texts, or a data set of the optional folder."
        )


def _about(folder: Path) -> dict[str, object]:
    try:
        about = json.loads((folder / "info.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}


def _n_rows(folder: Path, part: str) -> int:
    with gzip.open(folder / f"{part}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return max(0, sum(1 for _ in csv.reader(file)) - 1)
