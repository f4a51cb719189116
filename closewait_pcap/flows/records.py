"""What is kept of a flow and of each of its ends: facts, learned once each, in a fixed number of bytes.

Frames are 32 bits (0: not seen), times are ns since the epoch. Sequence numbers are *relative*: 64-bit offsets from the end's
initial sequence number, so that they never wrap. One flow with both ends takes 472 bytes.
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
        ("last_frame", np.uint32),
        ("first_frame", np.uint32),  # 0: so far only quoted in ICMP errors
        ("previous", np.int32),  # the older flow with the same addresses and ports, or -1
        ("letters", np.int32),  # which of the 16 letters stand in history
        ("opener", np.int32),  # the end that sent the first packet
        ("letter_count", np.int32),
        ("history", np.int64),  # Zeek's letters in order, 4 bits each: letter * 2 + end
        ("first_time", np.int64),
    ]
)

END = np.dtype(
    [
        # what every packet needs comes first: two cache lines
        ("flags", np.int32),  # the bits below
        ("ack_frame", np.uint32),
        ("base", np.int64),  # raw initial sequence number: SYN's own, or as guessed from the first segment or ACK
        ("next", np.int64),  # one past the highest number sent, SYN and FIN included
        ("data_high", np.int64),  # one past the highest payload byte seen
        ("bytes", np.int64),  # distinct payload bytes seen
        ("packets", np.int64),
        ("ack_high", np.int64),  # highest acknowledgement this end sent, in the peer's numbers
        ("ack_time", np.int64),  # when that was first reached: with a FIN acknowledged, the time of that
        ("right_edge", np.int64),  # highest number this end allowed the peer to send
        ("last_data_time", np.int64),
        ("last_data_frame", np.uint32),
        ("first_data_frame", np.uint32),
        ("syn_acked_frame", np.uint32),
        ("hole", np.int32),  # first of this end's unseen stretches, or -1
        ("wscale", np.int16),  # -1 where this end's SYN offered none, or was not seen
        ("hole_count", np.int16),
        # what is learned once
        ("syn_frame", np.uint32),
        ("stream_base", np.int64),  # like base, as Wireshark keeps it for numbering streams
        ("syn_time", np.int64),
        ("syn_acked_time", np.int64),
        ("first_data_time", np.int64),
        ("zero_since", np.int64),  # since when this end's window is zero (flag ZERO_WINDOW)
        ("late_bytes", np.int64),  # of `bytes`: sent after the peer's FIN was acknowledged
        ("fin", np.int64),  # the FIN's own sequence number (flag HAS_FIN)
        ("fin_time", np.int64),
        ("rst", np.int64),  # the RST's sequence number (flag HAS_RST)
        ("rst_time", np.int64),
        ("fin_frame", np.uint32),
        ("rst_frame", np.uint32),
    ]
)

HOLE = np.dtype([("start", np.int64), ("end", np.int64), ("next", np.int64)])
"""A stretch of payload not (yet) seen, in a list per end; free ones form a list of their own."""

TABLE = np.dtype(
    [
        ("flows", np.int64),  # used rows of the flow table
        ("capacity", np.int64),  # rows there are
        ("mask", np.int64),  # size of the index - 1
        ("holes", np.int64),  # used rows of the hole table
        ("hole_capacity", np.int64),
        ("free_hole", np.int64),  # first free row of the hole table, or -1
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
