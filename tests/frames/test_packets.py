"""The second pass: one flow's packets, held against tshark."""

import io
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from closewait_pcap import CaptureError, analyze

SAMPLES = Path(__file__).parents[2] / "samples"
FIELDS = (
    "frame.number",
    "frame.time_epoch",
    "ip.src",
    "tcp.flags",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "tcp.len",
    "tcp.window_size_value",
)
needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def rows(frame: pd.DataFrame) -> list[Any]:
    """Rows as named tuples of whatever the columns hold."""
    return list(frame.itertuples())


@needs_tshark
@pytest.mark.parametrize(
    ("capture", "stream"),
    [("healthy_and_leaking/capture.pcapng", 16), ("client_pool_leak/capture.pcap", 2), ("not_reading/capture.pcap", 0)],
)
def test_packets_are_tsharks(capture: str, stream: int) -> None:
    analysis = analyze(SAMPLES / capture)
    command = ["tshark", "-r", str(SAMPLES / capture), "-Y", f"tcp.stream eq {stream}", "-T", "fields"]
    command += [word for field in FIELDS for word in ("-e", field)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    packets = analysis.packets(stream=stream)
    assert len(lines) == len(packets) > 5
    letters = {2: "S", 18: "S.", 16: ".", 24: "P.", 17: "F.", 25: "FP.", 4: "R", 20: "R."}
    for line, packet in zip(lines, rows(packets), strict=True):
        frame, time, source, flags, seq, ack, length, window = line.split("\t")
        seconds, _, fraction = time.partition(".")
        assert packet.frame == int(frame)
        assert packet.time.value == int(seconds) * 10**9 + int(fraction)
        assert packet.side == ("client" if source == analysis.flows.loc[stream, "client"] else "server")
        assert packet.flags == letters[int(flags, 16)]
        assert packet.seq_raw == int(seq)
        assert (packet.ack_raw is pd.NA) if packet.flags == "S" else (packet.ack_raw == int(ack))
        assert packet.len == int(length)
        assert packet.window == int(window)


def test_an_unknown_stream_is_a_key_error() -> None:
    analysis = analyze(SAMPLES / "close_by_client/capture.pcap")
    for stream in (-1, 3, 10**20):
        with pytest.raises(KeyError, match=f"no flow {stream} in .*capture.pcap"):
            analysis.packets(stream=stream)


def test_a_pipe_cannot_be_read_again() -> None:
    read, write = os.pipe()
    os.write(write, (SAMPLES / "close_by_client/capture.pcap").read_bytes())
    os.close(write)
    with os.fdopen(read, "rb", buffering=0) as pipe:
        analysis = analyze(pipe)
        assert len(analysis.flows) == 3
        with pytest.raises(CaptureError, match="reads the capture again, which a pipe does not allow; save it to a file first"):
            analysis.packets(stream=0)


def test_a_file_object_is_read_again_from_where_it_began() -> None:
    path = SAMPLES / "healthy_and_leaking/capture.pcapng"
    stream = io.BytesIO(b"junk before" + path.read_bytes())
    stream.seek(11)
    analysis = analyze(stream)
    assert analysis.packets(stream=6).equals(analyze(path).packets(stream=6))
