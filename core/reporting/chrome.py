"""Draws figures as PNG in one Chrome; a program of its own, so that it can be ended whole.

It reads a plan from standard input and says at the end what went wrong. It
imports nothing of ours: `pictures` starts it, keeps the time, and tells it to
end, upon which it ends its browser too.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

NO_CHROME = "no-chrome"


async def draw(browser: Any, plan: dict[str, Any]) -> list[str]:
    """Write every picture of the plan, and give what failed in words."""
    figures = (
        {
            "fig": json.loads(Path(item["json"]).read_text(encoding="utf-8")),
            "path": item["png"],
            "opts": {"width": item["width"], "height": item["height"], "scale": plan["scale"]},
        }
        for item in plan["figures"]
    )
    async with browser:
        failed = await browser.write_fig_from_object(figures)
    return [f"{type(error).__name__}: {error}"[:300] for error in failed or ()]


def end_with_browser(browser: Any) -> None:
    """When told to end, end the browser's process group first: it has one of its own."""

    def end(*_: object) -> None:
        process = getattr(browser, "subprocess", None)
        if process is not None and os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        elif process is not None:
            process.kill()
        os._exit(1)

    signal.signal(signal.SIGTERM, end)


async def follow(plan: dict[str, Any]) -> list[str]:
    """Start a browser and draw."""
    import kaleido

    # MathJax would be fetched from the network
    browser = kaleido.Kaleido(n=1, timeout=plan["seconds_per_figure"], mathjax=False)
    end_with_browser(browser)
    return await draw(browser, plan)


def main() -> None:
    """Follow the plan given on standard input; answer on standard output."""
    from choreographer.errors import ChromeNotFoundError

    plan = json.loads(sys.stdin.read())
    try:
        answer: dict[str, Any] = {"failed": asyncio.run(follow(plan))}
    except ChromeNotFoundError:
        answer = {"stopped": NO_CHROME}
    except Exception as error:  # whatever ails the browser, the report goes on without
        answer = {"stopped": f"{type(error).__name__}: {error}"[:300]}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
