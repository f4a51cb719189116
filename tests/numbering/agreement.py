"""What tshark says of every TCP frame of a capture, what this package says, and where the two differ."""

import shutil
import subprocess
import warnings
from pathlib import Path
from typing import NamedTuple

from closewait_pcap.capture.packets import NOT_TCP, NUMBERING_ONLY
from closewait_pcap.capture.reader import CaptureReader
from closewait_pcap.capture.sources.opening import open_source
from closewait_pcap.engine import PLAIN, Mode
from closewait_pcap.errors import CaptureWarning
from closewait_pcap.flows.table import FlowTable

TSHARK = shutil.which("tshark")
SECONDS = 60
NOT_SAID = -1
"""tshark gives no length for fragments and for segments shorter than their header, no time for simple packet blocks."""
_FIELDS = (
    "frame.number", "frame.time_epoch", "frame.protocols", "tcp.stream", "tcp.srcport", "tcp.dstport", "tcp.seq_raw",
    "tcp.ack_raw", "tcp.len", "tcp.flags", "tcp.window_size_value",
)  # fmt: skip
OPTIONS = ("-o", "tcp.desegment_tcp_streams:FALSE")


class Seen(NamedTuple):
    """A TCP header as either program sees it; of one quoted in an ICMP error only the stream is compared."""

    quoted: bool
    stream: int
    time: int = -1
    srcport: int = -1
    dstport: int = -1
    seq: int = -1
    ack: int = -1
    len: int = -1
    flags: int = -1
    window: int = -1


def theirs(path: Path, *options: str) -> dict[int, Seen]:
    """Ask tshark.

    Args:
        path: a capture.
        options: more of tshark's own.

    Returns:
        By frame number, the first TCP header of each frame that has one.
    """
    assert TSHARK
    fields = [word for name in _FIELDS for word in ("-e", name)]
    command = [TSHARK, "-n", "-r", str(path), "-Y", "tcp.stream", *OPTIONS, *options, "-T", "fields", *fields]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    return dict(_parse(line) for line in done.stdout.splitlines())


def _parse(line: str) -> tuple[int, Seen]:
    number, time, protocols, *rest = line.split("\t")
    stream, srcport, dstport, seq, ack, length, flags, window = (field.partition(",")[0] for field in rest)
    before = protocols.split(":tcp")[0].split(":")
    if "icmp" in before or "icmpv6" in before or not flags:
        return int(number), Seen(True, int(stream))
    when = NOT_SAID
    if time:
        seconds, _, fraction = time.partition(".")
        ns = int(fraction.ljust(9, "0"))
        when = int(seconds) * 1_000_000_000 + (-ns if time.startswith("-") else ns)
    values = [int(value) if value else NOT_SAID for value in (stream, srcport, dstport, seq, ack, length, window)]
    numbered, source, target, sequence, acknowledged, size, edge = values
    return int(number), Seen(False, numbered, when, source, target, sequence, acknowledged, size, int(flags, 16) & 0xFF, edge)


def ours(path: Path, mode: Mode = PLAIN) -> dict[int, Seen]:
    """Read the capture with this package: by frame number, what `theirs` gives."""
    seen: dict[int, Seen] = {}
    with open_source(path) as opened, warnings.catch_warnings():
        warnings.simplefilter("ignore", CaptureWarning)
        reader = CaptureReader(opened.stream, opened.name, mode=mode)
        table = FlowTable(mode)
        for batch, count in reader.batches():
            table.follow(batch, count)
            for row in batch[:count]:
                quality = int(row.quality)
                if quality & NOT_TCP:
                    continue
                seen[int(row.frame)] = Seen(True, int(row.stream)) if quality & NUMBERING_ONLY else Seen(
                    False, int(row.stream), int(row.time), int(row.srcport), int(row.dstport), int(row.seq), int(row.ack),
                    int(row.len), int(row["flags"]) if mode.compiled else int(row.flags), int(row.window),
                )  # fmt: skip
    return seen


def differences(mine: dict[int, Seen], other: dict[int, Seen]) -> list[str]:
    """List where two readings of a capture differ: frames that one of them lacks, then fields."""
    found = [f"frame {n}: only tshark has TCP: {other[n]}" for n in sorted(other.keys() - mine.keys())]
    found += [f"frame {n}: only here TCP: {mine[n]}" for n in sorted(mine.keys() - other.keys())]
    for number in sorted(mine.keys() & other.keys()):
        a, b = mine[number], other[number]
        fields = [f"{name} {x} (tshark: {y})" for name, x, y in zip(Seen._fields, a, b, strict=True) if y not in (x, NOT_SAID)]
        if fields:
            found.append(f"frame {number}: {', '.join(fields)}")
    return found
