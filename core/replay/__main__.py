"""`python -m core.replay`: the replay command by itself."""

from __future__ import annotations

import sys

from core.cli import main

if __name__ == "__main__":
    sys.argv.insert(1, "replay")
    main()
