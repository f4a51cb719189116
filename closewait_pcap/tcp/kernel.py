"""Packets to facts: finds each packet's flow and learns from it, once, what happened to either end (the fast path).

Like the decoder, one function body for plain Python and for Numba. Nothing here has an opinion: a *fact* is when a SYN, a FIN or
a RST was seen and when the other end's acknowledgement covered it. Which state follows is `tcp.figure5`'s business, what it
means is `verdicts`'. A slower formulation of the same facts, over whole lists of packets, is `tcp.endpoint`; the tests hold the
two against each other.

Sequence numbers are handled as 64-bit offsets from the initial one (`relative`), so that nothing below wraps.
"""

from typing import Any

from closewait_pcap.capture.packets import ACK, FIN, NOT_TCP, NUMBERING_ONLY, QUOTED, RST, SYN
from closewait_pcap.engine import Record, Records, helper, hint, prefetch
from closewait_pcap.tcp.records import (
    BARE_SYN,
    BASE_KNOWN,
    DOUBTFUL_RST,
    FIN_AGAIN,
    FROM_SYN,
    HAS_ACK,
    HAS_FIN,
    HAS_RST,
    IGNORED_RST,
    LATE_DATA,
    SPOKE,
    STREAM_BASE,
    SYN_ACK,
    SYN_ACK_AGAIN,
    WINDOW_UPDATE,
    ZERO_WINDOW,
)

PLAUSIBLE = 1 << 30
"""Sequence numbers further away than the largest window there can be (RFC 7323: 2**30) are no part of this connection."""
SAME_PACKET_NS = 50_000_000
"""A copy of a packet that comes within 50 ms is the same packet on a second tap (``-i any``, SPAN ports), not sent again: the
least retransmission timeout is 200 ms on Linux and Windows."""
WINDOW_SLACK = 1 << 20
"""A FIN this far beyond all that its receiver ever allowed, and beyond all that was sent, is not the sender's."""
MAX_HOLES = 64
"""Unseen stretches remembered per end; reordering leaves a few, only hostile captures leave more. Those are not filled again."""
MAX_PATHS = 1 << 16
"""Paths kept; what a hostile capture has more of has none."""
PATH_SLOTS = 1 << 12
"""Size of the paths' hash table."""
OLDER_FLOWS = 8
"""How far back a packet may reach among flows with the same addresses and ports."""

LETTER_S, LETTER_H, LETTER_A, LETTER_D, LETTER_F, LETTER_R, LETTER_T, LETTER_W = range(8)
"""Zeek's history letters, as stored in FLOW.history."""

AHEAD = 8
"""How many packets ahead their flows are fetched from memory. Measured: 4 does as well, 16 is slower."""

DONE, TABLE_FULL = 0, 1


@helper
def relative(end: Record, seq: int) -> int:
    """Turn a raw sequence number of ``end`` into an offset from its base: the one nearest to what was sent last."""
    delta = (seq - end.base - end.next) & 0xFFFFFFFF
    if delta >= 2147483648:
        delta -= 4294967296
    return end.next + delta


@helper
def set_base(end: Record, seq: int, flag: int) -> None:
    """Give an end its base: ``seq`` becomes offset 0."""
    end.base = seq & 0xFFFFFFFF
    end.flags = end.flags | BASE_KNOWN | flag


@helper
def note_letter(flow: Record, letter: int, side: int) -> None:
    """Add a letter to the flow's history, once per end. The 16th needs no room: it is the one that is missing."""
    code = letter * 2 + side
    bit = 1 << code
    if flow.letters & bit == 0:
        flow.letters = flow.letters | bit
        if flow.letter_count < 15:
            flow.history = flow.history | (code << (4 * flow.letter_count))
        flow.letter_count = flow.letter_count + 1


@helper
def open_hole(me: Record, start: int, end: int, holes: Records, table: Record) -> None:
    """Remember a stretch of payload that was jumped over."""
    if me.hole_count >= MAX_HOLES:
        return
    new = table.free_hole
    if new >= 0:
        table.free_hole = holes[new].next
    else:
        new = table.holes
        table.holes = new + 1
    hole = holes[new]
    hole.start = start
    hole.end = end
    hole.next = me.hole
    me.hole = new
    me.hole_count = me.hole_count + 1


@helper
def fill_holes(me: Record, start: int, end: int, holes: Records, table: Record) -> int:
    """Take a segment below the highest byte: returns how many of its bytes are new."""
    new = 0
    before = -1
    at = me.hole
    while at >= 0:
        hole = holes[at]
        after = hole.next
        low = max(start, hole.start)
        high = min(end, hole.end)
        if low < high:
            new += high - low
            if low > hole.start and high < hole.end:
                rest_end = hole.end
                hole.end = low
                open_hole(me, high, rest_end, holes, table)
                return new  # the segment lies within this hole
            if low > hole.start:
                hole.end = low
            elif high < hole.end:
                hole.start = high
            else:
                if before < 0:
                    me.hole = after
                else:
                    holes[before].next = after
                hole.next = table.free_hole
                table.free_hole = at
                me.hole_count = me.hole_count - 1
                at = after
                continue
        before = at
        at = after
    return new


@helper
def learn_payload(
    flow: Record, me: Record, you: Record, p: Record, start: int, frame: int, side: int, holes: Records, table: Record
) -> None:
    """Learn from a segment's payload, which begins at offset ``start``.

    A keepalive's byte is none: it lies on the FIN's own number, or, mid-stream, just below what is acknowledged.
    """
    end = start + p.len
    if me.flags & HAS_FIN != 0 and start >= me.fin and (is_fin_acked(me, you) or (p.len == 1 and start == me.fin)):
        return
    if p.len == 1 and me.flags & FROM_SYN == 0 and you.flags & HAS_ACK != 0 and end == you.ack_high and p.flags & FIN == 0:
        return
    if me.flags & HAS_FIN != 0 and end > me.fin and not is_fin_acked(me, you):
        me.flags = me.flags & ~(HAS_FIN | FIN_AGAIN)  # data beyond a FIN that nobody acknowledged: it was not this end's
        me.fin_frame = 0
    if me.flags & HAS_RST != 0 and end > me.rst:
        me.flags = me.flags & ~(HAS_RST | DOUBTFUL_RST)  # an end that goes on sending has not reset
        me.rst_frame = 0
    new = 0
    if me.first_data_frame == 0:
        if me.flags & FROM_SYN != 0:
            me.data_high = 1
        else:  # mid-stream: what lies below may still come, out of order
            me.data_high = start
            open_hole(me, start - PLAUSIBLE, start, holes, table)
    if end > me.data_high:
        if start > me.data_high:
            open_hole(me, me.data_high, start, holes, table)
            new = p.len
        else:
            new = end - me.data_high
            if start < me.data_high and me.hole >= 0:
                new += fill_holes(me, start, me.data_high, holes, table)
        me.data_high = end
    elif me.hole >= 0:
        new = fill_holes(me, start, end, holes, table)
    if new == 0:
        note_letter(flow, LETTER_T, side)
        return
    note_letter(flow, LETTER_D, side)
    me.bytes = me.bytes + new
    me.next = max(me.next, end)
    if me.flags & DOUBTFUL_RST != 0 and me.rst == me.next:
        me.flags = me.flags & ~DOUBTFUL_RST  # the RST had overtaken this payload
    if me.first_data_frame == 0:
        me.first_data_frame = frame
    me.last_data_time = p.time
    me.data_ack = me.ack_high
    if is_fin_acked(you, me):
        me.flags = me.flags | LATE_DATA


@helper
def is_fin_acked(sender: Record, receiver: Record) -> bool:
    """Whether the receiver's acknowledgements cover the sender's FIN."""
    return sender.flags & HAS_FIN != 0 and receiver.flags & HAS_ACK != 0 and receiver.ack_high > sender.fin


@helper
def learn_ack(me: Record, you: Record, p: Record, frame: int) -> None:
    """Learn from an acknowledgement that ``me`` sends: what of ``you`` has arrived, and what more is allowed."""
    if you.flags & BASE_KNOWN == 0:
        set_base(you, p.ack - 1, 0)
        you.next = 1
    acked = relative(you, p.ack)
    if acked - you.next > PLAUSIBLE or you.next - acked > PLAUSIBLE:
        return
    if me.flags & HAS_ACK == 0 or acked > me.ack_high:
        me.flags = me.flags | HAS_ACK
        me.ack_high = acked
        me.ack_frame = frame
        me.ack_time = p.time
        if you.syn_acked_frame == 0 and acked >= 1:
            you.syn_acked_frame = frame
            you.syn_acked_time = p.time
    scale = 0
    if p.flags & SYN == 0 and me.wscale >= 0 and you.wscale >= 0:
        scale = me.wscale
    edge = acked + (p.window << scale)
    if edge > me.right_edge:
        bare = p.len == 0 and p.flags & (SYN | FIN | RST) == 0
        if bare and acked == me.ack_high and me.ack_frame != frame and edge - acked >= 2 * (me.right_edge - acked):
            me.flags = me.flags | WINDOW_UPDATE
        me.right_edge = edge


@helper
def learn_syn(flow: Record, me: Record, you: Record, p: Record, frame: int, side: int) -> bool:
    """Learn from a SYN or SYN-ACK. Returns False where it belongs to no connection of this flow."""
    bare = p.flags & ACK == 0
    if me.flags & BASE_KNOWN != 0 and p.seq != me.base:
        if me.flags & FROM_SYN != 0 and you.flags & HAS_ACK != 0 and you.ack_high >= 1:
            return False  # the other end has acknowledged another SYN
        if me.bytes > 0 or me.flags & HAS_FIN != 0:
            return False
        me.flags = me.flags & ~(FROM_SYN | BARE_SYN | SYN_ACK)
        you.flags = you.flags & ~HAS_ACK  # what was acknowledged was counted from another base
        me.next = 0
        me.syn_frame = 0
        me.syn_acked_frame = 0
    again = me.syn_frame != 0
    set_base(me, p.seq, FROM_SYN)
    me.next = max(me.next, 1)
    if bare:
        note_letter(flow, LETTER_S, side)
        me.flags = me.flags | BARE_SYN
        if again and p.time - me.syn_time > SAME_PACKET_NS:
            # a RST that killed an older try does not stick to the one that now begins
            me.flags = me.flags & ~(HAS_RST | DOUBTFUL_RST)
            you.flags = you.flags & ~(HAS_RST | DOUBTFUL_RST)
            me.rst_frame = 0
            you.rst_frame = 0
    else:
        note_letter(flow, LETTER_H, side)
        me.flags = me.flags | SYN_ACK
        if again and you.flags & HAS_ACK != 0 and you.ack_high >= 1 and p.time - me.syn_acked_time > SAME_PACKET_NS:
            me.flags = me.flags | SYN_ACK_AGAIN
    if not again:
        me.syn_frame = frame
        me.syn_time = p.time
        me.wscale = p.wscale
    return True


@helper
def learn_fin(flow: Record, me: Record, you: Record, p: Record, fin: int, frame: int, side: int) -> None:
    """Learn from a FIN whose own sequence number is ``fin``.

    It changes nothing where it cannot be the end of what its sender says: without ACK, before the sender's SYN, below what was
    sent or acknowledged already, far outside of the window.
    """
    if p.flags & ACK == 0:
        return
    if you.flags & BARE_SYN != 0 and me.syn_frame == 0 and you.syn_acked_frame == 0:
        return  # the peer has sent a SYN that nobody answered yet
    if fin < me.data_high or (you.flags & HAS_ACK != 0 and fin + 1 < you.ack_high):
        return
    scale_known = me.flags & you.flags & FROM_SYN != 0 and you.flags & HAS_ACK != 0
    if scale_known and fin > max(you.right_edge, me.data_high) + WINDOW_SLACK:
        return
    if me.flags & HAS_FIN != 0:
        if fin == me.fin:
            if p.time - me.fin_time > SAME_PACKET_NS:
                me.flags = me.flags | FIN_AGAIN
            return
        if is_fin_acked(me, you):
            return
        me.flags = me.flags & ~FIN_AGAIN
    note_letter(flow, LETTER_F, side)
    me.flags = me.flags | HAS_FIN
    me.fin = fin
    me.fin_frame = frame
    me.fin_time = p.time
    me.next = max(me.next, fin + 1)
    if me.flags & DOUBTFUL_RST != 0 and me.rst == fin + 1:
        me.flags = me.flags & ~DOUBTFUL_RST  # the RST had overtaken this FIN


@helper
def learn_rst(flow: Record, me: Record, you: Record, p: Record, frame: int, side: int) -> None:
    """Learn from a RST that ``me`` sends, as RFC 9293 section 3.10.7.4 and RFC 5961 accept it.

    Taken without doubt at the number the receiver expects (Linux also takes one less in CLOSE_WAIT); elsewhere in the window
    with doubt, until a challenge ACK or later data refutes it; outside the window not at all.
    """
    note_letter(flow, LETTER_R, side)
    rst = 0
    doubt = 0
    if you.flags & BARE_SYN != 0 and you.flags & HAS_ACK == 0 and me.syn_frame == 0:  # SYN-SENT: judged by its acknowledgement
        if p.flags & ACK == 0 or ((p.ack - you.base) & 0xFFFFFFFF) - 1 > you.bytes:
            me.flags = me.flags | IGNORED_RST
            return
        rst = me.next
    elif me.flags & BASE_KNOWN != 0:
        rst = relative(me, p.seq)
        if rst < 0 and me.flags & FROM_SYN != 0:  # an older connection's
            me.flags = me.flags | IGNORED_RST
            return
        exact = rst == me.next or (you.flags & HAS_ACK != 0 and (rst == you.ack_high or is_late_rst(me, you, rst)))
        if me.flags & HAS_FIN != 0 and (rst == me.fin or rst == me.fin + 1):
            exact = True
        if not exact:
            low = you.ack_high if you.flags & HAS_ACK != 0 else 0
            high = max(me.next + 1, you.right_edge)
            if rst < low or rst > high:
                me.flags = me.flags | IGNORED_RST
                return
            doubt = DOUBTFUL_RST
    else:  # its number is all that is known of this end: what comes later is measured by it
        set_base(me, p.seq - 1, 0)
        me.next = 1
        rst = 1
    if p.flags & ACK != 0 and you.flags & HAS_FIN != 0:
        learn_ack(me, you, p, frame)  # the acknowledgement of a FIN may ride on a RST
    if me.flags & HAS_RST != 0:
        if me.flags & DOUBTFUL_RST == 0 or doubt != 0:
            return
        rst = max(rst, me.rst)  # the doubtful one may have overtaken bytes that are still to come
    me.flags = (me.flags & ~DOUBTFUL_RST) | HAS_RST | doubt
    me.rst = rst
    me.rst_frame = frame
    me.rst_time = p.time


@helper
def is_late_rst(me: Record, you: Record, rst: int) -> bool:
    """Whether Linux takes a RST one below the expected number: in CLOSE_WAIT and after."""
    return is_fin_acked(me, you) and rst == you.ack_high - 1


@helper
def refute_rst(me: Record, you: Record, p: Record) -> None:
    """See a challenge ACK: a bare acknowledgement after a RST that was in doubt."""
    if p.len == 0 and p.flags & (SYN | FIN | RST) == 0 and you.flags & DOUBTFUL_RST != 0 and relative(me, p.seq) == me.next:
        you.flags = you.flags & ~(HAS_RST | DOUBTFUL_RST)
        you.rst_frame = 0


@helper
def is_older(you: Record, p: Record) -> bool:
    """Whether a segment acknowledges what was before the other end's SYN: a connection's that this one follows."""
    return you.flags & FROM_SYN != 0 and p.flags & ACK != 0 and relative(you, p.ack) < 1


@helper
def learn(flow: Record, me: Record, you: Record, p: Record, side: int, holes: Records, table: Record) -> None:
    """Learn from one packet, which ``me`` sends to ``you``."""
    frame = p.frame
    me.packets = me.packets + 1
    if flow.first_frame == 0:
        flow.first_frame = frame
        flow.first_time = p.time
        flow.last_time = p.time
        flow.opener = side
    flow.last_frame = frame
    flow.last_time = max(flow.last_time, p.time)
    flags = p.flags
    if flags & RST != 0:
        learn_rst(flow, me, you, p, frame, side)
        return
    if flags & SYN != 0:
        if not learn_syn(flow, me, you, p, frame, side):
            return
    else:
        if is_older(you, p):
            return
        me.flags = me.flags | SPOKE
        # A keepalive or zero-window probe gives no base: its number is one below the next, or its byte may never be sent again.
        if me.flags & BASE_KNOWN == 0 and (p.len > 1 or flags & FIN != 0):
            set_base(me, p.seq - 1, 0)
            me.next = 1
    if flags & ACK != 0:
        if p.len == 0 and flags & (SYN | FIN) == 0:
            note_letter(flow, LETTER_A, side)
        learn_ack(me, you, p, frame)
        if me.flags & BASE_KNOWN != 0 and you.flags & DOUBTFUL_RST != 0:
            refute_rst(me, you, p)
    if p.window == 0 and flags & (SYN | FIN) == 0:
        note_letter(flow, LETTER_W, side)
        if me.flags & ZERO_WINDOW == 0:
            me.flags = me.flags | ZERO_WINDOW
            me.zero_since = p.time
    elif p.window != 0 and flags & SYN == 0 and me.flags & ZERO_WINDOW != 0:
        me.flags = me.flags & ~ZERO_WINDOW
    if me.flags & BASE_KNOWN != 0 and (p.len > 0 or flags & FIN != 0):
        start = relative(me, p.seq)
        if flags & SYN != 0:
            start += 1
        if start - me.next <= PLAUSIBLE and me.next - start <= PLAUSIBLE:
            if p.len > 0:
                learn_payload(flow, me, you, p, start, frame, side, holes, table)
            if flags & FIN != 0:
                learn_fin(flow, me, you, p, start + p.len, frame, side)


@helper
def misfit(me: Record, you: Record, p: Record) -> int:
    """Measure how far a packet's numbers lie from what a flow would send next; huge where the flow knows neither."""
    far = 1 << 40
    distance = far
    if me.flags & BASE_KNOWN != 0:
        distance = abs(relative(me, p.seq) - me.next)
    if p.flags & ACK != 0 and you.flags & BASE_KNOWN != 0:
        off = abs(relative(you, p.ack) - you.next)
        distance = off if distance == far else distance + off
    return distance


@helper
def owner(newest: int, p: Record, swapped: int, flows: Records, ends: Records) -> int:
    """Find which of several flows with the same addresses and ports a packet belongs to, by its numbers.

    The newest one where nothing speaks against it. A socket leaked by an older flow still answers with its own numbers
    (a challenge ACK), and is reset with them.
    """
    best = newest
    least = misfit(ends[2 * newest + swapped], ends[2 * newest + 1 - swapped], p)
    flow = newest
    depth = 0
    while flows[flow].previous >= 0 and depth < OLDER_FLOWS and least > 0:
        flow = flows[flow].previous
        depth += 1
        distance = misfit(ends[2 * flow + swapped], ends[2 * flow + 1 - swapped], p)
        if distance < least:
            least = distance
            best = flow
    return best


@helper
def mix(a_hi: int, a_lo: int, b_hi: int, b_lo: int, ports: int, seed: int) -> int:
    """Hash a flow's key. All products stay below 2**62, so that Python's integers and machine words agree."""
    h = ((a_lo ^ (a_lo >> 31) ^ seed) & 0x3FFFFFFF) * 2654435761
    h = h ^ (((b_lo ^ (b_lo >> 31)) & 0x3FFFFFFF) * 2246822519)
    h = h ^ (h >> 29) ^ ports
    h = ((h ^ a_hi ^ (a_hi >> 33)) & 0x3FFFFFFF) * 3266489917
    h = ((h ^ (h >> 31) ^ b_hi ^ (b_hi >> 33)) & 0x3FFFFFFF) * 668265263
    return h ^ (h >> 27)


@helper
def find_slots(batch: Records, count: int, table: Record) -> None:
    """Tell for each packet which end sends it and where in the index to look for its flow, before any flow is touched.

    With thousands of flows alive, every step to a packet's facts (index, flow, two ends) is a wait for memory. Known ahead,
    they overlap with the work on the packets before: that spared 15 of 66 ns per packet.
    """
    mask = table.mask
    seed = table.seed
    for at in range(table.resume, count):
        p = batch[at]
        if p.src_hi < p.dst_hi:
            sender = 0
        elif p.src_hi > p.dst_hi:
            sender = 1
        elif p.src_lo < p.dst_lo:
            sender = 0
        elif p.src_lo > p.dst_lo:
            sender = 1
        else:
            sender = 0 if p.srcport <= p.dstport else 1
        if sender == 0:
            slot = mix(p.src_hi, p.src_lo, p.dst_hi, p.dst_lo, p.srcport * 65536 + p.dstport, seed) & mask
        else:
            slot = mix(p.dst_hi, p.dst_lo, p.src_hi, p.src_lo, p.dstport * 65536 + p.srcport, seed) & mask
        p.sender = sender
        p.slot = slot


@hint
def fetch_ahead(batch: Records, at: int, count: int, flows: Records, ends: Records, index: Any) -> None:
    """Ask for what later packets than ``at`` will probably need."""
    if at + 2 * AHEAD < count:
        prefetch(index, batch[at + 2 * AHEAD].slot)
    if at + AHEAD < count:
        flow = index[batch[at + AHEAD].slot]
        if flow >= 0:
            prefetch(flows, flow)
            prefetch(ends, 2 * flow)
            prefetch(ends, 2 * flow + 1)


@helper
def new_flow(
    p: Record, a_hi: int, a_lo: int, b_hi: int, b_lo: int, ports: int, previous: int, flows: Records, ends: Records, table: Record
) -> int:
    """Begin a flow; the caller has made sure that there is room."""
    number = table.flows
    flow = flows[number]
    flow.a_hi = a_hi
    flow.a_lo = a_lo
    flow.b_hi = b_hi
    flow.b_lo = b_lo
    flow.ports = ports
    flow.stream = table.streams
    flow.previous = previous
    flow.path = -1
    flow.first_time = p.time
    flow.last_time = p.time
    for end in range(2 * number, 2 * number + 2):
        ends[end].hole = -1
        ends[end].wscale = -1
    table.flows = number + 1
    table.streams = table.streams + 1
    return number


@helper
def path_of(p: Record, paths: Records, path_index: Any, table: Record) -> int:
    """Find or add the path that a packet came by, -1 where there is nothing to say of it; the caller has made sure of room."""
    if p.vlan == 0 and p.interface == 0 and p.process == 0 and p.tunnel == 0:
        return -1
    tunnel_id = 0
    src_hi = 0
    src_lo = 0
    dst_hi = 0
    dst_lo = 0
    if p.tunnel != 0:
        tunnel_id = p.tunnel_id
        src_hi = p.outer_src_hi
        src_lo = p.outer_src_lo
        dst_hi = p.outer_dst_hi
        dst_lo = p.outer_dst_lo
    labels = p.vlan * 65536 + p.interface + p.process * 256 + p.tunnel * 1048576 + tunnel_id * 16777216
    slot = mix(src_hi, src_lo, dst_hi, dst_lo, labels & 0x7FFFFFFF, table.seed) & (PATH_SLOTS - 1)
    at = path_index[slot]
    while at >= 0:
        path = paths[at]
        same = path.vlan == p.vlan and path.interface == p.interface and path.process == p.process
        same = same and path.tunnel == p.tunnel and path.tunnel_id == tunnel_id
        same = same and path.outer_src_hi == src_hi and path.outer_src_lo == src_lo
        if same and path.outer_dst_hi == dst_hi and path.outer_dst_lo == dst_lo:
            return at
        at = path.next
    new = table.paths
    if new >= MAX_PATHS:
        return -1
    path = paths[new]
    path.vlan = p.vlan
    path.interface = p.interface
    path.process = p.process
    path.tunnel = p.tunnel
    path.tunnel_id = tunnel_id
    path.outer_src_hi = src_hi
    path.outer_src_lo = src_lo
    path.outer_dst_hi = dst_hi
    path.outer_dst_lo = dst_lo
    path.next = path_index[slot]
    path_index[slot] = new
    table.paths = new + 1
    return new


@helper
def number_stream(me: Record, you: Record, p: Record) -> None:
    """Keep the bases from which Wireshark decides whether a SYN begins a new stream.

    A SYN-ACK with another number moves its sender's base. Headers quoted in ICMP errors set none.
    """
    if me.flags & STREAM_BASE != 0 and p.flags & (SYN | ACK) == SYN | ACK:
        me.stream_base = p.seq
    if p.quality & QUOTED != 0:
        return
    if me.flags & STREAM_BASE == 0:
        me.stream_base = p.seq if p.flags & SYN != 0 else (p.seq - 1) & 0xFFFFFFFF
        me.flags = me.flags | STREAM_BASE
    if you.flags & STREAM_BASE == 0 and p.flags & ACK != 0:
        you.stream_base = (p.ack - 1) & 0xFFFFFFFF
        you.flags = you.flags | STREAM_BASE


def follow(
    batch: Records,
    count: int,
    flows: Records,
    ends: Records,
    index: Any,
    holes: Records,
    paths: Records,
    path_index: Any,
    table: Record,
) -> int:
    """Take a batch of packets into the flow table (the kernel's entry).

    Args:
        batch: PACKET records.
        count: how many of them are filled.
        flows: FLOW records; row numbers are stream numbers.
        ends: END records, two per flow: the smaller endpoint's first.
        index: hash table of row numbers, -1 where free; its size is a power of two.
        holes: HOLE records.
        paths: PATH records.
        path_index: hash table of their row numbers, PATH_SLOTS long, -1 where empty.
        table: the TABLE record. ``resume`` says where in the batch to begin, and after TABLE_FULL where to go on.

    Returns:
        DONE, or TABLE_FULL: grow the tables and call again.
    """
    mask = table.mask
    find_slots(batch, count, table)
    for at in range(table.resume, count):
        fetch_ahead(batch, at, count, flows, ends, index)
        p = batch[at]
        if p.quality & NOT_TCP != 0:
            continue
        if table.holes + 2 > table.hole_capacity or table.paths >= table.path_capacity:
            table.resume = at
            return TABLE_FULL
        swapped = p.sender
        if swapped == 0:
            a_hi = p.src_hi
            a_lo = p.src_lo
            b_hi = p.dst_hi
            b_lo = p.dst_lo
            ports = p.srcport * 65536 + p.dstport
        else:
            a_hi = p.dst_hi
            a_lo = p.dst_lo
            b_hi = p.src_hi
            b_lo = p.src_lo
            ports = p.dstport * 65536 + p.srcport
        slot = p.slot
        newest = index[slot]
        while newest >= 0:
            flow = flows[newest]
            if flow.a_lo == a_lo and flow.ports == ports and flow.b_lo == b_lo and flow.a_hi == a_hi and flow.b_hi == b_hi:
                break
            slot = (slot + 1) & mask
            newest = index[slot]
        renewed = False
        if newest >= 0 and p.flags & (SYN | ACK) == SYN:
            me = ends[2 * newest + swapped]
            renewed = me.flags & STREAM_BASE != 0 and p.seq != me.stream_base
        if newest < 0 or renewed:
            if table.flows >= table.capacity:
                table.resume = at
                return TABLE_FULL
            newest = new_flow(p, a_hi, a_lo, b_hi, b_lo, ports, newest, flows, ends, table)
            index[slot] = newest
        flow = flows[newest]
        p.stream = flow.stream
        me = ends[2 * newest + swapped]
        you = ends[2 * newest + 1 - swapped]
        if p.flags & SYN != 0 or me.flags & you.flags & STREAM_BASE == 0:
            number_stream(me, you, p)
        if p.quality & NUMBERING_ONLY != 0:
            continue
        if flow.previous >= 0 and p.flags & SYN == 0:
            mine = owner(newest, p, swapped, flows, ends)
            flow = flows[mine]
            me = ends[2 * mine + swapped]
            you = ends[2 * mine + 1 - swapped]
        if flow.first_frame == 0:
            flow.path = path_of(p, paths, path_index, table)
        learn(flow, me, you, p, swapped, holes, table)
    table.resume = 0
    return DONE


def index_flows(flows: Records, index: Any, table: Record) -> None:
    """Fill an empty hash table with the newest flow of each pair of endpoints (a kernel's entry).

    Args:
        flows: FLOW records.
        index: as for `follow`, all -1.
        table: the TABLE record; ``mask`` is the new one.
    """
    for number in range(table.flows):
        flow = flows[number]
        slot = mix(flow.a_hi, flow.a_lo, flow.b_hi, flow.b_lo, flow.ports, table.seed) & table.mask
        while index[slot] >= 0 and index[slot] != flow.previous:
            slot = (slot + 1) & table.mask
        index[slot] = number


def relink_flows(flows: Records, places: Any, table: Record) -> None:
    """Let flows point to their predecessors' new places, after some have left the table (a kernel's entry).

    Args:
        flows: FLOW records, those that stayed.
        places: the new row by old row, -1 of those that left.
        table: the TABLE record.
    """
    for number in range(table.flows):
        flow = flows[number]
        if flow.previous >= 0:
            flow.previous = places[flow.previous]
