"""Column names and cell values that have a meaning for us."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

TEXT_NAMES: Final = (
    "text", "comment", "comment_text", "tweet", "abstract", "overview", "body", "content",
    "message", "description", "review", "sentence", "utterance", "question", "document",
    "post", "summary", "texto", "texte", "plot", "article", "transcript", "email", "title",
)  # fmt: skip
LABEL_NAMES: Final = (
    "labels", "label", "tags", "tag", "categories", "category", "classes", "class", "genres",
    "genre", "topics", "topic", "listed_in", "emotions", "emotion", "sentiment", "intents",
    "intent", "target", "targets", "subjects", "keywords",
)  # fmt: skip
ID_NAMES: Final = (
    "id", "external_id", "uid", "uuid", "guid", "doc_id", "document_id", "text_id", "comment_id",
    "tweet_id", "post_id", "row_id", "arxiv_id",
)  # fmt: skip
KNOWN_COLUMNS: Final = frozenset((*TEXT_NAMES, *LABEL_NAMES, *ID_NAMES))

# The first columns of our own export, which is how its guarded cells are recognised.
EXPORT_COLUMNS: Final = (
    "id", "text", "labels", "absent", "unsure", "annotator", "judged_at", "round", "source",
    "is_audited", "threshold",
)  # fmt: skip

YES: Final = frozenset(("1", "true", "yes", "x", "y", "t", "✓", "✔"))
NO: Final = frozenset(("0", "false", "no", "n", "f"))
BLANK: Final = frozenset(("", "none", "nan", "null", "na", "n/a", "-", "?"))


def is_ours(columns: Sequence[str]) -> bool:
    """Whether these are the columns of a file that was exported from here."""
    return tuple(columns[: len(EXPORT_COLUMNS)]) == EXPORT_COLUMNS
