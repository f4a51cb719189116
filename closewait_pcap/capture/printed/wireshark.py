"""Lines of Wireshark's packet list: as tshark prints them, and as the program copies them as plain text.

Source: tshark 1.10 to 4.4: ``12 0.003100 10.0.0.1 → 10.0.0.2 TCP 66 51514 → 8000 [FIN, ACK] Seq=1 Ack=1 Win=512 Len=0``; the
number and the frame's length may be missing, and the arrow between the ends. TCP that carries something that Wireshark decodes
(HTTP, TLS) shows neither ports nor numbers.
"""

import re

from closewait_pcap.capture.packets import ACK, FIN, PSH, RST, SYN
from closewait_pcap.capture.printed.summary import SECOND, STAMP, Form, Kind, Stamp, Summary, stamp_of

_ADDRESS = r"(?:\d{1,3}(?:\.\d{1,3}){3}|(?=[0-9a-fA-F]{0,4}:)[0-9a-fA-F:.]{2,45}|[A-Za-z][\w-]{0,62}(?:\.[\w-]{1,63}){0,8})"
_NUMBER = re.compile(r"(\d{1,9})\s+(?=\d)")
_SECONDS = re.compile(r"(\d{1,9})\.(\d{1,9})\s")
_ROW = re.compile(
    rf"\s*(?P<source>{_ADDRESS})\s+(?P<arrow>(?:→|->|-&gt;|>)\s+)?(?P<destination>{_ADDRESS})\s+"
    r"(?P<protocol>[A-Z][\w.+/-]{1,24})\s+(?:(?P<size>\d{1,7})\s+)?"
)
_TCP = re.compile(
    r"(?:\[[^\]]{1,60}\]\s*){0,4}(?P<from>[\w.-]{1,40}(?:\(\d+\))?)\s*(?:→|->|>)\s*(?P<to>[\w.-]{1,40}(?:\(\d+\))?)\s+"
    r"(?:\[[^\]]{1,60}\]\s*)??\[(?P<flags>[A-Za-z, ]{1,60}|<None>)\]\s+Seq=(?P<seq>\d{1,10})"
    r"(?: Ack=(?P<ack>\d{1,10}))?(?: Win=(?P<window>\d{1,10}))?(?: Urg=\d+)?(?: Len=(?P<length>\d{1,10}))?"
)
_FLAGS = {"FIN": FIN, "SYN": SYN, "RST": RST, "PSH": PSH, "ACK": ACK, "URG": 32, "ECE": 64, "ECN": 64, "CWR": 128}
_NOT_TCP = frozenset((
    "UDP", "ICMP", "ICMPv6", "DNS", "ARP", "MDNS", "LLMNR", "NBNS", "BROWSER", "SSDP", "NTP", "DHCP", "DHCPv6", "BOOTP", "QUIC",
    "SNMP", "TFTP", "RADIUS", "IGMP", "IGMPv2", "IGMPv3", "OSPF", "VRRP", "EIGRP", "PIMv2", "SCTP", "ESP", "STP", "RSTP", "LLDP",
    "CDP", "EAPOL", "LOOP",
))  # fmt: skip
"""Protocols that go without TCP, or (DNS) nearly always do: what Wireshark calls anything else may be carried by it."""
_WS = re.compile(r"\bWS=(\d{1,5})\b")


def parse(text: str) -> Summary | None:
    """Read a line.

    Args:
        text: the line, cleaned.

    Returns:
        What it says of its packet; None where it is none of a packet list.
    """
    number = _NUMBER.match(text)
    at = number.end() if number else 0
    stamp, at = _stamp(text, at)
    row = _ROW.match(text, at) if stamp else None
    if row is None or not (row["arrow"] or row["size"]):
        return None
    size = int(row["size"]) if row["size"] else None
    if row["protocol"] != "TCP":
        kind = Kind.other if row["protocol"] in _NOT_TCP else Kind.quiet
        return Summary(kind, stamp, row["source"], row["destination"], size=size, wireshark=True)
    told = _TCP.match(text, row.end())
    if told is None:
        return Summary(Kind.cut, stamp, row["source"], row["destination"], wireshark=True, complete=False, end_at=row.end())
    flags = 0
    for name in told["flags"].split(", "):
        flags |= _FLAGS.get(name.strip().upper(), 0)
    scale = _WS.search(text, told.end())
    return Summary(
        Kind.tcp, stamp, f"{row['source']}.{_port(told['from'])}", f"{row['destination']}.{_port(told['to'])}",
        six=":" in row["source"], flags=flags, seq=int(told["seq"]), ack=int(told["ack"]) if told["ack"] else None,
        window=int(told["window"]) if told["window"] else None, length=int(told["length"] or 0),
        wscale=min(max(int(scale[1]).bit_length() - 1, 0), 14) if scale and flags & SYN else None,
        size=size, wireshark=True, reused="[TCP Port numbers reused]" in text[row.end() : told.end()],
        complete=told["length"] is not None, end_at=told.end(),
    )  # fmt: skip


def _stamp(text: str, at: int) -> tuple[Stamp | None, int]:
    if found := STAMP.match(text, at):
        return stamp_of(found), found.end()
    if found := _SECONDS.match(text, at):
        return Stamp(Form.seconds, int(found[1]) * SECOND + int(found[2].ljust(9, "0"))), found.end()
    return None, at


def _port(text: str) -> str:
    """Take the number of ``http(80)``."""
    return text.partition("(")[2].removesuffix(")") or text
