"""What the tables cost per flow: text is stored once, not once per row."""

import io

import numpy as np
import pytest

from closewait_pcap import Analysis, analyze

FLOWS = 20_000
RECORD = np.dtype(
    [("seconds", "<u4"), ("fraction", "<u4"), ("caplen", "<u4"), ("wirelen", "<u4"), ("ethernet", "S12"), ("ethertype", ">u2"),
     ("version", "u1"), ("tos", "u1"), ("length", ">u2"), ("id", ">u4"), ("ttl", "u1"), ("protocol", "u1"), ("checksum", ">u2"),
     ("source", ">u4"), ("target", ">u4"), ("srcport", ">u2"), ("dstport", ">u2"), ("seq", ">u4"), ("ack", ">u4"),
     ("offset", "u1"), ("flags", "u1"), ("window", ">u2"), ("rest", ">u4")]
)  # fmt: skip


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    """One SYN for each of 20,000 flows, from 500 clients to one server."""
    rows = np.zeros(FLOWS, RECORD)
    number = np.arange(FLOWS)
    rows["seconds"] = 1_700_000_000 + number // 1000
    rows["caplen"] = rows["wirelen"] = 54
    rows["ethertype"], rows["version"], rows["length"], rows["ttl"], rows["protocol"] = 0x0800, 0x45, 40, 64, 6
    rows["source"], rows["target"] = 0x0A000000 + number % 500, 0xC0000202
    rows["srcport"], rows["dstport"] = 1024 + number // 500, 8080
    rows["seq"], rows["offset"], rows["flags"], rows["window"] = number, 0x50, 2, 64240
    header = np.array([(0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)], "<u4, <u2, <u2, <i4, <u4, <u4, <u4")
    return analyze(io.BytesIO(header.tobytes() + rows.tobytes()))


def test_flows_take_less_than_400_bytes_each(analysis: Analysis) -> None:
    usage = analysis.flows.memory_usage(deep=True)
    assert len(analysis.flows) == FLOWS
    assert set(analysis.flows["verdict"]) == {"unanswered"}
    assert usage.sum() / FLOWS < 400, usage.sort_values(ascending=False).head(8)


def test_repeated_text_takes_a_number_per_row(analysis: Analysis) -> None:
    usage = analysis.flows.memory_usage(deep=True) / FLOWS
    for name in ("server", "history", "verdict", "client_state", "waiting_side", "roles_from"):
        assert usage[name] < 1.2, name  # one byte and a few texts
    assert usage["client"] < 5
    assert usage["display_filter"] < 0.4 * usage.sum()


def test_the_closed_form_takes_no_more_for_empty_columns(analysis: Analysis) -> None:
    assert analysis.close_wait.memory_usage(deep=True).sum() < 20_000
