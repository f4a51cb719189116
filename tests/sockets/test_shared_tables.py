"""Every table recorded beside a capture, where they lie beside the checkout: read whole, and equal to what truth.json says."""

import json
from pathlib import Path

import pytest

from closewait_pcap.sockets.reading import read_snapshots
from closewait_pcap.tcp.state import State
from tests.sockets.tables import plain_end

SHARED = Path(__file__).parents[3] / "shared"
SAMPLES = Path(__file__).parents[2] / "samples"
RUNS = sorted(path.parent for path in (SHARED / "ktruth").glob("*/truth.json"))
TABLES = sorted(
    {*SHARED.glob("ktruth/**/*ss*.txt"), *SHARED.glob("ktruth/**/*netstat*.txt"), *SHARED.glob("ktruth/*/proc_net*.txt")}
)
TABLES += sorted(path for kind in ("ss", "netstat", "lsof", "proc") for path in SHARED.glob(f"cases/*/*_{kind}*.txt"))


def rows(path: Path) -> int:
    """Count the rows of a table as grep would."""
    words = [line.split() for line in path.read_text().splitlines()]
    starts = (
        "LISTEN",
        "ESTAB",
        "CLOSE-WAIT",
        "TIME-WAIT",
        "FIN-WAIT-1",
        "FIN-WAIT-2",
        "SYN-SENT",
        "SYN-RECV",
        "LAST-ACK",
        "CLOSING",
    )
    return sum(
        len(line) > 3
        and (line[0] in (*starts, "tcp", "tcp6") or (line[0][:-1].isdecimal() and line[0][-1] == ":") or "TCP" in line)
        for line in words
    )


@pytest.mark.parametrize("sample", sorted(SAMPLES.iterdir()), ids=lambda path: path.name)
def test_samples(sample: Path) -> None:
    for path in [*sample.glob("*.ss.txt"), *sample.glob("*.netstat.txt")]:
        [snapshot] = read_snapshots(path)
        assert snapshot.complaints == []
        assert len(snapshot.sockets) == rows(path)


@pytest.mark.skipif(not TABLES, reason="no shared tables beside the checkout")
def test_no_complaints_and_no_lost_rows() -> None:
    total = 0
    for path in TABLES:
        snapshots = read_snapshots(path)
        assert [snapshot.complaints for snapshot in snapshots] == [[]] * len(snapshots), path
        found = sum(len(snapshot.sockets) for snapshot in snapshots)
        assert found == rows(path), path
        total += found
    assert total > 11_000


@pytest.mark.parametrize("run", RUNS, ids=lambda path: path.name)
def test_kernel_states_are_those_of_truth(run: Path) -> None:
    truth = json.loads((run / "truth.json").read_text())
    found = {}
    for side in ("client", "server"):
        [snapshot] = read_snapshots(run / f"ss_{side}.txt")
        found[side] = {(plain_end(one.local), plain_end(one.peer)): one for one in snapshot.sockets}
    checked = 0
    for connection in truth["connections"]:
        ends = {"client": connection["client"], "server": connection["server"]}
        for side, other in (("client", "server"), ("server", "client")):
            kernel = connection["kernel"][side]
            if connection["scenario"] == "fin_at_end":  # truth.json looks at it after the tables were written
                continue
            if not kernel or kernel["state"] in ("ABSENT", "REPLACED") or not all(ends.values()):
                continue
            one = found[side][tuple(ends[side]), tuple(ends[other])]
            assert (one.state, one.recv_q, one.send_q) == (State.parse(kernel["state"]), kernel["recvq"], kernel["sendq"])
            pids = sorted({user.pid or 0 for user in one.users})
            assert (pids or "-", one.inode) == (kernel["pid"], kernel["ino"])
            checked += 1
    assert checked > 50
