"""Make a large capture of valid TCP conversations of which a known share is stuck in CLOSE_WAIT.

A benchmark needs a file whose size, packet count and right answer are known, and which anybody can make again: the
same arguments and seed give the same bytes. Both kinds hold the same packets; ``full`` keeps them whole, ``headers``
cuts every frame behind its TCP header and keeps the length it had on the wire, as a capture with a snapshot length
does. IPv4 header checksums and TCP checksums are correct, also those of cut frames (over the data that was cut).

What is not modelled, because it would make the truth debatable: loss, reordering, duplicates, Ethernet padding.

    python tests/benchmarks/make_capture.py big.pcap --kind full --packets 2400000 --flows 60000
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator

Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Rng = np.random.Generator

CLOSED, LEAKED, RESET, OPEN = range(4)
LEAKED_SHARE, RESET_SHARE, OPEN_SHARE = 0.02, 0.01, 0.01
TAIL_PACKETS = np.array([4, 2, 1, 0])  # FIN ACK FIN ACK; FIN ACK; RST; nothing
HANDSHAKE_PACKETS = 3
FEWEST_PACKETS = 12  # handshake, the longest tail, and a few packets of data between them

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
BURST = 8  # seven segments of data, then one acknowledgement of them all
MTU = 1500
WINDOW_SCALE = 7
SYN_WINDOW, SCALED_WINDOW = 64240, 502

EPOCH_US = 1_700_000_000 * 1_000_000
CAPTURE_US = 600 * 1_000_000
SHORTEST_US, LONGEST_US = 200_000, 420 * 1_000_000
CLIENT_PORTS, PORT_SPREAD = 32768, 20_000
SERVERS, SERVER_PORT = 8, 18001  # a port no dissector claims: tshark is timed on TCP alone
CLIENT_V4, SERVER_V4 = 0x0A000001, 0xC6336401  # 10.0.0.1..., 198.51.100.1...
CLIENT_V6, SERVER_V6 = (0x20010DB8, 0x00010000, 0), (0x20010DB8, 0x00020000, 0)
TIMESTAMPS_SHARE, UPLOAD_SHARE = 0.75, 0.3

PCAP_HEADER = np.array([(0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)], "<u4, <u2, <u2, <i4, <u4, <u4, <u4")
RECORD_BYTES, ETHERNET_BYTES, TCP_BYTES = 16, 14, 20
WIDEST_ROW = RECORD_BYTES + ETHERNET_BYTES + MTU
WIDEST_HEADERS = RECORD_BYTES + ETHERNET_BYTES + 40 + TCP_BYTES + 20
BLOCK_PACKETS = 16_384  # 25 MB of full-size rows: fits, with its mask, far below the memory budget


@dataclass
class Flows:
    """One row a conversation; pairs are (client's, server's)."""

    fate: Ints  # CLOSED, LEAKED, RESET or OPEN
    packets: Ints
    ipv6: Bools
    timestamps: Bools
    upload: Bools
    server_closes: Bools  # the end that sends the first FIN, or the RST
    client: Ints
    client_port: Ints
    server: Ints
    first_seq: Ints  # shape (2, flows)
    first_tsval: Ints  # shape (2, flows)
    start_us: Ints
    duration_us: Ints


@dataclass
class Packets:
    """One row a packet, the packets of one flow together and in order."""

    flow: Ints
    time_us: Ints
    from_server: Bools
    flags: Ints
    payload: Ints
    seq: Ints
    ack: Ints
    tsval: Ints
    tsecr: Ints


def _fates(rng: Rng, flows: int, leaked_share: float) -> Ints:
    """Exact shares rather than random ones, so that the truth is the same whatever the seed."""
    fate = np.full(flows, CLOSED)
    ends = np.cumsum([round(flows * share) for share in (leaked_share, RESET_SHARE, OPEN_SHARE)])
    fate[: ends[2]] = OPEN
    fate[: ends[1]] = RESET
    fate[: ends[0]] = LEAKED
    shuffled: Ints = rng.permutation(fate)
    return shuffled


def _sizes(rng: Rng, packets: int, flows: int) -> Ints:
    """Packets per flow: many short, few long, and exactly ``packets`` together."""
    spare = packets - FEWEST_PACKETS * flows
    if flows < 1 or spare < 0:
        raise SystemExit(f"{flows} flows need at least {FEWEST_PACKETS * max(flows, 1)} packets, not {packets}")
    weight = rng.lognormal(sigma=0.8, size=flows)
    sizes: Ints = FEWEST_PACKETS + (spare * weight / weight.sum()).astype(np.int64)
    sizes[: packets - int(sizes.sum())] += 1
    return sizes


def plan_flows(rng: Rng, packets: int, flows: int, ipv6_share: float, leaked_share: float) -> Flows:
    """Decide everything that belongs to a conversation rather than to one of its packets."""
    fate = _fates(rng, flows, leaked_share)
    duration = np.clip(rng.lognormal(np.log(15e6), 1.2, flows), SHORTEST_US, LONGEST_US).astype(np.int64)
    clients = max(flows // 4, 1)
    client = np.arange(flows) % clients
    # The spread differs by client and the rest counts that client's flows, so no 4-tuple occurs twice.
    port = CLIENT_PORTS + client * 7919 % PORT_SPREAD + np.arange(flows) // clients
    return Flows(
        fate=fate,
        packets=_sizes(rng, packets, flows),
        ipv6=rng.permutation(np.arange(flows) < round(flows * ipv6_share)),
        timestamps=rng.random(flows) < TIMESTAMPS_SHARE,
        upload=rng.random(flows) < UPLOAD_SHARE,
        server_closes=(rng.random(flows) < 0.5) & (fate != LEAKED),
        client=client,
        client_port=port,
        server=rng.integers(0, SERVERS, flows),
        first_seq=rng.integers(0, 2**32, (2, flows)),
        first_tsval=rng.integers(0, 2**32, (2, flows)),
        start_us=(rng.random(flows) * (CAPTURE_US - duration)).astype(np.int64),
        duration_us=duration,
    )


def _since_flow_start(running: Ints, first: Ints, flow: Ints) -> Ints:
    """Turn a sum that runs over all packets into one that starts anew with every flow."""
    result: Ints = running - running[first][flow]
    return result


def _shape(flows: Flows, flow: Ints, place: Ints) -> tuple[Bools, Ints, Bools]:
    """Who sends each packet, with which flags, and whether it carries data."""
    burst = (place - HANDSHAKE_PACKETS - 1) % BURST
    request = place == HANDSHAKE_PACKETS
    tail = place - (flows.packets - TAIL_PACKETS[flows.fate])[flow]
    in_body = (place >= HANDSHAKE_PACKETS) & (tail < 0)
    has_data = in_body & (request | (burst < BURST - 1))
    bulk_from_server = ~flows.upload[flow]
    from_server = np.where(request, False, bulk_from_server ^ (burst == BURST - 1))
    flags = np.where(has_data & (request | (burst == BURST - 2)), PSH | ACK, ACK)
    for at, (sender, flag) in enumerate(((False, SYN), (True, SYN | ACK), (False, ACK))):
        from_server[place == at], flags[place == at] = sender, flag
    for at, (answers, flag) in enumerate(((False, FIN | ACK), (True, ACK), (True, FIN | ACK), (False, ACK))):
        here = tail == at
        from_server[here], flags[here] = flows.server_closes[flow[here]] ^ answers, flag
    flags[(tail == 0) & (flows.fate == RESET)[flow]] = RST | ACK
    return from_server, flags, has_data


def _payloads(rng: Rng, flows: Flows, flow: Ints, flags: Ints, has_data: Bools) -> Ints:
    """Bytes of data: full segments, but for those that end a burst (PSH)."""
    largest = MTU - 40 - np.where(flows.ipv6, 20, 0) - np.where(flows.timestamps, 12, 0)
    short = rng.integers(100, 1400, len(flow))
    return np.where(has_data, np.where(flags & PSH, short, largest[flow]), 0)


def _times(rng: Rng, flows: Flows, flow: Ints, first: Ints) -> Ints:
    """Microseconds since the capture's start; within a flow they never go back."""
    gap = rng.exponential(size=len(flow))
    elapsed = np.cumsum(gap)
    elapsed -= elapsed[first][flow]
    total = elapsed[first + flows.packets - 1]
    within: Ints = (elapsed * (flows.duration_us / total)[flow]).astype(np.int64)
    return within + flows.start_us[flow]


def _timestamps(flows: Flows, flow: Ints, time_us: Ints, from_server: Bools) -> tuple[Ints, Ints]:
    """The timestamp option's value (a millisecond clock of each host) and the echo of the other's latest."""
    tsval = (flows.first_tsval[from_server.astype(np.int64), flow] + time_us // 1000) & 0xFFFFFFFF
    row = np.arange(len(flow))
    latest_client = np.maximum.accumulate(np.where(from_server, 0, row))
    latest_server = np.maximum.accumulate(np.where(from_server, row, 0))
    return tsval, tsval[np.where(from_server, latest_client, latest_server)]


def plan_packets(rng: Rng, flows: Flows) -> Packets:
    """Write every conversation out, packet by packet."""
    flow = np.repeat(np.arange(len(flows.packets)), flows.packets)
    first = np.cumsum(flows.packets) - flows.packets
    from_server, flags, has_data = _shape(flows, flow, np.arange(len(flow)) - first[flow])
    payload = _payloads(rng, flows, flow, flags, has_data)
    taken = payload + ((flags & (SYN | FIN)) != 0)  # SYN and FIN take a number each
    by_client, by_server = np.where(from_server, 0, taken), np.where(from_server, taken, 0)
    client_next = flows.first_seq[0][flow] + _since_flow_start(np.cumsum(by_client) - by_client, first, flow)
    server_next = flows.first_seq[1][flow] + _since_flow_start(np.cumsum(by_server) - by_server, first, flow)
    time_us = _times(rng, flows, flow, first)
    tsval, tsecr = _timestamps(flows, flow, time_us, from_server)
    acknowledges = (flags & ACK) != 0
    return Packets(
        flow=flow,
        time_us=time_us,
        from_server=from_server,
        flags=flags,
        payload=payload,
        seq=np.where(from_server, server_next, client_next) & 0xFFFFFFFF,
        ack=np.where(acknowledges, np.where(from_server, client_next, server_next) & 0xFFFFFFFF, 0),
        tsval=tsval,
        tsecr=np.where(acknowledges, tsecr, 0),
    )


# --- from columns to frames -------------------------------------------------------------------------------------

RECORD = [("seconds", "<u4"), ("microseconds", "<u4"), ("captured", "<u4"), ("wire", "<u4")]
ETHERNET = [("to_mac", "u1", 6), ("from_mac", "u1", 6), ("ethertype", ">u2")]
IPV4 = [("version", "u1"), ("tos", "u1"), ("length", ">u2"), ("ident", ">u2"), ("fragment", ">u2"), ("ttl", "u1"),
        ("protocol", "u1"), ("ip_checksum", ">u2"), ("source", ">u4"), ("target", ">u4")]  # fmt: skip
IPV6 = [("version", ">u4"), ("length", ">u2"), ("protocol", "u1"), ("ttl", "u1"), ("source", ">u4", 4),
        ("target", ">u4", 4)]  # fmt: skip
TCP = [("sport", ">u2"), ("dport", ">u2"), ("seq", ">u4"), ("ack", ">u4"), ("offset", "u1"), ("flags", "u1"),
       ("window", ">u2"), ("tcp_checksum", ">u2"), ("urgent", ">u2")]  # fmt: skip
MSS_OPTION = [("mss_kind", ">u2"), ("mss", ">u2")]
SACK_OPTION = [("sack_permitted", ">u2")]
TIMESTAMP_OPTION = [("ts_kind", ">u2"), ("tsval", ">u4"), ("tsecr", ">u4")]
NO_OPERATIONS = [("nops", ">u2")]
SCALE_OPTION = [("scale", ">u4")]  # a NOP, then kind 3, length 3, shift


def _layout(ipv6: bool, timestamps: bool, syn: bool) -> np.dtype[np.void]:
    """The fields of one record, from pcap's header to the last TCP option, in the order of the wire."""
    options: list[tuple[str, str]] = []
    if syn and timestamps:
        options = MSS_OPTION + SACK_OPTION + TIMESTAMP_OPTION + SCALE_OPTION
    elif syn:
        options = MSS_OPTION + SCALE_OPTION + NO_OPERATIONS + SACK_OPTION
    elif timestamps:
        options = NO_OPERATIONS + TIMESTAMP_OPTION
    return np.dtype([*RECORD, *ETHERNET, *(IPV6 if ipv6 else IPV4), *TCP, *options])


def _fold(total: Ints) -> Ints:
    """The Internet checksum's one's complement of a sum of 16-bit words (RFC 1071)."""
    for _ in range(4):
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _sum_words(octets: Bytes) -> Ints:
    """Sum each row's big-endian 16-bit words; rows have an even number of octets."""
    total: Ints = np.ascontiguousarray(octets).view(">u2").sum(axis=1, dtype=np.int64)
    return total


class FrameWriter:
    """Renders rows of `Packets` as pcap records.

    A block of records is a matrix of bytes, each row prefilled with the same text; headers are laid over the left of
    it and what lies beyond the record's end is masked away. The text under a given column never changes, so the sum
    of any payload is the difference of two prefix sums and a correct TCP checksum costs nothing.
    """

    def __init__(self, flows: Flows, packets: Packets, full: bool) -> None:
        self._flows, self._packets, self._full = flows, packets, full
        self._width = WIDEST_ROW if full else WIDEST_HEADERS
        text = b"The quick brown fox closes the socket; the lazy dog forgets to. "
        self._text: Bytes = np.resize(np.frombuffer(text, np.uint8), WIDEST_ROW)
        weighted = np.where(np.arange(WIDEST_ROW) % 2, 1, 256) * self._text.astype(np.int64)
        self._text_sums: Ints = np.concatenate([[0], np.cumsum(weighted)])

    def render(self, rows: Ints) -> Bytes:
        """The records of these packets, one behind the other."""
        matrix: Bytes = np.empty((len(rows), self._width), np.uint8)
        matrix[:] = self._text[: self._width]
        ends = np.zeros(len(rows), np.int64)
        for where, layout in self._groups(rows):
            headers = self._headers(rows[where], layout)
            matrix[where, : layout.itemsize] = headers.view(np.uint8).reshape(len(where), -1)
            ends[where] = RECORD_BYTES + headers["captured"].astype(np.int64)
        flat: Bytes = matrix[np.arange(self._width) < ends[:, None]]
        return flat

    def _groups(self, rows: Ints) -> Iterator[tuple[Ints, np.dtype[np.void]]]:
        """Positions in ``rows`` of the packets that share a header layout."""
        flow = self._packets.flow[rows]
        traits = np.stack([self._flows.ipv6[flow], self._flows.timestamps[flow], self._packets.flags[rows] & SYN != 0])
        group = traits[0] * 4 + traits[1] * 2 + traits[2]
        for number in range(8):
            where = np.flatnonzero(group == number)
            if len(where):
                yield where, _layout(bool(number & 4), bool(number & 2), bool(number & 1))

    def _headers(self, rows: Ints, layout: np.dtype[np.void]) -> npt.NDArray[np.void]:
        """Headers of packets that share one layout."""
        headers = np.zeros(len(rows), layout)
        self._fill_record(headers, rows)
        self._fill_addresses(headers, rows)
        self._fill_tcp(headers, rows)
        self._fill_options(headers, rows)
        self._fill_checksums(headers, rows)
        return headers

    def _fill_record(self, headers: npt.NDArray[np.void], rows: Ints) -> None:
        """pcap's record header and Ethernet's."""
        packets, names = self._packets, headers.dtype.names or ()
        on_wire = headers.dtype.itemsize - RECORD_BYTES + packets.payload[rows]
        headers["seconds"], headers["microseconds"] = np.divmod(packets.time_us[rows] + EPOCH_US, 1_000_000)
        headers["wire"] = on_wire
        headers["captured"] = on_wire if self._full else headers.dtype.itemsize - RECORD_BYTES
        headers["to_mac"] = (2, 0, 0, 0, 0, 2)
        headers["from_mac"] = (2, 0, 0, 0, 0, 1)
        headers["ethertype"] = 0x0800 if "ip_checksum" in names else 0x86DD

    def _fill_addresses(self, headers: npt.NDArray[np.void], rows: Ints) -> None:
        """The IP header, but for its checksum."""
        flow, from_server = self._packets.flow[rows], self._packets.from_server[rows]
        client, server = self._flows.client[flow], self._flows.server[flow]
        length = headers["wire"].astype(np.int64) - ETHERNET_BYTES
        headers["protocol"], headers["ttl"] = 6, 64
        if "ip_checksum" in (headers.dtype.names or ()):
            headers["version"], headers["length"] = 0x45, length
            headers["fragment"] = 0x4000  # don't fragment
            headers["ident"] = rows & 0xFFFF
            client, server = CLIENT_V4 + client, SERVER_V4 + server
        else:
            headers["version"], headers["length"] = 0x60000000, length - 40
            client, server = (
                np.column_stack([np.broadcast_to(prefix, (len(rows), 3)), host + 1])
                for prefix, host in ((CLIENT_V6, client), (SERVER_V6, server))
            )
            from_server = from_server[:, None]
        headers["source"] = np.where(from_server, server, client)
        headers["target"] = np.where(from_server, client, server)

    def _fill_tcp(self, headers: npt.NDArray[np.void], rows: Ints) -> None:
        """The TCP header, but for its checksum."""
        packets, flow = self._packets, self._packets.flow[rows]
        from_server = packets.from_server[rows]
        client_port, server_port = self._flows.client_port[flow], SERVER_PORT + self._flows.server[flow]
        fixed = RECORD_BYTES + ETHERNET_BYTES + (20 if "ip_checksum" in (headers.dtype.names or ()) else 40)
        headers["sport"] = np.where(from_server, server_port, client_port)
        headers["dport"] = np.where(from_server, client_port, server_port)
        headers["seq"], headers["ack"] = packets.seq[rows], packets.ack[rows]
        headers["offset"] = (headers.dtype.itemsize - fixed) // 4 << 4
        headers["flags"] = packets.flags[rows]
        headers["window"] = np.where(packets.flags[rows] & SYN, SYN_WINDOW, SCALED_WINDOW)
        headers["window"][(packets.flags[rows] & RST) != 0] = 0

    def _fill_options(self, headers: npt.NDArray[np.void], rows: Ints) -> None:
        """Whatever options this layout has."""
        names = headers.dtype.names or ()
        values: dict[str, int | Ints] = {
            "mss_kind": 0x0204,
            "mss": MTU - (40 if "ip_checksum" in names else 60),
            "sack_permitted": 0x0402,
            "ts_kind": 0x080A,
            "tsval": self._packets.tsval[rows],
            "tsecr": self._packets.tsecr[rows],
            "nops": 0x0101,
            "scale": 0x01030300 + WINDOW_SCALE,
        }
        for name, value in values.items():
            if name in names:
                headers[name] = value

    def _fill_checksums(self, headers: npt.NDArray[np.void], rows: Ints) -> None:
        """IPv4's header checksum and TCP's, which also covers data that is cut from the capture."""
        octets: Bytes = headers.view(np.uint8).reshape(len(rows), -1)
        network = RECORD_BYTES + ETHERNET_BYTES
        is_ipv4 = "ip_checksum" in (headers.dtype.names or ())
        transport = network + (20 if is_ipv4 else 40)
        if is_ipv4:
            headers["ip_checksum"] = _fold(_sum_words(octets[:, network:transport]))
        address_bytes = 8 if is_ipv4 else 32
        end = octets.shape[1] + self._packets.payload[rows]
        headers["tcp_checksum"] = _fold(
            _sum_words(octets[:, transport - address_bytes : transport])
            + 6
            + (end - transport)
            + _sum_words(octets[:, transport:])
            + self._text_sums[end]
            - self._text_sums[octets.shape[1]]
        )


def _write_packets(out: BinaryIO, writer: FrameWriter, order: Ints) -> int:
    """Write the records in this order, a block at a time; returns the bytes of the file."""
    out.write(PCAP_HEADER.tobytes())
    size = PCAP_HEADER.nbytes
    for start in range(0, len(order), BLOCK_PACKETS):
        block = writer.render(order[start : start + BLOCK_PACKETS])
        out.write(block.data)
        size += block.nbytes
    return size


def make_capture(
    path: Path,
    *,
    kind: str,
    packets: int = 2_400_000,
    flows: int = 60_000,
    ipv6_share: float = 0.1,
    leaked_share: float = LEAKED_SHARE,
    seed: int = 1,
) -> dict[str, int | str]:
    """Write the capture and, beside it, ``<name>.truth.json``; returns what the latter says.

    Args:
        path: The capture. It appears under this name only when it is complete.
        kind: ``headers`` or ``full``.
        packets: Exact number of packets.
        flows: Exact number of TCP connections, each with its own 4-tuple.
        ipv6_share: Share of the flows that run over IPv6.
        leaked_share: Share of the flows that end in CLOSE_WAIT.
        seed: The same seed and sizes give the same file.
    """
    rng = np.random.default_rng(seed)
    plan = plan_flows(rng, packets, flows, ipv6_share, leaked_share)
    columns = plan_packets(rng, plan)
    order = np.argsort(columns.time_us, kind="stable")  # stable: equal times keep the order within their flow
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as out:
        size = _write_packets(out, FrameWriter(plan, columns, kind == "full"), order)
    count = np.bincount(plan.fate, minlength=4).tolist()
    truth: dict[str, int | str] = {
        "kind": kind, "seed": seed, "packets": packets, "flows": flows,
        "leaked": count[LEAKED], "reset": count[RESET], "open": count[OPEN], "closed": count[CLOSED],
        "ipv6_flows": int(plan.ipv6.sum()), "payload_bytes": int(columns.payload.sum()), "file_bytes": size,
    }  # fmt: skip
    partial.replace(path)
    path.with_name(path.name + ".truth.json").write_text(json.dumps(truth, indent=2) + "\n", encoding="utf-8")
    return truth


def main() -> None:
    """Read the command line and make one capture."""
    parser = argparse.ArgumentParser(description="Make a capture of TCP conversations, some of them in CLOSE_WAIT.")
    parser.add_argument("path", type=Path, metavar="FILE")
    parser.add_argument("--kind", choices=("headers", "full"), default="headers")
    parser.add_argument("--packets", type=int, default=2_400_000)
    parser.add_argument("--flows", type=int, default=60_000)
    parser.add_argument("--ipv6-share", type=float, default=0.1)
    parser.add_argument("--leaked-share", type=float, default=LEAKED_SHARE)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    options = vars(given)
    truth = make_capture(options.pop("path"), **options)
    print(json.dumps(truth))


if __name__ == "__main__":
    main()
