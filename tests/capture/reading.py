"""Reads a capture from memory the way the program does, and keeps every row for a test to look at."""

import io
import ipaddress
import warnings
from typing import NamedTuple

from closewait_pcap.capture.info import CaptureInfo
from closewait_pcap.capture.packets import NOT_TCP, PACKET, address_bytes
from closewait_pcap.capture.reader import CaptureReader
from closewait_pcap.engine import COMPILED, PLAIN, Mode
from closewait_pcap.errors import CaptureWarning
from closewait_pcap.flows.table import FlowTable

MODES = {"plain": PLAIN, "compiled": COMPILED}
UNKEPT = ("slot", "sender", "offset", "link", "caplen", "wirelen", "ip_at", "tcp_at")
KEPT = tuple(name for name in PACKET.names or () if name not in UNKEPT)


class Row(NamedTuple):
    """A packet: PACKET's fields that mean something outside of the chunk."""

    frame: int
    time: int
    src_hi: int
    src_lo: int
    dst_hi: int
    dst_lo: int
    srcport: int
    dstport: int
    seq: int
    ack: int
    len: int
    window: int
    wscale: int
    flags: int
    quality: int
    vlan: int
    interface: int
    process: int
    tunnel: int
    tunnel_id: int
    outer_src_hi: int
    outer_src_lo: int
    outer_dst_hi: int
    outer_dst_lo: int
    stream: int

    @property
    def src(self) -> str:
        return _text(self.src_hi, self.src_lo)

    @property
    def dst(self) -> str:
        return _text(self.dst_hi, self.dst_lo)

    @property
    def outer(self) -> tuple[str, str]:
        """The ends of the outermost tunnel."""
        return _text(self.outer_src_hi, self.outer_src_lo), _text(self.outer_dst_hi, self.outer_dst_lo)


assert Row._fields == KEPT
_OUTER = ("outer_src_hi", "outer_src_lo", "outer_dst_hi", "outer_dst_lo")
"""Written only where there is a tunnel."""


class Reading(NamedTuple):
    """What came of a capture."""

    info: CaptureInfo
    rows: list[Row]
    warnings: list[str]
    names: list[str]

    @property
    def row(self) -> Row:
        """The only packet there is."""
        assert len(self.rows) == 1, self.rows
        return self.rows[0]


def _text(hi: int, lo: int) -> str:
    address = ipaddress.IPv6Address(address_bytes(hi, lo))
    return str(address.ipv4_mapped or address)


def read(source: "bytes | io.RawIOBase | io.BufferedIOBase", mode: Mode = PLAIN, *, strict: bool = False) -> Reading:
    """Decode and follow a capture.

    Args:
        source: its bytes, or a stream of them.
        mode: PLAIN or COMPILED.
        strict: raise on damage.

    Returns:
        Its info, its packets in order, and the warnings there were.
    """
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    rows = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CaptureWarning)
        reader = CaptureReader(stream, "test.pcap", strict=strict, mode=mode)
        table = FlowTable(mode)
        for batch, count in reader.batches():
            table.follow(batch, count)
            for row in batch[:count]:
                values = [int(row[name]) for name in KEPT] if mode.compiled else [int(getattr(row, name)) for name in KEPT]
                if not values[KEPT.index("quality")] & NOT_TCP:
                    kept = Row(*values)
                    rows.append(kept if kept.tunnel else kept._replace(**dict.fromkeys(_OUTER, 0)))
    return Reading(reader.info, rows, [str(warning.message) for warning in caught], reader.names.texts)
