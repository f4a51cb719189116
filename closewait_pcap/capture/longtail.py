"""The long tail: frames that the fast decoder does not know are decoded one by one with dpkt.

MPLS, PPPoE, PPP, 802.11 and the link layers that dpkt has a class for. About 100 times slower than the fast decoder, which is
why it sees only what the latter passes on.
"""

from collections.abc import Callable
from typing import Any

from closewait_pcap.capture.headers import NOT_TCP, TAIL, decode_ip
from closewait_pcap.engine import Record

LINK_NAMES = {
    0: "NULL", 1: "Ethernet", 6: "Token Ring", 9: "PPP", 10: "FDDI", 12: "Raw IP", 14: "Raw IP", 50: "PPP over serial",
    51: "PPPoE", 101: "Raw IP", 104: "Cisco HDLC", 105: "802.11", 108: "OpenBSD loop", 113: "Linux cooked v1",
    117: "OpenBSD pflog", 119: "802.11 with Prism header", 127: "802.11 with radiotap", 147: "user-defined 0",
    187: "Bluetooth HCI", 189: "USB", 192: "PPI", 195: "802.15.4", 220: "USB (Linux)", 228: "Raw IPv4", 229: "Raw IPv6",
    239: "NFLOG", 249: "USBPcap", 276: "Linux cooked v2",
}  # fmt: skip


def _ethernet(frame: bytes) -> Any:
    from dpkt.ethernet import Ethernet  # noqa: PLC0415 - dpkt is imported for the captures that need it

    return Ethernet(frame)


def _ppp(frame: bytes) -> Any:
    from dpkt.ppp import PPP  # noqa: PLC0415

    return PPP(frame[2:] if frame[:2] == b"\xff\x03" else frame)


def _wireless(frame: bytes) -> Any:
    from dpkt.ieee80211 import IEEE80211  # noqa: PLC0415
    from dpkt.llc import LLC  # noqa: PLC0415

    outer = IEEE80211(frame)
    inner = getattr(outer, "data_frame", None)
    return LLC(inner.data) if inner is not None and not outer.wep else None


def _radiotap(frame: bytes) -> Any:
    return _wireless(frame[int.from_bytes(frame[2:4], "little") :])


_DECODERS: dict[int, Callable[[bytes], Any]] = {1: _ethernet, 9: _ppp, 50: _ppp, 105: _wireless, 127: _radiotap}


def link_name(link: int) -> str:
    """Name a link type for a person: ``Ethernet``, or its number."""
    return LINK_NAMES.get(link, f"link type {link}")


def is_known(link: int) -> bool:
    """Whether frames of this link type can be decoded at all."""
    return link in _DECODERS


def decode(frame: bytes, wirelen: int, link: int, row: Record) -> int:
    """Find TCP in a frame with dpkt's help.

    dpkt finds the way to the IP header; from there on the same function as in the fast path decodes, so that lengths, cut
    headers and fragments mean the same.

    Args:
        frame: the captured bytes.
        wirelen: the frame's length on the wire.
        link: its link type.
        row: the packet to fill.

    Returns:
        TCP with the row filled, or the reason why not (see `headers.SKIP_REASONS`).
    """
    unpack = _DECODERS.get(link)
    if unpack is None:
        return TAIL
    try:
        start = _ip_start(frame, unpack(frame))
    except Exception:  # dpkt raises NeedData, struct.error, IndexError... on hostile input
        return TAIL
    if start < 0:
        return NOT_TCP
    return int(decode_ip(frame, start, len(frame), wirelen, 0, row))


def _ip_start(frame: bytes, packet: Any) -> int:
    """Find where the IP header lies that dpkt arrived at: by its bytes, searched from the frame's start on."""
    from dpkt.ip import IP  # noqa: PLC0415
    from dpkt.ip6 import IP6  # noqa: PLC0415

    depth = 0
    while packet is not None and not isinstance(packet, (bytes, IP, IP6)) and depth < 12:
        packet = packet.data
        depth += 1
    if isinstance(packet, IP):
        at = frame.find(packet.src + packet.dst) - 12
        return at if at >= 0 and frame[at] >> 4 == 4 else -1
    if isinstance(packet, IP6):
        at = frame.find(packet.src + packet.dst) - 8
        return at if at >= 0 and frame[at] >> 4 == 6 else -1
    return -1
