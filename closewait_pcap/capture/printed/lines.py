"""Lines of text as somebody pasted them: decoded, numbered, and without what mail, tickets and terminals put around them."""

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

LONGEST = 1 << 16
"""Characters of a line that are looked at; what follows them is passed over."""
_BLOCK = 1 << 18
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_NOISE = re.compile("\x1b\\[[0-9;]*[A-Za-z]|[\u200b\u200e\u200f\ufeff\x00\r]")
"""Colours of a terminal, characters without width, zeros."""
_ODD = re.compile("[&\t\x00\x1b]")
_SPACES = str.maketrans(dict.fromkeys("\u00a0\u2007\u202f\u3000\t", " "))
_MARKS = re.compile(r"(?:[>|*•‣·+\u2013-]\s+|\d{1,3}[.)]\s+(?!\d{6} )|`+|(?:>|&gt;)(?=[\s>&]))*\s*")
"""What begins quoted lines, list items, rows of a table and code."""


class Line(NamedTuple):
    """One line of the text."""

    number: int
    """From 1."""
    raw: str
    """As it stands in the text."""
    text: str
    """Without what was put around it."""


def encoding_of(head: bytes) -> str:
    """Tell the encoding of a text: UTF-8, or UTF-16 as Windows PowerShell redirects.

    Args:
        head: its first bytes.

    Returns:
        A codec's name.
    """
    if head.startswith(_UTF_16):
        return "utf-16"
    for encoding, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):  # ASCII text: every other byte is zero
        if len(zeros) > 1 and zeros.count(0) > 0.9 * len(zeros):
            return encoding
    return "utf-8-sig"


def clean(raw: str) -> str:
    """Take away what quotes, lists, tables, code and web pages put around a line."""
    if raw[:1].isdigit() and raw.isascii() and not _ODD.search(raw):
        if raw[2:3] == ":" or raw[4:5] == "-":  # it begins with a time: nothing was put around it
            return raw.rstrip(" \r`|")
        text = raw
    else:
        text = _NOISE.sub("", raw).translate(_SPACES).strip()
        if "&gt;" in text:
            text = text.replace("&gt;", ">").replace("&lt;", "<")
    begin = _MARKS.match(text)
    return text[begin.end() if begin else 0 :].rstrip(" \r`|")


class Lines:
    """The lines of a text, read in chunks.

    Args:
        stream: the text, as bytes; read from where it stands.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.trouble: str | None = None
        """Why the text ends too early, where it does."""
        self.interrupted = False
        """The user stopped the reading: what was read by then counts, also what is looked at ahead."""
        self.cut = 0
        """Lines that are longer than `LONGEST`."""

    def __iter__(self) -> Iterator[Line]:
        number = 0
        for number, raw in enumerate(self._whole(), 1):
            yield Line(number, raw, clean(raw))

    def _whole(self) -> Iterator[str]:
        """Give lines without their ends; overlong ones cut, in time and memory that their length does not decide."""
        begun, skipping = "", False
        for text in self._decoded():
            first, *rest = text.split("\n")
            if not skipping:
                begun += first[: LONGEST + 1 - len(begun)]
                if len(begun) > LONGEST:
                    begun, skipping = begun[:LONGEST], True
                    self.cut += 1
            for line in rest:
                yield begun
                begun, skipping = line[:LONGEST], len(line) > LONGEST
                self.cut += skipping
        if begun:
            yield begun

    def _decoded(self) -> Iterator[str]:
        decoder = None
        while block := self._read():
            if decoder is None:
                decoder = codecs.getincrementaldecoder(encoding_of(block[:4096]))("replace")
            yield decoder.decode(block)
        if decoder is not None:
            yield decoder.decode(b"", True)

    def _read(self) -> bytes:
        buffer = bytearray(_BLOCK)
        try:
            got = self._stream.readinto(buffer)  # type: ignore[attr-defined]
        except KeyboardInterrupt:
            self.interrupted = True
            return b""
        except Exception as error:  # a file object raises whatever it likes
            self.trouble = f"reading failed: {getattr(error, 'strerror', None) or error}"
            return b""
        if not got:
            self.trouble = getattr(self._stream, "trouble", None)
        return bytes(memoryview(buffer)[: got or 0])
