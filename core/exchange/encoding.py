"""Which encoding a file is in, and which files are no text at all.

UTF-8 is proved over the whole file, not guessed from its beginning: one stray
byte in the last row changes the answer.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from charset_normalizer import from_bytes

from core.errors import ImportRefused

HEAD_BYTES = 256 * 1024
UNDECODABLE = "marginalia-undecodable"  # name of the error handler below
UNDECODABLE_MARK = "\udcff"  # stands for bytes that have no meaning in the file's encoding

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

SIGNATURES = (
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file"),
    (b"%PDF", "a PDF file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"{\\rtf", "a rich-text document"),
)
MARKUP = re.compile(rb"\s*<(!doctype|html|\?xml)", re.IGNORECASE)
LARGEST_CHAOS = 0.1  # of an answer worth believing; short samples give worse ones
NEAR_CHAOS = 0.02  # two answers this close cannot be told apart
REMEDY = "save it as CSV (UTF-8) or JSON Lines and upload that"


def _mark_undecodable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return UNDECODABLE_MARK, error.end


codecs.register_error(UNDECODABLE, _mark_undecodable)


def find_encoding(source: Path | bytes, file_name: str) -> tuple[str, str]:
    """The encoding, and a note for the person when it had to be guessed; refuses non-text."""
    head = next(_chunks(source), b"")
    _refuse_other_formats(head, file_name)
    for mark, encoding in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return encoding, ""
    if wide := _utf16_without_mark(head):
        return wide, "The file is UTF-16 without a byte order mark; check a few texts below."
    _refuse_binary(head, file_name)
    if _is_utf8(source):
        return "utf-8", ""
    return _legacy_encoding(source)


def _chunks(source: Path | bytes) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    with source.open("rb") as file:
        while chunk := file.read(HEAD_BYTES):
            yield chunk


def _refuse_other_formats(head: bytes, file_name: str) -> None:
    if not head.strip(b" \t\r\n\x0b\x0c\xef\xbb\xbf"):
        what = "empty (0 bytes)" if not head else "blank: it holds nothing but empty lines"
        raise ImportRefused(f"'{file_name}' is {what}; choose a file with a header and rows.")
    kind = next((kind for signature, kind in SIGNATURES if head.startswith(signature)), None)
    if head.startswith(b"PK\x03\x04"):
        is_excel = b"xl/" in head or b"[Content_Types].xml" in head
        kind = "an Excel workbook" if is_excel else "a zip archive"
    if MARKUP.match(head):
        kind = "a web page or XML file"
    if kind is not None:
        raise ImportRefused(f"'{file_name}' is {kind}, whatever its name says; {REMEDY}.")


def _utf16_without_mark(head: bytes) -> str | None:
    """UTF-16 shows as NULs at every second place, because most letters and commas need one byte."""
    size = len(head) - len(head) % 2
    n_even, n_odd = head[0:size:2].count(0), head[1:size:2].count(0)
    for encoding, n_high, n_low in (("utf-16-le", n_odd, n_even), ("utf-16-be", n_even, n_odd)):
        if n_high > 0.15 * size and n_low < 0.02 * size:
            try:
                codecs.getincrementaldecoder(encoding)().decode(head)
            except UnicodeDecodeError:
                continue
            return encoding
    return None


def _refuse_binary(head: bytes, file_name: str) -> None:
    at = head.find(0)
    n_control = sum(head.count(byte) for byte in range(32) if byte not in (9, 10, 11, 12, 13, 27))
    if n_control > 0.01 * len(head):
        place = f"its byte {at + 1} is a NUL" if at >= 0 else "it is full of control characters"
        raise ImportRefused(f"'{file_name}' is no text: {place}; {REMEDY}.")


def _is_utf8(source: Path | bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in _chunks(source):
            decoder.decode(chunk)
        decoder.decode(b"", final=not isinstance(source, bytes))  # a head may end inside a letter
    except UnicodeDecodeError:
        return False
    return True


def _legacy_encoding(source: Path | bytes) -> tuple[str, str]:
    """UTF-8 with damaged places where that explains more bytes, else an older encoding."""
    sample = _non_ascii_lines(source)
    text = sample.decode("utf-8", UNDECODABLE)
    n_bad = text.count(UNDECODABLE_MARK)
    n_good = sum(character > "\x7f" for character in text) - n_bad
    if n_good > n_bad:
        return "utf-8", "Some bytes are not valid UTF-8; the rows they stand in are rejected."
    encoding = _charset_normalizer_says(sample)
    return encoding, (
        f"The file is not UTF-8; it was read as {encoding}. "
        "If letters with accents look wrong below, save the file as UTF-8 and upload it again."
    )


def _non_ascii_lines(source: Path | bytes) -> bytes:
    found = bytearray()
    for chunk in _chunks(source):
        for line in chunk.splitlines():
            if not line.isascii():
                found += line + b"\n"
        if len(found) > 64 * 1024:
            break
    return bytes(found)


def _charset_normalizer_says(sample: bytes) -> str:
    """The likeliest encoding; CP1252 wherever it is as likely, or where nothing convinces."""
    matches = list(from_bytes(sample))
    encoding = "cp1252"
    if matches and matches[0].chaos <= LARGEST_CHAOS:
        near = [m for m in matches if m.chaos <= matches[0].chaos + NEAR_CHAOS]
        if not any("cp1252" in (m.encoding, *m.could_be_from_charset) for m in near):
            encoding = matches[0].encoding
    if encoding == "cp1252" and any(byte in sample for byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D)):
        encoding = "latin-1"  # these five are unassigned in CP1252
    return encoding
