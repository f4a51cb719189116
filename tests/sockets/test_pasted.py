"""Tables as people hand them over: pasted, quoted, fenced, re-encoded, several at a time."""

import io
import sys
from pathlib import Path

import pytest

from closewait_pcap.errors import ClosewaitError, SnapshotError
from closewait_pcap.sockets.reading import read_snapshots
from closewait_pcap.tcp.state import State
from tests.sockets.tables import TABLES, end

TABLE = (
    "State      Recv-Q Send-Q Local Address:Port  Peer Address:Port Process\n"
    'LISTEN     0      5           10.0.0.1:80         0.0.0.0:*     users:(("web",pid=7,fd=3))\n'
    'CLOSE-WAIT 1      0           10.0.0.1:80        10.0.0.2:40000 users:(("web",pid=7,fd=4))\n'
)
DRESSES = {
    "as it is": TABLE,
    "fenced": f"We see this:\n```console\n{TABLE}```\nWhat now?\n",
    "quoted": "".join(f"> > {line}\n" for line in TABLE.splitlines()),
    "indented": "".join(f"    {line}\n" for line in TABLE.splitlines()),
    "CRLF": TABLE.replace("\n", "\r\n"),
    "tabs": "\n".join("\t".join(line.split(None, 4)) for line in TABLE.splitlines()),
    "U+00A0": TABLE.replace(" ", "\xa0"),
    "prompt": f"root@web-1:~# ss -tanp\n{TABLE}root@web-1:~# \n",
    "watch": f"Every 1.0s: ss -tanp     web-1: Sat Nov 21 15:58:47 2026\n\n{TABLE}",
    "prose": "Hello,\n\nthe LISTEN queue is fine, and CLOSING is rare. tcp is hard. TCP 3-way handshakes work.\n\n"
    f"{TABLE}\nThanks, Bob\n",
}


@pytest.mark.parametrize("dress", DRESSES)
def test_any_dress(dress: str) -> None:
    [snapshot] = read_snapshots(DRESSES[dress])
    listener, waiting = snapshot.sockets
    assert (listener.state, listener.local, listener.send_q, listener.pid) == (State.LISTEN, end("10.0.0.1", 80), 5, 7)
    assert (waiting.state, waiting.peer, waiting.fd) == (State.CLOSE_WAIT, end("10.0.0.2", 40000), 4)
    assert len(snapshot.complaints) == (dress == "watch")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_any_encoding(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "table"
    file.write_bytes(TABLE.encode(encoding))
    [snapshot] = read_snapshots(file)
    assert len(snapshot.sockets) == 2
    assert snapshot.complaints == []
    file.write_bytes("\n".join([*TABLE.splitlines()[1:], ""]).encode(encoding))  # a row comes first
    assert len(read_snapshots(file)[0].sockets) == 2


def test_the_state_comes_from_the_command_or_the_caller() -> None:
    rows = "Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n1 0 10.0.0.1:80 10.0.0.2:40000\n"
    [snapshot] = read_snapshots(rows)
    assert snapshot.sockets[0].state is None
    assert "state of these sockets is unknown" in snapshot.complaints[0]
    assert read_snapshots(rows, state=State.CLOSE_WAIT)[0].sockets[0].state is State.CLOSE_WAIT
    assert read_snapshots("$ ss -tn state fin-wait-2\n" + rows, state=State.CLOSE_WAIT)[0].sockets[0].state is State.FIN_WAIT_2
    assert read_snapshots("$ ss -tn state connected\n" + rows)[0].sockets[0].state is None
    assert read_snapshots(rows.splitlines()[1] + "\n", state=State.CLOSE_WAIT)[0].sockets[0].recv_q == 1


def test_old_ss_wraps_processes() -> None:
    wrapped = "CLOSE-WAIT 1 0 10.0.0.1:80 10.0.0.2:40000\n"
    wrapped += '     users:(("web server",7,4),("it",pid=8,proc_ctx=unconfined,fd=5))\n\t ino:12 sk:3\n'
    [snapshot] = read_snapshots(wrapped)
    [socket] = snapshot.sockets
    assert [(user.process, user.pid, user.fd) for user in socket.users] == [("web server", 7, 4), ("it", 8, 5)]
    assert (socket.process, socket.pid, socket.fd) == ("web server", 7, 4)
    assert (socket.inode, socket.uid, socket.line) == (12, 0, 1)
    assert snapshot.complaints == []


def test_formats_in_turn_are_snapshots_of_their_own() -> None:
    text = "\n".join(
        (TABLES / name).read_text()
        for name in ("ss_tan.txt", "netstat_wide.txt", "lsof.txt", "proc_net_tcp.txt", "windows_anob.txt")
    )
    formats = [snapshot.format for snapshot in read_snapshots(text)]
    assert formats == ["ss", "netstat", "lsof", "/proc/net/tcp", "netstat (Windows)"]


def test_a_table_without_rows_is_an_empty_snapshot() -> None:
    for text in ("State Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n", "$ lsof -nP -iTCP\n"):
        [snapshot] = read_snapshots(text)
        assert (snapshot.sockets, snapshot.complaints) == ([], [])
        assert snapshot.format in {"ss", "lsof"}


def test_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "table"
    file.write_text(TABLE)
    assert read_snapshots(str(file))[0].source == str(file)
    assert read_snapshots(TABLE)[0].source == "text"
    assert len(read_snapshots(io.StringIO(TABLE))[0].sockets) == 2
    with file.open() as opened:
        assert read_snapshots(opened)[0].source == str(file)
    with file.open("rb") as stdin:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stdin))
        [snapshot] = read_snapshots("-")
    assert (snapshot.source, len(snapshot.sockets), snapshot.time) == ("-", 2, None)


@pytest.mark.parametrize(
    "content", [b"", b"hello\n", b"\xd4\xc3\xb2\xa1" + bytes(1000), b"LISTEN to me\nEstablished 1999\n", b"0: no\n1 2 3\n"]
)
def test_what_is_no_table(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(SnapshotError, match="no socket table") as caught:
        read_snapshots(file)
    assert isinstance(caught.value, ClosewaitError)
    assert isinstance(caught.value, ValueError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", ["nowhere/table", ".", "zero\0byte"])
def test_what_cannot_be_opened(path: str) -> None:
    with pytest.raises(SnapshotError, match=r"No such file|Is a directory|null"):
        read_snapshots(path)
    with pytest.raises(SnapshotError, match="cannot read a socket table from BytesIO"):
        read_snapshots(io.BytesIO(b""))
