"""Count connections in CLOSE_WAIT the way a short hand-written script does: dpkt, one packet after the other.

This is the alternative most people would write first, so the benchmark times it. It decodes every frame and keeps, per
flow and end, the sequence number behind its FIN and whether the other end acknowledged it. It knows nothing of reused
ports, reordering, forged segments or captures that begin in the middle.

    python tests/benchmarks/dpkt_loop.py FILE
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import dpkt  # type: ignore[import-untyped, unused-ignore]

Address = tuple[bytes, int]


@dataclass(slots=True)
class Flow:
    """What has been seen of one connection; sets hold the ends something was seen of."""

    syn: set[Address] = field(default_factory=set)
    fin: dict[Address, int] = field(default_factory=dict)  # the number that acknowledges the FIN
    fin_acked: set[Address] = field(default_factory=set)
    reset: bool = False

    def add(self, source: Address, target: Address, tcp: dpkt.tcp.TCP, length: int) -> None:
        """Take in one segment."""
        if tcp.flags & dpkt.tcp.TH_SYN:
            self.syn.add(source)
        if tcp.flags & dpkt.tcp.TH_FIN:
            self.fin[source] = (tcp.seq + length + 1) & 0xFFFFFFFF
        if tcp.flags & dpkt.tcp.TH_RST:
            self.reset = True
        if tcp.flags & dpkt.tcp.TH_ACK and self.fin.get(target) == tcp.ack:
            self.fin_acked.add(target)

    def in_close_wait(self) -> bool:
        """One end's FIN is acknowledged, the other's never came."""
        return not self.reset and len(self.fin) == len(self.fin_acked) == 1


def count_close_wait(path: str) -> int:
    """Read the whole capture and count the connections that end in CLOSE_WAIT."""
    flows: dict[frozenset[Address], Flow] = {}
    with Path(path).open("rb") as capture:
        for _, frame in dpkt.pcap.Reader(capture):
            ip = dpkt.ethernet.Ethernet(frame).data
            if not isinstance(ip, (dpkt.ip.IP, dpkt.ip6.IP6)) or not isinstance(ip.data, dpkt.tcp.TCP):
                continue
            tcp = ip.data
            source, target = (ip.src, tcp.sport), (ip.dst, tcp.dport)
            # A capture may hold only the headers: the IP header says how much data the segment had.
            ip_payload = ip.len - ip.hl * 4 if isinstance(ip, dpkt.ip.IP) else ip.plen
            flow = flows.setdefault(frozenset((source, target)), Flow())
            flow.add(source, target, tcp, ip_payload - tcp.off * 4)
    return sum(flow.in_close_wait() for flow in flows.values())


if __name__ == "__main__":
    print(count_close_wait(sys.argv[1]))
