"""One command for each daily act: python tasks.py run | demo | test | check | bench | lock.

Standard library only, because it runs before anything is installed. It keeps
one virtual environment in .venv and installs again only when the pins change.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
DEFAULT_PORT = 8501
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FASTEST_CRASH_S = 20  # an app that ends sooner than this is broken, not unlucky
N_AT_A_TIME = str(min(os.cpu_count() or 1, 4))  # tests; more would wait for memory


def main() -> int:
    """Read the command line and do what it says."""
    if sys.version_info < (3, 11):  # noqa: UP036 - the reader may well have an older one
        print(f"Marginalia needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
        return 2
    os.chdir(ROOT)
    parser = argparse.ArgumentParser(prog="python tasks.py", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (("run", "start the app"), ("demo", "start it with a played demo project")):
        command = commands.add_parser(name, help=text)
        command.add_argument("--port", type=int, default=DEFAULT_PORT, help="first port to try")
    test = commands.add_parser("test", help="install what the tests need and run all of them")
    test.add_argument("pytest", nargs="*", help="arguments for pytest, after --")
    commands.add_parser("check", help="formatting, lint, types and the arrows between rooms")
    bench = commands.add_parser("bench", help="print the benchmarks' figures")
    bench.add_argument("name", nargs="*", help="which of benchmarks/*.py (default: all)")
    commands.add_parser("lock", help="compile requirements*.txt from pyproject.toml")
    options = parser.parse_args()
    return {
        "run": lambda: run(options.port),
        "demo": lambda: demo(options.port),
        "test": lambda: test_all(options.pytest),
        "check": check,
        "bench": lambda: bench_all(options.name),
        "lock": lock,
    }[options.command]()


def run(port: int) -> int:
    """Install, migrate, and keep the app (and with it the worker) alive until Ctrl-C."""
    install("requirements.txt")
    python("-m", "core", "migrate")
    return serve(free_port(port))


def demo(port: int) -> int:
    """Like run, on a demo project in which a demo annotator and a round have been played."""
    install("requirements.txt")
    python("-m", "core", "migrate")
    python("-m", "core", "demo")
    return serve(free_port(port))


def test_all(arguments: list[str]) -> int:
    """Run the whole test suite, a real browser included."""
    install("requirements.txt", "requirements-dev.txt")
    provide_browser()
    side_by_side = [] if any(one.startswith("-n") for one in arguments) else ["-n", N_AT_A_TIME]
    return call("-m", "pytest", *side_by_side, "--dist", "loadfile", *arguments)


def check() -> int:
    """Every check that reads the code without running it."""
    install("requirements.txt", "requirements-dev.txt")
    results = [
        call("-m", "ruff", "format", "--check", "."),
        call("-m", "ruff", "check", "."),
        call("-m", "mypy"),
        lint_imports(),
    ]
    return max(results)


def lint_imports() -> int:
    """The arrows between the rooms, as pyproject.toml draws them."""
    return call("-c", "from importlinter.cli import lint_imports_command as c; c()")


def bench_all(names: list[str]) -> int:
    """Run benchmarks one after the other; each prints its own figures."""
    install("requirements.txt", "requirements-dev.txt")
    known = sorted(path.stem for path in (ROOT / "benchmarks").glob("[a-z]*.py"))
    if unknown := sorted(set(names) - set(known)):
        print(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(known)}.")
        return 2
    worst = 0
    for name in names or known:
        print(f"\n== {name}", flush=True)
        worst = max(worst, call("-m", f"benchmarks.{name}"))
    return worst


def lock() -> int:
    """Pin everything, also the indirect, for every platform.

    What torch's Linux build brings along for CUDA is left out: torch pins it
    exactly, and a CPU build must not pull it in.
    """
    install("requirements.txt", "requirements-dev.txt")
    compile_ = ["-m", "uv", "pip", "compile", "pyproject.toml", "--universal", "--quiet"]
    compile_ += ["--python-version", "3.11", "--no-header", "--no-annotate"]
    compile_ += ["--prerelease", "if-necessary-or-explicit"]
    everything = subprocess.run(
        [str(PYTHON), *compile_], check=True, capture_output=True, text=True
    ).stdout
    left_out = [
        f"--no-emit-package={line.split('==')[0]}"
        for line in everything.splitlines()
        if line.startswith(("nvidia-", "cuda-", "triton"))
    ]
    python(*compile_, *left_out, "-o", "requirements.txt")
    python(
        *compile_, *left_out, "--group", "dev", "-c", "requirements.txt", "-o",
        "requirements-dev.txt",
    )  # fmt: skip
    return 0


def install(*requirements: str) -> None:
    """Bring .venv to exactly these pins; does nothing when they have not changed."""
    if not PYTHON.exists():
        print("Making .venv …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    for name in requirements:
        stamp = VENV / f"{name}.sha256"
        digest = hashlib.sha256((ROOT / name).read_bytes()).hexdigest()
        if stamp.exists() and stamp.read_text() == digest:
            continue
        print(f"Installing {name} (the first time takes some minutes) …", flush=True)
        python("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", name)
        stamp.write_text(digest)


def python(*arguments: str) -> None:
    """Run .venv's Python and stop with its exit code when it fails."""
    if code := call(*arguments):
        sys.exit(code)


def call(*arguments: str) -> int:
    """Run .venv's Python; returns its exit code."""
    return subprocess.run([str(PYTHON), *arguments], cwd=ROOT, check=False).returncode


def provide_browser() -> None:
    """Find a Chromium, or get one: Debian's package, else Playwright's own."""
    if any(shutil.which(name) for name in BROWSERS):
        return
    can_install = os.name == "posix" and hasattr(os, "geteuid") and os.geteuid() == 0
    if can_install and shutil.which("apt-get"):
        print("Installing Debian's Chromium for the browser tests …", flush=True)
        unattended = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for step in (["update", "-qq"], ["install", "-y", "-qq", "chromium"]):
            subprocess.run(
                ["apt-get", *step], check=False, stdout=subprocess.DEVNULL, env=unattended
            )
    if not any(shutil.which(name) for name in BROWSERS):
        print("Fetching Playwright's Chromium for the browser tests …", flush=True)
        python("-m", "playwright", "install", "chromium")


def free_port(first: int) -> int:
    """The first free port from here on."""
    for port in range(first, first + 50):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise SystemExit(f"Ports {first} to {first + 49} are all in use; pass another with --port.")


def serve(port: int) -> int:
    """Run the app, which runs the worker; start it again when it dies, stop both on Ctrl-C."""
    command = [str(PYTHON), "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    print(f"\nMarginalia is at http://localhost:{port}   (Ctrl-C stops it)\n", flush=True)
    while True:
        started = time.monotonic()
        app = subprocess.Popen(command, cwd=ROOT)
        try:
            code = app.wait()
        except KeyboardInterrupt:
            return stop(app)
        if code == 0 or time.monotonic() - started < FASTEST_CRASH_S:
            return code
        print(f"The app ended with code {code}; starting it again.", flush=True)


def stop(app: subprocess.Popen[bytes]) -> int:
    """Wait for an app that Ctrl-C has already reached; end it if it lingers."""
    print("Stopping …", flush=True)
    try:
        app.wait(timeout=15)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        app.terminate()
        app.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
