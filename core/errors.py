"""Errors a person can act on.

    MarginaliaError
    ├── InputError        what was given cannot be used (HTTP 422)
    │   └── ImportRefused a file cannot be imported at all
    ├── NotFound          the named thing does not exist (HTTP 404)
    ├── Conflict          it clashes with what is there (HTTP 409)
    ├── NotAllowed        the token does not cover it (HTTP 403)
    ├── NotReady          something must happen first (HTTP 409)
    ├── CorruptArtefact   a stored file is not what it was when written
    └── Cancelled         somebody asked the job to stop

A message says what happened, the value, and the way out; pages and the API
show it as it is. Anything else keeps its traceback in the log.
"""

from __future__ import annotations


class MarginaliaError(Exception):
    """A failure whose message is meant for the person in front of the app."""


class InputError(MarginaliaError):
    """What was given cannot be used."""


class ImportRefused(InputError):
    """A file cannot be imported at all; nothing was stored."""


class NotFound(MarginaliaError):
    """The named thing does not exist."""


class Conflict(MarginaliaError):
    """The change clashes with what is already there."""


class NotAllowed(MarginaliaError):
    """The caller may not do this."""


class NotReady(MarginaliaError):
    """Something else has to happen first."""


class CorruptArtefact(MarginaliaError):
    """A stored file is not what it was when it was written."""


class Cancelled(MarginaliaError):
    """Somebody asked the running job to stop."""
