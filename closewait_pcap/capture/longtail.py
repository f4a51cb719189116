"""The long tail: frames that the fast decoder does not know are decoded one by one, with dpkt's help.

MPLS, PPPoE, PPP, 802.11 and the rarer link layers. About 100 times slower than the fast decoder, which is why it sees only what
the latter passes on. dpkt takes 802.11 apart. The plain headers in front of IP are stepped over here: dpkt stops at MPLS below a
VLAN tag, takes IPv4 with options below MPLS for Ethernet, and does not say where in the frame the IP header lies that it found.
"""

from typing import Literal

from closewait_pcap.capture.headers import CUT, DEEP, MAX_LAYERS, NOT_IP, TAIL, decode_ip
from closewait_pcap.engine import Record

Order = Literal["big", "little"]

LINK_NAMES = {
    0: "NULL", 1: "Ethernet", 6: "Token Ring", 9: "PPP", 10: "FDDI", 12: "Raw IP", 14: "Raw IP", 50: "PPP over serial",
    51: "PPPoE", 101: "Raw IP", 104: "Cisco HDLC", 105: "802.11", 108: "OpenBSD loop", 113: "Linux cooked v1",
    117: "OpenBSD pflog", 119: "802.11 with Prism header", 127: "802.11 with radiotap", 147: "user-defined 0",
    163: "802.11 with AVS header", 187: "Bluetooth HCI", 189: "USB", 192: "PPI", 195: "802.15.4", 220: "USB (Linux)",
    228: "Raw IPv4", 229: "Raw IPv6", 239: "NFLOG", 242: "IP over InfiniBand", 249: "USBPcap", 276: "Linux cooked v2",
}  # fmt: skip
_TYPED = {1: (14, 12), 104: (4, 2), 113: (16, 14), 242: (44, 40), 276: (20, 0)}
"""Headers that hold an Ethernet type: how long they are, and where it is."""
_WIRELESS: dict[int, tuple[int, int, Order]] = {
    105: (0, 0, "big"), 119: (4, 4, "little"), 127: (2, 2, "little"), 163: (4, 4, "big"),
}  # fmt: skip
"""802.11, and what may stand before it: where that says its own length, in how many bytes."""
_VLANS = (0x8100, 0x88A8, 0x9100, 0x9200)

Found = tuple[int, int]
"""Where the IP header starts and its version (0: as it says itself); or -1 and the outcome, as `headers.find_ip` gives it."""


def link_name(link: int) -> str:
    """Name a link type for a person: ``Ethernet``, or its number."""
    return LINK_NAMES.get(link, f"link type {link}")


def decode(frame: bytes, wirelen: int, link: int, row: Record) -> int:
    """Find TCP in a frame that the fast decoder does not know.

    Only the way to the IP header is another one; from there on the same function as in the fast path decodes, so that lengths,
    cut headers and fragments mean the same.

    Args:
        frame: the captured bytes.
        wirelen: the frame's length on the wire.
        link: its link type.
        row: the packet to fill.

    Returns:
        TCP with the row filled, or the reason why not (see `headers.SKIP_REASONS`).
    """
    start, outcome = _after_link(frame, 0, link, 0)
    if start < 0:
        return outcome
    return int(decode_ip(frame, start, len(frame), wirelen, outcome, row))


def _number(frame: bytes, at: int, size: int = 2, order: Order = "big") -> int:
    """Read a number; what lies beyond the frame's end reads as nothing, and the way then ends as cut."""
    return int.from_bytes(frame[at : at + size], order)


def _after_link(frame: bytes, at: int, link: int, layers: int) -> Found:
    """Step over a link-layer header."""
    if link in _TYPED:
        size, where = _TYPED[link]
        return _after_type(frame, at + size, _number(frame, at + where), layers)
    if link in _WIRELESS:
        where, width, order = _WIRELESS[link]
        return _after_wireless(frame, at + _number(frame, at + where, width, order), layers)
    found = (-1, TAIL)
    match link:
        case 9 | 50 if frame[at : at + 2] in (b"\x0f\0", b"\x8f\0"):  # PPP: Cisco's framing, behind the same number
            found = _after_link(frame, at, 104, layers)
        case 9 | 50:
            found = _after_ppp(frame, at + 2 if frame[at : at + 2] == b"\xff\x03" else at, layers)
        case 51:  # PPPoE
            found = _after_ppp(frame, at + 6, layers)
        case 117:  # OpenBSD pflog
            found = at + (_number(frame, at, 1) + 3) // 4 * 4, 0
        case 192 if layers == 0:  # PPI
            size, inner = _number(frame, at + 2, 2, "little"), _number(frame, at + 4, 4, "little")
            found = _after_link(frame, at + size, inner, layers + 1)
        case 239:  # NFLOG
            found = _after_nflog(frame, at)
    return found


def _after_type(frame: bytes, at: int, kind: int, layers: int) -> Found:
    """Step over what follows a header that ends in an Ethernet type: tags, MPLS, PPPoE, LLC with SNAP."""
    while kind in _VLANS and at + 4 <= len(frame):
        kind = _number(frame, at + 2)
        at += 4
    if at >= len(frame):
        return -1, CUT
    found = (-1, NOT_IP)
    match kind:
        case 0x0800:
            found = at, 4
        case 0x86DD:
            found = at, 6
        case 0x8847 | 0x8848:  # MPLS
            found = _after_mpls(frame, at, layers)
        case 0x8864:  # PPPoE session
            found = _after_ppp(frame, at + 6, layers)
        case _ if kind <= 1500:  # a length
            found = _after_llc(frame, at, layers)
    return found


def _after_llc(frame: bytes, at: int, layers: int) -> Found:
    """Step over an LLC header with a SNAP header behind it."""
    if frame[at : at + 6] != b"\xaa\xaa\x03\x00\x00\x00" or layers >= MAX_LAYERS:
        return -1, NOT_IP
    kind = _number(frame, at + 6)
    return _after_type(frame, at + 8, kind, layers + 1) if kind > 1500 else (-1, NOT_IP)


def _after_mpls(frame: bytes, at: int, layers: int) -> Found:
    """Step over labels. None says what lies below: IP by its version, else Ethernet, with or without a control word."""
    while True:
        if at + 5 > len(frame):
            return -1, CUT
        at += 4
        if frame[at - 2] & 1:
            break
    version = frame[at] >> 4
    if version in (4, 6):
        return at, version
    if layers >= MAX_LAYERS:
        return -1, DEEP
    return _after_link(frame, at + 4 if version == 0 else at, 1, layers + 1)


def _after_ppp(frame: bytes, at: int, layers: int) -> Found:
    """Step over PPP's protocol field, which may be compressed to one byte."""
    if at >= len(frame):
        return -1, CUT
    size = 1 if frame[at] & 1 else 2
    match _number(frame, at, size):
        case 0x0021:  # IPv4
            return at + size, 4
        case 0x0057:  # IPv6
            return at + size, 6
        case 0x0281 | 0x0283:  # MPLS
            return _after_mpls(frame, at + size, layers)
    return -1, NOT_IP


def _after_wireless(frame: bytes, at: int, layers: int) -> Found:
    """Let dpkt take an 802.11 frame apart; only data frames that are not encrypted hold anything."""
    from dpkt.ieee80211 import IEEE80211  # noqa: PLC0415 - dpkt is imported for the captures that need it

    try:
        outer = IEEE80211(frame[at:])
        inner = getattr(outer, "data_frame", None)
        if inner is None or outer.wep:
            return -1, NOT_IP
        start = len(frame) - len(inner.data)
    except Exception:  # dpkt raises NeedData, struct.error, IndexError... on hostile input
        return -1, NOT_IP
    return _after_llc(frame, start, layers)


def _after_nflog(frame: bytes, at: int) -> Found:
    """Step over Linux' netfilter log: a list of type, length, value; one of them is the packet."""
    family = _number(frame, at, 1)
    at += 4
    while at + 4 <= len(frame):
        size, kind = _number(frame, at, 2, "little"), _number(frame, at + 2, 2, "little")
        if kind & 0x7FFF == 9:
            return (at + 4, 4 if family == 2 else 6) if family in (2, 10) else (-1, NOT_IP)
        if size < 4:
            break
        at += (size + 3) // 4 * 4
    return -1, CUT
