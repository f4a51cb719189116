"""The lines of printed packets, kept so that they can be quoted: compressed, since few of them ever are."""

import zlib

LONGEST = 300
"""Characters kept of a line: tcpdump's longest, with all TCP options that fit, has about 250."""
_BLOCK = 512
"""Lines compressed together: to quote one, so many are unpacked."""
_LEVEL = 1


class Quotes:
    """Texts without ends of line, in the order in which they are added."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._last: list[str] = []

    def __len__(self) -> int:
        return len(self._blocks) * _BLOCK + len(self._last)

    def append(self, text: str) -> None:
        """Add a text; of a long one its beginning, with an ellipsis."""
        self._last.append(text if len(text) <= LONGEST else f"{text[:LONGEST]}…")
        if len(self._last) == _BLOCK:
            self._blocks.append(zlib.compress("\n".join(self._last).encode("utf-8", "replace"), _LEVEL))
            self._last = []

    def __getitem__(self, place: int) -> str:
        block, line = divmod(place, _BLOCK)
        if block == len(self._blocks):
            return self._last[line]
        return zlib.decompress(self._blocks[block]).decode().split("\n")[line]
