"""Captures of many conversations between any addresses, for what only shows when flows are looked at together."""

import io
from collections.abc import Iterable

from closewait_pcap import Analysis, analyze
from closewait_pcap.capture.packets import ACK, FIN, PSH, SYN
from closewait_pcap.tcp.sequence import Segment
from tests.ladders import EPOCH, MS
from tests.tcp.wire import LEFT_PORT, packet_records, pcap

CLIENT, SERVER = True, False


class Talk:
    """One connection, packet by packet.

    Args:
        at: when it begins, in s.
        client: its address.
        server: its address.
        port: the server's.
    """

    def __init__(self, at: float, client: str = "10.0.0.1", server: str = "10.0.0.2", port: int = 8080) -> None:
        self.ends, self.port = (client, server), port
        self.packets: list[tuple[bool, Segment]] = []
        self._next = {CLIENT: 100, SERVER: 900}
        self._at = at
        self._send(CLIENT, SYN, ack=False)
        self._send(SERVER, SYN | ACK)
        self._send(CLIENT, ACK)

    def _send(self, who: bool, flags: int, length: int = 0, *, ack: bool = True) -> None:
        acked = self._next[not who] if ack else 0
        time = EPOCH + round(self._at * 1000) * MS
        self.packets.append((who, Segment(0, time, self._next[who], acked, length, 501, -1, flags)))
        self._next[who] += length + bool(flags & (SYN | FIN))
        self._at += 0.001

    def says(self, who: bool, length: int = 10) -> "Talk":
        """Send payload, which the other end acknowledges."""
        self._send(who, PSH | ACK, length)
        self._send(not who, ACK)
        return self

    def floods(self, who: bool, length: int = 1000) -> "Talk":
        """Send payload that nobody acknowledges."""
        self._send(who, PSH | ACK, length)
        return self

    def waits(self, seconds: float) -> "Talk":
        """Let time pass."""
        self._at += seconds
        return self

    def closes(self, who: bool) -> "Talk":
        """Send a FIN, which the other end acknowledges."""
        self._send(who, FIN | ACK)
        self._send(not who, ACK)
        return self

    def is_served(self) -> "Talk":
        """Ask and be answered."""
        return self.says(CLIENT).says(SERVER)


def captured(talks: Iterable[Talk], until: float) -> bytes:
    """Write a capture that ends with an unrelated packet.

    Args:
        talks: in any order; each gets a client port of its own.
        until: when it ends, in s.
    """
    rows = []
    for number, talk in enumerate([*talks, Talk(until - 0.002, "10.9.9.9", "10.9.9.8", 9)]):
        for row in packet_records(talk.packets, *talk.ends):
            row.srcport, row.dstport = (
                LEFT_PORT - 20_000 + number if port == LEFT_PORT else talk.port for port in (row.srcport, row.dstport)
            )
            rows.append(row)
    return pcap(sorted(rows, key=lambda row: row.time))


def analyzed(talks: Iterable[Talk], until: float) -> Analysis:
    """Analyse such a capture."""
    return analyze(io.BytesIO(captured(talks, until)))
