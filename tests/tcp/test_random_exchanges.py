"""Whatever two ends say and however badly a tap shows it: the kernel knows what the reference knows."""

from collections import Counter

import numpy as np
from hypothesis import given, seed, settings

from closewait_pcap.capture.packets import PACKET
from closewait_pcap.engine import COMPILED, PLAIN, Mode, Records, as_array
from closewait_pcap.flows.table import Facts, FlowTable
from closewait_pcap.tcp.endpoint import Endpoint
from closewait_pcap.verdicts.judge import Judgement, judge
from closewait_pcap.verdicts.verdict import Verdict
from tests.tcp.exchanges import EPOCH, Captured, doubled, exchanges, noisy, numbered
from tests.tcp.reference import assert_reference, assert_same
from tests.tcp.wire import packet_records

END_TIME = EPOCH + 60 * 10**9


def follow(rows: Records, mode: Mode = PLAIN) -> Facts:
    """What the kernel learns of packets."""
    table = FlowTable(mode)
    table.follow(as_array(rows, PACKET, len(rows)) if mode.compiled else rows, len(rows))
    return table.facts()


def facts_of(captured: Captured, left: str = "10.0.0.1") -> Facts:
    """What the kernel learns of one exchange."""
    return follow(packet_records(captured, left))


def judged(facts: Facts) -> Judgement:
    """What is concluded, a minute after the exchange began."""
    return judge(facts, stuck_after=10**9, end_time=END_TIME)


def left_end(captured: Captured) -> Endpoint:
    """What the reference knows."""
    return Endpoint([s for left, s in captured if left], [s for left, s in captured if not left])


@settings(max_examples=settings().max_examples * 3)
@given(noisy())
def test_kernel_and_reference_know_the_same(captured: Captured) -> None:
    if captured:
        left = left_end(captured)
        assert_reference((left, left.peer), facts_of(captured))


@given(noisy())
def test_neither_end_is_special(captured: Captured) -> None:
    """With the addresses in the other order, and with the ends swapped, the same is known of each."""
    if captured:
        one, other = facts_of(captured), facts_of(captured, left="10.0.0.9")
        for name in one.ends.dtype.names or ():
            if name != "hole":
                assert one.ends[0][name].tolist() == other.ends[0][::-1][name].tolist(), name
        mine, yours = left_end(captured), left_end([(not left, s) for left, s in captured])
        assert (mine.changes(), mine.peer.changes()) == (yours.peer.changes(), yours.changes())


@given(exchanges())
def test_every_packet_twice_changes_no_verdict_and_no_byte_count(captured: Captured) -> None:
    if captured:
        once, twice = facts_of(numbered(captured)), facts_of(doubled(captured))
        assert (2 * once.ends["packets"] == twice.ends["packets"]).all()
        for name in ("bytes", "data_ack", "ack_high", "next", "data_high", "fin_time", "rst_time", "syn_acked_time"):
            assert once.ends[name].tolist() == twice.ends[name].tolist(), name
        one, other = judged(once), judged(twice)
        for name in ("verdict", "waiting", "since", "held", "stuck", "states"):
            assert getattr(one, name).tolist() == getattr(other, name).tolist(), name


def test_compiled_and_plain_kernels_learn_the_same() -> None:
    """A few hundred exchanges as flows of one run; every field of every record is equal."""
    flows: list[Captured] = []

    @seed(9293)
    @settings(max_examples=300, database=None)
    @given(noisy())
    def collect(captured: Captured) -> None:
        flows.append(captured)

    collect()
    rows = []
    for number, captured in enumerate(flows):
        rows += packet_records(captured, left=f"10.1.{number >> 8}.{number & 255}")
    rows.sort(key=lambda row: row.frame)  # interleaved
    for frame, row in enumerate(rows, 1):
        row.frame = frame
    plain, compiled = follow(rows), follow(rows, COMPILED)
    assert_same(plain, compiled)
    one, other = judged(plain), judged(compiled)
    assert np.array_equal(one.verdict, other.verdict)
    assert len(Counter(Verdict(v) for v in one.verdict.tolist())) >= 8, "the exchanges are too much alike"
