"""Waiting ends as columns: what the causes weigh, and the words in which they tell it."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from closewait_pcap.capture.packets import FRAME_BITS
from closewait_pcap.flows.table import Facts
from closewait_pcap.quantities import NO_TIME, Dating, clock_time, printable
from closewait_pcap.tcp.records import BARE_SYN, HAS_ACK, HAS_FIN, SYN_ACK, WINDOW_UPDATE, ZERO_WINDOW
from closewait_pcap.verdicts.evidence.kernel import Kernel
from closewait_pcap.verdicts.evidence.listeners import Listeners
from closewait_pcap.verdicts.evidence.receive_queue import Unread, unread
from closewait_pcap.verdicts.judge import CLIENT, Judgement
from closewait_pcap.verdicts.sides import SECOND, Bools, Ints, Side, Small, still_sends
from closewait_pcap.verdicts.verdict import Verdict

if TYPE_CHECKING:
    from closewait_pcap.sockets.matching import Matches

WIDE = 1 << 18
"""A window that reaches this far beyond all that was sent has grown because its application reads: Linux begins with 64 KiB,
Windows and macOS with up to 256 KiB."""
GROWTH = 4
"""By so many times what was read it grows at most (Linux, tcp_rcv_space_adjust): what is wider was given to it by SO_RCVBUF."""


class Naming(NamedTuple):
    """How frames and times of a capture are named in words."""

    files: Sequence[str] = ("",)
    """Names of the files read."""
    dating: Dating = Dating.FULL
    printed: Callable[[int], tuple[int, str]] | None = None
    """Tells on which line a frame is printed, and what stands there; None: no packets were printed."""


_UNPRINTED = Naming()


class Waiting:
    """The waiting ends of some flows, arrays of shape (flows,).

    Args:
        facts: of all flows.
        judgement: of all flows.
        rows: of the flows.
        sides: which of their sides waits: CLIENT or SERVER.
        listeners: behind which servers wait.
        matches: the flows' sockets, where tables of them were given.
        naming: for words.
    """

    def __init__(
        self,
        facts: Facts,
        judgement: Judgement,
        rows: Ints,
        sides: Small,
        listeners: Listeners,
        matches: "Matches | None" = None,
        naming: Naming = _UNPRINTED,
    ) -> None:
        self.rows = rows
        self.listeners = listeners
        self.facts, self.judgement = facts, judgement
        self._naming = naming
        self.is_client: Bools = sides == CLIENT
        end = judgement.client_end[rows] ^ ~self.is_client
        me, you = facts.ends[rows, end], facts.ends[rows, 1 - end]
        self.me, self.peer = Side(me, you), Side(you, me)
        self.kernel = Kernel(matches, rows, sides)
        """What the socket tables say of it."""
        self.verdict = judgement.verdict[rows]
        self.doubtful: Bools = self.verdict == Verdict.close_wait_possible
        """The capture cannot exclude that this end has closed."""
        self.in_hole = judgement.in_hole[rows]
        timed = judgement.since[rows] != NO_TIME
        self.until: Ints = np.where(timed, judgement.since[rows] + judgement.held[rows], NO_TIME)
        """When the waiting ended, or the capture."""
        self.place = listeners.places(np.where(self.is_client, -1, rows))
        """Where in the listeners' columns of flows a server stands; -1: there is no listener known."""

    @cached_property
    def opened(self) -> Bools:
        """It opened the connection itself: it was seen to send the SYN, or its peer to answer one."""
        return self.me.has(BARE_SYN) | (self.peer.has(SYN_ACK) & ~self.me.has(SYN_ACK))

    @cached_property
    def wrote(self) -> Bools:
        """It sent payload."""
        return np.asarray(self.me.me["bytes"] > 0)

    @cached_property
    def closed(self) -> Bools:
        """It closed in the end."""
        return self.me.has(HAS_FIN)

    @cached_property
    def sending(self) -> Bools:
        """It sends payload that its peer acknowledges, and did so within the last second; or did until it closed."""
        stopped = ~self.closed & self.peer.has(ZERO_WINDOW)
        shown = still_sends(self.me, self.peer, self.until) & (self.until != NO_TIME)
        return np.asarray((shown | self._sends_by_table) & ~stopped)

    @cached_property
    def _sends_by_table(self) -> Bools:
        """Only a socket table shows that the peer's FIN came, before the capture: all payload in it was sent since."""
        waits = self.kernel.waits & ~self.peer.has(HAS_FIN) & self.wrote & ~self.closed
        if waits.any():
            end = self.facts.flows["last_time"].max()
            waits &= end - self.me.me["last_data_time"] < SECOND
        return np.asarray(waits & (self.peer.me["ack_time"] > 0) & ~self.unacknowledged)

    @cached_property
    def held_back(self) -> Bools:
        """Its peer's window has no room left: if it has closed, its FIN waits behind data."""
        room = self.peer.me["right_edge"] - self.me.me["data_high"]
        scale_known = self.me.syn_seen & self.peer.syn_seen
        full = self.peer.has(ZERO_WINDOW) | (self.peer.has(HAS_ACK) & scale_known & (room <= 0))
        return np.asarray(self.wrote & ~self.closed & full)

    @cached_property
    def blocked(self) -> Bools:
        """Its payload stays unacknowledged, or its peer's window closed, for a second or longer."""
        quiet = (self.until - self.me.me["last_data_time"] >= SECOND) & (self.until != NO_TIME)
        closed = self.peer.has(ZERO_WINDOW) & (self.until - self.peer.me["zero_since"] >= SECOND) & (self.until != NO_TIME)
        return np.asarray(self.wrote & ~self.closed & ((self.unacknowledged & quiet) | closed))

    @cached_property
    def unacknowledged(self) -> Bools:
        """The peer has not acknowledged all of its payload."""
        return np.asarray(self.wrote & self.peer.has(HAS_ACK) & (self.me.me["data_high"] > self.peer.me["ack_high"]))

    @cached_property
    def unseen(self) -> Ints:
        """How far, in sequence numbers, the peer acknowledges beyond what frames carry: payload, or a FIN."""
        top = np.where(self.peer.has(HAS_ACK), self.peer.me["ack_high"], 0)
        return np.asarray(np.maximum(top - np.maximum(self.me.me["data_high"], 1), 0))

    @cached_property
    def has_read(self) -> Bools:
        """Its window tells that an application reads."""
        room, received = self.me.me["right_edge"] - self.peer.me["next"], self.peer.me["bytes"]
        grown = (room > WIDE) & (room <= WIDE + GROWTH * received)
        return np.asarray((self.me.has(WINDOW_UPDATE) | grown) & (received > 0))

    @cached_property
    def unread(self) -> Unread:
        """What its application has not read."""
        return unread(self.me, self.peer, self.is_client)

    def of_place(self, column: Ints) -> Ints:
        """Take a column of the listeners' flows; -1 where a flow is none of theirs."""
        if not len(column):
            return np.full(len(self.rows), -1)
        return np.where(self.place >= 0, column[np.maximum(self.place, 0)], -1)

    def of_listener(self, column: Ints) -> Ints:
        """Take a column of the listeners; 0 where a flow is behind none that is known."""
        if not len(column):
            return np.zeros(len(self.rows), np.int64)
        return np.where(self.place >= 0, column[np.maximum(self.of_place(self.listeners.listener), 0)], 0)

    # --- words

    def side(self, at: int) -> str:
        """Name the waiting side."""
        return "client" if self.is_client[at] else "server"

    def other(self, at: int) -> str:
        """Name its peer."""
        return "server" if self.is_client[at] else "client"

    def frame(self, frame: int) -> str:
        """Name a frame as Wireshark counts it: ``frame 12``; of a printed one also its line, and what stands there."""
        files, printed = self._naming.files, self._naming.printed
        file = f" of {files[frame >> FRAME_BITS]}" if len(files) > 1 else ""
        line, quote = printed(frame) if printed else (0, "")
        quoted = f': "{printable(quote)}"' if quote else ""
        return f"frame {frame & ((1 << FRAME_BITS) - 1)}{file}" + (f" (line {line:,}{quoted})" if line else "")

    def printed_fin(self, at: int) -> str:
        """Name the FIN that the end waits with, where its packet was printed: the line that proves it."""
        if self._naming.printed is None or not self.peer.has(HAS_FIN)[at]:
            return ""
        return f"the {self.other(at)}'s FIN is {self.frame(int(self.peer.me['fin_frame'][at]))}"

    def stream(self, row: int) -> str:
        """Name a flow: ``stream 3``."""
        return f"stream {int(self.facts.flows['stream'][row])}"

    def clock(self, time: int) -> str:
        """Write the time of day: the date stands in the report's head."""
        return clock_time(time, self._naming.dating) if time else "an unknown time"
