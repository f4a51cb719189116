"""The capture: a real tcpdump, which must have seen every packet."""

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import RecordingError
from .network import Host, run

DRAIN = 0.15  # seconds for the last packets to come out of the kernel; immediate mode needs only a few milliseconds
FILTER = "tcp or udp"  # leaves out ARP, neighbour discovery and the like, which differ from one recording to the next


class Capture:
    """A tcpdump at work."""

    def __init__(self, tcpdump: "subprocess.Popen[str]") -> None:
        self._tcpdump = tcpdump

    def stop(self) -> None:
        """End the capture.

        Raises:
            RecordingError: tcpdump lost packets, or failed otherwise.
        """
        time.sleep(DRAIN)
        self._tcpdump.send_signal(signal.SIGINT)
        said = self._tcpdump.communicate()[1]
        if self._tcpdump.returncode or not re.search(r"^0 packets dropped by kernel", said, re.MULTILINE):
            raise RecordingError(f"tcpdump did not get it all: {' '.join(said.split())}")


@contextmanager
def capture(host: Host, path: Path) -> Iterator[Capture]:
    """Listen at a machine's interface: whole packets, each written to the file at once."""
    options = ["-i", host.interface, "-U", "-s", "0", "--immediate-mode", "-Z", "root", "-w", str(path)]
    command = host.command("tcpdump", *options, FILTER)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tcpdump:
        try:
            _wait_until_listening(tcpdump)
            yield Capture(tcpdump)
        finally:
            tcpdump.kill()


def _wait_until_listening(tcpdump: "subprocess.Popen[str]") -> None:
    said = []
    for line in tcpdump.stderr or ():
        if "listening on" in line:
            return
        said.append(line.strip())
    raise RecordingError(f"tcpdump does not start: {' '.join(said)}")


def to_pcapng(path: Path) -> None:
    """Replace a capture by the same packets in the other format."""
    run("editcap", "-F", "pcapng", str(path), str(path.with_suffix(".pcapng")))
    path.unlink()
