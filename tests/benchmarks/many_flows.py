"""What a flood of flows costs: writes a capture of so many connections and analyses it in a process of its own.

    python tests/benchmarks/many_flows.py [--flows 10000000] [--packets 1] [--folder /tmp]

``--packets 1``: a scan, SYN after SYN; ``--packets 5``: as many connections that the server never closes.
"""

import argparse
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
BLOCK = 1_000_000
RECORD = np.dtype(
    [("seconds", "<u4"), ("us", "<u4"), ("caplen", "<u4"), ("wirelen", "<u4"), ("ethernet", "V14"), ("version", "u1"),
     ("tos", "u1"), ("total", ">u2"), ("id", ">u2"), ("fragment", ">u2"), ("ttl", "u1"), ("protocol", "u1"), ("checksum", ">u2"),
     ("src", ">u4"), ("dst", ">u4"), ("srcport", ">u2"), ("dstport", ">u2"), ("seq", ">u4"), ("ack", ">u4"), ("offset", "u1"),
     ("flags", "u1"), ("window", ">u2"), ("sum", ">u2"), ("urgent", ">u2")]
)  # fmt: skip
FLAGS, SEQ, ACK = np.array([2, 18, 16, 17, 16]), np.array([100, 500, 101, 101, 501]), np.array([0, 101, 501, 501, 102])
PEAK = (
    "import sys; from closewait_pcap.cli import main\n"
    "try: main()\n"
    "finally: print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')), file=sys.stderr)"
)


def write(path: Path, flows: int, packets: int) -> None:
    """Write connections to one server: SYN, SYN-ACK, ACK, FIN, ACK, or the first of these."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for at in range(0, flows, BLOCK):
            count = min(BLOCK, flows - at)
            flow, step = np.repeat(np.arange(at, at + count), packets), np.tile(np.arange(packets), count)
            rows = np.zeros(count * packets, RECORD)
            now = flow * 20 + step
            rows["seconds"], rows["us"] = 1_780_000_000 + now // 1_000_000, now % 1_000_000
            rows["caplen"] = rows["wirelen"] = 54
            rows["ethernet"] = np.void(bytes(12) + b"\x08\0")
            rows["version"], rows["total"], rows["ttl"], rows["protocol"] = 0x45, 40, 64, 6
            out = (step != 1) & (step != 4)  # the client's
            client, port = 0x0A000000 + flow // 50_000, 1024 + flow % 50_000
            rows["src"], rows["dst"] = np.where(out, client, 0xC0000201), np.where(out, 0xC0000201, client)
            rows["srcport"], rows["dstport"] = np.where(out, port, 443), np.where(out, 443, port)
            rows["flags"], rows["seq"], rows["ack"] = FLAGS[step], SEQ[step], ACK[step]
            rows["offset"], rows["window"] = 0x50, 500
            rows.tofile(file)


def main() -> None:
    """Write, analyse, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--flows", type=int, default=10_000_000)
    parser.add_argument("--packets", type=int, default=1, choices=range(1, 6))
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        path = Path(folder) / "flood.pcap"
        write(path, chosen.flows, chosen.packets)
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", PEAK, str(path)], cwd=ROOT, check=True)
        print(f"{chosen.flows:,} flows, {chosen.flows * chosen.packets:,} packets: {time.perf_counter() - begun:.1f} s")


if __name__ == "__main__":
    main()
