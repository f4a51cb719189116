"""Which flows are spoken of: filters choose after all flows are numbered and judged."""

import numpy as np

from closewait_pcap.results import Result, Values


def choose(
    result: Result,
    *,
    host: tuple[int, int] | None = None,
    port: int | None = None,
    since: int | None = None,
    until: int | None = None,
) -> Values:
    """Pick the flows that all filters let through.

    Args:
        result: an analysis.
        host: the two words of an address that one end has.
        port: that one end has.
        since: ns since the epoch; the flow, or its wait, was still there then.
        until: the flow had begun by then.

    Returns:
        Rows of the flows.
    """
    rows = result.rows
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
