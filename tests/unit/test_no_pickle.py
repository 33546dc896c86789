"""A pickle can run any program, so nothing here opens one."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from core.errors import CorruptArtefact
from core.rounds import files

ROOT = Path(__file__).resolve().parents[2]
CODE = sorted([*(ROOT / "core").rglob("*.py"), *(ROOT / "pages").rglob("*.py"), ROOT / "app.py"])
OPENS_PICKLES = re.compile(
    r"\bimport (pickle|joblib|dill|cloudpickle)\b|\b(pickle|joblib|dill)\.load"
    r"|\bfrom (pickle|joblib|dill) import|\btorch\.load\(|\bread_pickle\("
    r"|allow_pickle\s*=\s*True|weights_only\s*=\s*False"
)
LOADS_ARRAYS = re.compile(r"\bnp\.load\((?P<arguments>[^()]*(\([^()]*\)[^()]*)*)\)")


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_module_opens_a_pickle(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not OPENS_PICKLES.search(text)
    for found in LOADS_ARRAYS.finditer(text):
        assert "allow_pickle=False" in found["arguments"], found[0]


def test_the_search_for_pickles_finds_them() -> None:
    for line in (
        "import pickle",
        "from joblib import load",
        "torch.load(path)",
        "np.load(path, allow_pickle=True)",
        "pd.read_pickle(path)",
    ):
        assert OPENS_PICKLES.search(line)
    found = LOADS_ARRAYS.search('np.load(folder / (name + "x"), mmap_mode="r")')
    assert "allow_pickle=False" not in found["arguments"]


def test_an_array_of_objects_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "evil.npy", np.array([{"run": "me"}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "evil.npz", evil=np.array([{"run": "me"}], dtype=object))
    with pytest.raises(CorruptArtefact, match=r"evil.npy"):
        files.read_array(tmp_path / "evil.npy")
    with pytest.raises(CorruptArtefact, match=r"evil.npz"):
        files.read_arrays(tmp_path / "evil.npz")


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"PK\x03\x04 half a zip"])
def test_a_torn_array_is_refused_with_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "torn").write_bytes(content)
    for read in (files.read_array, files.read_arrays):
        with pytest.raises(CorruptArtefact, match="run the round again"):
            read(tmp_path / "torn")
