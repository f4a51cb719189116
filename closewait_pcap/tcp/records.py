"""What is kept of a flow and of each of its ends: facts, learned once each, in a fixed number of bytes.

Frames are those of `packets.FRAME_BITS` (0: not seen), times are ns since the epoch. Sequence numbers are *relative*: 64-bit
offsets from the end's initial sequence number, so that they never wrap. One flow with both ends takes 480 bytes.
"""

import numpy as np

FLOW = np.dtype(
    [
        # what every packet needs comes first: one or two cache lines
        ("a_hi", np.int64),  # the two endpoints in canonical order: end 0 is the smaller one
        ("a_lo", np.int64),
        ("b_hi", np.int64),
        ("b_lo", np.int64),
        ("ports", np.int64),  # a's port * 2**16 + b's port
        ("last_time", np.int64),
        ("last_frame", np.int64),
        ("stream", np.uint32),  # Wireshark's tcp.stream
        ("letters", np.uint16),  # which of the 16 letters stand in history
        ("letter_count", np.uint8),
        ("opener", np.uint8),  # the end that sent the first packet
        ("history", np.int64),  # Zeek's letters in order, 4 bits each: letter * 2 + end
        ("previous", np.int32),  # the row of the older flow with the same addresses and ports, or -1
        ("path", np.int32),  # the row of the PATH table that says which way its first packet came, or -1
        ("first_frame", np.int64),  # 0: so far only quoted in ICMP errors
        ("first_time", np.int64),
    ]
)

END = np.dtype(
    [
        # what every packet needs comes first: two cache lines
        ("flags", np.uint16),  # the bits below
        ("wscale", np.int8),  # -1 where this end's SYN offered none, or was not seen
        ("hole_count", np.int8),
        ("hole", np.int32),  # first of this end's unseen stretches, or -1
        ("ack_frame", np.int64),
        ("base", np.uint32),  # raw initial sequence number: SYN's own, or as guessed from the first segment or ACK
        ("stream_base", np.uint32),  # like base, as Wireshark keeps it for numbering streams
        ("next", np.int64),  # one past the highest number sent, SYN and FIN included
        ("data_high", np.int64),  # one past the highest payload byte seen
        ("bytes", np.int64),  # distinct payload bytes seen
        ("packets", np.int64),
        ("ack_high", np.int64),  # highest acknowledgement this end sent, in the peer's numbers
        ("ack_time", np.int64),  # when that was first reached: with a FIN acknowledged, the time of that
        ("right_edge", np.int64),  # highest number this end allowed the peer to send
        ("last_data_time", np.int64),
        ("data_ack", np.int64),  # the highest acknowledgement it had sent when it last sent new payload
        ("first_data_frame", np.int64),
        ("syn_acked_frame", np.int64),
        # what is learned once
        ("syn_frame", np.int64),
        ("syn_time", np.int64),
        ("syn_acked_time", np.int64),
        ("zero_since", np.int64),  # since when this end's window is zero (flag ZERO_WINDOW)
        ("fin", np.int64),  # the FIN's own sequence number (flag HAS_FIN)
        ("fin_time", np.int64),
        ("rst", np.int64),  # the RST's sequence number (flag HAS_RST)
        ("rst_time", np.int64),
        ("fin_frame", np.int64),
        ("rst_frame", np.int64),
    ]
)

PATH = np.dtype(
    [
        ("vlan", np.int64),  # all as in PACKET
        ("interface", np.int64),
        ("process", np.int64),
        ("tunnel", np.int64),
        ("tunnel_id", np.int64),
        ("outer_src_hi", np.int64),  # of the flow's first packet
        ("outer_src_lo", np.int64),
        ("outer_dst_hi", np.int64),
        ("outer_dst_lo", np.int64),
        ("next", np.int64),  # the next path with the same hash, or -1
    ]
)
"""A way by which packets came: where they were captured, in which VLAN, through which tunnel. Many flows share one."""

HOLE = np.dtype([("start", np.int64), ("end", np.int64), ("next", np.int64)])
"""A stretch of payload not (yet) seen, in a list per end; free ones form a list of their own."""

TABLE = np.dtype(
    [
        ("flows", np.int64),  # used rows of the flow table
        ("streams", np.int64),  # flows ever begun: the next one's number
        ("capacity", np.int64),  # rows there are
        ("mask", np.int64),  # size of the index - 1
        ("holes", np.int64),  # used rows of the hole table
        ("hole_capacity", np.int64),
        ("free_hole", np.int64),  # first free row of the hole table, or -1
        ("paths", np.int64),  # used rows of the path table
        ("path_capacity", np.int64),
        ("seed", np.int64),  # of the hash, so that nobody can prepare collisions
        ("resume", np.int64),  # the packet of the batch to go on with
    ]
)

BASE_KNOWN = 1
"""The end's numbers have a base."""
FROM_SYN = 2
"""The base is the SYN's own number."""
BARE_SYN = 4
"""The end sent a SYN without ACK: it opened the connection actively."""
SYN_ACK = 8
HAS_FIN = 16
FIN_AGAIN = 32
"""The FIN was sent again, later than any duplicating tap would show it."""
HAS_RST = 64
DOUBTFUL_RST = 128
"""The RST is inside the window, but not at the expected number: RFC 5961 answers it with a challenge ACK."""
ZERO_WINDOW = 256
SYN_ACK_AGAIN = 512
"""The SYN-ACK came again after its acknowledgement: the listener has not taken the connection."""
STREAM_BASE = 1024
HAS_ACK = 2048
IGNORED_RST = 4096
"""A RST was seen whose number no receiver would accept."""
SPOKE = 8192
"""The end sent something else than a SYN, a SYN-ACK or a RST."""
LATE_DATA = 16384
"""The end sent new payload after it had acknowledged the peer's FIN."""
WINDOW_UPDATE = 32768
"""The end told, without payload and without acknowledging more, that its window has at least doubled."""
