"""One writer: order kept, failures kept apart, an answer only after the commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.api.group_commit import GroupCommit
from core.errors import NotReady
from core.store.store import Store
from core.store.tables import Annotator


@pytest.fixture
def commits(store: Store) -> Iterator[GroupCommit]:
    commits = GroupCommit(store)
    yield commits
    commits.close()


def adding(name: str) -> Callable[[Session], str]:
    def run(session: Session) -> str:
        session.add(Annotator(name=name))
        session.flush()
        return name

    return run


def names(store: Store) -> list[str]:
    with store.read() as session:
        return list(session.scalars(select(Annotator.name).order_by(Annotator.id)))


def test_what_is_answered_is_committed(commits: GroupCommit, store: Store) -> None:
    assert commits.submit(adding("ada")).result() == "ada"
    assert names(store) == ["ada"]


def test_work_that_waits_together_is_done_in_order_and_failures_stay_apart(
    commits: GroupCommit, store: Store
) -> None:
    gate = Event()
    commits.submit(lambda _: gate.wait())  # all that follows waits for this one's commit
    futures = [commits.submit(adding(name)) for name in ("a", "b", "a", "c")]
    assert not any(future.done() for future in futures)
    gate.set()
    assert [future.exception() is None for future in futures] == [True, True, False, True]
    assert names(store) == ["a", "b", "c"]


def test_judgements_overtake_what_can_wait(commits: GroupCommit, store: Store) -> None:
    gate = Event()
    commits.submit(lambda _: gate.wait())
    leases = [commits.submit(adding(f"lease {n}"), can_wait=True) for n in (1, 2)]
    judgement = commits.submit(adding("judgement"))
    gate.set()
    for future in [*leases, judgement]:
        future.result()
    assert names(store).index("judgement") < names(store).index("lease 2")


def test_closing_finishes_what_waits_and_takes_nothing_more(store: Store) -> None:
    commits = GroupCommit(store)
    futures = [commits.submit(adding(str(number))) for number in range(5)]
    commits.close()
    assert [future.result() for future in futures] == names(store)
    with pytest.raises(NotReady, match="stopping"):
        commits.submit(adding("late"))
