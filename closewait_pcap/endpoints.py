"""Groups waiting flows by who does not close: a service, or a client of one."""

from typing import Any

import numpy as np

from closewait_pcap import columns
from closewait_pcap.results import Category, Result, Values, address_codes
from closewait_pcap.verdicts.judge import CLIENT, NO_TIME, SERVER
from closewait_pcap.verdicts.verdict import WAITED, Verdict


def endpoint_values(result: Result, streams: Values | None = None) -> dict[str, Values]:
    """Compute the public columns of the endpoints that wait, or did.

    Args:
        result: an analysis.
        streams: the flows to look at; all, if not given.

    Returns:
        By column name, in `columns.ENDPOINTS` order: arrays of shape (endpoints,), the worst endpoint first: most stuck flows,
        then most in CLOSE_WAIT, then longest wait.
    """
    streams = result.streams if streams is None else streams
    verdict, waiting = result.judgement.verdict[streams], result.judgement.waiting[streams]
    client, _, server, server_port = result.endpoints_of(streams)
    client_codes, client_texts = address_codes(client)
    server_codes, server_texts = address_codes(server)
    waited = np.isin(verdict, WAITED)
    rows: list[dict[str, Any]] = []
    for side in (SERVER, CLIENT):
        # A server is told apart by its own address and port, a client by its address and the service it calls.
        address = server_codes if side == SERVER else client_codes
        keys = np.stack([address, server_codes, server_port], axis=1)
        concerned = np.flatnonzero(waited & (waiting == side))
        if not len(concerned):
            continue
        groups, members = _group(keys, concerned)
        for key, flows in zip(groups.tolist(), members, strict=True):
            rows.append({"side": side, "address": key[0], "service": key[1], "service_port": key[2]} | _summary(result, streams, flows, side))
    texts = {SERVER: server_texts, CLIENT: client_texts}
    names = sorted({texts[row["side"]][row["address"]] for row in rows})
    for row in rows:
        row["address"] = names.index(texts[row["side"]][row["address"]])
    rows.sort(key=lambda row: (-row["stuck"], -row["close_wait"], -row["possible"], -row["longest_held"], row["address"], row["service_port"]))
    values: dict[str, Values] = {
        column.name: np.array([row[column.name] for row in rows], np.int64) for column in columns.ENDPOINTS
    }
    values["side"] = Category.of(values["side"], columns.SIDES)
    values["address"] = Category.of(values["address"], names)
    values["service"] = Category.of(values["service"], server_texts)
    return values


def _group(keys: Values, concerned: Values) -> tuple[Values, list[Values]]:
    """Give the distinct keys among the concerned rows, and for each the places of all rows that have it."""
    groups = np.unique(keys[concerned], axis=0)
    width = keys.max(axis=0) + 1
    flat = (keys[:, 0] * width[1] + keys[:, 1]) * width[2] + keys[:, 2]
    wanted = (groups[:, 0] * width[1] + groups[:, 1]) * width[2] + groups[:, 2]
    place = np.searchsorted(wanted, flat)
    place[place == len(wanted)] = 0
    among = np.flatnonzero(wanted[place] == flat)
    order = among[np.argsort(place[among], kind="stable")]
    bounds = np.searchsorted(place[order], np.arange(1, len(wanted)))
    return groups, np.split(order, bounds)


def _summary(result: Result, streams: Values, flows: Values, side: int) -> dict[str, Any]:
    """Count one endpoint's flows."""
    judgement, rows = result.judgement, streams[flows]
    verdict, stuck = judgement.verdict[rows], judgement.stuck[rows]
    mine = judgement.waiting[rows] == side
    now = mine & (verdict == Verdict.close_wait)
    waiting = np.flatnonzero(mine)
    since, held = judgement.since[rows[waiting]], judgement.held[rows[waiting]]
    worst = waiting[np.argmax(np.where(now[waiting], held, held - np.int64(1 << 62)))]
    return {
        "close_wait": int(now.sum()),
        "stuck": int((now & (stuck == 1)).sum()),
        "sending": int((now & (stuck == 0)).sum()),
        "too_young": int((now & (stuck == -1)).sum()),
        "possible": int((mine & (verdict == Verdict.close_wait_possible)).sum()),
        "reset": int((mine & (verdict == Verdict.close_wait_reset)).sum()),
        "closed_late": int((mine & (verdict == Verdict.closed_late)).sum()),
        "closed": int((verdict == Verdict.closed).sum()),
        "flows": len(flows),
        "peak": _peak(since, held),
        "first_since": int(since.min()) if len(since) else NO_TIME,
        "last_since": int(since.max()) if len(since) else NO_TIME,
        "longest_held": int(held.max()) if len(held) else NO_TIME,
        "worst_stream": int(rows[worst]),
    }


def _peak(since: Values, held: Values) -> int:
    """The most intervals that overlap. One that ends at an instant and one that begins then do overlap: both are seen there."""
    times = np.concatenate([since, since + held])
    steps = np.concatenate([np.ones(len(since), np.int64), -np.ones(len(since), np.int64)])
    order = np.lexsort((-steps, times))
    return int(np.cumsum(steps[order]).max(initial=0))
