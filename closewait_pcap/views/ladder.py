"""One flow as a ladder: the packets that changed a state of either end, in order, with both states beside them."""

from typing import NamedTuple

import numpy as np

from closewait_pcap import columns
from closewait_pcap.quantities import NO_TIME, Dating, count, socket_name, span
from closewait_pcap.results.flow_values import file_codes, frame_numbers
from closewait_pcap.results.result import Result
from closewait_pcap.results.values import Values
from closewait_pcap.tcp.records import BARE_SYN, FROM_SYN, HAS_FIN, LATE_DATA
from closewait_pcap.tcp.state import State
from closewait_pcap.verdicts.events import state_changes
from closewait_pcap.verdicts.judge import CLIENT, NOBODY, SERVER
from closewait_pcap.verdicts.verdict import WAITED

_SYN, _RST = columns.EVENTS.index("snd_syn"), columns.EVENTS.index("reset")
_SND_FIN, _RCV_FIN = columns.EVENTS.index("snd_fin"), columns.EVENTS.index("rcv_fin")
_RCV_SYN, _ACK_OF_FIN = columns.EVENTS.index("rcv_syn"), columns.EVENTS.index("rcv_ack_of_fin")
_ACK_OF_SYN = columns.EVENTS.index("rcv_ack_of_syn")


class Step(NamedTuple):
    """A rung: a packet, and the states that it changed."""

    frame: int
    """Its number in its file; -1: beyond what Wireshark counts."""
    file: str
    """Only where several were read."""
    time: int
    """ns since the epoch; 0: the frame has none."""
    sender: int
    """CLIENT or SERVER."""
    label: str
    """What of it changed a state: ``SYN, ACK``, ``FIN``, ``ACK``, ``RST``."""
    numbers: str
    """The sequence number of a SYN or FIN, the acknowledgement number of an ACK: as Wireshark shows them."""
    states: tuple[State | None, State | None]
    """What the client and the server are in after it; None: as before."""


class Ladder(NamedTuple):
    """One flow."""

    stream: int
    ends: tuple[str, str]
    """Client and server, address and port."""
    before: tuple[State, State]
    """Their states before the first step."""
    steps: list[Step]
    payload: str
    """How much either end sent."""
    payload_at: int
    """Before which step that is to be told."""
    waiting: int
    """CLIENT, SERVER or NOBODY."""
    held: int
    """For how long that end waited, ns; NO_TIME: not known."""
    since_step: int
    """The step with which that began; -1: none."""
    end_time: int | None
    """When the capture ended, ns since the epoch."""
    dating: Dating
    """What is known of the day of such times."""
    verdict: str


def ladder_of(result: Result, row: int) -> Ladder:
    """Make the ladder of one flow, from what is known of it: without reading the capture again.

    Args:
        result: an analysis.
        row: of the flow.
    """
    facts, judgement = result.facts, result.judgement
    rows = np.array([row])
    client, client_port, server, server_port = result.endpoints_of(rows)
    names = (
        socket_name(result.address(*client[0].tolist()), int(client_port[0])),
        socket_name(result.address(*server[0].tolist()), int(server_port[0])),
    )
    changes = state_changes(facts, judgement, rows)
    ends = facts.ends[row][[int(judgement.client_end[row]), 1 - int(judgement.client_end[row])]]
    steps = _steps(result, [column.tolist() for column in changes[1:]], ends)
    waiting = int(judgement.waiting[row]) if judgement.verdict[row] in WAITED else NOBODY
    since = next((at for at, step in enumerate(steps) if waiting != NOBODY and step.states[waiting] is State.CLOSE_WAIT), -1)
    before = [State(int(judgement.states[row, side])) for side in (CLIENT, SERVER)]
    for side, state in reversed([*zip(changes.side.tolist(), changes.from_state.tolist(), strict=True)]):
        before[side] = State(state)
    sent = [count(int(end["bytes"]), "byte") for end in ends]
    late = [name for name, end in zip(columns.SIDES, ends, strict=True) if end["flags"] & LATE_DATA]
    payload = f"payload: client {sent[CLIENT]}, server {sent[SERVER]}"
    payload += "".join(f"; the {name} sent after the FIN" for name in late)
    fins = [at for at, step in enumerate(steps) if "FIN" in step.label or "RST" in step.label]
    return Ladder(
        stream=int(result.streams_of(rows)[0]), ends=names, before=(before[0], before[1]), steps=steps, payload=payload,
        payload_at=fins[0] if fins else len(steps), waiting=waiting, held=int(judgement.held[row]), since_step=since,
        end_time=result.capture.end_time, dating=result.capture.dating, verdict=columns.VERDICTS[int(judgement.verdict[row])],
    )  # fmt: skip


def _steps(result: Result, changes: list[list[int]], ends: Values) -> list[Step]:
    """Gather the changes that one packet made."""
    files, steps, at = result.capture.files, [], 0
    sides, frames, times, events, _, to_states = changes
    while at < len(frames):
        until = at + 1
        while until < len(frames) and frames[until] == frames[at]:
            until += 1
        told = [*zip(sides[at:until], events[at:until], to_states[at:until], strict=True)]
        states: list[State | None] = [None, None]
        for side, _, state in told:
            states[side] = State(state)
        sender = _sender(told[0][:2], ends, frames[at])
        place = np.array([frames[at]])
        file = file_codes(files, place)
        label, numbers = _label([(side, event) for side, event, _ in told], ends, sender)
        number = int(frame_numbers(place)[0])
        file_name = files[int(file[0])] if len(files) > 1 else ""
        steps.append(Step(number, file_name, times[at], sender, label, numbers, (states[0], states[1])))
        at = until
    return steps


def _sender(change: tuple[int, int], ends: Values, frame: int) -> int:
    side, event = change
    if event == _RST:
        return CLIENT if ends[CLIENT]["rst_frame"] == frame else SERVER
    return 1 - side if event in (_ACK_OF_SYN, _ACK_OF_FIN) else side


def _label(changes: list[tuple[int, int]], ends: Values, sender: int) -> tuple[str, str]:
    """Name the flags that changed states, and their numbers."""
    me, you = ends[sender], ends[1 - sender]
    events = {event if side == sender else -1 - event for side, event in changes}
    flags, numbers = [], []
    if _SYN in events or (_RCV_SYN in events and not me["flags"] & BARE_SYN):
        flags.append("SYN")
        numbers.append(f"seq {_number(me, 0)}")
    if _SND_FIN in events:
        flags.append("FIN")
        numbers.append(f"seq {_number(me, int(me['fin']))}")
    if _RST in events or -1 - _RST in events:
        flags.append("RST")
        numbers.append(f"seq {_number(me, int(me['rst']))}")
    if (_RCV_FIN in events or -1 - _ACK_OF_FIN in events) and you["flags"] & HAS_FIN:
        flags.append("ACK")
        numbers.append(f"ack {_number(you, int(you['fin']) + 1)}")
    elif _RCV_SYN in events or -1 - _ACK_OF_SYN in events:
        flags.append("ACK")
        numbers.append(f"ack {_number(you, 1)}")
    return ", ".join(flags), " ".join(numbers)


def _number(end: Values, relative: int) -> str:
    """Write a number as Wireshark does: relative to the SYN's, or where that was not captured, as in the packet."""
    return str(relative) if end["flags"] & FROM_SYN else str((int(end["base"]) + relative) % 2**32)


def ending(ladder: Ladder) -> str:
    """Say how it ended, below the last step."""
    if ladder.waiting == NOBODY or ladder.held == NO_TIME:
        return ladder.verdict
    return f"{ladder.verdict}: the {columns.SIDES[ladder.waiting]} in CLOSE_WAIT for {span(ladder.held)}"


def spoken(ladder: Ladder) -> str:
    """Tell a ladder in words, for who does not see it."""
    client, server = ladder.ends
    steps = [
        f"frame {step.frame}, {columns.SIDES[step.sender]}: {step.label} {step.numbers}"
        + "".join(f", {name} {state.name}" for name, state in zip(columns.SIDES, step.states, strict=True) if state is not None)
        for step in ladder.steps
    ]
    return f"Stream {ladder.stream}, client {client}, server {server}. {'; '.join(steps)}. {ending(ladder)}."
