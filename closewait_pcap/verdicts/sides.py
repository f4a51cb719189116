"""One end of each of many flows beside its peer, as columns: what verdicts and causes ask of the facts."""

from typing import Any

import numpy as np

from closewait_pcap.engine import Structured
from closewait_pcap.tcp.records import HAS_ACK, HAS_FIN, HAS_RST, LATE_DATA, SPOKE

Bools = np.ndarray[Any, np.dtype[np.bool_]]
Ints = np.ndarray[Any, np.dtype[np.int64]]
Small = np.ndarray[Any, np.dtype[np.int8]]
SECOND = 1_000_000_000
"""In ns."""


class Side:
    """One end of some flows.

    Args:
        me: its END records, shape (n,).
        you: those of the other ends.
    """

    def __init__(self, me: Structured, you: Structured) -> None:
        self.me = me
        self.flags = me["flags"]
        self.fin = (self.flags & HAS_FIN) != 0
        self.fin_acked = self.fin & ((you["flags"] & HAS_ACK) != 0) & (you["ack_high"] > me["fin"])
        """This end's FIN is covered by the peer's acknowledgement, ..."""
        self.fin_acked_time = you["ack_time"]
        """... since when that was reached: nothing can be acknowledged beyond a FIN."""
        self.rst = (self.flags & HAS_RST) != 0
        self.spoke = (self.flags & SPOKE) != 0
        self.syn_seen = me["syn_frame"] != 0

    def has(self, flag: int) -> Bools:
        """Whether a bit of END.flags is set."""
        return np.asarray((self.flags & flag) != 0)


def still_sends(me: Side, you: Side, end: Ints) -> Bools:
    """Whether an end in CLOSE_WAIT still sends payload that its peer acknowledges: a half-close at work.

    Args:
        me: the ends that wait; the peer's FIN is the last that they acknowledged.
        you: their peers.
        end: until when the capture shows what they do, ns since the epoch, shape (flows,).
    """
    moving = me.has(LATE_DATA) & (end - me.me["last_data_time"] < SECOND)
    return np.asarray(moving & (you.me["ack_time"] > me.me["ack_time"]))
