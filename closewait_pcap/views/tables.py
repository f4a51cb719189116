"""The public columns of what was learned from socket tables: all sockets, and kernel against capture."""

from collections.abc import Sequence

import numpy as np

from closewait_pcap import columns
from closewait_pcap.results.result import Result
from closewait_pcap.results.values import Category, Values
from closewait_pcap.sockets.addresses import Endpoint
from closewait_pcap.sockets.counting import count_by_process, queues
from closewait_pcap.sockets.matching import NO_TIME
from closewait_pcap.sockets.table import Snapshot, Socket
from closewait_pcap.sockets.values import numbers, socket_columns, texts
from closewait_pcap.verdicts.differences import ABSENT, RULES
from closewait_pcap.views.holdings import Host


def socket_values(result: Result) -> dict[str, Values]:
    """Compute the public columns of all sockets, and of the flows they belong to.

    Args:
        result: an analysis.

    Returns:
        By column name, as in `columns.SOCKETS`: arrays of shape (sockets,).
    """
    matches = result.matches
    if matches is None:
        return table_values([], [])
    flow = matches.flow_of
    known = np.where(flow >= 0, flow, 0)
    side = matches.end_of ^ result.judgement.client_end[known] if len(result.judgement.client_end) else flow
    values = table_values(matches.snapshots, matches.sockets)
    values["stream"] = np.where(flow >= 0, result.streams_of(known), -1) if len(result.facts.flows) else flow
    values["side"] = Category.of(np.where(flow >= 0, side, -1), columns.SIDES)
    return values


def table_values(snapshots: Sequence[Snapshot], sockets: Sequence[Socket]) -> dict[str, Values]:
    """Compute the public columns of sockets of which no flow is known.

    Args:
        snapshots: the tables.
        sockets: their rows, one table after the other.

    Returns:
        By column name, as in `columns.SOCKETS`: arrays of shape (sockets,).
    """
    counts = [len(snapshot.sockets) for snapshot in snapshots]
    names = list(dict.fromkeys(snapshot.source for snapshot in snapshots))
    times = [NO_TIME if snapshot.time is None else snapshot.time for snapshot in snapshots]
    none = np.full(len(sockets), -1, np.int64)
    values: dict[str, Values] = {
        "table": Category.of(np.repeat([names.index(snapshot.source) for snapshot in snapshots], counts).astype(np.int64), names),
        "line": np.array([socket.line for socket in sockets], np.int64),
        "time": np.repeat(np.array(times, np.int64), counts),
        "local": Category.of(*texts([_address(socket.local) for socket in sockets])),
        "local_port": _ports([socket.local for socket in sockets]),
        "peer": Category.of(*texts([_address(socket.peer) for socket in sockets])),
        "peer_port": _ports([socket.peer for socket in sockets]),
        "stream": none,
        "side": Category.of(none, columns.SIDES),
    }
    told = socket_columns(sockets)
    return values | {name: Category.of(*value) if isinstance(value, tuple) else value for name, value in told.items()}


def holding_values(hosts: Sequence[Host]) -> dict[str, Values]:
    """Compute the public columns of the endpoints in CLOSE_WAIT, as in `columns.HOLDINGS`: the most first."""
    found = sorted(((host, holding) for host in hosts for holding in host.holdings()), key=lambda each: -len(each[1].close_wait))
    holdings = [holding for _, holding in found]
    return {
        "table": Category.of(*texts([host.last.source for host, _ in found])),
        "side": Category.of(np.array([columns.SIDES.index(each.place.side) for each in holdings], np.int64), columns.SIDES),
        "address": Category.of(*texts([_address(each.place.endpoint) for each in holdings])),
        "port": _ports([each.place.endpoint for each in holdings]),
        "close_wait": numbers([len(each.close_wait) for each in holdings]),
        "held": numbers([each.held for each in holdings]),
        "never_accepted": numbers([each.never_accepted for each in holdings]),
        "unknown": numbers([each.unknown for each in holdings]),
        "established": numbers([each.established for each in holdings]),
        "before": numbers([each.before for each in holdings]),
        "queue": numbers([each.queue.length if each.queue else None for each in holdings]),
        "limit": numbers([each.queue.limit if each.queue else None for each in holdings]),
    }


def holder_values(hosts: Sequence[Host]) -> dict[str, Values]:
    """Compute the public columns of the processes that hold sockets in CLOSE_WAIT, as in `columns.HOLDERS`: the most first."""
    counts = [(host.last.source, *who, number) for host in hosts for who, number in count_by_process(host.last).items()]
    counts.sort(key=lambda each: (-each[3], each[1], each[2] or 0))
    return {
        "table": Category.of(*texts([source for source, _, _, _ in counts])),
        "process": Category.of(*texts([name for _, name, _, _ in counts])),
        "pid": numbers([pid for _, _, pid, _ in counts]),
        "close_wait": numbers([number for _, _, _, number in counts]),
    }


def queue_values(hosts: Sequence[Host]) -> dict[str, Values]:
    """Compute the public columns of the accept queues, as in `columns.QUEUES`: the longest first."""
    found = [(host.last.source, queue) for host in hosts for queue in queues(host.last)]
    found.sort(key=lambda each: (not each[1].full, -each[1].length))
    listeners = [queue.listener for _, queue in found]
    full = [queue.full for _, queue in found]
    return {
        "table": Category.of(*texts([source for source, _ in found])),
        "address": Category.of(*texts([_address(listener.local) for listener in listeners])),
        "port": _ports([listener.local for listener in listeners]),
        "queue": numbers([queue.length for _, queue in found]),
        "limit": numbers([queue.limit for _, queue in found]),
        "full": numbers([None if each is None else int(each) for each in full]),
        "process": Category.of(*texts([listener.process for listener in listeners])),
        "pid": numbers([listener.pid for listener in listeners]),
    }


def agreement_values(result: Result) -> dict[str, Values]:
    """Compute the public columns of kernel against capture.

    Args:
        result: an analysis.

    Returns:
        By column name, as in `columns.AGREEMENT`: arrays of shape (ends,), by flow, then side.
    """
    agreement = result.agreement
    none = np.empty(0, np.int64)
    row, side, inferred, kernel, reason = (
        (none, none, none, none, none)
        if agreement is None
        else (agreement.row, agreement.side, agreement.inferred, agreement.kernel, agreement.reason)
    )
    return {
        "stream": result.streams_of(row),
        "side": Category.of(side, columns.SIDES),
        "inferred_state": Category.of(inferred, columns.STATES),
        "kernel_state": Category.of(np.where(kernel == ABSENT, -1, kernel), columns.STATES),
        "agrees": (reason < 0).astype(np.int64),
        "reason": Category.of(reason, [rule.name for rule in RULES]),
        "explanation": Category.of(reason, [rule.sentence for rule in RULES]),
    }


def _address(end: Endpoint) -> str:
    return str(end.address) if end.address is not None else end.text


def _ports(ends: Sequence[Endpoint]) -> Values:
    return np.array([-1 if end.port is None else end.port for end in ends], np.int64)
