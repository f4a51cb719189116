"""Completes the rows of a batch that the decoder leaves to Python: the long tail, and numbers that stand for names."""

from collections.abc import Sequence

import numpy as np

from closewait_pcap.capture import headers, longtail
from closewait_pcap.capture.fragments import Fragments
from closewait_pcap.capture.headers import Buffer
from closewait_pcap.capture.names import Names
from closewait_pcap.capture.packets import FLANNEL, LONG_TAIL, NOT_TCP, NUMBERING_ONLY, PACKET, QUOTED
from closewait_pcap.engine import PLAIN, Mode, Record, Records

_LEFT_FOR_PYTHON = (
    "seq", "ack", "len", "window", "srcport", "vlan", "interface", "process", "tunnel", "tunnel_id",
    "outer_src_hi", "outer_src_lo", "outer_dst_hi", "outer_dst_lo",
)  # fmt: skip
"""What of a row marked LONG_TAIL means something: where to go on, and what is known of the way there."""


class Completion:
    """Completes batches, one after the other.

    Args:
        names: to number the names of interfaces and processes in.
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        self.fragments = Fragments()
        """Those of earlier frames."""

    def decode_long_tail(self, mode: Mode, batch: Records, rows: int, chunk: bytearray, skips: Buffer, decoder: Record) -> None:
        """Decode the rows marked LONG_TAIL; where one holds no TCP, it is marked NOT_TCP.

        Args:
            mode: how the decoder is run.
            batch: PACKET records.
            rows: how many are filled.
            chunk: where the frames lie.
            skips: counts by outcome, see `headers.SKIP_REASONS`.
            decoder: the DECODER record, which counts.
        """
        marked = range(rows) if not mode.compiled else np.flatnonzero(batch["quality"][:rows] & LONG_TAIL).tolist()
        scratch = PLAIN.records(PACKET, 1)[0]
        for number in marked:
            row = batch[number]
            if not int(row.quality) & LONG_TAIL:
                continue
            scratch.quality = int(row.quality) & ~LONG_TAIL
            for name in _LEFT_FOR_PYTHON:
                setattr(scratch, name, int(getattr(row, name)))
            offset = int(row.offset)
            frame = bytes(memoryview(chunk)[offset : offset + int(row.caplen)])
            outcome = longtail.decode(frame, scratch, self.fragments, self._names)
            if outcome != headers.TCP:
                skips[outcome] += 1
                row.quality = NOT_TCP
                continue
            for name in ("frame", "time", "offset", "caplen", "wirelen", "link"):
                setattr(scratch, name, int(getattr(row, name)))
            mode.assign(row, scratch)
            if not scratch.quality & NUMBERING_ONLY:
                decoder.tcp_frames = decoder.tcp_frames + 1
                decoder.flannel = decoder.flannel + (scratch.quality & FLANNEL != 0)
            else:
                skips[headers.NOT_TCP if scratch.quality & QUOTED else headers.MALFORMED] += 1

    def name_interfaces(self, mode: Mode, batch: Records, rows: int) -> None:
        """Give Linux cooked v2's interface numbers, which the decoder leaves as negative ones, their place among the names.

        Args:
            mode: how the decoder is run.
            batch: PACKET records.
            rows: how many are filled.
        """
        if mode.compiled:
            column = batch["interface"][:rows]
            for index in np.unique(column[column < 0]).tolist():
                column[column == index] = self._names.number(f"ifindex {-index}")
            return
        for row in batch[:rows]:
            if row.interface < 0:
                row.interface = self._names.number(f"ifindex {-row.interface}")


def name_processes(mode: Mode, batch: Records, rows: int, processes: Sequence[int]) -> None:
    """Give a section's processes, whose numbers in it the decoder leaves as negative ones, their place among the names.

    Args:
        mode: how the decoder is run.
        batch: PACKET records.
        rows: how many are filled.
        processes: the section's, as numbers of names.
    """
    if mode.compiled:
        column = batch["process"][:rows]
        described = column < 0
        column[described] = [processes[-1 - number] for number in column[described].tolist()]
        return
    for row in batch[:rows]:
        if row.process < 0:
            row.process = processes[-1 - row.process]
