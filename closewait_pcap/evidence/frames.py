"""Frames written anew: of each packet the innermost IP and TCP header, from a list of fields that may be shown.

Raw IP frames, and not the captured ones with bytes wiped out: a list of what may be shown cannot forget anything, whatever link
layer or tunnel there was, and what is said of a flow rests on its innermost headers alone. So MAC addresses, VLANs, tunnels and
the addresses of their ends, IP options, padding and trailers are gone.

Kept of IP: addresses (mapped, where that is asked for), lengths, traffic class, identification, time to live (a RST that a
firewall sent has another one). Kept of TCP: everything but the options that verdicts and people do without: those on the list
stay, of all others the bytes become no-operations, so that lengths stay. Fast Open cookies, Multipath TCP (which has addresses),
MD5 and authentication are such. The time stamps option goes where addresses are mapped: it tells how long a host is up, and by
how its clock drifts, which host it is.

Checksums are computed anew, over what is in the file: the captured ones would tell the payload's sum, or that of addresses. What
is cut counts as zeros.
"""

import struct
from typing import NamedTuple

_MAX_LENGTH = 0xFFFF
_LONGEST = 0xFFFFFF00
"""A hostile file may say 2**32 - 1 of a frame's length, and no header would fit before that."""
_NOP, _SCALE, _STAMPS, _SACK = 1, 3, 8, 5
_SIZES = {2: 4, _SCALE: 3, 4: 2, _STAMPS: 10}
"""Options that stay, with the one size that each may have: segment size, window scale, SACK permitted, time stamps."""
_URGENT = 32
_DONT_FRAGMENT = 0x4000
_TTL = 64


class Segment(NamedTuple):
    """What is known of a packet, as in the PACKET columns of the same names."""

    frame: int
    time: int
    src_hi: int
    src_lo: int
    dst_hi: int
    dst_lo: int
    offset: int
    caplen: int
    srcport: int
    dstport: int
    seq: int
    ack: int
    len: int
    window: int
    wscale: int
    flags: int
    ip_at: int
    tcp_at: int


def rewrite(frame: bytes, segment: Segment, source: bytes, target: bytes, *, payload: bool, stamps: bool) -> tuple[bytes, int]:
    """Write a frame anew.

    Args:
        frame: as it was captured.
        segment: what the decoder found in it.
        source: the address to write, 4 or 16 bytes.
        target: the same of the receiver.
        payload: keep what was captured of the payload.
        stamps: keep the time stamps option.

    Returns:
        The bytes from the IP header on, and how many there were on the wire.
    """
    end = _end_of_packet(frame, segment.ip_at)
    size, header, data = _tcp(frame[:end], segment, payload=payload, stamps=stamps)
    length = size + min(segment.len, _LONGEST)
    ip = _ipv4(frame, segment.ip_at, length, source, target)
    if len(source) == 16:
        ip = _ipv6(frame, segment.ip_at, length, source, target)
    if len(header) >= 20:
        checked = source + target + struct.pack("!II", 6, length) + header + data
        header = header[:16] + _checksum(checked) + header[18:]
    return ip + header + data, len(ip) + length


def _end_of_packet(frame: bytes, at: int) -> int:
    """Find where the innermost IP packet ends in the frame: what follows is padding, or a trailer."""
    if at < 0:
        return 0
    if frame[at] >> 4 == 4:
        length = int.from_bytes(frame[at + 2 : at + 4], "big")
    else:
        length = int.from_bytes(frame[at + 4 : at + 6], "big")
        length += 40 if length else 0
    return min(len(frame), at + length) if length else len(frame)


def _tcp(frame: bytes, segment: Segment, *, payload: bool, stamps: bool) -> tuple[int, bytes, bytes]:
    """Write a TCP header: its size on the wire, what is there of it, without checksum, and what is kept of the payload."""
    at = segment.tcp_at
    if at < 0:  # it came in fragments: only what the decoder has kept is known
        options = bytes([_NOP, _SCALE, 3, segment.wscale]) if segment.wscale >= 0 else b""
        size = 20 + len(options)
        return size, _fixed(segment, size, 0) + options, b""
    size = frame[at + 12] // 16 * 4
    urgent = int.from_bytes(frame[at + 18 : at + 20], "big") if segment.flags & _URGENT else 0
    captured = _fixed(segment, size, urgent)[: len(frame) - at]
    options = clean_options(frame[at + 20 : at + size], stamps=stamps)
    return size, captured + options, frame[at + size : at + size + segment.len] if payload else b""


def _fixed(segment: Segment, size: int, urgent: int) -> bytes:
    ports, numbers = (segment.srcport, segment.dstport), (segment.seq, segment.ack)
    return struct.pack("!HHIIBBHHH", *ports, *numbers, size // 4 << 4, segment.flags, segment.window, 0, urgent)


def clean_options(options: bytes, *, stamps: bool) -> bytes:
    """Turn all TCP options that are not on the list into no-operations.

    Args:
        options: as captured, perhaps cut.
        stamps: keep the time stamps.

    Returns:
        As many bytes.
    """
    kept, at = bytearray([_NOP]) * len(options), 0
    while at + 1 < len(options) and options[at] != 0:
        kind, size = options[at], options[at + 1]
        if kind == _NOP:
            at += 1
            continue
        if size < 2:
            break
        is_sack = kind == _SACK and size % 8 == 2 and size > 2
        if at + size <= len(options) and (is_sack or _SIZES.get(kind) == size) and (stamps or kind != _STAMPS):
            kept[at : at + size] = options[at : at + size]
        at += size
    return bytes(kept)


def _ipv4(frame: bytes, at: int, length: int, source: bytes, target: bytes) -> bytes:
    service, identification, fragment, ttl = 0, 0, 0, _TTL
    if at >= 0 and frame[at] >> 4 == 4:
        service, ttl = frame[at + 1], frame[at + 8]
        identification, fragment = struct.unpack_from("!HH", frame, at + 4)
    total = 20 + length if 20 + length <= _MAX_LENGTH else 0  # as Linux writes what is larger
    known = struct.pack("!BBHHHBB", 0x45, service, total, identification, fragment & _DONT_FRAGMENT, ttl, 6)
    return known + _checksum(known + bytes(2) + source + target) + source + target


def _ipv6(frame: bytes, at: int, length: int, source: bytes, target: bytes) -> bytes:
    service, hops = 0, _TTL
    if at >= 0 and frame[at] >> 4 == 6:
        service, hops = (frame[at] & 15) << 4 | frame[at + 1] >> 4, frame[at + 7]
    begin = (0x60 << 4 | service) << 20  # the flow label is left out: it may be a sum over what is not shown
    if length <= _MAX_LENGTH:
        return struct.pack("!IHBB", begin, length, 6, hops) + source + target
    jumbo = struct.pack("!BBBBI", 6, 0, 0xC2, 4, 8 + length)
    return struct.pack("!IHBB", begin, 0, 0, hops) + source + target + jumbo


def _checksum(data: bytes) -> bytes:
    """The Internet checksum (RFC 1071): the sum of 16-bit words modulo 2**16 - 1 is the whole number's remainder."""
    number = int.from_bytes(data + bytes(len(data) % 2), "big")
    return (0xFFFF - number % 0xFFFF).to_bytes(2, "big")
