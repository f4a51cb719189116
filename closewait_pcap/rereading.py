"""The second pass: reads a capture again for the packets of one flow."""

import os
from typing import Any

import numpy as np

from closewait_pcap import columns, engine
from closewait_pcap.capture.packets import ACK, MAX_FRAME, NOT_TCP, NUMBERING_ONLY, PACKET
from closewait_pcap.capture.reader import CaptureReader
from closewait_pcap.capture.source import CaptureSource, open_source
from closewait_pcap.engine import COMPILED, PLAIN, as_array
from closewait_pcap.flows.table import FlowTable
from closewait_pcap.results import Category, Values


def packet_values(source: CaptureSource, begin: int, stream: int, client: tuple[int, int, int]) -> dict[str, Values]:
    """Read one flow's packets.

    Args:
        source: the capture, which must be readable a second time.
        begin: where the capture begins in a file object.
        stream: the flow's number.
        client: the client's address, as two words, and its port.

    Returns:
        By column name, in `columns.PACKETS` order: arrays of shape (packets,).
    """
    if not isinstance(source, (str, os.PathLike)):
        source.seek(begin)
    found: list[Any] = []
    with open_source(source) as opened:
        large = opened.at_least > engine.WORTH_COMPILING
        mode = COMPILED if large and engine.numba_available() else PLAIN
        reader, table = CaptureReader(opened.stream, opened.name, mode=mode), FlowTable(mode)
        for batch, count in reader.batches():
            table.follow(batch, count)
            rows = as_array(batch, PACKET, count)
            found.append(rows[(rows["stream"] == stream) & (rows["quality"] & (NOT_TCP | NUMBERING_ONLY) == 0)].copy())
    packets = np.concatenate(found)
    hi, lo, port = client
    from_client = (packets["src_hi"] == hi) & (packets["src_lo"] == lo) & (packets["srcport"] == port)
    flags, codes = np.unique(packets["flags"], return_inverse=True)
    return {
        "frame": np.where(packets["frame"] <= MAX_FRAME, packets["frame"], -1),
        "time": packets["time"],
        "side": Category.of(np.where(from_client, 0, 1), columns.SIDES),
        "flags": Category.of(codes.reshape(-1), [flag_text(value) for value in flags.tolist()]),
        "seq_raw": packets["seq"],
        "ack_raw": np.where(packets["flags"] & ACK != 0, packets["ack"], -1),
        "len": packets["len"],
        "window": packets["window"],
    }


def flag_text(flags: int) -> str:
    """Write TCP flags as tcpdump does: ``S``, ``S.``, ``.``, ``P.``, ``F.``, ``R``."""
    text = "".join(letter for bit, letter in ((1, "F"), (2, "S"), (4, "R"), (8, "P")) if flags & bit)
    text += "." if flags & ACK else ""
    text += "".join(letter for bit, letter in ((32, "U"), (64, "E"), (128, "W")) if flags & bit)
    return text or "none"
