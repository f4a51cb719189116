"""Packets as tcpdump prints them, and what is read of them."""

import io
import shutil
import subprocess
from datetime import UTC, tzinfo
from pathlib import Path
from typing import cast

import pytest

from closewait_pcap.capture.printed.stream import Printed
from tests.capture.reading import Reading, read

SAMPLES = sorted(Path(__file__).parents[3].joinpath("samples").glob("*/capture.pcap*"))
SYN = (
    "11:02:55.146737 IP 10.0.0.1.46098 > 10.0.0.2.9000: Flags [S], seq 1471646537, win 65495, "
    "options [mss 1460,wscale 7], length 0"
)
SYN_ACK = (
    "11:02:55.146747 IP 10.0.0.2.9000 > 10.0.0.1.46098: Flags [S.], seq 1893900356, ack 1471646538, win 65483, "
    "options [mss 1460,nop,wscale 8], length 0"
)
ACK = "11:02:55.146755 IP 10.0.0.1.46098 > 10.0.0.2.9000: Flags [.], ack 1, win 512, length 0"
DATA = "11:02:56.000000 IP 10.0.0.1.46098 > 10.0.0.2.9000: Flags [P.], seq 1:6, ack 1, win 512, length 5"
FIN = "11:02:57.000000 IP 10.0.0.1.46098 > 10.0.0.2.9000: Flags [F.], seq 6, ack 1, win 512, length 0"
ITS_ACK = "11:02:57.040000 IP 10.0.0.2.9000 > 10.0.0.1.46098: Flags [.], ack 7, win 512, length 0"
LISTING = "\n".join((SYN, SYN_ACK, ACK, DATA, FIN, ITS_ACK)) + "\n"


def read_text(text: str | bytes, zone: tzinfo = UTC) -> Reading:
    """Read printed packets the way the program does."""
    data = text if isinstance(text, bytes) else text.encode()
    return read(cast("io.RawIOBase", Printed(io.BytesIO(data), "ticket.txt", zone)))


def printed(capture: Path, options: str) -> bytes:
    """Print a capture with tcpdump."""
    tcpdump = shutil.which("tcpdump")
    if tcpdump is None:
        pytest.skip("tcpdump is not installed")
    return subprocess.run([tcpdump, "-r", str(capture), *options.split()], capture_output=True, check=True).stdout
