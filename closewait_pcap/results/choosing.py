"""Which flows are spoken of: filters choose after all flows are numbered and judged."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import numpy as np

from closewait_pcap.anonymizing import Anonymizer
from closewait_pcap.notation import parse_address, parse_moment
from closewait_pcap.quantities import moment
from closewait_pcap.results.addresses import address_text
from closewait_pcap.results.result import Result
from closewait_pcap.results.values import Values


@dataclass(frozen=True)
class Choice:
    """What of an analysis is to be shown; None: no such filter."""

    host: tuple[int, int] | None = None
    """The two words of an address that one end has."""
    port: int | None = None
    """That one end has."""
    since: int | None = None
    """ns since the epoch; the flow, or its wait, was still there then."""
    until: int | None = None
    """The flow had begun by then."""
    all_flows: bool = False
    """List every flow, not only those that wait or waited."""

    @classmethod
    def parse(
        cls,
        host: str | None,
        port: int | None,
        since: str | datetime | None,
        until: str | datetime | None,
        all_flows: bool,
    ) -> Self:
        """Read what a person writes.

        Raises:
            ValueError: the host is no IP address, or one of the times is none.
        """
        begin, end = (None if time is None else parse_moment(time) for time in (since, until))
        return cls(None if host is None else parse_address(host), port, begin, end, all_flows)

    def told(self, anonymizer: Anonymizer | None = None) -> dict[str, Any]:
        """Give it as a person writes it, the address mapped where others are."""
        host = None if self.host is None else address_text(*self.host)
        since, until = (None if time is None else moment(time) for time in (self.since, self.until))
        mapped = host if anonymizer is None or host is None else anonymizer.text(host)
        return {"host": mapped, "port": self.port, "since": since, "until": until, "all_flows": self.all_flows}


def choose(result: Result, choice: Choice) -> Values:
    """Pick the flows that all filters let through.

    Args:
        result: an analysis.
        choice: the filters.

    Returns:
        Rows of the flows.
    """
    rows = result.rows
    host, port, since, until = choice.host, choice.port, choice.since, choice.until
    if all(each is None for each in (host, port, since, until)):
        return rows  # the addresses of ten million flows would take a gigabyte
    keep = np.ones(len(rows), np.bool_)
    client, client_port, server, server_port = result.endpoints_of(rows)
    if host is not None:
        words = np.array(host)
        keep &= (client == words).all(axis=1) | (server == words).all(axis=1)
    if port is not None:
        keep &= (client_port == port) | (server_port == port)
    first, last = result.facts.flows["first_time"][rows], result.facts.flows["last_time"][rows]
    held = result.judgement.held[rows]
    last = np.where(held >= 0, np.maximum(last, result.judgement.since[rows] + np.maximum(held, 0)), last)
    if since is not None:
        keep &= last >= since
    if until is not None:
        keep &= first <= until
    return np.asarray(rows[keep])
