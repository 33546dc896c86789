"""Which code and which packages made a number."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version

from core.settings import ROOT

PACKAGES = ("torch", "transformers", "small-text", "numpy", "scipy", "scikit-learn", "dbos")


def code_version() -> str:
    """What `git describe` says, else the installed package's version."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--tags"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
        return described.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return package_versions(("marginalia",)).get("marginalia", "unknown")


def package_versions(names: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """The versions of what decides a number, of those that are installed, Python's among them."""
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
