"""Packets as tcpdump prints them, for people who read its lines, and for tickets that take no attachment."""

from collections.abc import Iterator

import numpy as np

from closewait_pcap.capture.packets import ACK, FIN, MAX_FRAME, RST, SYN
from closewait_pcap.capture.packets import FRAME_BITS as _FRAME_BITS
from closewait_pcap.engine import Record
from closewait_pcap.evidence.rereading import flag_text
from closewait_pcap.quantities import NO_TIME, Dating, clock_time, date_of, printable
from closewait_pcap.results.addresses import is_ipv4
from closewait_pcap.results.result import Result
from closewait_pcap.results.values import Values
from closewait_pcap.tcp.records import BARE_SYN, FROM_SYN, HAS_ACK, HAS_FIN, HAS_RST, SYN_ACK

_ALL = 0xFFFFFFFF


def packet_line(
    time: int,
    source: str,
    destination: str,
    flags: int,
    *,
    six: bool,
    date: bool = True,
    seq: int | None = None,
    ack: int | None = None,
    window: int | None = None,
    wscale: int | None = None,
    length: int | None = None,
) -> str:
    """Write a packet as ``tcpdump -nn -tttt`` does; what is not known is left out.

    Args:
        time: ns since the epoch; `NO_TIME` or 0: not known.
        source: address and port, with a dot between them.
        destination: likewise.
        flags: TCP flags.
        six: whether it is IPv6.
        date: write the date, too; else as without ``-tttt``.
        seq: sequence number; tcpdump writes it where there is payload, a SYN, a FIN or a RST.
        ack: acknowledgement number.
        window: as in the header.
        wscale: the option's shift count.
        length: payload in bytes.

    Returns:
        The line, without its end.
    """
    words = [_moment(time, date=date), "IP6" if six else "IP", f"{source} > {destination}:"]
    told = [f"Flags [{flag_text(flags)}]"]
    if seq is not None and (length or flags & (SYN | FIN | RST)):
        told.append(f"seq {seq}:{seq + length & _ALL}" if length else f"seq {seq}")
    told += [f"ack {ack}"] if ack is not None else []
    told += [f"win {window}"] if window is not None else []
    told += [f"options [wscale {wscale}]"] if wscale is not None else []
    told += [f"length {length}"] if length is not None else []
    return " ".join(filter(None, [*words, ", ".join(told)]))


def flow_lines(result: Result, row: int, packets: dict[str, Values]) -> Iterator[str]:
    """Write one flow's packets: numbers relative, as tcpdump has them without ``-S``; without the date where it is not known.

    Args:
        result: an analysis.
        row: of the flow.
        packets: as `rereading.packet_values` gives them.

    Yields:
        A line per packet.
    """
    ends, six = _ends(result, row)
    date = result.capture.dating is Dating.FULL
    bases: list[int] | None = None
    names = ("time", "side", "flag_bits", "seq_raw", "ack_raw", "len", "window", "wscale")
    for time, side, flags, seq, ack, length, window, wscale in zip(*(packets[name].tolist() for name in names), strict=True):
        if flags & ACK and (bases is None or flags & SYN):
            bases = [0, 0]
            bases[side], bases[1 - side] = seq, ack - 1
            mine = yours = 0
        else:
            mine, yours = (bases[side], bases[1 - side]) if bases and flags & ACK else (0, 0)
        yield packet_line(
            time, ends[side], ends[1 - side], flags, six=six, date=date,
            seq=seq - mine & _ALL, ack=ack - yours & _ALL if flags & ACK else None,
            window=window, wscale=wscale if wscale >= 0 else None, length=length,
        )  # fmt: skip


def proving_lines(result: Result, row: int) -> list[str]:
    """Write those packets of a flow that prove what is said of it, as far as facts were kept: handshake, FINs, their ACKs, RSTs.

    Args:
        result: an analysis.
        row: of the flow.

    Returns:
        The lines, in the order of their frames: each after its frame's number, as with tcpdump's ``--number``; where packets were
        printed, what stands there, after the number of its line.
    """
    client_end = int(result.judgement.client_end[row])
    records = [result.facts.ends[row, client_end], result.facts.ends[row, 1 - client_end]]
    ends, six = _ends(result, row)
    lines: list[tuple[int, int, str]] = []
    for side, (me, you) in enumerate((records, records[::-1])):
        for frame, time, flags, seq, ack, wscale in _kept(me, you):
            number, quote = result.capture.printed(frame)
            if quote:
                lines.append((frame, number, printable(quote)))
                continue
            shift = wscale if wscale >= 0 else None
            line = packet_line(time, ends[side], ends[1 - side], flags, six=six, date=False, seq=seq, ack=ack, wscale=shift)
            lines.append((frame, frame & ((1 << _FRAME_BITS) - 1), line))
    lines.sort()
    width = len(str(max((number for _, number, _ in lines), default=0)))
    return [f"{number if number <= MAX_FRAME else '?':>{width}}  {line}" for _, number, line in lines]


def _kept(me: Record, you: Record) -> Iterator[tuple[int, int, int, int, int | None, int]]:
    """Give what is kept of an end's segments: frame, time, flags, sequence and acknowledgement number, shift count."""
    flags, relative = int(me["flags"]), bool(me["flags"] & you["flags"] & FROM_SYN)
    mine, yours = (0, 0) if relative else (int(me["base"]), int(you["base"]))
    if flags & (BARE_SYN | SYN_ACK) and me["syn_frame"]:
        answers = not flags & BARE_SYN
        ack = (int(you["base"]) + 1) & _ALL if answers else None
        yield int(me["syn_frame"]), int(me["syn_time"]), SYN | (ACK if answers else 0), int(me["base"]), ack, int(me["wscale"])
    if flags & HAS_FIN:
        yield int(me["fin_frame"]), int(me["fin_time"]), FIN | ACK, (int(me["fin"]) + mine) & _ALL, None, -1
    if you["flags"] & HAS_FIN and flags & HAS_ACK and me["ack_high"] > you["fin"] and me["ack_frame"] != me["fin_frame"]:
        yield int(me["ack_frame"]), int(me["ack_time"]), ACK, 0, (int(me["ack_high"]) + yours) & _ALL, -1
    if flags & HAS_RST:
        yield int(me["rst_frame"]), int(me["rst_time"]), RST, (int(me["rst"]) + int(me["base"])) & _ALL, None, -1


def _ends(result: Result, row: int) -> tuple[list[str], bool]:
    """Give both ends as tcpdump writes them, and whether they are IPv6."""
    client, client_port, server, server_port = (column.tolist()[0] for column in result.endpoints_of(np.array([row])))
    names = [result.address(*address).partition(" ")[0] for address in (client, server)]  # without what tells two names apart
    return [f"{name}.{port}" for name, port in zip(names, (client_port, server_port), strict=True)], not is_ipv4(*client)


def _moment(time: int, *, date: bool) -> str:
    if time in (0, NO_TIME):
        return ""
    return f"{date_of(time)} {clock_time(time)}" if date else clock_time(time)
