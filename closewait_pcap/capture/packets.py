"""The packet columns: what every source yields, whatever its format, and all that later floors know of a packet."""

import numpy as np

FRAME_BITS = 40
"""A frame is known by its number in its file, from 1, and above these bits the file's place among the files read together."""
MAX_FRAME = 2**32 - 1
"""Wireshark's frame numbers are 32 bits wide; higher ones are shown as missing."""

PACKET = np.dtype(
    [
        ("frame", np.int64),  # file and number: FRAME_BITS
        ("time", np.int64),  # ns since the epoch
        ("src_hi", np.int64),  # addresses: 16 bytes, IPv4 mapped to ::ffff:a.b.c.d, as two big-endian words
        ("src_lo", np.int64),  # with the top bit flipped, so that they fit a signed integer in their own order
        ("dst_hi", np.int64),
        ("dst_lo", np.int64),
        ("srcport", np.int32),
        ("dstport", np.int32),
        ("seq", np.int64),  # raw, 0 to 2**32 - 1
        ("ack", np.int64),
        ("len", np.int64),  # TCP payload in bytes as it was on the wire
        ("window", np.int32),  # raw, not scaled
        ("wscale", np.int32),  # shift count of the option, -1 where the segment carries none
        ("flags", np.int32),  # TCP flags, CWR to FIN
        ("quality", np.int32),  # the bits below
        ("offset", np.int64),  # where the frame lies in the chunk: for the long tail, and for who copies frames
        ("caplen", np.int32),
        ("ip_at", np.int64),  # where the innermost IP header lies in the frame, and the TCP header; -1 where they lie in no
        ("tcp_at", np.int64),  # one frame: fragments put together
        ("wirelen", np.int64),
        ("link", np.int32),  # link type
        ("vlan", np.int32),  # VLAN: its number, or outer * 4096 + inner of the innermost two tags; this and what follows: 0, none
        ("interface", np.int64),  # where it was captured: a number in the reader's `Names`
        ("process", np.int32),  # whose it is, likewise
        ("tunnel", np.int32),  # the outermost tunnel it came through: an index of TUNNELS
        ("tunnel_id", np.int64),  # VNI, GRE key, TEID, ERSPAN session, L2TP tunnel * 65536 + session
        ("outer_src_hi", np.int64),  # addresses of that tunnel's ends; as its number, written only where there is a tunnel
        ("outer_src_lo", np.int64),
        ("outer_dst_hi", np.int64),
        ("outer_dst_lo", np.int64),
        ("sender", np.int32),  # which end of its flow sends it: 0 the smaller endpoint, 1 the other; by the flow table
        ("slot", np.int64),  # where the search for its flow begins; by the flow table
        ("stream", np.int64),  # Wireshark's tcp.stream, set by the flow table
    ]
)

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16

OPTIONS_CUT = 1
"""The snap length cut the TCP options: the window scale may be missing."""
FRAGMENT = 2
"""First fragment of an IP datagram: the payload length is this fragment's alone."""
QUOTED = 4
"""A TCP header quoted in an ICMP error: it takes part in numbering, but is no packet of the flow."""
BAD_HEADER = 64
"""A TCP header that claims to be shorter than 20 bytes: Wireshark gives it a stream, its receiver throws it away."""
NUMBERING_ONLY = QUOTED | BAD_HEADER
"""Rows that take part in numbering alone."""
LONG_TAIL = 8
"""The fast decoder does not know this frame; dpkt has to look."""
NOT_TCP = 16
"""dpkt looked and found no TCP."""
NO_TIME = 32
"""A pcapng simple packet block: the frame has no time of its own."""

FLANNEL = 128
"""It came through VXLAN on port 8472, Linux' default from before the port was assigned: tshark has to be told."""

TUNNELS = ("", "IP in IP", "6in4", "GRE", "ERSPAN", "VXLAN", "Geneve", "GTP-U", "Teredo", "L2TP", "MPLS", "EtherIP")
"""Kinds of tunnel, by the numbers below."""
IP_IN_IP, SIX_IN_FOUR, GRE, ERSPAN, VXLAN, GENEVE, GTP_U, TEREDO, L2TP, MPLS, ETHER_IP = range(1, 12)

SIGN = 1 << 63


def address_bytes(hi: int, lo: int) -> bytes:
    """Turn the two stored words of an address back into its 16 bytes."""
    return ((int(hi) + SIGN) << 64 | (int(lo) + SIGN)).to_bytes(16, "big")


def address_words(address: bytes) -> tuple[int, int]:
    """Turn 4 or 16 address bytes into the two stored words.

    Args:
        address: a packed IPv4 or IPv6 address.

    Returns:
        The high and the low word, each with its top bit flipped, so that both fit a signed 64-bit integer.
    """
    whole = bytes(10) + b"\xff\xff" + address if len(address) == 4 else address
    return int.from_bytes(whole[:8], "big") - SIGN, int.from_bytes(whole[8:], "big") - SIGN
