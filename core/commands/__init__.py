"""Commands of `python -m core` that have too many options to stand in `core.cli`."""
