"""The fast decoder: a chunk of a capture file in, a batch of packet columns out.

One function body, run as plain Python or compiled (see `engine`). Compiled code does not check array bounds, so every access
here is behind a comparison with the end of what was captured. Bytes are combined by multiplication, not by shifting: a shifted
``uint8`` becomes ``uint64`` under Numba, and mixing that with signed integers gives floats.

What it knows: pcap records and pcapng packet blocks; Ethernet with VLAN tags, Linux cooked v1 and v2, BSD null and loop, PPP, raw
IP; IPv4 with options, IPv6 with extension headers and jumbograms, TCP quoted in ICMP errors; IP in IP, GRE, ERSPAN, VXLAN,
Geneve, GTP-U, Teredo, L2TP. What lies behind any other header is marked `LONG_TAIL`, with where to go on: for Python to step
over, or to put together where it is a fragment.
"""

from typing import Any

import numpy as np

from closewait_pcap.capture.packets import (
    BAD_HEADER,
    ERSPAN,
    ETHER_IP,
    FLANNEL,
    GENEVE,
    GRE,
    GTP_U,
    IP_IN_IP,
    L2TP,
    LONG_TAIL,
    MPLS,
    NO_TIME,
    NUMBERING_ONLY,
    OPTIONS_CUT,
    QUOTED,
    SIX_IN_FOUR,
    SYN,
    TEREDO,
    VXLAN,
)
from closewait_pcap.engine import Record, Records, helper

Buffer = Any
"""A chunk of input, or a table of integers: what the engine's mode makes of them."""

DECODER = np.dtype(
    [
        ("at", np.int64),  # where in the chunk to go on
        ("rows", np.int64),  # rows of the batch that are filled
        ("stop", np.int64),  # why it stopped: the constants below
        ("need", np.int64),  # with MORE: bytes from `at` that the next record takes
        ("frames", np.int64),  # frames seen so far, of any protocol
        ("tcp_frames", np.int64),
        ("tails", np.int64),  # rows of the batch that are marked LONG_TAIL
        ("timed", np.int64),  # of `frames`: those that have a time of their own
        ("untimed", np.int64),  # and those that have none
        ("first_time", np.int64),
        ("last_time", np.int64),  # latest time seen
        ("previous_time", np.int64),
        ("longest_pause", np.int64),  # ns between two frames
        ("backwards", np.int64),  # how often time went back
        ("largest_step_back", np.int64),  # ns
        ("drops", np.int64),  # as counted in obsolete packet blocks
        ("big", np.int64),  # 1: the file (or section) is big-endian
        ("pcapng", np.int64),  # 1: pcapng, 0: pcap
        ("record_header", np.int64),  # pcap: bytes before each frame
        ("nanoseconds", np.int64),  # pcap: ns per unit of the fraction
        ("longest", np.int64),  # pcap: a record is doubtful with more bytes captured than this,
        ("excess", np.int64),  # with so many more than there were on the wire,
        ("fractions", np.int64),  # or with this fraction of a second
        ("trusted", np.int64),  # where a record begins that Python has looked at; -1: none
        ("interfaces", np.int64),  # pcapng: interfaces of the section; pcap: 1
        ("processes", np.int64),  # pcapng: processes of the section, as macOS describes them
        ("flannel", np.int64),  # of `tcp_frames`: those in VXLAN on port 8472
    ]
)
INTERFACE = np.dtype(
    [
        ("link", np.int64),
        ("snaplen", np.int64),  # 0: none
        ("units", np.int64),  # ticks per second, or 0 where they are a power of two
        ("shift", np.int64),  # then: ticks per second = 2**shift
        ("offset", np.int64),  # seconds to add
        ("seen_drops", np.int64),
        ("name", np.int64),  # a number in the reader's `Names`
    ]
)

MORE, FULL, BLOCK, DOUBTFUL, JOINED, DAMAGED_LENGTH, DAMAGED_INTERFACE, DAMAGED_TRAILER, DAMAGED_ZEROS = range(1, 10)
"""Why the decoder stopped: it needs more input, the batch is full, a block for Python, a record that is to be held against the
next one, perhaps another file's header, or the file is damaged here."""

MAX_FRAME_BYTES = 64 << 20
"""Larger frames do not exist: a length beyond this is damage. (BIG TCP segments stay below 1 MiB.)"""
MAX_OFFSET = 1 << 40
"""No offset is larger, and none is negative. Said in so many words at the top of each loop, so that the compiler need not ask at
every access whether an index counts from the end (Python's negative indices): twice as fast."""
MIN_SECONDS, MAX_SECONDS = -86_400, 9_223_285_635
"""Earlier and later times are taken for these, so that the difference of any two fits int64 nanoseconds: a day before 1970, where
a clock that was never set stands in some time zone, and the year 2262."""
NEAR_NS = 7 * 86_400_000_000_000
"""Neighbours in a file are not further apart in time: a capture may be silent over a long weekend, or a holiday. Of random
times, 1 in 3,500 is so near."""

TCP, NOT_IP, NOT_TCP, FRAGMENTS, CUT, MALFORMED, TAIL, DEEP, USER = range(9)
"""What became of a frame. The skip counters are indexed by these."""
SKIP_REASONS = (
    "tcp",
    "not_ip",
    "not_tcp",
    "fragment",
    "header_cut",
    "malformed",
    "unknown_to_decoder",
    "nested_too_deep",
    "user_defined_link",
)
MAX_LAYERS = 12
"""Headers between the link layer and TCP: two VLAN tags, a tunnel and a few extension headers fit; a maze does not."""

ETHERNET, RAW_LINUX, SLL, SLL2, NULL, LOOP, RAW, IPV4, IPV6 = 1, 12, 113, 276, 0, 108, 101, 228, 229
RAW_OPENBSD, PPP = 14, 9
ETHERTYPE = 1 << 16
"""What follows an Ethernet type, as a link type: the type plus this. Link types have 16 bits."""
FURTHER = 1 << 17
"""Added to a link type, where an IP version is expected: only Python knows what is here."""
FRAGMENTED = -1
"""A fragment of an IP datagram, as a link type."""

_GRE_IN_UDP, _VXLAN_PORT, _VXLAN_GPE, _FLANNEL_PORT = 4754, 4789, 4790, 8472
_GENEVE_PORT, _GTP_PORT, _TEREDO_PORT, _L2TP_PORT, _MPLS_PORT = 6081, 2152, 3544, 1701, 6635
_MAY_HOLD_TCP = (6, 17, 4, 41, 47, 51, 1, 58, 0, 43, 60, 97, 137, 143)
"""IP protocols that are TCP, may have it inside, or (IPv6) are followed by another. Fragments of others are not looked at."""
_TUNNEL_PORTS = (
    _VXLAN_PORT, _FLANNEL_PORT, _GENEVE_PORT, _GTP_PORT, _L2TP_PORT, _TEREDO_PORT, _VXLAN_GPE, _GRE_IN_UDP, _MPLS_PORT,
)  # fmt: skip

SECTION_HEADER, INTERFACE_DESCRIPTION, INTERFACE_STATISTICS = 0x0A0D0D0A, 1, 5
PROCESS_EVENT = 0x80000001
"""Apple's block that describes a process."""
_PROCESS, _EFFECTIVE_PROCESS = 0x8001, 0x8003
"""Apple's options of a packet: whose it is, and on whose behalf; a process by its number in the section, from 0."""
_MOST_OPTIONS = 32
"""Options of a packet that are looked at. Apple writes about ten; a hostile block may hold a million."""
_OPB, _SPB, _EPB = 2, 3, 6
_CUSTOM, _CUSTOM_NO_COPY = 0x0BAD, 0x40000BAD
_JOURNAL, _SYSDIG, _SYSDIG_FLAGS, _SYSDIG_V2 = 9, 0x204, 0x216, 0x221

FILE_MAGICS = (0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34, 0xD4C3B2A1, 0x4D3CB2A1, 0x34CDB2A1)
"""How a pcap file begins, read in either byte order."""
_LOWEST_MAGIC = 0x34CDB2A1


@helper
def big16(buf: Buffer, at: int) -> int:
    """Read 16 bits in network order."""
    return buf[at] * 256 + buf[at + 1]


@helper
def big32(buf: Buffer, at: int) -> int:
    """Read 32 bits in network order."""
    return buf[at] * 16777216 + buf[at + 1] * 65536 + buf[at + 2] * 256 + buf[at + 3]


@helper
def file32(buf: Buffer, at: int, big: int) -> int:
    """Read 32 bits in the file's byte order."""
    if big != 0:
        return buf[at] * 16777216 + buf[at + 1] * 65536 + buf[at + 2] * 256 + buf[at + 3]
    return buf[at + 3] * 16777216 + buf[at + 2] * 65536 + buf[at + 1] * 256 + buf[at]


@helper
def file16(buf: Buffer, at: int, big: int) -> int:
    """Read 16 bits in the file's byte order."""
    if big != 0:
        return buf[at] * 256 + buf[at + 1]
    return buf[at + 1] * 256 + buf[at]


@helper
def ticks_to_ns(high: int, low: int, interface: Record) -> int:
    """Turn a pcapng timestamp into ns since the epoch, exactly, and without overflow for any input."""
    ticks = (high & 0x7FFFFFFF) * 4294967296 + low
    units = interface.units
    if units > 0:
        seconds = ticks // units
        rest = ticks - seconds * units
        if high > 0x7FFFFFFF and units > 1:  # the 64th bit: 2**63 ticks, as two halves that fit
            half = 4611686018427387904 // units
            rest += 2 * (4611686018427387904 - half * units)
            seconds += 2 * half + rest // units
            rest = rest % units
        ns = rest * (1000000000 // units) if units <= 1000000000 else rest // (units // 1000000000)
    else:
        shift = interface.shift
        seconds = ticks >> shift
        rest = ticks - (seconds << shift)
        if high > 0x7FFFFFFF and shift > 0:
            seconds += 1 << (63 - shift)
        if shift > 30:
            rest = rest >> (shift - 30)
            shift = 30
        ns = (rest * 1000000000) >> shift
    seconds = max(min(min(seconds, 2 * MAX_SECONDS) + interface.offset, MAX_SECONDS), MIN_SECONDS)
    return seconds * 1000000000 + ns


@helper
def decode_tcp(buf: Buffer, at: int, end: int, payload_end: int, row: Record) -> int:
    """Decode a TCP header.

    Args:
        buf: the chunk.
        at: where the header starts.
        end: one past the last captured byte of the frame.
        payload_end: where the segment ends on the wire; may lie beyond ``end``.
        row: the packet to fill.
    """
    if at < 0 or at > MAX_OFFSET or end - at < 16:  # flags, window: Wireshark too numbers from these 16 bytes
        return CUT
    header = buf[at + 12] // 16 * 4
    if header < 20:
        row.quality = row.quality | BAD_HEADER
    flags = buf[at + 13] * 1
    row.tcp_at = at
    row.srcport = big16(buf, at)
    row.dstport = big16(buf, at + 2)
    row.seq = big32(buf, at + 4)
    row.ack = big32(buf, at + 8)
    row.flags = flags
    row.window = big16(buf, at + 14)
    row.wscale = -1
    row.len = max(payload_end - at - header, 0)
    options_end = at + header
    if options_end > end:
        row.quality = row.quality | OPTIONS_CUT
        options_end = end
    if flags & SYN != 0:
        option = at + 20
        while option < options_end and buf[option] != 0:
            if buf[option] == 1:
                option += 1
                continue
            if option + 1 >= options_end or buf[option + 1] < 2:
                break
            if buf[option] == 3 and buf[option + 1] == 3 and option + 2 < options_end:
                row.wscale = min(buf[option + 2] * 1, 14)
            option += buf[option + 1] * 1
    return TCP


@helper
def word(buf: Buffer, at: int) -> int:
    """Read 8 bytes of an address, the top bit flipped."""
    return (big32(buf, at) - 2147483648) * 4294967296 + big32(buf, at + 4)


@helper
def find_ip(buf: Buffer, at: int, end: int, link: int, row: Record) -> tuple[int, int]:
    """Go through the link layer.

    Args:
        buf: the chunk.
        at: where the frame starts, or what a tunnel carries.
        end: one past the last captured byte.
        link: the link type.
        row: the packet, for the VLAN and the interface's number.

    Returns:
        Where the IP header starts, and its version (0: as it says itself); or where a header starts that is not known here, and
        its link type plus `FURTHER`; or, where there is none, -1 and the outcome.
    """
    size = end - at
    if at < 0 or at > MAX_OFFSET:
        return -1, MALFORMED
    if link == ETHERNET:
        if size < 14:
            return -1, CUT
        ethertype = big16(buf, at + 12)
        at += 14
    elif link == SLL:
        if size < 16:
            return -1, CUT
        ethertype = big16(buf, at + 14)
        at += 16
    elif link == SLL2:
        if size < 20:
            return -1, CUT
        ethertype = big16(buf, at)
        row.interface = -min(big32(buf, at + 4), 2147483647)  # until the reader has given it a name
        at += 20
    elif link == RAW or link == RAW_LINUX or link == RAW_OPENBSD:
        return at, 0
    elif link == IPV4:
        return at, 4
    elif link == IPV6:
        return at, 6
    elif link == NULL or link == LOOP:
        if size < 4:
            return -1, CUT
        # the address family is in the capturing machine's byte order, and BSDs differ on IPv6's number
        family = buf[at] + buf[at + 3] * 1
        if buf[at + 1] != 0 or buf[at + 2] != 0 or (buf[at] != 0 and buf[at + 3] != 0):
            return -1, NOT_IP
        if family == 2:
            return at + 4, 4
        if family in (10, 24, 28, 30):
            return at + 4, 6
        return -1, NOT_IP
    elif link == PPP:
        if size < 4:
            return -1, CUT
        protocol = at + 2 if buf[at] == 0xFF and buf[at + 1] == 3 else at
        if buf[protocol] == 0:  # else it is compressed
            protocol += 1
        if buf[protocol] == 0x21:
            return protocol + 1, 4
        if buf[protocol] == 0x57:
            return protocol + 1, 6
        return at, FURTHER + PPP
    elif link >= ETHERTYPE:
        ethertype = link - ETHERTYPE
    else:
        return at, FURTHER + link
    vlan = 0
    tags = 0
    while ethertype in (0x8100, 0x88A8, 0x9100, 0x9200) and tags < MAX_LAYERS:
        if end - at < 4:
            return -1, CUT
        number = big16(buf, at) & 0xFFF
        if number != 0:  # 0: a priority and no VLAN
            vlan = (vlan & 0xFFF) * 4096 + number
        ethertype = big16(buf, at + 2)
        at += 4
        tags += 1
    if vlan != 0 and row.vlan == 0:
        row.vlan = vlan
    if ethertype <= 1500 and end - at >= 8 and big16(buf, at) == 0xAAAA and big32(buf, at + 2) == 0x03000000:  # LLC, SNAP
        ethertype = big16(buf, at + 6)
        at += 8
    if ethertype == 0x0800:
        return at, 4
    if ethertype == 0x86DD:
        return at, 6
    if ethertype in (0x8847, 0x8848, 0x8864, 0x88E7, 0x8903, 0x6558):  # MPLS, PPPoE session, provider backbone, FabricPath...
        return at, FURTHER + ETHERTYPE + ethertype
    return -1, NOT_IP


@helper
def is_plain(buf: Buffer, at: int, end: int, link: int) -> bool:
    """Whether a frame is what most are: TCP in a whole IPv4 datagram without options, in Ethernet without tags."""
    if at < 0 or at > MAX_OFFSET or end - at < 54 or link != ETHERNET:
        return False
    return (
        buf[at + 12] == 8
        and buf[at + 13] == 0
        and buf[at + 14] == 0x45
        and big16(buf, at + 16) >= 20
        and buf[at + 23] == 6
        and buf[at + 21] == 0
        and buf[at + 20] & 0x3F == 0
    )


@helper
def decode_ipv4_addresses(buf: Buffer, at: int, row: Record) -> None:
    """Decode the addresses of an IPv4 header, and note where it is."""
    row.ip_at = at
    row.src_hi = -9223372036854775808
    row.dst_hi = -9223372036854775808
    row.src_lo = (0xFFFF - 2147483648) * 4294967296 + big32(buf, at + 12)
    row.dst_lo = (0xFFFF - 2147483648) * 4294967296 + big32(buf, at + 16)


@helper
def decode_ip(buf: Buffer, at: int, end: int, wire_end: int, link: int, row: Record) -> int:
    """Follow link-layer headers, IP headers and tunnels down to TCP.

    Where only Python can go on, `decode_ip` leaves in the row how: ``ack`` is the link type of what is next (`FRAGMENTED`: a
    fragment, whose payload starts at ``srcport``), ``seq`` where it starts, ``len`` and ``window`` its ``end`` and ``wire_end``.

    Args:
        buf: the chunk.
        at: where the frame starts.
        end: one past the last captured byte of the frame.
        wire_end: one past its last byte on the wire.
        link: its link type.
        row: the packet to fill.

    Returns:
        What became of it: an index of `SKIP_REASONS`; TAIL and FRAGMENTS: Python has to go on.

    Source: RFC 2003, 4213 (IP in IP), 2784, 2890 and 2637 (GRE), draft-foschiano-erspan, RFC 7348 (VXLAN), 8926 (Geneve),
        3GPP TS 29.281 (GTP-U), RFC 4380 (Teredo), 2661 (L2TP). Ports, and what is taken for a header: as tshark does by default.
    """
    if is_plain(buf, at, end, link):  # spares a tenth of the time: nothing to ask which layers there are
        payload_end = at + 14 + big16(buf, at + 16)
        decode_ipv4_addresses(buf, at + 14, row)
        return decode_tcp(buf, at + 34, min(end, payload_end), payload_end, row)
    layers = 0
    while layers < MAX_LAYERS:
        layers += 1
        at, version = find_ip(buf, at, end, link, row)
        if at < 0:
            return version
        if at > MAX_OFFSET or at >= end:
            return CUT
        said = buf[at] // 16
        if version != 0 and said != version:
            if version < FURTHER:
                return MALFORMED
            row.ack = version - FURTHER
            row.seq = at
            row.len = end
            row.window = wire_end
            return TAIL
        if said == 4:
            if end - at < 20:
                return CUT
            header = buf[at] % 16 * 4
            if header < 20:
                return MALFORMED
            total = big16(buf, at + 2)
            payload_end = at + total if total != 0 else wire_end  # 0: segmentation offload, BIG TCP
            if total != 0 and total < header:
                return MALFORMED
            fragment = big16(buf, at + 6)
            protocol = buf[at + 9] * 1
            if fragment & 0x3FFF != 0:  # an offset, or more to come
                if protocol not in _MAY_HOLD_TCP:
                    return NOT_TCP
                row.ack = FRAGMENTED
                row.seq = at
                row.srcport = at + header
                row.len = end
                row.window = payload_end
                return FRAGMENTS
            decode_ipv4_addresses(buf, at, row)
            at += header
            if protocol == 51:  # authentication header
                if end - at < 8:
                    return CUT
                protocol = buf[at] * 1
                at += (buf[at + 1] + 2) * 4
        elif said == 6:
            if end - at < 40:
                return CUT
            length = big16(buf, at + 4)
            payload_end = at + 40 + length if length != 0 else wire_end
            protocol = buf[at + 6] * 1
            row.src_hi = word(buf, at + 8)
            row.src_lo = word(buf, at + 16)
            row.dst_hi = word(buf, at + 24)
            row.dst_lo = word(buf, at + 32)
            row.ip_at = at
            ip = at
            at += 40
            while layers < MAX_LAYERS and protocol in (0, 43, 44, 51, 60, 135, 139, 140):
                layers += 1
                if end - at < 8:
                    return CUT
                if protocol == 44:
                    if big16(buf, at + 2) & 0xFFF9 != 0:
                        if buf[at] not in _MAY_HOLD_TCP:
                            return NOT_TCP
                        row.ack = FRAGMENTED
                        row.seq = ip
                        row.srcport = at + 8
                        row.len = end
                        row.window = payload_end
                        return FRAGMENTS
                    size = 8
                elif protocol == 51:
                    size = (buf[at + 1] + 2) * 4
                else:
                    size = (buf[at + 1] + 1) * 8
                    if protocol == 0 and length == 0 and buf[at + 2] == 0xC2 and buf[at + 3] == 4:  # jumbo payload
                        payload_end = at + big32(buf, at + 4)
                protocol = buf[at] * 1
                at += size
        else:
            return MALFORMED if version != 0 else NOT_IP
        end = min(end, payload_end)  # what follows is padding
        if protocol == 6:
            return decode_tcp(buf, at, end, payload_end, row)
        kind = 0
        number = 0
        if protocol == 1 or protocol == 58:
            if end - at < 9:
                return NOT_TCP
            error = buf[at]
            if protocol == 1 and error != 3 and error != 4 and error != 5 and error != 11 and error != 12:
                return NOT_TCP
            if protocol == 58 and (error < 1 or error > 4):
                return NOT_TCP
            if row.quality & QUOTED != 0:
                return NOT_TCP
            row.quality = row.quality | QUOTED
            at += 8
            link = RAW
        elif protocol == 4:
            kind = IP_IN_IP
            link = IPV4
        elif protocol == 41:
            kind = SIX_IN_FOUR if said == 4 else IP_IN_IP
            link = IPV6
        elif protocol == 97 or protocol == 143:
            kind = ETHER_IP
            at += 2 if protocol == 97 else 0
            link = ETHERNET
        elif protocol == 137:
            kind = MPLS
            link = ETHERTYPE + 0x8847
        elif protocol == 47 or protocol == 17:
            port = _GRE_IN_UDP
            if protocol == 17:
                if end - at < 8 or row.quality & QUOTED != 0:
                    return NOT_TCP
                port = min(big16(buf, at), big16(buf, at + 2))  # which tshark asks first
                if port not in _TUNNEL_PORTS:
                    port = max(big16(buf, at), big16(buf, at + 2))
                    if port not in _TUNNEL_PORTS:
                        return NOT_TCP
                size = big16(buf, at + 4)
                if size >= 8:
                    payload_end = min(payload_end, at + size)
                    end = min(end, payload_end)
                elif size != 0 or said == 4:
                    return NOT_TCP
                at += 8
            if end - at < 20:  # whatever header it is lies in these, and TCP does not
                return CUT if payload_end > end else NOT_TCP
            inner = 0  # an Ethernet type
            if port == _GRE_IN_UDP:
                kind = GRE
                flags = big16(buf, at)
                inner = big16(buf, at + 2)
                if flags & 0x4000 != 0:  # source routes
                    return NOT_TCP
                at += 8 if flags & 0x8000 != 0 else 4
                if flags & 0x2000 != 0:
                    number = big32(buf, at)
                    at += 4
                if flags & 0x1000 != 0:
                    at += 4
                if inner == 0x880B:  # PPTP's version: the key is the payload's length and the call
                    number = number & 0xFFFF
                    at += 4 if flags & 0x80 != 0 else 0
                    link = PPP
                elif inner == 0x883E:  # WCCP: before IP, sometimes, a header of its own
                    at += 4 if buf[at] // 16 != 4 else 0
                    inner = 0x0800
                elif inner == 0x6400:
                    inner = 0x6558
                elif inner == 0x88BE and flags & 0x1000 == 0:  # type I: no header of its own
                    kind = ERSPAN
                    inner = 0x6558
                elif inner == 0x88BE or inner == 0x22EB:
                    if end - at < 12:
                        return CUT if payload_end > end else NOT_TCP
                    kind = ERSPAN
                    number = big16(buf, at + 2) & 0x3FF
                    form = buf[at] // 16
                    if form == 1:  # type II
                        at += 8
                    elif form == 2 and big16(buf, at + 10) & 0x7C00 == 0:  # type III, of Ethernet frames
                        at += 12 if buf[at + 11] & 1 == 0 else 20
                    else:
                        return NOT_TCP
                    inner = 0x6558
                elif inner not in (0x0800, 0x86DD, 0x6558, 0x8847, 0x8848):
                    return NOT_TCP
            elif port == _GENEVE_PORT:
                kind = GENEVE
                inner = big16(buf, at + 2)
                number = big32(buf, at + 4) // 256
                at += 8 + (buf[at] & 0x3F) * 4
            elif port == _GTP_PORT:
                kind = GTP_U
                number = big32(buf, at + 4)
                flags = buf[at] * 1
                if flags // 16 != 3 or buf[at + 1] != 255:  # version 1, a packet of the user's
                    return NOT_TCP
                at += 8
                if flags & 7 != 0:
                    at += 4
                    following = buf[at - 1] if flags & 4 != 0 else 0
                    while following != 0:
                        layers += 1
                        if layers >= MAX_LAYERS:
                            return DEEP
                        if end - at < 4:
                            return CUT
                        size = buf[at] * 4
                        if size == 0:
                            return MALFORMED
                        if end - at < size:
                            return CUT
                        at += size
                        following = buf[at - 1] * 1
                if end - at < 16:
                    return CUT if payload_end > end else NOT_TCP
                if buf[at] >= 0x45 and buf[at] <= 0x4E:  # nothing says what it carries, and this is how tshark tells
                    link = IPV4
                elif buf[at] // 16 == 6:
                    link = IPV6
                else:
                    link = ETHERNET
            elif port == _TEREDO_PORT:
                kind = TEREDO
                if big16(buf, at) == 1:  # an authentication: client, value, nonce, confirmation
                    at += 13 + buf[at + 2] * 1 + buf[at + 3] * 1
                if end - at >= 8 and big16(buf, at) == 0:  # an origin indication
                    at += 8
                link = IPV6
            elif port == _L2TP_PORT:
                kind = L2TP
                flags = big16(buf, at)
                if flags & 0x800F != 2:  # version 2, data
                    return NOT_TCP
                at += 4 if flags & 0x4000 != 0 else 2
                number = big32(buf, at)
                at += 8 if flags & 0x0800 != 0 else 4
                if flags & 0x0200 != 0:
                    at += 2 + big16(buf, at)
                link = PPP
            elif port == _MPLS_PORT:
                kind = MPLS
                link = ETHERTYPE + 0x8847
            else:
                kind = VXLAN
                flags = big32(buf, at)
                number = big32(buf, at + 4)
                if port == _FLANNEL_PORT:
                    if flags != 0x08000000 or number & 0xFF != 0:  # nobody owns this port
                        return NOT_TCP
                    row.quality = row.quality | FLANNEL
                link = ETHERNET
                if port == _VXLAN_GPE:
                    if flags & 0xFF == 1:
                        link = IPV4
                    elif flags & 0xFF == 2:
                        link = IPV6
                    elif flags & 0xFF != 3:
                        return NOT_TCP
                number = number // 256
                at += 8
            if inner == 0x6558:
                link = ETHERNET
            elif inner != 0 and inner != 0x880B:
                link = ETHERTYPE + inner
        else:
            return DEEP if layers >= MAX_LAYERS else NOT_TCP
        if kind != 0 and row.tunnel == 0:
            row.tunnel = kind
            row.tunnel_id = number
            row.outer_src_hi = row.src_hi
            row.outer_src_lo = row.src_lo
            row.outer_dst_hi = row.dst_hi
            row.outer_dst_lo = row.dst_lo
        wire_end = min(wire_end, payload_end)
    return DEEP


@helper
def take_frame(
    buf: Buffer, at: int, caplen: int, wirelen: int, time: int, interface: Record, batch: Records, skips: Buffer, decoder: Record
) -> None:
    """Count a frame, and add a row to the batch where it holds TCP (or may hold it: the long tail)."""
    decoder.frames = decoder.frames + 1
    row = batch[decoder.rows]
    if row.quality & NO_TIME == 0:
        decoder.timed = decoder.timed + 1
        if decoder.timed == 1:
            decoder.first_time = time
            decoder.last_time = time
        elif time < decoder.previous_time:
            decoder.backwards = decoder.backwards + 1
            decoder.largest_step_back = max(decoder.largest_step_back, decoder.previous_time - time)
        elif time - decoder.previous_time > decoder.longest_pause:
            decoder.longest_pause = time - decoder.previous_time
        decoder.previous_time = time
        decoder.last_time = max(decoder.last_time, time)
    else:
        decoder.untimed = decoder.untimed + 1
    row.vlan = 0
    row.interface = interface.name
    row.process = 0
    row.tunnel = 0
    link = interface.link
    outcome = decode_ip(buf, at, at + caplen, at + wirelen, link, row)
    if outcome == TCP and row.quality & NUMBERING_ONLY == 0:
        decoder.tcp_frames = decoder.tcp_frames + 1
        if row.quality & FLANNEL != 0:
            decoder.flannel = decoder.flannel + 1
    elif outcome == TAIL or outcome == FRAGMENTS:
        row.quality = row.quality | LONG_TAIL
        row.seq = row.seq - at  # from the frame's begin, as Python wants it
        row.srcport = row.srcport - at
        row.len = row.len - at
        row.window = row.window - at
        decoder.tails = decoder.tails + 1
    elif outcome != TCP:
        skips[outcome] += 1
        return
    else:
        skips[NOT_TCP if row.quality & QUOTED != 0 else MALFORMED] += 1
    row.frame = decoder.frames
    row.time = time
    row.offset = at
    row.ip_at = row.ip_at - at
    row.tcp_at = row.tcp_at - at
    row.caplen = caplen
    row.wirelen = wirelen
    row.link = link
    decoder.rows = decoder.rows + 1


@helper
def decode_pcap(buf: Buffer, end: int, interfaces: Records, batch: Records, skips: Buffer, decoder: Record) -> None:
    """Decode pcap records until the batch is full or the input ends."""
    at = decoder.at
    size = decoder.record_header
    big = decoder.big  # kept at hand: for all the compiler knows, each field of a row that is written may be one of these
    nanoseconds = decoder.nanoseconds
    longest = decoder.longest
    excess = decoder.excess
    fractions = decoder.fractions
    trusted = decoder.trusted
    interface = interfaces[0]
    while decoder.rows < len(batch):
        decoder.at = at
        if at < 0 or at > MAX_OFFSET or end - at < size:
            decoder.need = size
            decoder.stop = MORE
            return
        caplen = file32(buf, at + 8, big)
        wirelen = file32(buf, at + 12, big)
        if caplen > MAX_FRAME_BYTES:
            decoder.stop = DAMAGED_LENGTH
            return
        seconds = file32(buf, at, big)
        fraction = file32(buf, at + 4, big)
        time = seconds * 1000000000 + fraction * nanoseconds
        if caplen == 0 and at != trusted:
            if time == 0 and wirelen == 0:
                decoder.stop = DAMAGED_ZEROS
                return
            if seconds in FILE_MAGICS:
                decoder.stop = JOINED
                return
            if wirelen == 0 and excess == 0:
                decoder.stop = DOUBTFUL
                return
        quality = 0
        if time == 0:
            quality = NO_TIME
            time = decoder.previous_time
        odd = caplen > longest or caplen - wirelen > excess or fraction >= fractions
        step = time - decoder.previous_time
        if (odd or step > NEAR_NS or step < -NEAR_NS) and at != trusted and (odd or decoder.timed != 0):
            decoder.stop = DOUBTFUL
            return
        if end - at < size + caplen:
            decoder.need = size + caplen
            decoder.stop = MORE
            return
        batch[decoder.rows].quality = quality
        take_frame(buf, at + size, caplen, max(wirelen, caplen), time, interface, batch, skips, decoder)
        at += size + caplen
    decoder.at = at
    decoder.stop = FULL


@helper
def find_process(buf: Buffer, at: int, end: int, big: int, processes: int) -> int:
    """Find whose packet it is among its options.

    Args:
        buf: the chunk.
        at: where the options start.
        end: one past their last byte.
        big: the section's byte order.
        processes: how many the section has described.

    Returns:
        The number of the process in the section, from 1; 0 where none is named that was described.
    """
    effective = 0
    for _ in range(_MOST_OPTIONS):
        if at < 0 or at > MAX_OFFSET or end - at < 8:  # none of those that matter fits any more
            break
        code = file16(buf, at, big)
        size = file16(buf, at + 2, big)
        if code == 0:
            break
        if size == 4 and (code == _PROCESS or code == _EFFECTIVE_PROCESS):
            number = file32(buf, at + 4, big)
            if number < processes:
                if code == _PROCESS:
                    return number + 1
                effective = number + 1
        at += 4 + (size + 3) // 4 * 4
    return effective


@helper
def decode_pcapng(buf: Buffer, end: int, interfaces: Records, batch: Records, skips: Buffer, decoder: Record) -> None:
    """Decode pcapng packet blocks until the batch is full, the input ends, or a block comes that Python has to read."""
    at = decoder.at
    processes = decoder.processes
    while decoder.rows < len(batch):
        decoder.at = at
        if at < 0 or at > MAX_OFFSET or end - at < 12:
            decoder.need = 12
            decoder.stop = MORE
            return
        kind = file32(buf, at, decoder.big)
        if kind == SECTION_HEADER or kind == INTERFACE_DESCRIPTION or kind == INTERFACE_STATISTICS:
            decoder.stop = BLOCK
            return
        if kind >= _LOWEST_MAGIC:
            if kind == PROCESS_EVENT:
                decoder.stop = BLOCK
                return
            if kind in FILE_MAGICS and at != decoder.trusted:
                decoder.stop = JOINED
                return
        total = file32(buf, at + 4, decoder.big)
        if total < 12 or total > MAX_FRAME_BYTES or total % 4 != 0:
            decoder.stop = DAMAGED_LENGTH
            return
        if end - at < total:
            decoder.need = total
            decoder.stop = MORE
            return
        if file32(buf, at + total - 4, decoder.big) != total:
            decoder.stop = DAMAGED_TRAILER
            return
        start = 0
        caplen = 0
        wirelen = 0
        time = decoder.previous_time
        number = 0
        quality = 0
        if kind == _EPB or kind == _OPB:
            if total < 32:
                decoder.stop = DAMAGED_LENGTH
                return
            start = at + 28
            number = file32(buf, at + 8, decoder.big)
            if kind == _OPB:
                drops = file16(buf, at + 10, decoder.big)
                decoder.drops = decoder.drops + (drops if drops != 0xFFFF else 0)
                number = file16(buf, at + 8, decoder.big)
            caplen = file32(buf, at + 20, decoder.big)
            wirelen = file32(buf, at + 24, decoder.big)
            if caplen > total - 32:
                decoder.stop = DAMAGED_LENGTH
                return
        elif kind == _SPB:
            if total < 16:
                decoder.stop = DAMAGED_LENGTH
                return
            start = at + 12
            wirelen = file32(buf, at + 8, decoder.big)
            caplen = min(wirelen, total - 16)
            quality = NO_TIME
        elif kind in (_CUSTOM, _CUSTOM_NO_COPY, _JOURNAL, _SYSDIG, _SYSDIG_FLAGS, _SYSDIG_V2):
            decoder.frames = decoder.frames + 1  # Wireshark gives them a frame number
            skips[NOT_IP] += 1
        if start > 0:
            if number >= decoder.interfaces:
                decoder.stop = DAMAGED_INTERFACE
                return
            interface = interfaces[number]
            if quality == 0:
                time = ticks_to_ns(file32(buf, at + 12, decoder.big), file32(buf, at + 16, decoder.big), interface)
            elif interface.snaplen != 0:
                caplen = min(caplen, interface.snaplen)
            row = decoder.rows
            batch[row].quality = quality
            take_frame(buf, start, caplen, max(wirelen, caplen), time, interface, batch, skips, decoder)
            if processes > 0 and kind == _EPB:  # until the reader has given it a name, as a negative number
                options = start + (caplen + 3) // 4 * 4
                batch[row].process = -find_process(buf, options, at + total - 4, decoder.big, processes)
        at += total
    decoder.at = at
    decoder.stop = FULL


def decode(
    buf: "bytearray | np.ndarray[tuple[int], np.dtype[np.uint8]]",
    end: int,
    interfaces: Records,
    batch: Records,
    skips: "list[int] | np.ndarray[tuple[int], np.dtype[np.int64]]",
    decoder: Record,
) -> None:
    """Decode a chunk from ``decoder.at`` on (the kernel's entry).

    Args:
        buf: the chunk.
        end: how many bytes of it are filled.
        interfaces: INTERFACE records of the section.
        batch: PACKET records to fill; ``decoder.rows`` says how many are.
        skips: counts by outcome, indexed like `SKIP_REASONS`.
        decoder: the DECODER record: state before, state after and why it stopped.
    """
    decoder.rows = 0
    decoder.tails = 0
    if decoder.pcapng != 0:
        decode_pcapng(buf, end, interfaces, batch, skips, decoder)
    else:
        decode_pcap(buf, end, interfaces, batch, skips, decoder)
