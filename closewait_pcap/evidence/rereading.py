"""The second pass: reads a capture again for the packets of one flow."""

import numpy as np

from closewait_pcap import columns
from closewait_pcap.capture.packets import ACK, NOT_TCP, NUMBERING_ONLY, PACKET
from closewait_pcap.capture.timeline import Timeline
from closewait_pcap.engine import as_array
from closewait_pcap.flows.table import FlowTable
from closewait_pcap.results.flow_values import file_codes, frame_numbers, line_numbers
from closewait_pcap.results.result import Result
from closewait_pcap.results.values import Category, Values


def packet_values(result: Result, row: int, timeline: Timeline, table: FlowTable) -> dict[str, Values]:
    """Read one flow's packets.

    Args:
        result: the first reading's.
        row: of the flow.
        timeline: the capture, which must be readable a second time.
        table: an empty one, just as the first reading's was.

    Returns:
        By column name, as in `columns.PACKETS`, and ``flag_bits`` and ``wscale`` (-1: none): arrays of shape (packets,).
    """
    stream = result.streams_of(np.array([row]))[0]
    found = []
    for batch, count in table.read(timeline):
        packets = as_array(batch, PACKET, count)
        found.append(packets[(packets["stream"] == stream) & (packets["quality"] & (NOT_TCP | NUMBERING_ONLY) == 0)].copy())
    packets = np.concatenate(found)
    client, port, _, _ = result.endpoints_of(np.array([row]))
    from_client = (packets["src_hi"] == client[0, 0]) & (packets["src_lo"] == client[0, 1]) & (packets["srcport"] == port[0])
    flags, codes = np.unique(packets["flags"], return_inverse=True)
    return {
        "file": file_codes(result.capture.files, packets["frame"]),
        "line": line_numbers(result.capture, packets["frame"]),
        "frame": frame_numbers(packets["frame"]),
        "time": packets["time"],
        "side": Category.of(np.where(from_client, 0, 1), columns.SIDES),
        "flags": Category.of(codes.reshape(-1), [flag_text(value) for value in flags.tolist()]),
        "seq_raw": packets["seq"],
        "ack_raw": np.where(packets["flags"] & ACK != 0, packets["ack"], -1),
        "len": packets["len"],
        "window": packets["window"],
        "flag_bits": packets["flags"],
        "wscale": packets["wscale"],
    }


def flag_text(flags: int) -> str:
    """Write TCP flags as tcpdump does: ``S``, ``S.``, ``.``, ``P.``, ``F.``, ``R``."""
    text = "".join(letter for bit, letter in ((1, "F"), (2, "S"), (4, "R"), (8, "P")) if flags & bit)
    text += "." if flags & ACK else ""
    text += "".join(letter for bit, letter in ((32, "U"), (64, "E"), (128, "W")) if flags & bit)
    return text or "none"
