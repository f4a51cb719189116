#!/usr/bin/env python3
"""Record the samples anew: real sockets, a real capture, and the kernel's socket tables of the same moments.

    python samples/record.py            all of them
    python samples/record.py reset ...  only those named

Needs root (network namespaces, tcpdump) and a few Linux tools; says which one is missing.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from recorder.capture import capture, to_pcapng
from recorder.errors import RecordingError
from recorder.situation import Situation
from recorder.situations import SITUATIONS
from recorder.stage import Stage

SAMPLES = Path(__file__).resolve().parent
TOOLS = ("ip", "ss", "netstat", "sysctl", "tcpdump")
PACKAGES = {
    "ip": "iproute2",
    "ss": "iproute2",
    "netstat": "net-tools",
    "sysctl": "procps",
    "tcpdump": "tcpdump",
    "nc": "netcat-openbsd",
    "editcap": "wireshark-common",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Record the named samples, or all.

    Returns:
        0 when every one was written, 1 when some were not, 2 when none could be.
    """
    parser = argparse.ArgumentParser(description="Record the samples anew (needs root).")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: all of {', '.join(SITUATIONS)}")
    names = parser.parse_args(arguments).names or list(SITUATIONS)
    unknown = [name for name in names if name not in SITUATIONS]
    if unknown:
        parser.error(f"no such sample: {', '.join(unknown)}; there are {', '.join(SITUATIONS)}")
    chosen = [SITUATIONS[name] for name in names]
    obstacle = _obstacle(chosen)
    if obstacle:
        parser.error(obstacle)
    for end in (signal.SIGINT, signal.SIGTERM):
        signal.signal(end, lambda *_: sys.exit(1))  # as an exception, so that the namespaces are removed
    return 1 if sum(_failed(situation) for situation in chosen) else 0


def _obstacle(chosen: Iterable[Situation]) -> str | None:
    if os.geteuid():
        return "needs root for network namespaces and tcpdump: run it with sudo"
    tools = {*TOOLS, *(tool for situation in chosen for tool in situation.needs)}
    missing = sorted(tool for tool in tools if not shutil.which(tool))
    if missing:
        packages = sorted({PACKAGES[tool] for tool in missing})
        return f"{', '.join(missing)} not found: apt-get install {' '.join(packages)}"
    return None


def _failed(situation: Situation) -> bool:
    try:
        _record(situation)
    except RecordingError as error:
        print(f"{situation.name}: not recorded, the old one stays: {error}", file=sys.stderr)
        return True
    print(f"{situation.name}: recorded", flush=True)
    return False


def _record(situation: Situation) -> None:
    """Play a situation and replace its sample, but only once everything came out as expected."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        pcap = folder / "capture.pcap"
        with (
            situation.network() as network,
            Stage(network, folder) as stage,
            capture(network.client if situation.tap == "client" else network.server, pcap) as tcpdump,
        ):
            situation.play(stage)
            stage.finish(situation.text)
            tcpdump.stop()
        if situation.capture_format == "pcapng":
            to_pcapng(pcap)
        _publish(folder, SAMPLES / situation.name)


def _publish(recorded: Path, sample: Path) -> None:
    """Put a recording in the place of the old one; the README beside it is written by hand and stays."""
    sample.mkdir(exist_ok=True)
    for old in sample.iterdir():
        if old.name != "README.md":
            old.unlink()
    for new in recorded.iterdir():
        shutil.copyfile(new, sample / new.name)


if __name__ == "__main__":
    sys.exit(main())
