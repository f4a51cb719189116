"""Asks this very host for its sockets."""

import os
import shutil
import subprocess
import time
from pathlib import Path

from closewait_pcap.errors import SnapshotError
from closewait_pcap.sockets.formats.procnet import FORMAT
from closewait_pcap.sockets.reading import read_snapshots
from closewait_pcap.sockets.table import Snapshot, TimeFrom, User

PROC = Path("/proc")
SS = ("ss", "-tanpe")
_SECONDS = 30
_SOCKET = "socket:["


def live_snapshot(proc: Path = PROC) -> Snapshot:
    """Take a snapshot of this host's TCP sockets, of this network namespace.

    Args:
        proc: where procfs is mounted.

    Returns:
        The kernel's own table with the processes that hold each socket; where there is none, what ``ss -tanpe`` prints. The
        kernel's table has no limit of a listener's queue, ss has. `privileged` is true for root where no process was closed
        to it; a socket of another PID namespace still shows no process.

    Raises:
        SnapshotError: this host has neither.
    """
    now = time.time_ns()
    tables = [proc / "net" / name for name in ("tcp", "tcp6")]
    if tables[0].is_file():
        text = "".join(table.read_text() for table in tables if table.is_file())
        [snapshot] = read_snapshots(text + "\n", time=now)
        holders, all_seen = _holders(proc)
        snapshot.sockets = [socket._replace(users=tuple(holders.get(socket.inode or 0, ()))) for socket in snapshot.sockets]
        snapshot.privileged = all_seen and os.geteuid() == 0
        snapshot.source = FORMAT
    elif shutil.which(SS[0]):
        snapshot = _from_ss(now)
    else:
        raise SnapshotError(
            f"this host shows no sockets: it has neither {tables[0]} nor ss; install iproute2, or give what its netstat prints"
        )
    snapshot.time_from = TimeFrom.CLOCK
    return snapshot


def _from_ss(now: int) -> Snapshot:
    command = " ".join(SS)
    try:
        ran = subprocess.run(SS, capture_output=True, text=True, timeout=_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise SnapshotError(f"{command}: {error}") from error
    [snapshot] = read_snapshots(ran.stdout, time=now)
    snapshot.source = command
    return snapshot


def _holders(proc: Path) -> tuple[dict[int, list[User]], bool]:
    """Give the processes that hold each socket, by its inode, and whether every process could be looked into."""
    holders: dict[int, list[User]] = {}
    all_seen = True
    for process in sorted((entry for entry in proc.iterdir() if entry.name.isdecimal()), key=lambda entry: int(entry.name)):
        try:
            name = (process / "comm").read_text(errors="replace").rstrip("\n")
            for descriptor in (process / "fd").iterdir():
                target = _target(descriptor)
                if target.startswith(_SOCKET):
                    user = User(name, int(process.name), int(descriptor.name))
                    holders.setdefault(int(target[len(_SOCKET) : -1]), []).append(user)
        except PermissionError:
            all_seen = False
        except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            continue
    return holders, all_seen


def _target(descriptor: Path) -> str:
    try:
        return os.readlink(descriptor)  # noqa: PTH115 - Path.readlink makes a Path of what is none
    except FileNotFoundError:  # closed meanwhile
        return ""
