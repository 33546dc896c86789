"""What the server imports of rounds loads nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import pytest

LIGHT = (
    "core.services.rounds",
    "core.services.jobs",
    "core.services.predictions",
    "core.services.replay_sources",
    "core.services.replays",
    "core.services.checkpoints",
    "core.services.model_exports",
    "core.services.maps",
    "core.services.map_facts",
    "core.services.bulk",
    "core.rounds.heartbeat",
    "core.rounds.supervisor",
)


@pytest.mark.parametrize("module", LIGHT)
def test_the_servers_side_of_rounds_loads_neither_torch_nor_the_job_engine(module: str) -> None:
    script = (
        f"import sys, {module}\n"
        "heavy = ('torch', 'transformers', 'small_text', 'dbos', 'sklearn', 'umap', 'numba')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
