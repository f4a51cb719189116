"""Runs the command as a user does: in a process of its own, through pipes or a pseudo-terminal."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

ROOT = Path(__file__).parents[2]
SAMPLES = sorted(path.parent.name for path in (ROOT / "samples").glob("*/expected.json"))


def sample(name: str) -> str:
    """The path of a sample's capture, from the checkout."""
    return str(next((ROOT / "samples" / name).glob("capture.pcap*")).relative_to(ROOT))


def environment(**changes: str) -> dict[str, str]:
    """The environment of a run: the user's, without what steers colours and widths."""
    drop = ("COLUMNS", "LINES", "NO_COLOR", "TERM", "FORCE_COLOR")
    return {name: value for name, value in os.environ.items() if name not in drop} | {"TERM": "xterm"} | changes


def run(
    *arguments: str | bytes, stdin: bytes = b"", cwd: Path = ROOT, env: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[bytes]":
    """Run ``analyze`` with pipes."""
    command, env = [sys.executable, "-m", "closewait_pcap", *arguments], dict(env or environment())
    return subprocess.run(command, input=stdin, capture_output=True, cwd=cwd, env=env, timeout=60, check=False)


class Shown(NamedTuple):
    """What a person saw."""

    status: int
    stdout: str
    stderr: str


def watch(
    *arguments: str, columns: int = 80, stdin: Sequence[bytes] = (), pause: float = 0.0, env: Mapping[str, str] | None = None
) -> Shown:
    """Run ``analyze`` at a pseudo-terminal.

    Args:
        arguments: of the command.
        columns: width of the terminal.
        stdin: what comes through the pipe, piece by piece.
        pause: seconds between two pieces.
        env: the environment.
    """
    terminals = [pty.openpty() for _ in range(2)]
    for _, slave in terminals:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    (out, out_slave), (err, err_slave) = terminals
    process = subprocess.Popen(
        [sys.executable, "-m", "closewait_pcap", *arguments],
        stdin=subprocess.PIPE, stdout=out_slave, stderr=err_slave, cwd=ROOT, env=dict(env or environment()),
    )  # fmt: skip
    os.close(out_slave)
    os.close(err_slave)
    seen: dict[int, list[bytes]] = {out: [], err: []}
    readers = [threading.Thread(target=_read, args=(terminal, pieces)) for terminal, pieces in seen.items()]
    for reader in readers:
        reader.start()
    assert process.stdin is not None
    for number, piece in enumerate(stdin):
        time.sleep(pause if number else 0)
        process.stdin.write(piece)
        process.stdin.flush()
    process.stdin.close()
    status = process.wait(60)
    for reader in readers:
        reader.join()
    os.close(out)
    os.close(err)
    text = [b"".join(pieces).decode().replace("\r\n", "\n") for pieces in seen.values()]
    return Shown(status, *text)


def until_read(pipe: IO[bytes]) -> None:
    """Wait until all that was written to a pipe has been read, and a little longer, so that it is dealt with, too."""
    until = time.monotonic() + 30
    while int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder):
        assert time.monotonic() < until, "nobody reads"
        time.sleep(0.05)
    time.sleep(1)


def _read(terminal: int, pieces: list[bytes]) -> None:
    try:
        while piece := os.read(terminal, 65536):
            pieces.append(piece)
    except OSError:  # EIO: nobody holds the other side any more
        pass
