"""The one place where failures are shown to people."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from core.errors import MarginaliaError
from pages.widgets.text import escaped

log = logging.getLogger("marginalia.pages")


@contextmanager
def shown_errors() -> Iterator[None]:
    """Show what a person can act on as it is, anything else as an id that is found in the log."""
    try:
        yield
    except MarginaliaError as error:
        st.error(escaped(str(error)), icon=":material/error:")
    except Exception:
        error_id = secrets.token_hex(4)
        log.exception("Error %s", error_id)
        st.error(
            f"Something went wrong that this page did not expect (error {error_id}). Nothing you "
            "saved is lost. Reload the page; if it happens again, look for that id in the log.",
            icon=":material/error:",
        )
