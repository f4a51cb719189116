"""Groups waiting flows by who does not close: a service, or a client of one."""

import numpy as np

from closewait_pcap import columns
from closewait_pcap.quantities import socket_name
from closewait_pcap.results.result import Result, endpoint_codes
from closewait_pcap.results.values import Category, Values, cell
from closewait_pcap.verdicts.judge import CLIENT, SERVER
from closewait_pcap.verdicts.verdict import WAITED, Verdict
from closewait_pcap.views.tendencies import Grouped, Window, tendencies


def endpoint_values(result: Result, flows: Values | None = None, window: Window = (None, None)) -> dict[str, Values]:
    """Compute the public columns of the endpoints that wait, or did.

    A server is told apart by its own address and port, a client by its address and the service it calls.

    Args:
        result: an analysis.
        flows: rows of the flows to look at; all, if not given.
        window: from when to when flows are looked at, where those of other times were left out.

    Returns:
        By column name, in `columns.ENDPOINTS` order: arrays of shape (endpoints,), the worst endpoint first: most stuck flows,
        then most in CLOSE_WAIT, then most that may be, then longest wait. Those that only wait for another one come last.
    """
    flows = _on_waiting_ports(result, result.rows if flows is None else flows)
    client, server, server_port, addresses = endpoint_codes(result, flows)
    sides, grouped, groups = [], [], 0
    for side, address, peer in ((SERVER, server, client), (CLIENT, client, server)):
        rows, group, keys = _groups(result, flows, side, np.stack([address, server, server_port], axis=1))
        counted = _count(result, flows[rows], group, len(keys), side)
        named = {"side": np.full(len(keys), side), "address": keys[:, 0], "service": keys[:, 1], "service_port": keys[:, 2]}
        sides.append(named | counted)
        grouped.append(Grouped(flows[rows], group + groups, np.full(len(rows), side), peer[rows], address[rows]))
        groups += len(keys)
    values = {name: np.concatenate([side[name] for side in sides]).astype(np.int64) for name in sides[0]}
    together = Grouped(*(np.concatenate(columns) for columns in zip(*grouped, strict=True)))
    values |= tendencies(result, together, groups, addresses, window)
    values["waits_for"] = _waits_for(result, values, addresses)
    worst_first = np.lexsort(
        (
            values["service_port"],
            values["address"],
            *(-values[name] for name in ("longest_held", "possible", "close_wait", "stuck")),
            values["behind"] >= 0,
        )
    )
    values = {column.name: values[column.name][worst_first] for column in columns.ENDPOINTS}
    values["side"] = Category.of(values["side"], columns.SIDES)
    values["trend"] = Category.of(values["trend"], columns.TRENDS)
    values["address"] = result.address_category(values["address"], addresses)
    values["service"] = result.address_category(values["service"], addresses)
    return values


def _waits_for(result: Result, values: dict[str, Values], addresses: Values) -> Values:
    """Name the endpoints that others wait for, and say how that is known."""
    texts = np.full(len(values["side"]), None, object)
    for row in np.flatnonzero(values["behind"] >= 0).tolist():
        root = int(values["behind"][row])
        address, service = (result.address(*addresses[values[name][root]].tolist()) for name in ("address", "service"))
        name = endpoint_name(int(values["side"][root]), address, service, int(values["service_port"][root]))
        texts[row] = f"{name}: {values['following'][row]}"
    return texts


def flows_of(result: Result, flows: Values, endpoints: dict[str, Values], row: int) -> Values:
    """Pick the flows of an endpoint, those included that never waited.

    Args:
        result: an analysis.
        flows: rows of the flows that `endpoint_values` was given.
        endpoints: what it gave.
        row: of the endpoint in it.
    """
    side = int(endpoints["side"][row])
    worst = flows[result.streams_of(flows) == endpoints["worst_stream"][row]]
    its_client, _, its_server, its_port = result.endpoints_of(worst)
    flows = flows[
        np.isin(result.facts.flows["ports"][flows] & 0xFFFF, its_port)
        | np.isin(result.facts.flows["ports"][flows] >> 16 & 0xFFFF, its_port)
    ]  # addresses take room
    client, _, server, port = result.endpoints_of(flows)
    mine = (server == its_server).all(axis=1) & (port == its_port)
    if side == CLIENT:
        mine &= (client == its_client).all(axis=1)
    return np.asarray(flows[mine])


def named(endpoints: dict[str, Values], row: int) -> str:
    """Name an endpoint of `endpoint_values`."""
    address, service = cell(endpoints, "address", row), cell(endpoints, "service", row)
    return endpoint_name(int(endpoints["side"][row]), address, service, int(endpoints["service_port"][row]))


def endpoint_name(side: int, address: str, service: str, port: int) -> str:
    """Name an endpoint: ``server 192.0.2.2:9000``, or ``client 192.0.2.1 of 192.0.2.2:9000``."""
    called = socket_name(service, port)
    return f"server {called}" if side == SERVER else f"client {address} of {called}"


def _on_waiting_ports(result: Result, flows: Values) -> Values:
    """Pick the flows that use a port of one that waits or did: only those can be of its endpoint, and addresses take room."""
    ports = result.facts.flows["ports"]
    waiting = ports[flows[np.isin(result.judgement.verdict[flows], WAITED)]]
    wanted = np.zeros(1 << 16, np.bool_)
    wanted[waiting & 0xFFFF] = wanted[waiting >> 16 & 0xFFFF] = True
    chosen: Values = flows[wanted[ports[flows] & 0xFFFF] | wanted[ports[flows] >> 16 & 0xFFFF]]
    return chosen


def _groups(result: Result, flows: Values, side: int, keys: Values) -> tuple[Values, Values, Values]:
    """Find the endpoints of one side that wait, or did, and all flows of each.

    Returns:
        Places in ``flows``, the number of each one's endpoint, and the endpoints' keys.
    """
    judgement = result.judgement
    waited = np.isin(judgement.verdict[flows], WAITED) & (judgement.waiting[flows] == side)
    if not waited.any():
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 3), np.int64)
    width = keys.max(axis=0) + 1
    flat = (keys[:, 0] * width[1] + keys[:, 1]) * width[2] + keys[:, 2]
    wanted, first = np.unique(flat[waited], return_index=True)
    place = np.minimum(np.searchsorted(wanted, flat), len(wanted) - 1)
    rows = np.flatnonzero(wanted[place] == flat)
    return rows, place[rows], keys[waited][first]


def _count(result: Result, rows: Values, group: Values, groups: int, side: int) -> dict[str, Values]:
    """Count the flows of each endpoint.

    Args:
        result: an analysis.
        rows: of the flows, shape (n,).
        group: the endpoint of each.
        groups: how many endpoints there are.
        side: the side that waits.
    """
    judgement = result.judgement
    verdict, stuck = judgement.verdict[rows], judgement.stuck[rows]
    mine = judgement.waiting[rows] == side
    now = mine & (verdict == Verdict.close_wait)

    def count(which: Values) -> Values:
        return np.bincount(group[which], minlength=groups)

    waits = np.flatnonzero(mine)
    by_group = waits[np.lexsort((judgement.since[rows[waits]], group[waits]))]
    since, held = judgement.since[rows[by_group]], judgement.held[rows[by_group]]
    begins = np.searchsorted(group[by_group], np.arange(groups))
    # the worst flow of an endpoint: one that waits now, rather than one that did; among those the longest
    worst = waits[np.lexsort((-judgement.held[rows[waits]], ~now[waits], group[waits]))]
    return {
        "close_wait": count(now),
        "stuck": count(now & (stuck == 1)),
        "sending": count(now & (stuck == 0)),
        "too_young": count(now & (stuck == -1)),
        "possible": count(mine & (verdict == Verdict.close_wait_possible)),
        "reset": count(mine & (verdict == Verdict.close_wait_reset)),
        "closed_late": count(mine & (verdict == Verdict.closed_late)),
        "closed": count(verdict == Verdict.closed),
        "flows": np.bincount(group, minlength=groups),
        "peak": _peaks(since, since + held, group[by_group], groups),
        "first_since": np.minimum.reduceat(since, begins) if groups else since,
        "last_since": np.maximum.reduceat(since, begins) if groups else since,
        "longest_held": np.maximum.reduceat(held, begins) if groups else held,
        "worst_stream": result.streams_of(rows)[worst[np.searchsorted(group[worst], np.arange(groups))]],
    }


def _peaks(begin: Values, end: Values, group: Values, groups: int) -> Values:
    """For each group: the most intervals that overlap. Where one ends at the instant another begins, both are seen."""
    if not groups:
        return np.empty(0, np.int64)
    groups_twice = np.concatenate([group, group])
    steps = np.repeat(np.array([1, -1]), len(begin))
    order = np.lexsort((-steps, np.concatenate([begin, end]), groups_twice))
    running = np.cumsum(steps[order])  # every group's steps add up to 0, so the sum starts anew by itself
    return np.maximum.reduceat(running, np.searchsorted(groups_twice[order], np.arange(groups)))
