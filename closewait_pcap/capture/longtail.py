"""The long tail: frames that the fast decoder does not know are decoded one by one, with dpkt's help.

MPLS, PPPoE, 802.11, the rarer link layers, at the frame's begin or in a tunnel; and fragments. About 100 times slower than the
fast decoder, which is why it sees only what the latter passes on. dpkt takes 802.11 apart. The plain headers in front of IP are
stepped over here: dpkt stops at MPLS below a VLAN tag, takes IPv4 with options below MPLS for Ethernet, and does not say where in
the frame the IP header lies that it found.
"""

from typing import Literal

from closewait_pcap.capture.fragments import Fragments
from closewait_pcap.capture.headers import (
    CUT,
    DEEP,
    ETHERNET,
    ETHERTYPE,
    FRAGMENTED,
    FRAGMENTS,
    IPV4,
    IPV6,
    MAX_LAYERS,
    NOT_IP,
    PPP,
    RAW,
    TAIL,
    USER,
    decode_ip,
)
from closewait_pcap.capture.names import Names
from closewait_pcap.engine import Record
from closewait_pcap.errors import CaptureError

Order = Literal["big", "little"]

LINK_NAMES = {
    0: "NULL", 1: "Ethernet", 6: "Token Ring", 9: "PPP", 10: "FDDI", 12: "Raw IP", 14: "Raw IP", 50: "PPP over serial",
    11: "LLC over ATM", 51: "PPPoE", 101: "Raw IP", 104: "Cisco HDLC", 105: "802.11", 108: "OpenBSD loop", 113: "Linux cooked v1",
    109: "OpenBSD IPsec", 117: "OpenBSD pflog", 119: "802.11 with Prism header", 127: "802.11 with radiotap",
    138: "IP over IEEE 1394",
    163: "802.11 with AVS header", 187: "Bluetooth HCI", 189: "USB", 192: "PPI", 195: "802.15.4", 204: "PPP with direction",
    220: "USB (Linux)", 228: "Raw IPv4", 229: "Raw IPv6", 239: "NFLOG", 242: "IP over InfiniBand", 249: "USBPcap",
    258: "PKTAP", 276: "Linux cooked v2",
} | {147 + number: f"user-defined {number}" for number in range(16)}  # fmt: skip
USER_LINKS = range(147, 163)
"""DLT_USER0 to 15: what they hold is known to the capture's author alone."""
_PKTAP, _OLD_PKTAP = 258, 149
_PKTAP_BYTES = 108
_TYPED = {104: (4, 2), 138: (18, 16), 242: (44, 40)}
"""Headers that hold an Ethernet type: how long they are, and where it is."""
_CARRIERS = {
    50: (0, PPP), 51: (6, PPP), 204: (1, PPP), 109: (12, RAW),
    ETHERTYPE + 0x6558: (0, ETHERNET),  # transparent Ethernet bridging
    ETHERTYPE + 0x8864: (6, PPP),  # PPPoE session
    ETHERTYPE + 0x88E7: (4, ETHERNET),  # provider backbone, IEEE 802.1ah
    ETHERTYPE + 0x8903: (2, ETHERNET),  # Cisco's FabricPath
}  # fmt: skip
"""Headers behind which there is always the same: how long they are, and what that is."""
_WIRELESS: dict[int, tuple[int, int, Order]] = {
    105: (0, 0, "big"), 119: (4, 4, "little"), 127: (2, 2, "little"), 163: (4, 4, "big"),
}  # fmt: skip
"""802.11, and what may stand before it: where that says its own length, in how many bytes."""

Next = tuple[int, int]
"""Where what follows a header starts, and its link type; or -1 and the outcome (see `headers.SKIP_REASONS`)."""


def link_name(link: int) -> str:
    """Name a link type for a person: ``Ethernet``, or its number."""
    return LINK_NAMES.get(link, f"link type {link}")


def refuse_user_link(link: int, head: bytes, name: str) -> None:
    """Refuse a file of a link type that only its author knows.

    Args:
        link: the file's.
        head: how its first frame begins: 12 bytes.
        name: of the file.

    Raises:
        CaptureError: it is one, and no PKTAP, which once had such a number.
    """
    if link in USER_LINKS and not is_pktap(head):
        raise CaptureError(
            f"{name}: link type {link}, {link_name(link)}: only who made the capture "
            "knows what it holds; if that is Ethernet: editcap -T ether FILE out.pcap"
        )


def decode(frame: bytes, row: Record, fragments: Fragments, names: Names) -> int:
    """Find TCP in a frame that the fast decoder does not know.

    Only the headers that it does not know are stepped over here; before and behind them the same function as in the fast path
    decodes, so that lengths, cut headers and tunnels mean the same.

    Args:
        frame: the captured bytes.
        row: the packet to fill, in which `headers.decode_ip` left where to go on.
        fragments: those of earlier frames.
        names: for the names of interfaces and processes.

    Returns:
        TCP with the row filled, or the reason why not (see `headers.SKIP_REASONS`).
    """
    complete = False  # whether all bytes were captured, though not all are kept
    together = False
    for layer in range(MAX_LAYERS):
        at, link, end, wire_end = row.seq, row.ack, row.len, row.window
        frame = frame[:end]
        if link == FRAGMENTED:
            whole = fragments.take(frame, row, complete)
            if whole is None:
                return FRAGMENTS
            frame, wire_end, complete = whole
            at, link, end, together = 0, RAW, len(frame), True
        else:
            pktap = link == _PKTAP or (link == _OLD_PKTAP and is_pktap(frame[at : at + 12]))
            at, link = _pktap(frame, at, row, names) if pktap else _step(frame, at, link, layer)
            if at < 0:
                return link
        outcome = int(decode_ip(frame, at, end, wire_end, link, row))
        if outcome not in (TAIL, FRAGMENTS):
            if together:
                row.ip_at = row.tcp_at = -1
            return outcome
    return DEEP


def _number(frame: bytes, at: int, size: int = 2, order: Order = "big") -> int:
    """Read a number; what lies beyond the frame's end reads as nothing, and the way then ends as cut."""
    return int.from_bytes(frame[at : at + size], order)


def _step(frame: bytes, at: int, link: int, layer: int) -> Next:
    """Step over one header."""
    if link in _TYPED:
        size, where = _TYPED[link]
        return at + size, ETHERTYPE + _number(frame, at + where)
    if link == 119 and frame[at : at + 3] == b"\x80\x21\x10":  # AVS behind Prism's number
        link = 163
    if link in _WIRELESS:
        where, width, order = _WIRELESS[link]
        return _after_wireless(frame, at + _number(frame, at + where, width, order))
    if link in _CARRIERS:
        size, inner = _CARRIERS[link]
        return at + size, inner
    found = (-1, USER if link in USER_LINKS else TAIL)
    match link:
        case 6:  # token ring: with a source route where the source address says so
            route = _number(frame, at + 14, 1) & 0x1F if _number(frame, at + 8, 1) & 0x80 else 0
            found = _after_llc(frame, at + 14 + route)
        case 9:
            found = _after_ppp(frame, at)
        case 10 | 11:  # FDDI, ATM
            found = _after_llc(frame, at + (13 if link == 10 else 0))
        case 107:
            found = _after_frame_relay(frame, at)
        case 117:  # OpenBSD pflog
            found = at + (_number(frame, at, 1) + 3) // 4 * 4, RAW
        case 192 if layer == 0:  # PPI
            found = at + _number(frame, at + 2, 2, "little"), _number(frame, at + 4, 2, "little")
        case 239:  # NFLOG
            found = _after_nflog(frame, at)
        case _ if link - ETHERTYPE in (0x8847, 0x8848):
            found = _after_mpls(frame, at)
    return found


def is_pktap(head: bytes) -> bool:
    """Tell Apple's header by its first 12 bytes: its length, the kind of record (a packet), and what link type follows.

    Before it had a link type of its own, it had the user-defined one 149; tshark decodes that as this.
    """
    size, kind, link = (_number(head, at, 4, "little") for at in (0, 4, 8))
    return _PKTAP_BYTES <= size <= 4096 and kind == 1 and link in (0, ETHERNET, 12, 14, RAW, 105, 108, 127)


def _pktap(frame: bytes, at: int, row: Record, names: Names) -> Next:
    """Step over Apple's header, which says for each packet the interface and the process it belongs to.

    Source: bsd/net/pktap.h of XNU; all numbers little-endian, as Wireshark takes them.
    """
    if at + _PKTAP_BYTES > len(frame):
        return -1, CUT
    size, link = _number(frame, at, 4, "little"), _number(frame, at + 8, 4, "little")
    process = _text(frame[at + 56 : at + 76])
    row.interface = names.number(_text(frame[at + 12 : at + 36]))
    row.process = names.number(f"{process}[{_number(frame, at + 52, 4, 'little')}]") if process else 0
    return (at + size, link) if size >= _PKTAP_BYTES and link < ETHERTYPE else (-1, NOT_IP)


def _text(field: bytes) -> str:
    return field.split(b"\0")[0].decode("utf-8", "replace")


def _after_llc(frame: bytes, at: int) -> Next:
    """Step over an LLC header with a SNAP header behind it."""
    if frame[at : at + 6] != b"\xaa\xaa\x03\x00\x00\x00":
        return -1, NOT_IP if len(frame) >= at + 6 else CUT
    kind = _number(frame, at + 6)
    return (at + 8, ETHERTYPE + kind) if kind > 1500 else (-1, NOT_IP)


def _after_frame_relay(frame: bytes, at: int) -> Next:
    """Step over an address of two to four bytes and what says the protocol.

    Source: RFC 2427.
    """
    address = next((size for size in (2, 3, 4) if _number(frame, at + size - 1, 1) & 1), 4)
    at += address + 1
    at += _number(frame, at, 1) == 0  # padding
    match _number(frame, at, 1):
        case 0xCC:
            return at + 1, IPV4
        case 0x8E:
            return at + 1, IPV6
        case 0x80 if frame[at + 1 : at + 4] == bytes(3):
            return at + 6, ETHERTYPE + _number(frame, at + 4)
    return -1, NOT_IP


def _after_mpls(frame: bytes, at: int) -> Next:
    """Step over labels. None says what lies below: IP by its version, else Ethernet, with or without a control word."""
    while True:
        if at + 5 > len(frame):
            return -1, CUT
        at += 4
        if frame[at - 2] & 1:
            break
    match frame[at] >> 4:
        case 4:
            return at, IPV4
        case 6:
            return at, IPV6
        case 0:
            return at + 4, ETHERNET
    return at, ETHERNET


def _after_ppp(frame: bytes, at: int) -> Next:
    """Step over PPP that does not hold IP: Cisco's framing, behind the same number, and MPLS."""
    if frame[at : at + 2] in (b"\x0f\0", b"\x8f\0"):
        return at, 104
    if frame[at : at + 2] == b"\xff\x03":
        at += 2
    return (at + 2, ETHERTYPE + 0x8847) if frame[at : at + 2] in (b"\x02\x81", b"\x02\x83") else (-1, NOT_IP)


def _after_wireless(frame: bytes, at: int) -> Next:
    """Let dpkt take an 802.11 frame apart; only data frames that are not encrypted hold anything."""
    from dpkt.ieee80211 import IEEE80211  # noqa: PLC0415 - dpkt is imported for the captures that need it

    try:
        outer = IEEE80211(frame[at:])
        inner = getattr(outer, "data_frame", None)
        if inner is None or outer.wep:
            return -1, NOT_IP
        start = len(frame) - len(inner.data)
        if outer.subtype & 8:  # quality of service; dpkt knows neither of what may follow it
            several = frame[start - 2] & 0x80  # frames in one, of which the first counts
            start += (4 if outer.order else 0) + (14 if several else 0)
    except Exception:  # dpkt raises NeedData, struct.error, IndexError... on hostile input
        return -1, NOT_IP
    return _after_llc(frame, start)


def _after_nflog(frame: bytes, at: int) -> Next:
    """Step over Linux' netfilter log: a list of type, length, value; one of them is the packet."""
    family = _number(frame, at, 1)
    at += 4
    while at + 4 <= len(frame):
        size, kind = _number(frame, at, 2, "little"), _number(frame, at + 2, 2, "little")
        if kind & 0x7FFF == 9:
            return (at + 4, IPV4 if family == 2 else IPV6) if family in (2, 10) else (-1, NOT_IP)
        if size < 4:
            break
        at += (size + 3) // 4 * 4
    return -1, CUT
