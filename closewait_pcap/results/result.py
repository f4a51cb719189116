"""A result: facts and judgement of one capture. Between the verdicts and whoever shows them."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from closewait_pcap.capture.info import CaptureInfo
from closewait_pcap.flows.table import Facts
from closewait_pcap.results.addresses import address_codes, address_text
from closewait_pcap.results.values import Category, Values
from closewait_pcap.verdicts.evidence.listeners import Listeners, gather
from closewait_pcap.verdicts.evidence.servers import under_pressure
from closewait_pcap.verdicts.judge import Judgement
from closewait_pcap.verdicts.verdict import Verdict

if TYPE_CHECKING:
    from closewait_pcap.sockets.matching import Matches
    from closewait_pcap.verdicts.agreement import Agreement

_BLOCK = 1 << 18


@dataclass
class Result:
    """What one analysis found."""

    capture: CaptureInfo
    facts: Facts
    judgement: Judgement
    stuck_after: int
    """ns."""
    names: list[str] = field(default_factory=lambda: [""])
    """What the numbers of interfaces and processes stand for."""
    matches: "Matches | None" = None
    """The sockets of the flows, where tables of them were given."""
    agreement: "Agreement | None" = None
    """What the kernel says of the flows, against what the packets show."""

    @cached_property
    def rows(self) -> Values:
        """Rows of the flows that have packets of their own (others were only quoted in ICMP errors), int64."""
        return np.flatnonzero(self.facts.flows["first_frame"])

    @cached_property
    def listeners(self) -> Listeners:
        """The listening endpoints behind which ends wait."""
        return gather(self.facts, self.judgement)

    @cached_property
    def pressed(self) -> Values:
        """Where handshakes did not complete: for `limits_of`."""
        return under_pressure(self.facts, self.judgement)

    @cached_property
    def hosts(self) -> dict[tuple[int, int], str]:
        """Addresses that stand for hosts of which printed packets tell the name alone."""
        told = (printout.hosts for printout in self.capture.printouts if printout is not None)
        return {words: name for hosts in told for words, name in hosts.items()}

    def address(self, hi: int, lo: int) -> str:
        """Write an address as Wireshark does, IPv4 dotted, IPv6 compressed; or the name that alone is known of a host."""
        return self.hosts.get((hi, lo)) or address_text(hi, lo)

    def address_category(self, codes: Values, addresses: Values) -> "Category":
        """Turn numbered addresses into a category of those that occur."""
        used, compact = np.unique(codes, return_inverse=True)
        return Category.of(compact.reshape(-1), [self.address(hi, lo) for hi, lo in addresses[used].tolist()])

    def streams_of(self, rows: Values) -> Values:
        """Wireshark's stream numbers of some flows, int64. They are the rows, as long as no flow has left the table."""
        return self.facts.flows["stream"][rows].astype(np.int64)

    def with_verdict(self, *verdicts: Verdict) -> Values:
        """Rows of the flows with one of these verdicts, int64."""
        return self.rows[np.isin(self.judgement.verdict[self.rows], verdicts)]

    def endpoints_of(self, rows: Values) -> tuple[Values, Values, Values, Values]:
        """Addresses and ports of some flows.

        Args:
            rows: of the flows, shape (n,).

        Returns:
            The client's address as two int64 words, shape (n, 2), its port, the server's address, its port.
        """
        flows = self.facts.flows[rows]
        client_end = self.judgement.client_end[rows]
        first = np.stack([flows["a_hi"], flows["a_lo"]], axis=1)
        second = np.stack([flows["b_hi"], flows["b_lo"]], axis=1)
        first_port, second_port = flows["ports"] >> 16 & 0xFFFF, flows["ports"] & 0xFFFF
        swapped = client_end == 1
        return (
            np.where(swapped[:, None], second, first),
            np.where(swapped, second_port, first_port),
            np.where(swapped[:, None], first, second),
            np.where(swapped, first_port, second_port),
        )


def endpoint_codes(result: Result, rows: Values) -> tuple[Values, Values, Values, Values]:
    """Number the addresses of many flows, block by block: all addresses at once would take more room than the flows.

    Args:
        result: an analysis.
        rows: of the flows, shape (n,).

    Returns:
        Codes of the clients' and of the servers' addresses, and the servers' ports, all int64, shape (n,); and the address of
        each code, int64, shape (codes, 2), in the addresses' own order.
    """
    blocks, found, total = [], [np.empty((0, 2), np.int64)], 0
    for at in range(0, len(rows), _BLOCK):
        client, _, server, port = result.endpoints_of(rows[at : at + _BLOCK])
        codes, addresses = address_codes(np.concatenate([client, server]))
        blocks.append(((codes + total).reshape(2, -1).astype(np.int32), port.astype(np.int32)))
        found.append(addresses)
        total += len(addresses)
    known, addresses = address_codes(np.concatenate(found))
    if not blocks:
        return known, known, known, addresses
    codes = known[np.concatenate([codes for codes, _ in blocks], axis=1)]
    return codes[0], codes[1], np.concatenate([port for _, port in blocks]).astype(np.int64), addresses
