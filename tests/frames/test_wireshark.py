"""`history` and `completeness` against what tshark says of every packet."""

import shutil
import subprocess
from pathlib import Path

import pytest

from closewait_pcap import analyze

SAMPLES = sorted(path.parent for path in (Path(__file__).parents[2] / "samples").glob("*/expected.json"))
pytestmark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
FIN, SYN, RST, ACK = 1, 2, 4, 16


def tshark(capture: Path, *fields: str) -> list[list[str]]:
    command = [
        "tshark",
        "-2",
        "-r",
        str(capture),
        "-Y",
        "tcp",
        "-T",
        "fields",
        *(word for field in fields for word in ("-e", field)),
    ]
    return [line.split("\t") for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()]


@pytest.mark.parametrize("folder", SAMPLES, ids=lambda folder: folder.name)
def test_completeness_is_wiresharks(folder: Path) -> None:
    capture = next(folder.glob("capture.pcap*"))
    wanted = {int(stream): int(bits) for stream, bits in tshark(capture, "tcp.stream", "tcp.completeness")}  # the last one holds
    if folder.name == "port_reuse":
        # Wireshark counts the RST that ends the leaked connection to the new one; by its number it is the old one's.
        assert wanted == {0: 31, 1: 63}
        wanted = {0: 63, 1: 31}
    assert analyze(capture).flows["completeness"].to_dict() == wanted


@pytest.mark.parametrize("folder", [f for f in SAMPLES if f.name != "port_reuse"], ids=lambda folder: folder.name)
def test_history_is_the_packets_letters(folder: Path) -> None:
    """The letters of each packet, worked out from tshark's fields; each counts once per end."""
    capture = next(folder.glob("capture.pcap*"))
    histories: dict[int, str] = {}
    clients: dict[int, str] = {}
    highest: dict[tuple[int, str], int] = {}
    fields = ("tcp.stream", "tcp.srcport", "tcp.flags", "tcp.len", "tcp.seq", "tcp.window_size_value")
    for number, port, hex_flags, length, seq, window in tshark(capture, *fields):
        stream, flags, payload, end = int(number), int(hex_flags, 16), int(length), int(seq) + int(length)
        clients.setdefault(stream, port)
        letters = "R" if flags & RST else ""
        if not letters:
            letters += ("H" if flags & ACK else "S") if flags & SYN else ""
            letters += "A" if flags & (SYN | FIN | ACK) == ACK and not payload else ""
            letters += "W" if window == "0" and not flags & (SYN | FIN) else ""
            if payload:
                letters += "D" if end > highest.get((stream, port), 0) else "T"
                highest[stream, port] = max(end, highest.get((stream, port), 0))
            letters += "F" if flags & FIN else ""
        letters = letters if port == clients[stream] else letters.lower()
        for letter in letters:
            if letter not in histories.setdefault(stream, ""):
                histories[stream] += letter
    assert analyze(capture).flows["history"].to_dict() == histories
