"""Many connections of real sockets, recorded here and now: what is said of them is what the kernel and the applications know.

Takes a minute, and root: ``pytest -m slow tests/recorded``.
"""

import io
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from closewait_pcap import Analysis, analyze
from tests.recorded.network import TOOLS
from tests.recorded.plan import services
from tests.recorded.recording import Recording, Socket, record

MISSING = [tool for tool in TOOLS if not shutil.which(tool)]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="network namespaces are Linux'"),
    pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() != 0, reason="network namespaces and tcpdump take root"),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]

KINDS = ["wire", "wire IPv6", "loopback", "bad line"]
BEYOND_PACKETS = {"LAST-ACK", "CLOSING"}
"""Kernel states behind a FIN that waits for data that the peer does not take: no packet shows it."""


@pytest.fixture(scope="module", params=KINDS)
def recording(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    kind: str = request.param
    if kind == "bad line" and not Path("/dev/net/tun").exists():
        pytest.skip("no /dev/net/tun")
    return record(kind, services(KINDS.index(kind)), tmp_path_factory.mktemp("recorded"))


def waits(recording: Recording, analysis: Analysis) -> Iterator[tuple[Any, str, Socket | None]]:
    """The last flow between any two ends; of those that somebody waits in, the side, and its socket."""
    last = {(row.client, row.client_port, row.server, row.server_port): row for row in analysis.flows.itertuples()}
    for row in last.values():
        ends = (row.server, row.server_port), (row.client, row.client_port)
        for side, sockets in (("server", recording.servers), ("client", recording.clients)):
            socket = sockets.get(ends)
            if (row.verdict == "close_wait" and row.waiting_side == side) or (socket and socket.state == "CLOSE-WAIT"):
                yield row, side, socket


def truths(recording: Recording, row: Any, side: str, socket: Socket) -> set[str]:
    """Why an end waits: what applications and kernel know, in all words that are true."""
    if side == "server" and (row.server_port, row.client_port) not in recording.accepted:
        return {"never_accepted"}
    if socket.state in BEYOND_PACKETS:
        return {"send_blocked"}  # and closed
    if socket.send_queue:
        return {"send_blocked", "not_closed"}
    sends = recording.services[row.server_port].name == "a half-close at work"
    return {"still_sending", "not_closed"} if sends else {"not_closed"}


def test_close_wait_is_what_the_kernel_says(recording: Recording) -> None:
    differ, same = [], 0
    for row, side, socket in waits(recording, analyze(recording.capture)):
        inferred = row.verdict == "close_wait" and row.waiting_side == side
        kernel = socket is not None and socket.state == "CLOSE-WAIT"
        same += inferred and kernel
        blocked = socket is not None and socket.state in BEYOND_PACKETS and "fin_waits" in row.limits
        if inferred != kernel and not blocked:
            differ.append((row.Index, recording.services[row.server_port].name, side, row.verdict, socket))
    assert differ == []
    assert same > 60


def test_certain_causes_are_true_and_unread_bytes_within_their_bounds(recording: Recording) -> None:
    wrong, right = [], Counter[str]()
    for row, side, socket in waits(recording, analyze(recording.capture)):
        assert socket is not None
        truth = truths(recording, row, side, socket)
        if row.confidence == "certain":
            right[row.cause] += 1
            if row.cause not in truth:
                wrong.append((row.Index, recording.services[row.server_port].name, row.cause, truth, row.evidence))
        unread, low, high = socket.receive_queue, row.recv_q_low, row.recv_q_high
        if socket.state == "CLOSE-WAIT" and row.verdict == "close_wait":
            if (low is not pd.NA and unread < low) or (high is not pd.NA and unread > high):
                wrong.append((row.Index, recording.services[row.server_port].name, (low, high), unread))
            if "never_accepted" in truth and row.recv_q_estimate != unread:
                wrong.append((row.Index, recording.services[row.server_port].name, row.recv_q_estimate, unread))
    assert wrong == []
    assert right["not_closed"] > 10
    assert right["still_sending"]


def test_with_the_socket_table_every_cause_is_certain_and_true(recording: Recording) -> None:
    causes = Counter[str]()
    for row, side, socket in waits(recording, analyze(recording.capture, sockets=recording.tables)):
        assert socket is not None
        if socket.state == "CLOSE-WAIT":
            causes[row.cause] += 1
            truth = truths(recording, row, side, socket)
            assert row.confidence == "certain", (row.Index, row.cause, row.evidence)
            assert row.cause in truth, (row.Index, recording.services[row.server_port].name, row.cause, truth, row.evidence)
    assert min(causes[name] for name in ("not_closed", "never_accepted", "still_sending")) > 0


def test_queues_that_are_said_to_be_full_were_so(recording: Recording) -> None:
    """The limit that is said is the backlog, or a little more: Linux takes one more than that."""
    said = analyze(recording.capture).listeners.dropna(subset=["queue_limit"])
    for port, limit in zip(said["port"], said["queue_limit"], strict=True):
        service = recording.services[port]
        assert "overflows" in service.name
        assert 0 <= limit - service.backlog <= 2, service.name


def test_evidence_alone_says_the_same(recording: Recording) -> None:
    stream = io.BytesIO()
    summary = analyze(recording.capture).evidence(stream, most_bytes=1 << 30)
    assert summary.different == ()
    assert summary.flows > 60
