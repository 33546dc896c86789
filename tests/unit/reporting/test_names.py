from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.reporting.names import LONGEST_BYTES, file_names, readable, told_apart

ANYTHING = st.text(st.characters(), max_size=400)


def test_names_become_plain_file_names() -> None:
    assert file_names(["Billing & refunds", "a/b\\c", "../../etc/passwd", "Größe"]) == (
        "billing-refunds",
        "a-b-c",
        "etc-passwd",
        "größe",
    )


def test_names_that_come_to_the_same_are_told_apart() -> None:
    assert file_names(["a b", "a-b", "A.B"]) == ("a-b", "a-b-2", "a-b-3")


def test_names_that_a_system_keeps_for_itself_are_avoided() -> None:
    assert file_names(["CON", "nul", "COM¹", "console"]) == (
        "con-label",
        "nul-label",
        "com1-label",
        "console",
    )


def test_a_name_without_a_letter_is_called_label() -> None:
    assert file_names(["!!!", "💥"]) == ("label", "label-2")


@given(st.lists(ANYTHING, max_size=8))
def test_file_names_are_short_different_and_harmless(names: list[str]) -> None:
    files = file_names(names)
    assert len({name.casefold() for name in files}) == len(names)
    for name in files:
        assert 0 < len(name.encode("utf-8")) <= LONGEST_BYTES + 4
        assert name[0] not in "-."
        assert not set(name) & set('/\\:*?"<>|.\0\n')


@given(st.lists(ANYTHING, max_size=8))
def test_shown_names_can_be_written_and_told_apart(names: list[str]) -> None:
    shown = told_apart(readable(name) for name in names)
    assert len(set(shown)) == len(names)
    assert "\0" not in "".join(shown)
    "".join(shown).encode("utf-8")
