"""Cut, mixed and hostile tables: bad lines become complaints, the rest is used, nothing takes long."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from closewait_pcap.errors import SnapshotError
from closewait_pcap.sockets.reading import read_snapshots
from closewait_pcap.sockets.table import MOST_COMPLAINTS, Snapshot, Socket
from tests.sockets.tables import TABLES

NAMES = sorted(path.name for path in TABLES.glob("*.txt"))
ROW = "CLOSE-WAIT 1 0 10.0.0.1:80 10.0.0.2:40000\n"
LONG = 1_000_000
HOSTILE = {
    "one word": "x" * LONG,
    "blanks": "CLOSE-WAIT" + " " * LONG + "1",
    "digits": "CLOSE-WAIT 1 0 10.0.0.1:80 10.0.0.2:" + "4" * LONG,
    "users": "CLOSE-WAIT 1 0 10.0.0.1:80 10.0.0.2:1 users:(" + '("a' * (LONG // 3),
    "timers": "CLOSE-WAIT 1 0 10.0.0.1:80 10.0.0.2:1 " + "timer:(" * (LONG // 7),
    "states": "ss -t state " + "state " * (LONG // 6),
    "netstat": "tcp 0 0 10.0.0.1:80 10.0.0.2:1 CLOSE_WAIT " + "1 (1." * (LONG // 5) + ")",
    "macOS": "tcp4 0 0 10.0.0.1.80 10.0.0.2.1 CLOSE_WAIT " + "1 1 1 1 " * (LONG // 8),
    "Windows": "  TCP 10.0.0.1:80 10.0.0.2:1 CLOSE_WAIT 1 " + "[" * LONG,
    "lsof": "a 1 b 3u IPv4 5 0t0 TCP " + "10.0.0.1:1->" * (LONG // 12),
    "hexadecimal": "0: " + "0" * LONG + ":0 0:0 01 0:0 0:0 0 0 0 0",
    "dates": "Sat " * (LONG // 4),
    "quotes": "> " * (LONG // 2),
}


def core(socket: Socket) -> tuple[object, ...]:
    """Give what every format tells of a socket, but for the port that stands at the end of the line."""
    return socket.state, socket.local, socket.peer.address or socket.peer.text, socket.recv_q


def read(text: str) -> list[Snapshot]:
    """Read text, or give nothing where it holds no table."""
    try:
        return read_snapshots(text + "\n\n")
    except SnapshotError:
        return []


@pytest.mark.parametrize("name", NAMES)
def test_every_row_cut_at_every_byte(name: str) -> None:
    """A cut row is a complaint, or a whole row of which only the last column is shorter."""
    lines = (TABLES / name).read_text().splitlines()
    whole = read_snapshots(TABLES / name)
    rows = {socket.line: core(socket) for snapshot in whole for socket in snapshot.sockets}
    for number in list(rows)[1 :: max(1, len(rows) // 4)]:  # nothing before the first row may tell that it is one
        line = lines[number - 1]
        start = len(line) - len(line.lstrip())
        for cut in range(start + 1, len(line)):
            again = read("\n".join([*lines[: number - 1], line[:cut]]))
            found = [core(socket) for snapshot in again for socket in snapshot.sockets if socket.line == number]
            complaints = [why for snapshot in again for why in snapshot.complaints if why.startswith(f"line {number}:")]
            assert complaints or (found and found[0][1] == rows[number][1]), line[:cut]


@pytest.mark.parametrize("name", NAMES)
def test_junk_between_the_rows_loses_none(name: str) -> None:
    def sockets(text: str) -> set[tuple[object, ...]]:
        return {core(socket) for snapshot in read_snapshots(text) for socket in snapshot.sockets}

    text = (TABLES / name).read_text()
    assert sockets(text.replace("\n", "\n--\n")) == sockets(text)


@given(st.sampled_from(NAMES), st.data())
def test_mutants_never_raise_anything_else(name: str, data: st.DataObject) -> None:
    text = list((TABLES / name).read_text())
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(text) - 1))
        text[place : place + data.draw(st.integers(0, 3))] = data.draw(st.text(max_size=3))
    read("".join(text))


@given(st.text())
def test_any_text_is_a_table_or_an_error(text: str) -> None:
    read(text)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_line_takes_no_time(name: str) -> None:
    begun = time.perf_counter()
    [snapshot] = read_snapshots(f"{ROW}{HOSTILE[name]}\n{ROW}")[-1:]
    assert time.perf_counter() - begun < 1
    assert snapshot.sockets[-1].line == 3


def test_complaints_name_the_line_and_the_reason() -> None:
    bad = (
        "CLOSE-WAIT 1 0 10.0.0.1:80\nCLOSE-WAIT x1 0 10.0.0.1:80 10.0.0.2:1\nCLOSE-WAIT 1 0 10.0.0.300:80 10.0.0.2:1\nCLOSE-WAI\n"
    )
    [snapshot] = read_snapshots(ROW + bad.replace("x1", "1x") + ROW)
    assert len(snapshot.sockets) == 2
    assert snapshot.complaints == [
        "line 2: 3 of the columns Recv-Q, Send-Q, local and peer address",
        "line 3: no number in Recv-Q: '1x'",
        "line 4: not an address: '10.0.0.300'",
        "line 5: not understood, perhaps a cut row: 'CLOSE-WAI'",
    ]


def test_a_million_bad_lines_are_counted() -> None:
    [snapshot] = read_snapshots(ROW + "CLOSE-WAIT 1 0\n" * (MOST_COMPLAINTS + 7))
    assert len(snapshot.complaints) == MOST_COMPLAINTS + 1
    assert snapshot.complaints[-1] == "and 7 more bad lines"


def test_a_file_that_ends_within_a_line(tmp_path: Path) -> None:
    file = tmp_path / "table"
    file.write_text(ROW + ROW[:-3])
    [snapshot] = read_snapshots(file)
    assert len(snapshot.sockets) == 2
    assert snapshot.complaints == ["line 2: the file ends without a line end: this row may be cut"]
    assert read_snapshots(ROW + ROW[:-3])[0].complaints == []  # pasted text has no line end


@pytest.mark.parametrize(
    ("name", "cut", "why"),
    [
        ("netstat_cut.txt", "0  ", "it has no inode"),
        ("netstat_cut.txt", "0          485166", "it has no PID/Program name"),
        ("netstat_timers.txt", "0          485166     13297/python3", "it has no timer"),
    ],
)
def test_columns_that_the_header_promises(name: str, cut: str, why: str) -> None:
    header = next(line for line in (TABLES / name).read_text().splitlines() if line.startswith("Proto"))
    row = f"tcp        2      0 10.9.0.1:8080           0.0.0.0:*               LISTEN      {cut}"
    [snapshot] = read_snapshots(f"{header}\n{row}\n")
    assert snapshot.sockets[0].local.port == 8080
    assert snapshot.complaints == [f"line 2: the row is cut: {why}"]


def test_rows_cut_to_the_width_of_a_screen() -> None:
    [snapshot] = read_snapshots('CLOSE-WAIT 1 0 10.0.0.1:80 10.0.0.2:40000 users:(("web",pid=7,fd=4),("we\n\n')
    assert snapshot.sockets[0].pid == 7
    assert snapshot.complaints == ["line 1: the list of processes is cut"]
