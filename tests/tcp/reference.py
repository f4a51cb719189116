"""The reference's facts in the kernel's terms, so that the two can be held against each other."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from closewait_pcap.flows.table import Facts
from closewait_pcap.tcp.endpoint import Endpoint
from closewait_pcap.tcp.records import (
    BARE_SYN,
    END,
    FIN_AGAIN,
    HAS_ACK,
    HAS_FIN,
    HAS_RST,
    LATE_DATA,
    SPOKE,
    SYN_ACK,
    SYN_ACK_AGAIN,
    WINDOW_UPDATE,
    ZERO_WINDOW,
)
from closewait_pcap.verdicts.judge import judge

if TYPE_CHECKING:
    from closewait_pcap.tcp.sequence import Segment

COMPARED = (
    BARE_SYN | SYN_ACK | SYN_ACK_AGAIN | HAS_FIN | FIN_AGAIN | HAS_RST | HAS_ACK | SPOKE | ZERO_WINDOW | LATE_DATA | WINDOW_UPDATE
)


def end_record(end: Endpoint) -> np.void:
    """What the reference knows of an end, as an END record; numbers are offsets."""
    row: np.void = np.zeros(1, END)[0]
    acks = end.peer.acknowledgements
    high = max((number for number, _ in acks), default=0)
    marks: dict[str, Segment | None] = {
        "ack": next((s for number, s in acks if number == high), None),
        "syn": end.syns[0] if end.syns else None,
        "syn_acked": end.syn_acked,
        "first_data": end.news[0][0] if end.news else None,
        "fin": end.fins[0] if end.fins else None,
        "rst": end.reset,
    }
    for name, mark in marks.items():
        if mark is not None:
            row[f"{name}_frame"] = mark.frame
            if name != "first_data":
                row[f"{name}_time"] = mark.time
    row["last_data_time"] = end.news[-1][0].time if end.news else 0
    row["flags"] = (
        BARE_SYN * end.opened
        | SYN_ACK * end.answered_syn
        | SYN_ACK_AGAIN * end.syn_ack_again
        | HAS_FIN * bool(end.fins)
        | FIN_AGAIN * end.fin_again
        | HAS_RST * (end.reset is not None)
        | HAS_ACK * bool(acks)
        | SPOKE * end.spoke
        | LATE_DATA * end.late_data
        | WINDOW_UPDATE * end.updated_window
        | ZERO_WINDOW * (end.zero_window_since is not None)
    )
    row["packets"], row["bytes"] = end.packets, end.bytes
    row["data_high"] = end.data_end if end.news else 0
    row["ack_high"] = high
    row["data_ack"] = high - (end.unanswered_bytes or 0)
    row["fin"] = end.fin_number or 0
    row["zero_since"] = end.zero_window_since.time if end.zero_window_since else 0
    return row


def assert_reference(ends: Sequence[Endpoint], facts: Facts, flow: int = 0) -> None:
    """Assert that reference and kernel agree on all facts, on states and on the verdict of one flow.

    Args:
        ends: the reference's, in the kernel's order.
        facts: the kernel's.
        flow: which.
    """
    expected = np.array([end_record(end) for end in ends])
    found = facts.ends[flow]
    for n in (0, 1):
        assert describe(expected[n]) == describe(found[n]), f"end {n}"
    judged = {}
    alone = facts.flows[flow : flow + 1].copy()
    alone["previous"] = -1
    for name, records in (("reference", expected), ("kernel", np.asarray(found))):
        at = judge(Facts(alone, records.reshape(1, 2)), stuck_after=10**9, end_time=LATE)
        judged[name] = [getattr(at, field).tolist() for field in ("verdict", "waiting", "since", "held", "stuck", "states")]
    assert judged["reference"] == judged["kernel"]
    client = int(at.client_end[0])
    assert [int(ends[client].state), int(ends[1 - client].state)] == at.states[0].tolist()


LATE = 1_780_000_000_000_000_000 + 3_600_000_000_000


def describe(record: np.void) -> dict[str, int]:
    """Name an END record's facts; numbers as distances, since the base of an end without a SYN is a matter of taste."""
    names = [name for name in END.names or () if name.endswith(("_frame", "_time")) or "bytes" in name]
    facts = {name: int(record[name]) for name in (*names, "packets", "flags")}
    flags = facts["flags"] = facts["flags"] & COMPARED
    facts["unanswered"] = int(record["ack_high"] - record["data_ack"]) if facts["first_data_frame"] else 0
    facts["zero_since"] = int(record["zero_since"]) if flags & ZERO_WINDOW else 0
    for name, flag in (("fin", HAS_FIN), ("rst", HAS_RST)):
        for what in ("frame", "time"):
            facts[f"{name}_{what}"] *= bool(flags & flag)
    if not facts["syn_frame"]:
        facts["syn_acked_frame"] = facts["syn_acked_time"] = 0
    return facts


def assert_same(one: Facts, other: Facts) -> None:
    """Assert that two runs learned the same, field by field."""
    for mine, yours in ((one.flows, other.flows), (one.ends, other.ends)):
        assert len(mine) == len(yours)
        for name in mine.dtype.names or ():
            if name not in ("hole", "previous"):
                assert np.array_equal(mine[name], yours[name]), name
