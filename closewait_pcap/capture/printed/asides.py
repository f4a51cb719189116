"""What stands between printed packets: what tcpdump says of its capture, and what may be a socket table."""

import re
from collections import deque

from closewait_pcap.capture.printed.lines import Line

_AROUND = 40
"""Lines kept before and after one that may be a row of a table: its header, a date, the command, other rows."""
_MOST = 1 << 24
"""Characters kept."""
_ROW = re.compile(
    r"CLOSE.?WAIT|LISTEN|ESTAB|TIME.?WAIT|FIN.?WAIT|SYN.?SENT|SYN.?REC|LAST.?ACK|^\s*\d+: [0-9A-F]{8,32}:[0-9A-F]{4} "
    r"|^\s*\d+\s+\d+\s+\S+:\S+\s+\S+:\S+"
)
_DROPPED = re.compile(r"(\d{1,12}) packets? dropped by (?:kernel|interface)")
_CAPTURED = re.compile(r"(\d{1,12}) packets? captured")
_LISTENING = re.compile(r"(?:listening on ([^\s,]{1,40})|reading from file .{1,300}?), link-type (\w{1,40})")
_SAID = ("tcpdump: ", "dropped privs to", "Capturing on ", "Warning: interface names might be incorrect")
_FENCE = re.compile(r"[`~=_*-]{2,}|\{(?:code|noformat|quote)")


class Asides:
    """Takes the lines that belong to no packet."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, str]] = []
        """Lines around what may be rows of socket tables, with their numbers."""
        self.unrecognised = 0
        """Lines that are neither packets nor about them nor empty."""
        self.drops: int | None = None
        """Packets that tcpdump says it lost."""
        self.captured: int | None = None
        """Packets that it says it captured."""
        self.interface = ""
        """Where, as it says."""
        self.links: list[str] = []
        """Link types, as it says."""
        self.overflowed = False
        """There were more lines than are kept."""
        self._before: deque[tuple[int, str]] = deque(maxlen=_AROUND)
        self._after = self._kept = 0

    def take(self, line: Line) -> bool:
        """Take a line.

        Returns:
            Whether something stands on it that may begin a new listing.
        """
        text = line.text
        if not text or _FENCE.match(text):
            return False
        self.unrecognised += not self._is_said(text)
        kept = (line.number, line.raw)
        if _ROW.search(text[:400]):
            for one in self._before:
                self._keep(one)
            self._before.clear()
            self._after = _AROUND
        if self._after:
            self._after -= 1
            self._keep(kept)
        else:
            self._before.append(kept)
        return True

    def _keep(self, line: tuple[int, str]) -> None:
        self._kept += len(line[1])
        if self._kept > _MOST:
            self.overflowed = True
        else:
            self.lines.append(line)

    def _is_said(self, text: str) -> bool:
        """Take what tcpdump itself says."""
        if found := _DROPPED.search(text, 0, 200):
            self.drops = (self.drops or 0) + int(found[1])
        elif found := _CAPTURED.match(text):
            self.captured = (self.captured or 0) + int(found[1])
        elif found := _LISTENING.search(text, 0, 400):
            self.interface = "" if found[1] in (None, "any") else found[1]
            if found[2] not in self.links:
                self.links.append(found[2])
        else:
            return "packets received by filter" in text or text.startswith(_SAID)
        return True
