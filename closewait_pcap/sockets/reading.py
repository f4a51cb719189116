"""Reads socket tables out of whatever text holds them: the format of every line is recognised by its content."""

import re
from collections.abc import Iterable
from pathlib import Path

from closewait_pcap.errors import SnapshotError
from closewait_pcap.sockets.formats import bsd, lsof, netstat, procnet, ss, windows
from closewait_pcap.sockets.formats.rows import STATE_WORDS, Layout
from closewait_pcap.sockets.formats.section import Section
from closewait_pcap.sockets.table import Snapshot, Socket, TimeFrom
from closewait_pcap.sockets.text import Source, numbered, opened
from closewait_pcap.sockets.times import LONGEST_LINE, find_time, time_in_name
from closewait_pcap.tcp.state import State

_HEADERS = (ss.header, bsd.header, netstat.header, windows.header, lsof.header, bsd.sockstat_header, procnet.header)
_HEADER_WORDS = frozenset(("State", "Netid", "Recv-Q", "Proto", "COMMAND", "USER", "Socket", "Tcpcb", "sl"))
_TCP = frozenset(("tcp", "tcp4", "tcp6", "tcp46"))
_OTHERS = (
    "udp udp4 udp6 udp46 udplite udpl UDP raw raw6 unix icm4 icm6 icmp icmp6 sctp dccp mptcp nl xdp p_raw p_dgr "
    "u_str u_dgr u_seq v_str v_dgr ti_sq"
)
_NOT_TCP = frozenset(_OTHERS.split())
_POINTER = re.compile(r"[0-9a-f]{8,16}$")
"""An address in the kernel."""
_PROMPTS = "#$%>"
_QUOTES = ">`|"
_COMMAND = re.compile(
    r"(?:^|[#$%>:;|]\s*|\bsudo\s+|\bdo\s+|\bwatch\s+|\d\s+|--exec\s+)"
    r"(ss|netstat(?:\.exe)?|lsof|sockstat|cat /proc/net/tcp6?)(?=\s*$|\s+[-|;/]|\s+state\b)(.*)$"
)
_ROOT = re.compile(r"(?:\S#|\bsudo)\s*$")
_WARNINGS = (
    "Not all processes could be identified",
    "have to be root to see it all",
    'No info could be read for "-p"',
    "showing only processes with your user ID",
)


def read_snapshots(source: Source, *, time: int | None = None, state: State | None = None) -> list[Snapshot]:
    """Read every socket table that a text holds.

    A new table begins at a header, at a time or a command line after rows, and where the format changes. What is neither a
    row nor one of these is prose and passed over; what begins as a row and is none becomes a complaint.

    Args:
        source: a path, ``-`` for stdin, pasted text of at least two lines, or a file open for reading text. UTF-8 or UTF-16.
        time: when it was taken, in ns since the epoch. Of several tables, for those that have no time of their own.
        state: of rows without a state: ``ss -t state close-wait`` prints no State column.

    Returns:
        The tables in their order. Their times come from `time`, their text, the file's name or the file's last change, in this
        order; the last two only date a lone table, and the last change the last one.

    Raises:
        SnapshotError: it cannot be read, or nothing in it is a socket table.
    """
    with opened(source) as lines:
        reader = _Reader(state)
        last, line = 0, "\n"
        for last, line in numbered(lines.text):
            reader.feed(last, line)
        if lines.whole_lines and not line.endswith("\n") and reader.in_table:
            reader.section.complain(last, "the file ends without a line end: this row may be cut")
        snapshots = reader.finished(lines.name)
        if not snapshots:
            raise SnapshotError(
                f"{lines.name}: no socket table: none of its {last} lines reads like ss, netstat, lsof, sockstat or /proc/net/tcp"
            )
        _date(snapshots, time, time_in_name(Path(lines.name).name), lines.mtime)
    return snapshots


def read_lines(name: str, lines: Iterable[tuple[int, str]]) -> list[Snapshot]:
    """Read the socket tables that stand among other text.

    Args:
        name: of the text.
        lines: of it, with their numbers; where some are missing in between, a table ends.

    Returns:
        The tables that have rows, in their order. Only those have times that the lines tell.
    """
    reader, before = _Reader(None), 0
    for number, line in lines:
        if number != before + 1:
            reader.feed(before + 1, "")
        before = number
        reader.feed(number, line)
    return [snapshot for snapshot in reader.finished(name) if snapshot.sockets]


def _date(snapshots: list[Snapshot], given: int | None, named: int | None, changed: int | None) -> None:
    """Give times to those that have none of their own."""
    if len(snapshots) == 1:
        only = snapshots[0]
        if given is not None:
            only.time, only.time_from = given, TimeFrom.GIVEN
        elif only.time is None and named is not None:
            only.time, only.time_from = named, TimeFrom.NAME
    for snapshot in snapshots:
        if snapshot.time is None and given is not None:
            snapshot.time, snapshot.time_from = given, TimeFrom.GIVEN
    if snapshots[-1].time is None and changed is not None:
        snapshots[-1].time, snapshots[-1].time_from = changed, TimeFrom.MTIME


class _Reader:
    """Takes line after line and keeps the tables."""

    def __init__(self, state: State | None) -> None:
        self.section = Section()
        self.in_table = False
        """Whether the line before was a row or a header."""
        self._sections = [self.section]
        self._state = state
        self._attach = False
        """Whether a line about the process belongs to the last socket."""

    def feed(self, line: int, raw: str) -> None:
        """Take a line."""
        text = raw.strip()
        if "\xa0" in text:  # copied from a web page
            text = text.replace("\xa0", " ")
        if text[:1] in _QUOTES:
            text = text.lstrip("> `|\t")
        words = text.split(None, 5)
        if not words:  # ss -i has nothing to tell of some sockets, and tells it after a tab
            self.in_table = self.in_table and self._attach and raw[:1] == "\t"
            return
        try:
            socket = self._row(words, text, line)
        except ValueError as error:
            self.section.complain(line, str(error))
            self._attach, self.in_table = False, True
            return
        if socket is not None:
            self.section.add(socket)
            self._attach = self.in_table = True
        elif words[0] in _NOT_TCP:
            self._attach, self.in_table = False, True
        else:
            self._other(words, text, line, indented=raw[:1].isspace())

    def finished(self, name: str) -> list[Snapshot]:
        """Give the tables."""
        made = (section.finished(name) for section in self._sections)
        return [snapshot for snapshot in made if snapshot]

    def _row(self, words: list[str], text: str, line: int) -> Socket | None:
        """Read a line as a row of the table it looks like; None where it looks like none."""
        first, second = words[0], words[1] if len(words) > 1 else ""
        known = self.section.format
        if (first in STATE_WORDS and second[:1].isdecimal()) or (first in _TCP and second in STATE_WORDS):
            return ss.row(words, line, self._table(ss.FORMAT, line).note, None)
        if first in _TCP and second.isdecimal():
            return self._netstat(words, line)
        if first == "TCP" and (":" in second or (second and len(words) == 2 and self.in_table)):
            section = self._table(windows.FORMAT, line)
            return windows.row(words, line, section.note, section.layout)
        if first[0].isdecimal() and known != lsof.FORMAT:
            return self._numeric(words, line)
        return self._listed(words, text, line) or self._addressed(words, text, line)

    def _listed(self, words: list[str], text: str, line: int) -> Socket | None:
        """Read a row of the tools that begin with the process: lsof and sockstat."""
        known = self.section.format
        if lsof.looks_like_row(text) or (known == lsof.FORMAT and self.in_table and len(words) > 1 and words[1].isdecimal()):
            self._table(lsof.FORMAT, line)
            return lsof.row(text, line)
        if known == bsd.SOCKSTAT and len(words) > 2 and (words[2].isdecimal() or words[2] == "?"):
            return bsd.sockstat_row(text, line, self.section.layout)
        return None

    def _netstat(self, words: list[str], line: int) -> Socket:
        """Read a row of Linux' or BSD's netstat, which differ in the addresses."""
        dotted = self.section.format == bsd.FORMAT
        if self.section.format not in (bsd.FORMAT, netstat.FORMAT):
            dotted = words[0] in ("tcp4", "tcp46") or (len(words) > 3 and "." in words[3].rpartition(":")[2])
        if dotted:
            section = self._table(bsd.FORMAT, line)
            return bsd.row(words, line, section.note, section.layout)
        section = self._table(netstat.FORMAT, line)
        return netstat.row(words, line, section.note, section.layout)

    def _addressed(self, words: list[str], text: str, line: int) -> Socket | None:
        """Read a row of BSD's netstat -A, which begins with one or two addresses in the kernel."""
        for place in (1, 2):
            if len(words) > place and words[place] in _TCP and _POINTER.match(words[0]):
                return self._netstat(text.split(None, place)[place].split(None, 5), line)
        return None

    def _numeric(self, words: list[str], line: int) -> Socket | None:
        """Read a row that begins with a number: the kernel's, or one of ss without a State column."""
        known = self.section.format
        if procnet.looks_like_row(words) or (known == procnet.FORMAT and words[0].endswith(":") and len(words) > 1):
            if known == procnet.OTHER:
                return None
            self._table(procnet.FORMAT, line)
            return procnet.row(words, line)
        if words[0].isdecimal() and len(words) > 1 and words[1].isdecimal() and (known == ss.FORMAT or _has_ends(words)):
            section = self._table(ss.FORMAT, line)
            return ss.row(words, line, section.note, section.asked or self._state)
        return self._addressed(words, " ".join(words), line)

    def _table(self, name: str, line: int) -> Section:
        """Give the section for a row of that format: a new one where the last held another."""
        if self.section.format not in ("", name):
            self._begin()
        self.section.format, self.section.line = name, line
        return self.section

    def _other(self, words: list[str], text: str, line: int, *, indented: bool) -> None:
        """Take a line that is no row: a header, what belongs to the row before, a command, a time, or prose."""
        if words[0] in _HEADER_WORDS and (layout := _layout(text)):
            self._header(layout)
        elif self._attach and self._attached(text, line):
            return
        elif any(warning in text for warning in _WARNINGS):
            self._before()
            self.section.warned = True
        elif len(text) <= LONGEST_LINE and self._banner(text, line):
            self.in_table = False
        elif self.in_table and self._is_cut(words, indented=indented):
            self.section.complain(line, f"not understood, perhaps a cut row: {text[:60]!r}")
        elif self.section.format in (lsof.FORMAT, bsd.SOCKSTAT) and len(words) > 5:
            self._attach = False  # a file or a socket of another kind
        elif not (self._attach and (indented or self.section.format == windows.FORMAT)):
            self.in_table = self._attach = False

    def _header(self, layout: Layout) -> None:
        second_half = layout.columns == ("tcp6",) and self.section.format == procnet.FORMAT  # cat tcp tcp6
        if self.section.begun and not second_half:
            self._begin()
        self.section.layout, self.section.format, self.section.header = layout, layout.format, True
        self.in_table, self._attach = True, False

    def _attached(self, text: str, line: int) -> bool:
        """Take what a second line says of the row before it."""
        sockets = self.section.snapshot.sockets
        if self.section.format == ss.FORMAT and text.startswith(ss.EXTRAS):
            self.section.line = line
            sockets[-1] = ss.continued(sockets[-1], text, self.section.note)
            return True
        if self.section.format == windows.FORMAT and (name := windows.program(text)):
            sockets[-1] = windows.with_program(sockets[-1], name)
            return True
        return False

    def _banner(self, text: str, line: int) -> bool:
        """Take a command line or a time, or both (``watch``)."""
        command, found = _COMMAND.search(text), find_time(text)
        if not command and not found:
            return False
        self._before()
        if command:
            self.section.command = command[1].split(".")[0] if "/" not in command[1] else procnet.FORMAT
            self.section.asked = ss.asked_state(command[2])
            self.section.root = bool(_ROOT.search(text[: command.start(1)]))
        if found:
            self.section.set_time(line, *found)
        return True

    def _is_cut(self, words: list[str], *, indented: bool) -> bool:
        """Say whether a short line amid rows may be the beginning of one."""
        most = 3 if _POINTER.match(words[0]) else 2
        if len(words) > most or not words[0][0].isalnum() or words[-1][-1] in _PROMPTS:
            return False
        if self.section.format == windows.FORMAT:  # -b prints names of services
            return words[0] in ("T", "TC", "TCP")
        return not indented or self.section.format != ss.FORMAT or words[0].isupper()  # -i prints congestion control

    def _before(self) -> None:
        """Make room for something that stands before a table."""
        if self.section.begun:
            self._begin()

    def _begin(self) -> None:
        self.section = Section()
        self._sections.append(self.section)
        self.in_table = self._attach = False


def _layout(text: str) -> Layout | None:
    return next((layout for read in _HEADERS if (layout := read(text))), None)


def _has_ends(words: list[str]) -> bool:
    """Say whether numbers are followed by two ends of a socket."""
    return len(words) > 3 and ":" in words[2] and ":" in words[3]
