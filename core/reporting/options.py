"""What can be chosen about a report."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.errors import InputError


class Format(StrEnum):
    """How figures are written."""

    HTML = "html"
    PNG = "png"
    JSON = "json"


@dataclass(frozen=True)
class ReportOptions:
    """How a report is made; nothing said is the whole of it."""

    title: str = ""
    formats: tuple[Format, ...] = tuple(Format)
    labels: tuple[str, ...] = ()  # of these alone; none named: all
    with_texts: bool = True
    force: bool = False  # write among files of others

    @classmethod
    def formats_of(cls, words: str) -> tuple[Format, ...]:
        """`html,png` as formats; raises InputError for one that does not exist."""
        named = [word.strip().lower() for word in words.split(",") if word.strip()]
        unknown = [word for word in named if word not in set(Format)]
        if unknown or not named:
            raise InputError(
                f"'{unknown[0] if unknown else words}' is no format of figures; choose among "
                f"{', '.join(Format)}, several with commas between."
            )
        return tuple(format_ for format_ in Format if format_ in named)
