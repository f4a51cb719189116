"""Every public column: its name, kind, unit, meaning and source. DataFrames, JSON and the documentation are made from this."""

from enum import Enum
from typing import NamedTuple

from closewait_pcap.flows.roles import RolesFrom
from closewait_pcap.tcp.state import State
from closewait_pcap.verdicts.cause import Cause, Confidence
from closewait_pcap.verdicts.differences import RULES
from closewait_pcap.verdicts.trends import Trend
from closewait_pcap.verdicts.verdict import Verdict


class Kind(Enum):
    """How a column is stored: NumPy values while computing, and the pandas dtype of the DataFrame."""

    time = "datetime64[ns, UTC]"
    span = "timedelta64[ns]"
    frame = "UInt32"
    count = "Int64"
    port = "UInt16"
    flag = "boolean"
    category = "category"
    text = "str"
    number = "Float64"


class Column(NamedTuple):
    """One public column."""

    name: str
    kind: Kind
    unit: str
    meaning: str
    source: str
    categories: tuple[str, ...] | None = None
    """For a category: all its values, in order; None where they come from the data."""
    of_several: bool = False
    """Only where several files were read as one timeline: which of them has the frame of the column before."""
    of_sockets: bool = False
    """Only where socket tables were given."""
    of_text: bool = False
    """Only where packets were printed as text: on which line of it the frame of the column before stands."""


def _file(name: str) -> Column:
    return Column(name, Kind.category, "", "the file that frame is in (several files only)", "", None, True)


def _line(name: str) -> Column:
    return Column(name, Kind.count, "", "the line on which that frame is printed (text only)", "", of_text=True)


def chosen(columns: "tuple[Column, ...]", files: int, *, sockets: bool = False, text: bool = False) -> "tuple[Column, ...]":
    """The columns that a result has: those about files, sockets and lines only where there are several, a table, or text."""
    return tuple(
        column
        for column in columns
        if (files > 1 or not column.of_several) and (sockets or not column.of_sockets) and (text or not column.of_text)
    )


def json_name(column: Column) -> str:
    """What a column is called where spans are written as seconds."""
    return f"{column.name}_s" if column.kind is Kind.span else column.name


STATES = tuple(state.name for state in State)
CAUSES = tuple(cause.name for cause in Cause)
CONFIDENCES = tuple(confidence.name for confidence in Confidence)
VERDICTS = tuple(verdict.name for verdict in Verdict)
ROLES_FROM = tuple(source.name for source in RolesFrom)
SIDES = ("client", "server")
TRENDS = tuple(trend.name for trend in Trend)
EVENTS = ("snd_syn", "rcv_syn", "rcv_ack_of_syn", "snd_fin", "rcv_ack_of_fin", "rcv_fin", "reset")


def _end(side: str) -> list[Column]:
    peer = SIDES[1 - SIDES.index(side)]
    return [
        Column(f"{side}_state", Kind.category, "", f"the {side}'s state when the capture ended", "RFC 9293, Figure 5", STATES),
        Column(f"{side}_packets", Kind.count, "packets", f"frames from the {side}, as captured", ""),
        Column(f"{side}_bytes", Kind.count, "bytes", f"distinct payload bytes of the {side}: retransmissions count once", ""),
        Column(f"{side}_syn_frame", Kind.frame, "", f"the {side}'s first SYN (or SYN-ACK)", "frame.number"),
        _file(f"{side}_syn_file"),
        _line(f"{side}_syn_line"),
        Column(f"{side}_fin_frame", Kind.frame, "", f"the {side}'s first FIN", "frame.number"),
        _file(f"{side}_fin_file"),
        _line(f"{side}_fin_line"),
        Column(f"{side}_fin_time", Kind.time, "", "its time", "frame.time"),
        Column(f"{side}_fin_ack_frame", Kind.frame, "", f"where the {peer} acknowledged that FIN", "frame.number"),
        _file(f"{side}_fin_ack_file"),
        _line(f"{side}_fin_ack_line"),
        Column(f"{side}_fin_ack_time", Kind.time, "", "its time", "frame.time"),
        Column(f"{side}_rst_frame", Kind.frame, "", f"the {side}'s RST, where it is acceptable", "RFC 9293, 3.10.7.4; RFC 5961"),
        _file(f"{side}_rst_file"),
        _line(f"{side}_rst_line"),
        Column(f"{side}_rst_time", Kind.time, "", "its time", "frame.time"),
    ]


def _socket(side: str) -> list[Column]:
    return [
        Column(f"{side}_{name}", kind, unit, meaning.format(side=side), source, categories, of_sockets=True)
        for name, kind, unit, meaning, source, categories in (
            (
                "kernel_state",
                Kind.category,
                "",
                "the state of the {side}'s socket in the socket table",
                "ss, netstat ...",
                STATES,
            ),
            ("process", Kind.category, "", "the process that holds that socket (the first of them)", "ss -p", None),
            ("pid", Kind.count, "", "its number", "ss -p", None),
            ("fd", Kind.count, "", "its number for the socket", "ss -p, lsof", None),
            ("holders", Kind.count, "", "how many descriptors hold the socket: it is closed when the last one is", "ss -p", None),
            ("inode", Kind.count, "", "the socket's inode; 0: no process holds it (not accepted, or closed)", "ss -e", None),
            ("uid", Kind.count, "", "whose it is", "ss -e", None),
            ("recv_q", Kind.count, "bytes", "not yet read by the process, plus one for a FIN", "Recv-Q", None),
            ("send_q", Kind.count, "bytes", "not yet acknowledged by the peer, or not even sent", "Send-Q", None),
        )
    ]


FLOWS = (
    Column("client", Kind.category, "", "address of the end that opened the connection", "ip.src, ipv6.src"),
    Column("client_port", Kind.port, "", "its port", "tcp.srcport"),
    Column("server", Kind.category, "", "address of the other end", "ip.dst, ipv6.dst"),
    Column("server_port", Kind.port, "", "its port", "tcp.dstport"),
    Column("roles_from", Kind.category, "", "how the two were told apart; port and first_packet are guesses", "", ROLES_FROM),
    Column("vlan", Kind.category, "", "VLAN of the first packet: 100, or outer and inner, 100.200", "vlan.id"),
    Column("interface", Kind.category, "", "where it was captured, as far as the file says", "frame.interface_name"),
    Column("process", Kind.category, "", "whose packet it was, as macOS tells: curl[123]", "pktap.cmdname, pktap.pid, pcapng"),
    Column("tunnel", Kind.category, "", "the outermost tunnel it came through, with its number: VXLAN 42", "vxlan.vni..."),
    Column("outer_client", Kind.category, "", "that tunnel's end on the client's side", "the first ip.src or ip.dst"),
    Column("outer_server", Kind.category, "", "that tunnel's end on the server's side", "the first ip.dst or ip.src"),
    Column("start", Kind.time, "", "time of the first packet", "frame.time"),
    Column("end", Kind.time, "", "time of the last packet", "frame.time"),
    Column("duration", Kind.span, "", "end - start", ""),
    Column("first_frame", Kind.frame, "", "the first packet", "frame.number"),
    _file("file"),
    _line("first_line"),
    Column("last_frame", Kind.frame, "", "the last packet", "frame.number"),
    _file("last_file"),
    _line("last_line"),
    Column(
        "history",
        Kind.category,
        "",
        "what was seen, in order, once per end: S SYN, H SYN-ACK, A bare ACK, D payload, F FIN, R RST, T payload again, "
        "W zero window; capitals from the client",
        "Zeek's conn.log",
    ),
    Column(
        "completeness",
        Kind.count,
        "",
        "bits: 1 SYN, 2 SYN-ACK, 4 ACK, 8 data, 16 FIN, 32 RST; where ports are reused, of the flow itself",
        "tcp.completeness",
    ),
    *_end("client"),
    *_end("server"),
    Column("verdict", Kind.category, "", "what became of the flow: exactly one", "see the verdicts", VERDICTS),
    Column("waiting_side", Kind.category, "", "the end that has not closed, or did so late", "", SIDES),
    Column("since", Kind.time, "", "when that end acknowledged its peer's FIN", "RFC 9293, Figure 5: rcv FIN / snd ACK"),
    Column("held", Kind.span, "", "from since to the capture's end, or to what ended the waiting", ""),
    Column("stuck", Kind.flag, "", "held for stuck_after; false: it still sends; missing: too short to call, or not waiting", ""),
    Column("cause", Kind.category, "", "why it waits, as far as packets and socket tables show", "see the causes", CAUSES),
    Column("confidence", Kind.category, "", "how sure that is", "", CONFIDENCES),
    Column("evidence", Kind.text, "", "what speaks for it: frames, times, numbers to look at in Wireshark", ""),
    Column("recv_q_estimate", Kind.count, "bytes", "unread bytes of the waiting end, 1 for the FIN included", "ss: Recv-Q"),
    Column("recv_q_low", Kind.count, "bytes", "the least it can be", ""),
    Column("recv_q_high", Kind.count, "bytes", "the most it can be; missing where the flow began before the capture", ""),
    Column("limits", Kind.category, "", "what the capture cannot show of this flow, commas between", "see the limits"),
    *_socket("client"),
    *_socket("server"),
    Column("listener_queue", Kind.count, "", "connections that wait to be accepted", "Recv-Q of LISTEN", of_sockets=True),
    Column("listener_limit", Kind.count, "", "most that may: it is full with one more", "Send-Q of LISTEN (ss)", of_sockets=True),
    Column("close_wait_first", Kind.time, "", "the first table in which an end stood in CLOSE_WAIT", "", of_sockets=True),
    Column("close_wait_last", Kind.time, "", "the last such table", "", of_sockets=True),
    Column("display_filter", Kind.text, "", "paste it into Wireshark", "tcp.stream"),
)
"""The columns of `Analysis.flows` and `Analysis.close_wait`; the index is `stream`, equal to Wireshark's tcp.stream."""

LISTENERS = (
    Column("address", Kind.category, "", "the listening address, as the packets have it", "ip.dst, ipv6.dst"),
    Column("port", Kind.port, "", "its port", "tcp.dstport"),
    Column("handshakes", Kind.count, "flows", "completed their handshake", ""),
    Column("served", Kind.count, "flows", "of them: the server sent payload or a FIN", ""),
    Column("unserved", Kind.count, "flows", "of them: it sent neither, nor a RST", ""),
    Column("served_until", Kind.time, "", "when the last one that was served completed its handshake", ""),
    Column("unserved_since", Kind.time, "", "when the first one after that did", ""),
    Column("unanswered", Kind.count, "flows", "SYN sent again and never answered, though the host was alive", ""),
    Column("syn_ack_again", Kind.count, "flows", "SYN-ACK sent again although it was acknowledged", ""),
    Column("full_since", Kind.time, "", "when the first SYN came that was never answered, or whose handshake was not taken", ""),
    Column(
        "queue_limit",
        Kind.count,
        "connections",
        "at most so many were given to listen(), as a full queue tells",
        "ss: Send-Q of LISTEN",
    ),
)
"""The columns of `Analysis.listeners`: one row per listener behind which a silent server end waits, or whose queue was full."""

EVENT_COLUMNS = (
    Column("stream", Kind.count, "", "the flow", "tcp.stream"),
    Column("side", Kind.category, "", "whose state changes", "", SIDES),
    Column("frame", Kind.frame, "", "the packet that shows it", "frame.number"),
    _file("file"),
    _line("line"),
    Column("time", Kind.time, "", "its time", "frame.time"),
    Column("event", Kind.category, "", "the arc taken", "RFC 9293, Figure 5", EVENTS),
    Column("from_state", Kind.category, "", "the state before", "", STATES),
    Column("to_state", Kind.category, "", "the state after", "", STATES),
)

ENDPOINTS = (
    Column("side", Kind.category, "", "whether the endpoint waits as client or as server", "", SIDES),
    Column("address", Kind.category, "", "the endpoint that does not close", ""),
    Column("service", Kind.category, "", "the server's address", ""),
    Column("service_port", Kind.port, "", "the server's port", ""),
    Column("close_wait", Kind.count, "flows", "in CLOSE_WAIT when the capture ended", ""),
    Column("stuck", Kind.count, "flows", "of them: held for at least stuck_after", ""),
    Column("sending", Kind.count, "flows", "of them: still sending, a half-close at work", ""),
    Column("too_young", Kind.count, "flows", "of them: the capture ends too soon to call", ""),
    Column("possible", Kind.count, "flows", "look like CLOSE_WAIT, but may have closed unseen (not counted above)", ""),
    Column("reset", Kind.count, "flows", "waited until a RST ended them", ""),
    Column("closed_late", Kind.count, "flows", "closed in the end, but late", ""),
    Column("closed", Kind.count, "flows", "closed in time by both ends", ""),
    Column("flows", Kind.count, "flows", "all flows of this endpoint and service", ""),
    Column("peak", Kind.count, "flows", "most that waited at the same time", ""),
    Column("first_since", Kind.time, "", "when the first of them began to wait", ""),
    Column("last_since", Kind.time, "", "when the last of them began to wait", ""),
    Column("longest_held", Kind.span, "", "the longest wait", ""),
    Column("per_minute", Kind.number, "flows", "waits that lasted stuck_after begun in a minute, over the time watched", ""),
    Column("trend", Kind.category, "", "whether they become more", "see the trends", TRENDS),
    Column("shared", Kind.text, "", "what its waiting flows share and the closed ones do not; missing: nothing", ""),
    Column("waits_for", Kind.text, "", "the endpoint it waits for, where it only passes a wait on, as a proxy does; and how", ""),
    Column("worst_stream", Kind.count, "", "the flow that waited longest", "tcp.stream"),
)
"""The columns of `Analysis.endpoints`: one row per endpoint that waits, the worst first."""

PACKETS = (
    Column("frame", Kind.frame, "", "number in the file; of printed packets, in the text", "frame.number"),
    _file("file"),
    _line("line"),
    Column("time", Kind.time, "", "capture time", "frame.time"),
    Column("side", Kind.category, "", "who sent it", "", SIDES),
    Column("flags", Kind.category, "", "as tcpdump prints them: S, S., ., P., F., R.", "tcp.flags"),
    Column("seq_raw", Kind.count, "", "sequence number", "tcp.seq_raw"),
    Column("ack_raw", Kind.count, "", "acknowledgement number; missing without the ACK flag", "tcp.ack_raw"),
    Column("len", Kind.count, "bytes", "payload as it was on the wire", "tcp.len"),
    Column("window", Kind.count, "", "as in the header, not scaled", "tcp.window_size_value"),
)
"""The columns of `Analysis.packets(stream)`."""

SOCKETS = (
    Column("table", Kind.category, "", "where it stands", ""),
    Column("line", Kind.count, "", "its line there", ""),
    Column("time", Kind.time, "", "when the table was taken", ""),
    Column("state", Kind.category, "", "the socket's state", "ss, netstat ...", STATES),
    Column("local", Kind.category, "", "its own address; missing: all addresses, or not told whole", ""),
    Column("local_port", Kind.port, "", "its own port", ""),
    Column("peer", Kind.category, "", "its peer's address", ""),
    Column("peer_port", Kind.port, "", "its peer's port", ""),
    Column("recv_q", Kind.count, "bytes", "not yet read, plus one for a FIN; of LISTEN: connections not yet accepted", "Recv-Q"),
    Column("send_q", Kind.count, "bytes", "not yet acknowledged; of LISTEN in ss: the queue's limit", "Send-Q"),
    Column("process", Kind.category, "", "the process that holds it (the first of them)", "ss -p"),
    Column("pid", Kind.count, "", "its number", "ss -p"),
    Column("fd", Kind.count, "", "its number for the socket", "ss -p, lsof"),
    Column("holders", Kind.count, "", "how many descriptors hold it", "ss -p"),
    Column("inode", Kind.count, "", "0: no process holds it (not accepted, or closed)", "ss -e"),
    Column("uid", Kind.count, "", "whose it is", "ss -e"),
    Column("stream", Kind.count, "", "the flow that it is an end of", "tcp.stream"),
    Column("side", Kind.category, "", "which end", "", SIDES),
)
"""The columns of `Analysis.sockets` and `SocketAnalysis.sockets`: one row per row of the tables."""

HOLDINGS = (
    Column("table", Kind.category, "", "the host's last table", ""),
    Column("side", Kind.category, "", "whether the sockets are a server's, or a client's", "", SIDES),
    Column("address", Kind.category, "", "the server's address: its own, or the one that the client calls", ""),
    Column("port", Kind.port, "", "the server's port", ""),
    Column("close_wait", Kind.count, "sockets", "in CLOSE_WAIT", ""),
    Column("held", Kind.count, "sockets", "of them: a process is shown", "ss -p"),
    Column("never_accepted", Kind.count, "sockets", "of them: inode 0, no process ever held them", "ss -e"),
    Column("unknown", Kind.count, "sockets", "of them: no process and no inode: not accepted, or the reader was not root", ""),
    Column("established", Kind.count, "sockets", "in ESTABLISHED at the same endpoint", ""),
    Column("before", Kind.count, "sockets", "in CLOSE_WAIT in the host's first table; missing where there is but one", ""),
    Column("queue", Kind.count, "", "connections that wait to be accepted there", "Recv-Q of LISTEN"),
    Column("limit", Kind.count, "", "most that may: it is full with one more", "Send-Q of LISTEN (ss)"),
)
"""The columns of `SocketAnalysis.endpoints`."""

HOLDERS = (
    Column("table", Kind.category, "", "the host's last table", ""),
    Column("process", Kind.category, "", "its name; missing: none is shown", "ss -p"),
    Column("pid", Kind.count, "", "its number", "ss -p"),
    Column("close_wait", Kind.count, "sockets", "in CLOSE_WAIT that it holds; a shared one counts for each holder", ""),
)
"""The columns of `SocketAnalysis.processes`."""

QUEUES = (
    Column("table", Kind.category, "", "the host's last table", ""),
    Column("address", Kind.category, "", "where it listens; missing: on all addresses", ""),
    Column("port", Kind.port, "", "its port", ""),
    Column("queue", Kind.count, "", "connections that wait to be accepted", "Recv-Q of LISTEN"),
    Column("limit", Kind.count, "", "most that may: it is full with one more; only ss tells it", "Send-Q of LISTEN"),
    Column("full", Kind.flag, "", "whether nobody is let in", ""),
    Column("process", Kind.category, "", "who listens", "ss -p"),
    Column("pid", Kind.count, "", "its number", "ss -p"),
)
"""The columns of `SocketAnalysis.queues`."""

AGREEMENT = (
    Column("stream", Kind.count, "", "the flow", "tcp.stream"),
    Column("side", Kind.category, "", "which end of it", "", SIDES),
    Column("inferred_state", Kind.category, "", "what the packets show at the table's time, or at their end", "", STATES),
    Column("kernel_state", Kind.category, "", "what the table says; missing: it has no such socket", "", STATES),
    Column("agrees", Kind.flag, "", "whether that is the same", ""),
    Column("reason", Kind.category, "", "why not, in a word", "", tuple(rule.name for rule in RULES)),
    Column("explanation", Kind.category, "", "why not, in a sentence", "", tuple(rule.sentence for rule in RULES)),
)
"""The columns of `Analysis.agreement`: one row per end that has a socket, or must have one."""
