"""The worker as a process: one per folder, alive or not, and gone with its parent."""

from __future__ import annotations

import os
import signal

from core.rounds.heartbeat import heartbeat_path, last_heartbeat, worker_is_alive
from core.rounds.supervisor import Supervisor
from tests.integration.rounds.office import Office


def wait_until_alive(office: Office) -> int:
    office.wait_for(lambda: worker_is_alive(office.settings), "a heartbeat")
    return last_heartbeat(office.settings).pid


def test_a_second_worker_says_who_serves_the_folder_and_ends(office: Office) -> None:
    first = office.start_worker()
    pid = wait_until_alive(office)
    assert pid == first.pid
    second = office.start_worker()
    printed, _ = second.communicate(timeout=60)
    assert second.returncode == 0
    assert f"Another worker (process {pid}) serves {office.settings.data_dir}" in printed
    assert first.poll() is None


def test_a_worker_told_to_stop_leaves_no_heartbeat_and_no_noise(office: Office) -> None:
    worker = office.start_worker()
    assert worker.stdout.readline().startswith("The worker serves ")
    assert worker_is_alive(office.settings)
    worker.send_signal(signal.SIGTERM)
    printed, _ = worker.communicate(timeout=60)
    assert worker.returncode == 0
    assert printed == ""
    assert not worker_is_alive(office.settings)


def test_a_worker_ends_with_its_parent_and_the_next_takes_over(office: Office) -> None:
    first = office.start_worker("--watch-parent")
    wait_until_alive(office)
    second = office.start_worker("--watch-parent")
    assert "waits until it ends" in second.stdout.readline()
    first.stdin.close()  # what the death of the parent does
    assert first.wait(timeout=60) == 0
    office.wait_for(
        lambda: (beat := last_heartbeat(office.settings)) is not None and beat.pid == second.pid,
        "the second worker to take over",
    )


def test_a_dead_workers_last_heartbeat_does_not_count_for_long(office: Office) -> None:
    assert not worker_is_alive(office.settings)
    heartbeat_path(office.settings).write_text('{"pid": 1, "started": 0, "beat": 0}')
    assert not worker_is_alive(office.settings)
    heartbeat_path(office.settings).write_text("half a fi")
    assert not worker_is_alive(office.settings)


def test_a_worker_that_dies_is_started_again_and_ends_with_its_supervisor(
    office: Office,
) -> None:
    supervisor = Supervisor(office.settings)
    supervisor.start()
    try:
        first = wait_until_alive(office)
        assert supervisor.pid == first
        os.kill(first, signal.SIGKILL)
        office.wait_for(
            lambda: (beat := last_heartbeat(office.settings)) is not None and beat.pid != first,
            "another worker",
        )
        assert supervisor.pid == last_heartbeat(office.settings).pid
    finally:
        supervisor.stop()
    assert supervisor.pid is None
    assert not worker_is_alive(office.settings)
