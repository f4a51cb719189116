"""A language for tests: a TCP exchange as a ladder, one packet a line between the states of both ends, parsed and played.

::

    ESTABLISHED                                            ESTABLISHED   # the ends before the first packet, for the reader
    ESTABLISHED  <-- P.  300:420(120) ack 100          <-- ESTABLISHED
    FIN_WAIT_1   --> F.  100:100(0)   ack 420 @1.5s    --> ESTABLISHED   # sent, not yet proved received
    FIN_WAIT_2   <-- .   420          ack 101 win 0    <-- CLOSE_WAIT
    ... 5s                                                               # the capture goes on for 5 s

A packet reads as tcpdump prints it: flags, ``seq:end(len)`` (``seq`` alone: no payload), ``ack N``, ``win N``, ``wscale N``;
its time follows ``@``, else it is 1 ms after the packet before. The states beside a packet are those an observer knows *after*
it, and are asserted (``?``: not looked at). ``== ... ==`` begins a new connection between the same two ports, with other initial
sequence numbers (``== same numbers ==``: with the same); a packet marked ``old`` is the previous connection's, in its numbers and
with its states.

Every ladder is climbed in many ways: by the reference; by the kernel, plain and compiled; from a capture file over IPv4 and IPv6;
with the addresses in the other order; with sequence numbers that wrap at every interesting place; with every packet twice.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from closewait_pcap.capture.packets import ACK, FIN, PACKET, PSH, RST, SYN
from closewait_pcap.capture.reader import CaptureReader
from closewait_pcap.engine import COMPILED, PLAIN, Mode, Records, as_array
from closewait_pcap.flows.roles import RolesFrom
from closewait_pcap.flows.table import Facts, FlowTable
from closewait_pcap.tcp.endpoint import Endpoint
from closewait_pcap.tcp.sequence import Segment
from closewait_pcap.tcp.state import State
from closewait_pcap.verdicts.cause import Cause, Confidence
from closewait_pcap.verdicts.causes.diagnosis import Diagnosis
from closewait_pcap.verdicts.evidence.listeners import gather
from closewait_pcap.verdicts.evidence.servers import under_pressure
from closewait_pcap.verdicts.evidence.waiting import Waiting
from closewait_pcap.verdicts.judge import Judgement, judge
from closewait_pcap.verdicts.limits import Limit, limits_of
from closewait_pcap.verdicts.verdict import Verdict
from tests.tcp.reference import assert_reference, assert_same
from tests.tcp.wire import address, packet_records, pcap

EPOCH = 1_780_000_000_000_000_000
MS = 1_000_000
ECHO = 200_000
"""A copy of a packet comes 0.2 ms later."""

LINE = re.compile(
    r"(?P<left>[A-Z_0-9?]+)?\s*(?P<arrow>-->|<--)\s+(?P<flags>[SFRP.]+)(?:\s+(?P<seq>\d+)(?::(?P<end>\d+)\((?P<len>\d+)\))?)?"
    r"(?:\s+ack (?P<ack>\d+))?(?:\s+win (?P<window>\d+))?(?:\s+wscale (?P<wscale>\d+))?(?P<old>\s+old)?"
    r"(?:\s+@(?P<at>[\d.]+)(?P<unit>ms|s|m))?\s+(?P=arrow)\s*(?P<right>[A-Z_0-9?]+)?"
)
FLAGS = {"S": SYN, "F": FIN, "R": RST, "P": PSH, ".": ACK}
UNITS = {"ms": MS, "s": 1000 * MS, "m": 60_000 * MS}


@dataclass(frozen=True)
class Step:
    """One packet of a ladder; numbers as printed."""

    text: str
    segment: Segment
    left_sends: bool
    connection: int
    states: tuple[str, str]


@dataclass(frozen=True)
class Way:
    """One way to climb."""

    name: str
    mode: Mode = PLAIN
    offsets: tuple[int, int] = (0, 0)
    """What is added to the numbers of the left and of the right end."""
    left: str = "10.0.0.1"
    right: str = "10.0.0.2"
    doubled: bool = False
    from_file: bool = False


@dataclass
class Played:
    """What came of one way."""

    facts: Facts
    judgement: Judgement
    left_end: int


@dataclass
class Ladder:
    """A parsed ladder."""

    steps: list[Step] = field(default_factory=list)
    same_numbers: set[int] = field(default_factory=set)
    end: int = 0

    @classmethod
    def parse(cls, text: str) -> "Ladder":
        """Read the text of a ladder."""
        ladder, time, connection = cls(), 0, 0
        for raw in text.splitlines():
            line = raw.partition("#")[0].strip()
            if line.startswith("=="):
                connection += 1
                if "same numbers" in line:
                    ladder.same_numbers.add(connection)
            elif line.startswith("..."):
                length_of_silence = re.fullmatch(r"\.\.\. ([\d.]+)(ms|s|m)", line)
                assert length_of_silence, f"not a time: {line!r}"
                ladder.end = time + int(float(length_of_silence[1]) * UNITS[length_of_silence[2]])
            elif "--" in line:
                match = LINE.fullmatch(line)
                assert match, f"not a packet of a ladder: {line!r}"
                m = match.groupdict()
                time = int(float(m["at"]) * UNITS[m["unit"]]) if m["at"] else time + MS * bool(ladder.steps)
                length = int(m["len"] or 0)
                assert not m["end"] or int(m["seq"]) + length == int(m["end"]), f"{line!r}: seq:end(len) do not agree"
                flags = sum(FLAGS[letter] for letter in m["flags"])
                segment = Segment(
                    len(ladder.steps) + 1, time, int(m["seq"] or 0), int(m["ack"] or 0), length,
                    int(m["window"] or (0 if flags & RST or m["window"] else 501)), int(m["wscale"] or -1), flags,
                )  # fmt: skip
                states = (m["left"] or "?", m["right"] or "?")
                ladder.steps.append(Step(line, segment, m["arrow"] == "-->", connection - bool(m["old"]), states))
            elif line:
                assert len([State.parse(word) for word in line.split()]) == 2, f"two states, not {line!r}"
        ladder.end = max(ladder.end, time)
        return ladder

    def numbers(self, left: bool) -> list[int]:
        """All numbers of one end that the ladder prints."""
        own = [n for s in self.steps if s.left_sends == left for n in (s.segment.seq, s.segment.seq + s.segment.len)]
        return sorted({*own, *(s.segment.ack for s in self.steps if s.left_sends != left and s.segment.flags & ACK)})

    def segments(self, way: Way) -> list[tuple[Step, Segment]]:
        """The packets as they go over the wire in one of the ways."""
        shifts = [0]
        for connection in range(1, 1 + max(s.connection for s in self.steps)):
            shifts.append(shifts[-1] + (0 if connection in self.same_numbers else 0x1357_9BDF))
        found = []
        for step in self.steps:
            s, shift = step.segment, shifts[step.connection]
            mine, yours = way.offsets if step.left_sends else way.offsets[::-1]
            seq = (s.seq + mine + shift) % 2**32
            ack = (s.ack + yours + shift) % 2**32 if s.flags & ACK else 0
            found.append((step, s._replace(time=EPOCH + s.time, seq=seq, ack=ack)))
            if way.doubled:
                found.append((step, found[-1][1]._replace(time=EPOCH + s.time + ECHO)))
        return [(step, segment._replace(frame=n)) for n, (step, segment) in enumerate(found, 1)]

    def ways(self) -> Iterator[Way]:
        """All ways to climb, beginning with the plain one."""
        plain = Way("plain")
        yield plain
        yield Way("compiled", mode=COMPILED)
        yield Way("swapped", left="10.0.0.9")
        yield Way("doubled", doubled=True)
        yield Way("file", from_file=True)
        yield Way("file over IPv6", from_file=True, left="2001:db8::9", right="2001:db8::1")
        left, right = self.numbers(True) or [1], self.numbers(False) or [1]
        for n in range(max(len(left), len(right))):
            wrap = (2**32 - left[min(n, len(left) - 1)], 2**32 - right[min(n, len(right) - 1)])
            yield replace(plain, name=f"wrap {n}", offsets=wrap)

    def records(self, way: Way) -> Records:
        """The packets as a list of PACKET records."""
        return packet_records([(step.left_sends, s) for step, s in self.segments(way)], way.left, way.right)


class Climb:
    """A ladder that has been climbed in all ways; every state printed on it was found."""

    def __init__(self, text: str, stuck_after: float = 1.0) -> None:
        self.ladder = Ladder.parse(text)
        self.stuck_after = int(stuck_after * 1e9)
        self.ways = list(self.ladder.ways())
        self._check_reference(self.ways[0])
        for way in self.ways:
            if way.mode is PLAIN and not way.from_file:
                self._check_states(way)
        self.played = {way.name: self._play(way) for way in self.ways}
        assert_same(self.played["plain"].facts, self.played["compiled"].facts)
        for name in ("file", "wrap 0"):
            assert_same_verdicts(self.played["plain"].judgement, self.played[name].judgement)

    def verdict(
        self,
        verdict: str,
        side: str | None = None,
        stuck: bool | None = None,
        since: int | None = None,
        held: float | None = None,
        flow: int = -1,
        roles_from: str | None = None,
    ) -> "Climb":
        """Assert what is concluded, in all ways.

        Args:
            verdict: of one flow.
            side: "client" or "server": who waits.
            stuck: None: missing.
            since: the packet (counted from 1) since which it waits.
            held: seconds.
            flow: which connection of the ladder.
            roles_from: how client and server are told apart.
        """
        for name, played in self.played.items():
            j = played.judgement
            waiting = {0: "client", 1: "server", -1: None}[int(j.waiting[flow])]
            assert Verdict(j.verdict[flow]).name == verdict, name
            assert waiting == side, name
            assert {1: True, 0: False, -1: None}[int(j.stuck[flow])] is stuck, name
            if since is not None:
                assert j.since[flow] == EPOCH + self.ladder.steps[since - 1].segment.time, name
            if held is not None:
                assert abs(j.held[flow] / 1e9 - held) < 2e-3, name
            if roles_from is not None and name != "swapped":
                assert RolesFrom(j.roles_from[flow]).name == roles_from, name
        return self

    def cause(self, cause: str, confidence: str, *told: str, flow: int = -1) -> "Climb":
        """Assert why it waits, in all ways.

        Args:
            cause: the cause's name.
            confidence: how sure.
            told: what the evidence says in the plain way.
            flow: which connection of the ladder.
        """
        for name in self.played:
            diagnosis = self.diagnosis(name, flow)
            assert (str(Cause(diagnosis.cause[0])), str(Confidence(diagnosis.confidence[0]))) == (cause, confidence), name
        evidence = self.diagnosis("plain", flow).evidence(0)
        assert all(words in evidence for words in told), evidence
        return self

    def diagnosis(self, name: str = "plain", flow: int = -1) -> Diagnosis:
        """The cause of one flow, in one of the ways."""
        played = self.played[name]
        row = np.arange(len(played.facts.flows))[flow:][:1]
        sides, listeners = played.judgement.waiting[row], gather(played.facts, played.judgement)
        return Diagnosis(Waiting(played.facts, played.judgement, row, sides, listeners))

    def limits(self, flow: int = -1) -> set[str]:
        """What the capture cannot show of a flow, the same in all ways."""
        found = set()
        for played in self.played.values():
            row = np.arange(len(played.facts.flows))[flow:][:1]
            pressed = under_pressure(played.facts, played.judgement)
            found.add(int(limits_of(played.facts, played.judgement, row, pressed)[0]))
        assert len(found) == 1, found
        bits = found.pop()
        return {str(limit.name) for limit in Limit if limit & bits}

    def states(self, flow: int = -1) -> tuple[str, str]:
        """The left and the right end's state at the end, the same in all ways."""
        found = {self._states(played, flow) for played in self.played.values()}
        assert len(found) == 1, found
        return found.pop()

    def facts(self, flow: int = -1) -> tuple[np.void, np.void]:
        """The END records of the left and of the right end."""
        played = self.played["plain"]
        return played.facts.ends[flow][played.left_end], played.facts.ends[flow][1 - played.left_end]

    def doubled_facts(self, flow: int = -1) -> tuple[np.void, np.void]:
        """The same with every packet captured twice."""
        played = self.played["doubled"]
        return played.facts.ends[flow][played.left_end], played.facts.ends[flow][1 - played.left_end]

    def _play(self, way: Way) -> Played:
        end = EPOCH + self.ladder.end
        rows = self.ladder.records(way)
        table = FlowTable(way.mode)
        if way.from_file:
            reader = CaptureReader(io.BytesIO(pcap(rows)), way.name)
            for batch, count in reader.batches():
                table.follow(batch, count)
            assert reader.info.tcp_frames == len(rows)
        else:
            table.follow(as_array(rows, PACKET, len(rows)) if way.mode.compiled else rows, len(rows))
        facts = table.facts()
        left_end = int(address(way.left) > address(way.right))
        return Played(facts, judge(facts, stuck_after=self.stuck_after, end_time=end), left_end)

    def _states(self, played: Played, flow: int) -> tuple[str, str]:
        client = int(played.judgement.client_end[flow])
        left = int(played.left_end != client)
        return str(State(played.judgement.states[flow][left])), str(State(played.judgement.states[flow][1 - left]))

    def _check_states(self, way: Way) -> None:
        """Follow packet by packet with the kernel; after each the states are the printed ones."""
        table = FlowTable(PLAIN)
        left_end = int(address(way.left) > address(way.right))
        for (step, segment), row in zip(self.ladder.segments(way), self.ladder.records(way), strict=True):
            table.follow([row], 1)
            facts = table.facts()
            played = Played(facts, judge(facts, stuck_after=self.stuck_after, end_time=segment.time), left_end)
            found = self._states(played, step.connection)
            for printed, state in zip(step.states, found, strict=True):
                assert printed in ("?", state), f"{way.name}: {step.text!r}: {found}"

    def _check_reference(self, way: Way) -> None:
        """The same with the reference; at the end both agree in facts, states and verdicts."""
        segments = self.ladder.segments(way)
        for n, (step, _) in enumerate(segments, 1):
            left = endpoint(segments[:n], step.connection)
            found = str(left.state), str(left.peer.state)
            for printed, state in zip(step.states, found, strict=True):
                assert printed in ("?", state), f"reference: {step.text!r}: {found}"
        played = self._play(way)
        for connection in range(len(played.facts.flows)):
            left = endpoint(segments, connection)
            ends = (left, left.peer)[:: -1 if played.left_end else 1]
            assert_reference(ends, played.facts, connection)


def endpoint(segments: list[tuple[Step, Segment]], connection: int) -> Endpoint:
    """The reference's left end of one connection."""
    mine = [(step, s) for step, s in segments if step.connection == connection]
    return Endpoint([s for step, s in mine if step.left_sends], [s for step, s in mine if not step.left_sends])


def assert_same_verdicts(one: Judgement, other: Judgement) -> None:
    """Hold two judgements against each other, frame numbers aside."""
    for name in ("verdict", "waiting", "since", "held", "stuck"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist(), name
