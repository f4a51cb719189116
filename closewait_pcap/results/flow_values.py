"""The public columns of flows."""

from collections.abc import Callable

import numpy as np

from closewait_pcap import columns
from closewait_pcap.capture.info import CaptureInfo
from closewait_pcap.capture.packets import FRAME_BITS, MAX_FRAME, TUNNELS
from closewait_pcap.engine import Structured
from closewait_pcap.quantities import NO_TIME
from closewait_pcap.results.addresses import address_codes
from closewait_pcap.results.result import Result
from closewait_pcap.results.values import Category, Values
from closewait_pcap.tcp.records import BARE_SYN, HAS_ACK, HAS_FIN, HAS_RST

_LETTERS = "SHADFRTW"


def flow_values(result: Result, rows: Values) -> dict[str, Values]:
    """Compute the public columns of some flows.

    Args:
        result: an analysis.
        rows: of the flows, int64, shape (n,).

    Returns:
        By column name, in `columns.FLOWS` order without ``display_filter``: arrays of shape (n,); categories as `Category`.
    """
    flows, judgement = result.facts.flows[rows], result.judgement
    client_end = judgement.client_end[rows]
    of_client = result.facts.ends[rows, client_end]
    of_server = result.facts.ends[rows, 1 - client_end]
    client, client_port, server, server_port = result.endpoints_of(rows)
    values: dict[str, Values] = {
        "client": result.address_category(*address_codes(client)),
        "client_port": client_port,
        "server": result.address_category(*address_codes(server)),
        "server_port": server_port,
        "roles_from": Category.of(judgement.roles_from[rows], columns.ROLES_FROM),
        **_path_values(result, flows["path"], flows["opener"] == client_end),
        "start": _times(flows["first_time"]),
        "end": _times(flows["last_time"]),
        "duration": np.where(flows["first_time"] == 0, NO_TIME, flows["last_time"] - flows["first_time"]),
        "first_frame": frame_numbers(flows["first_frame"]),
        "file": file_codes(result.capture.files, flows["first_frame"]),
        "first_line": line_numbers(result.capture, flows["first_frame"]),
        "last_frame": frame_numbers(flows["last_frame"]),
        "last_file": file_codes(result.capture.files, flows["last_frame"]),
        "last_line": line_numbers(result.capture, flows["last_frame"]),
        "history": _history(flows, client_end),
        "completeness": _completeness(flows, of_client, of_server),
    }
    for number, (side, me, you) in enumerate((("client", of_client, of_server), ("server", of_server, of_client))):
        values |= _end_values(result, side, me, you, judgement.states[rows, number])
    values |= {
        "verdict": Category.of(judgement.verdict[rows], columns.VERDICTS),
        "waiting_side": Category.of(judgement.waiting[rows], columns.SIDES),
        "since": judgement.since[rows],
        "held": judgement.held[rows],
        "stuck": judgement.stuck[rows],
    }
    return values | _socket_values(result, rows)


def _socket_values(result: Result, rows: Values) -> dict[str, Values]:
    if result.matches is None:
        return {}
    from closewait_pcap.sockets.values import flow_columns  # noqa: PLC0415 - only with socket tables

    told = flow_columns(result.matches, rows)
    return {name: Category.of(*value) if isinstance(value, tuple) else value for name, value in told.items()}


def display_filter(stream: int) -> str:
    """The Wireshark display filter that shows one flow."""
    return f"tcp.stream eq {stream}"


def _end_values(result: Result, side: str, me: Structured, you: Structured, states: Values) -> dict[str, Values]:
    fin, rst = (me["flags"] & HAS_FIN) != 0, (me["flags"] & HAS_RST) != 0
    acked = fin & ((you["flags"] & HAS_ACK) != 0) & (you["ack_high"] > me["fin"])
    files = result.capture.files
    return {
        f"{side}_state": Category.of(states, columns.STATES),
        f"{side}_packets": me["packets"],
        f"{side}_bytes": me["bytes"],
        f"{side}_syn_frame": frame_numbers(me["syn_frame"]),
        f"{side}_syn_file": file_codes(files, me["syn_frame"]),
        f"{side}_syn_line": line_numbers(result.capture, me["syn_frame"]),
        f"{side}_fin_frame": frame_numbers(me["fin_frame"], fin),
        f"{side}_fin_file": file_codes(files, me["fin_frame"], fin),
        f"{side}_fin_line": line_numbers(result.capture, me["fin_frame"], fin),
        f"{side}_fin_time": _times(me["fin_time"], fin),
        f"{side}_fin_ack_frame": frame_numbers(you["ack_frame"], acked),
        f"{side}_fin_ack_file": file_codes(files, you["ack_frame"], acked),
        f"{side}_fin_ack_line": line_numbers(result.capture, you["ack_frame"], acked),
        f"{side}_fin_ack_time": _times(you["ack_time"], acked),
        f"{side}_rst_frame": frame_numbers(me["rst_frame"], rst),
        f"{side}_rst_file": file_codes(files, me["rst_frame"], rst),
        f"{side}_rst_line": line_numbers(result.capture, me["rst_frame"], rst),
        f"{side}_rst_time": _times(me["rst_time"], rst),
    }


def _path_values(result: Result, paths: Values, client_first: Values) -> dict[str, Values]:
    """Tell the ways by which flows came.

    Args:
        result: an analysis.
        paths: rows of the PATH table, -1 for none.
        client_first: whether the client sent the first packet, whose outer addresses the table has.
    """
    table = result.facts.paths
    known = paths >= 0
    at = np.where(known, paths, 0)
    used, place = np.unique(at, return_inverse=True) if len(table) else (at[:0], at)
    place = place.reshape(-1)

    def texts(make: Callable[[Structured], str]) -> Category:
        written = [make(table[row]) for row in used.tolist()]
        names = sorted({text for text in written if text})
        codes = np.array([names.index(text) if text else -1 for text in written] or [-1], np.int64)
        return Category.of(np.where(known, codes[np.where(known, place, 0)], -1), names)

    def outer(name: str, other: str) -> Category:
        rows = table[at] if len(table) else np.zeros(len(at), table.dtype)
        words = [np.where(client_first, rows[f"outer_{name}_{half}"], rows[f"outer_{other}_{half}"]) for half in ("hi", "lo")]
        codes, addresses = address_codes(np.stack(words, axis=1))
        tunnelled = known & (rows["tunnel"] != 0)
        category = result.address_category(np.where(tunnelled, codes, codes.min(initial=0)), addresses)
        return Category.of(np.where(tunnelled, category, -1), category.texts)

    return {
        "vlan": texts(lambda path: _vlan_text(int(path["vlan"]))),
        "interface": texts(lambda path: result.names[path["interface"]]),
        "process": texts(lambda path: result.names[path["process"]]),
        "tunnel": texts(lambda path: f"{TUNNELS[path['tunnel']]} {path['tunnel_id'] or ''}".strip()),
        "outer_client": outer("src", "dst"),
        "outer_server": outer("dst", "src"),
    }


def _vlan_text(vlan: int) -> str:
    return f"{vlan >> 12}.{vlan & 0xFFF}" if vlan >> 12 else str(vlan or "")


def _times(times: Values, where: Values | None = None) -> Values:
    """Times as int64, missing where they are 0: frames before the first that has a time."""
    return np.where((times == 0) if where is None else (times == 0) | ~where, NO_TIME, times)


def frame_numbers(frames: Values, where: Values | None = None) -> Values:
    """The numbers of frames in their files, int64; -1 where there is none or it is beyond what Wireshark counts."""
    numbers = frames & ((1 << FRAME_BITS) - 1)
    known = (numbers != 0) & (numbers <= MAX_FRAME)
    return np.where(known if where is None else known & where, numbers, -1)


def line_numbers(capture: CaptureInfo, frames: Values, where: Values | None = None) -> Values:
    """The lines on which frames are printed, int64; -1 where there is none, or the capture is no text."""
    numbers = frame_numbers(frames, where)
    found = np.full(len(frames), -1, np.int64)
    if not capture.is_text:
        return found
    for place, printout in enumerate(capture.printouts):
        if printout is not None and len(printout.lines):
            lines = np.frombuffer(printout.lines, np.int64)
            mine = np.flatnonzero((frames >> FRAME_BITS == place) & (numbers > 0) & (numbers <= len(lines)))
            found[mine] = lines[numbers[mine] - 1]
    return found


def file_codes(files: list[str], frames: Values, where: Values | None = None) -> "Category":
    """Tell which file frames lie in."""
    known = frames != 0 if where is None else (frames != 0) & where
    return Category.of(np.where(known, frames >> FRAME_BITS, -1), files)


def _completeness(flows: Structured, client: Structured, server: Structured) -> Values:
    """Wireshark's bits, measured with tshark 4.0: its SYN is one that opens the stream, its ACK one without payload.

    A RST that refuses a connection carries an ACK, or it would not be taken.
    """
    letters = flows["letters"]
    syn_ack, ack, data, fin, rst = (0b11 << 2 * _LETTERS.index(letter) for letter in "HADFR")
    opened = np.zeros(len(flows), np.bool_)
    refused = np.zeros(len(flows), np.bool_)
    for me, you in ((client, server), (server, client)):
        active = (me["flags"] & BARE_SYN) != 0
        opened |= active & (me["syn_frame"] == flows["first_frame"])
        refused |= active & ((you["flags"] & HAS_RST) != 0) & (you["syn_frame"] == 0)
    bits: Values = (
        1 * opened
        | 2 * ((letters & syn_ack) != 0)
        | 4 * (refused | ((letters & ack) != 0))
        | 8 * ((letters & data) != 0)
        | 16 * ((letters & fin) != 0)
        | 32 * ((letters & rst) != 0)
    )
    return bits


def _history(flows: Structured, client_end: Values) -> Category:
    """Write the histories out: few different ones occur, so each is written once."""
    keys = np.stack([flows["history"], flows["letters"].astype(np.int64), client_end.astype(np.int64)], axis=1)
    if not len(keys):
        return Category.of(np.empty(0, np.int64), [])
    distinct, codes = np.unique(keys, axis=0, return_inverse=True)
    texts = [_history_text(*key) for key in distinct.tolist()]
    names = sorted(set(texts))
    place = np.array([names.index(text) for text in texts], np.int64)
    return Category.of(place[codes.reshape(-1)], names)


def _history_text(history: int, letters: int, client_end: int) -> str:
    count = letters.bit_count()
    codes = [history >> 4 * place & 15 for place in range(min(count, 15))]
    codes += [code for code in range(16) if letters >> code & 1 and code not in codes]
    return "".join(_LETTERS[code >> 1] if code & 1 == client_end else _LETTERS[code >> 1].lower() for code in codes)
