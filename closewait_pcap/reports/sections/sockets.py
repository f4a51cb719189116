"""What socket tables say: who holds what, and where kernel and packets differ."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from closewait_pcap import quantities
from closewait_pcap.quantities import NO_TIME
from closewait_pcap.reports.account import Account
from closewait_pcap.reports.parts import Part, Section, Sentence
from closewait_pcap.results.addresses import address_text
from closewait_pcap.results.result import Result
from closewait_pcap.results.values import Values
from closewait_pcap.sockets.counting import Queue, queues
from closewait_pcap.sockets.table import Snapshot, Socket
from closewait_pcap.tcp.state import State
from closewait_pcap.verdicts.agreement import Agreement
from closewait_pcap.verdicts.differences import ABSENT, RULES
from closewait_pcap.verdicts.verdict import Verdict

if TYPE_CHECKING:
    from closewait_pcap.sockets.matching import Matches

MOST = 10
"""Differences, holders and queues told; the rest is counted."""
_SHOWN = 5
"""Streams and descriptors named of each."""
NEVER_ACCEPTED = "nobody: never accepted"
QUEUED = "nobody: waits to be accepted"
CLOSED = "nobody: closed"
HIDDEN = "a process not shown"
NOT_TOLD = "not told"


def holder(socket: Socket) -> str:
    """Say who holds a socket: ``python3[123] fd 7``."""
    if socket.users:
        first = socket.users[0]
        number = f"[{first.pid}]" if first.pid is not None else ""
        descriptor = f" fd {first.fd}" if first.fd is not None else ""
        more = f" and {len(socket.users) - 1:,} more" if len(socket.users) > 1 else ""
        return quantities.printable(f"{first.process}{number}{descriptor}{more}")
    if socket.inode == 0:
        return NEVER_ACCEPTED if socket.state is State.CLOSE_WAIT else QUEUED if socket.state is State.ESTABLISHED else CLOSED
    return NOT_TOLD if socket.inode is None else HIDDEN


def flow_holder(result: Result, row: int) -> str:
    """Say who holds the socket of the end that waits; of a flow without one, of the first end that a process is known of."""
    matches = result.matches
    if matches is None:
        return ""
    waiting = int(result.judgement.waiting[row])
    places = [int(matches.of_side(side)[row]) for side in ((waiting,) if waiting >= 0 else (1, 0))]
    sockets = [matches.sockets[place] for place in places if place >= 0]
    if waiting < 0:
        sockets = [socket for socket in sockets if socket.users]
    return holder(sockets[0]) if sockets else ""


def say(account: Account) -> Section | None:
    """Say it; nothing where no tables were given."""
    result, shown = account.result, account.rows
    matches, agreement = result.matches, result.agreement
    if matches is None or agreement is None:
        return None
    here = np.isin(agreement.row, shown)
    parts: list[Part] = [Sentence(_overview(matches, agreement, here, shown))]
    parts += [Sentence(sentence, 1) for sentence in reader_sentences(matches.snapshots)]
    parts += map(Sentence, _addresses(result, matches))
    parts += _holders(result, matches, shown)
    differences = _differences(result, agreement, np.flatnonzero(here & ~agreement.agrees))
    if differences:
        parts.append(Sentence("Where kernel and packets differ:"))
        parts += [Sentence(sentence, 1) for sentence in differences[:MOST]]
        if len(differences) > MOST:
            parts.append(Sentence(f"... and {quantities.count(len(differences) - MOST, 'more kind')} of difference", 1))
    parts += map(Sentence, queue_sentences([matches.snapshots[number] for number in matches.order]))
    return Section("sockets", "Sockets", parts)


def _overview(matches: "Matches", agreement: Agreement, here: Values, shown: Values) -> str:
    joined = int(np.isin(matches.joined, shown).sum())
    states = int((here & (agreement.kernel != ABSENT)).sum())
    agree = int((here & agreement.agrees).sum())
    absent = int((here & (agreement.kernel == ABSENT)).sum())
    flows = quantities.count(len(shown), "flow")
    text = f"{joined:,} of {flows} stand{'s' * (joined == 1)} in {table_names(matches.snapshots)}"
    if not joined:
        return f"{text}."
    text += f"; of {quantities.count(states, 'state')}, {agree:,} agree{'s' * (agree == 1)} with the packets"
    differ = states - agree
    text += f", {differ:,} differ{'s' * (differ == 1)}" if differ else ""
    return f"{text}; {quantities.count(absent, 'end')} without a socket." if absent else f"{text}."


def _addresses(result: Result, matches: "Matches") -> list[str]:
    """Tell the addresses of hosts that packets name, as the sockets of their flows have them; not of names that were dropped."""
    joined = np.flatnonzero(matches.flow_of >= 0) if result.hosts else np.empty(0, np.int64)
    flows, known = result.facts.flows[matches.flow_of[joined]], dict[str, str]()
    for place, end, flow in zip(joined.tolist(), matches.end_of[joined].tolist(), flows, strict=True):
        socket = matches.sockets[place]
        for its, which in ((socket.local, "ab"[end]), (socket.peer, "ba"[end])):
            words = int(flow[f"{which}_hi"]), int(flow[f"{which}_lo"])
            name = result.hosts.get(words)
            if name is not None and its.address is not None and name != address_text(*words):
                known.setdefault(name, str(its.address))
    told = [f"{name} is {address}" for name, address in sorted(known.items())[:MOST]]
    return [f"By the sockets of its flows, {', '.join(told)}."] if told else []


def table_names(snapshots: Sequence[Snapshot]) -> str:
    """Name the tables, and say who wrote them and when."""
    names = list(dict.fromkeys(snapshot.source for snapshot in snapshots))
    told = ", ".join(quantities.printable(name) for name in names[:3])
    told += f" and {quantities.count(len(names) - 3, 'more file')}" if len(names) > 3 else ""
    several = f"{quantities.count(len(snapshots), 'table')}: " if len(snapshots) > 1 else ""
    root = " (read as root)" if all(snapshot.privileged for snapshot in snapshots) else ""
    return several + told + root


def reader_sentences(snapshots: Sequence[Snapshot]) -> list[str]:
    """Say of which tables the reader did not see all processes, or may not have."""
    hidden = sorted({snapshot.source for snapshot in snapshots if snapshot.privileged is False})
    bare = sorted({snapshot.source for snapshot in snapshots if _is_bare(snapshot)} - set(hidden))
    sentences = []
    if hidden:
        sentences.append(
            f"{_names(hidden)}: some processes were hidden from the reader, who was not root (or in a container): "
            "that none is shown proves nothing. Next: sudo ss -tanpe"
        )
    if bare:
        sentences.append(f"{_names(bare)}: no processes are shown. Next: sudo ss -tanpe, which tells who holds each socket")
    return sentences


def _is_bare(snapshot: Snapshot) -> bool:
    """Whether a table shows no process, though it has sockets that some must hold."""
    sockets = snapshot.sockets
    return not any(socket.users for socket in sockets) and any(socket.inode != 0 for socket in sockets)


def _names(names: list[str]) -> str:
    more = f" and {quantities.count(len(names) - 3, 'more file')}" if len(names) > 3 else ""
    return ", ".join(quantities.printable(name) for name in names[:3]) + more


def _holders(result: Result, matches: "Matches", shown: Values) -> list[Part]:
    """Say who holds the flows that are in CLOSE_WAIT, and since which table they are."""
    judgement = result.judgement
    waiting = shown[judgement.verdict[shown] == Verdict.close_wait]
    held: list[Socket] = []
    for row in waiting.tolist():
        place = int(matches.of_side(int(judgement.waiting[row]))[row])
        if place >= 0 and matches.sockets[place].state is State.CLOSE_WAIT:
            held.append(matches.sockets[place])
    parts: list[Part] = [*map(Sentence, holder_sentences(held))]
    first, last = matches.first_close_wait[waiting], matches.last_close_wait[waiting]
    several = np.flatnonzero((first != NO_TIME) & (last > first))
    if len(several):
        dating = result.capture.dating
        longest = several[np.argmax(last[several] - first[several])]
        text = (
            f"In CLOSE_WAIT in more than one table: {quantities.count(len(several), 'flow')}, the longest from "
            f"{quantities.moment(int(first[longest]), dating)} to {quantities.moment(int(last[longest]), dating)} "
            f"({quantities.span(int(last[longest] - first[longest]))})."
        )
        parts.append(Sentence(text))
    return parts


def holder_sentences(sockets: Sequence[Socket]) -> list[str]:
    """Say who holds these sockets in CLOSE_WAIT: the process with the most of them first."""
    groups: dict[str, list[int]] = {}
    for socket in sockets:
        first = socket.users[0] if socket.users else None
        number = f"[{first.pid}]" if first and first.pid is not None else ""
        name = quantities.printable(f"{first.process}{number}") if first else holder(socket)
        groups.setdefault(name, []).append(-1 if first is None or first.fd is None else first.fd)
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    sentences = [
        f"{_MEANINGS[name]}: {len(fds):,} in CLOSE_WAIT"
        if name in _MEANINGS
        else f"Held by {name}: {len(fds):,} in CLOSE_WAIT{_descriptors(fds)}"
        for name, fds in ordered[:MOST]
    ]
    if len(ordered) > MOST:
        rest = sum(len(fds) for _, fds in ordered[MOST:])
        sentences.append(f"... and {rest:,} by {quantities.count(len(ordered) - MOST, 'more holder')}")
    return sentences


def _descriptors(fds: list[int]) -> str:
    known = sorted({fd for fd in fds if fd >= 0})
    return f" (fd {', '.join(map(str, known[:_SHOWN]))}{' ...' * (len(known) > _SHOWN)})" if known else ""


_MEANINGS = {
    NEVER_ACCEPTED: "Never accepted (inode 0: no process ever held a descriptor of them)",
    NOT_TOLD: "Never accepted, or held by a process that the reader may not see (ss -e tells which, by the inode)",
    HIDDEN: "Held by a process that is not shown (look as root, or in its PID namespace)",
}


def _differences(result: Result, agreement: Agreement, places: Values) -> list[str]:
    """Group the differences that are alike, those of flows in CLOSE_WAIT first, then the most frequent."""
    columns = (agreement.reason, agreement.inferred, agreement.kernel, agreement.side)
    keys, of_key, counts = np.unique(
        np.stack([column[places] for column in columns], axis=1), axis=0, return_inverse=True, return_counts=True
    )
    of_key = of_key.reshape(-1)

    def weight(number: int) -> tuple[bool, int]:
        _, inferred, kernel, _ = keys[number].tolist()
        return State.CLOSE_WAIT not in (inferred, kernel), -int(counts[number])

    sentences = []
    for number in sorted(range(len(keys)), key=weight):
        streams = result.streams_of(agreement.row[places[np.flatnonzero(of_key == number)[:_SHOWN]]]).tolist()
        sentences.append(_difference(keys[number].tolist(), int(counts[number]), streams))
    return sentences


def _difference(key: list[int], count: int, streams: list[int]) -> str:
    reason, inferred, kernel, side = key
    named = f"stream{'s' * (count > 1)} {', '.join(map(str, streams))}{' ...' * (count > len(streams))}"
    says = "has no socket" if kernel == ABSENT else f"says {State(kernel).name}"
    ends = f"{quantities.count(count, ('client', 'server')[side])} ({named})"
    return f"{ends}: packets show {State(inferred).name}, kernel {says}: {RULES[reason].sentence}"


def queue_sentences(snapshots: Sequence[Snapshot]) -> list[str]:
    """Say which accept queues are full, each once, by the first of the tables that has it."""
    found: dict[object, Queue] = {}
    for snapshot in snapshots:
        for queue in queues(snapshot):
            found.setdefault((queue.listener.local, queue.listener.users), queue)
    full = sorted((queue for queue in found.values() if queue.full), key=lambda queue: -queue.length)
    sentences = [
        f"Accept queue full: {endpoint_text(queue.listener)} ({holder(queue.listener)}) has {queue.length:,} waiting, "
        f"{queue.limit:,} is its limit: it does not accept, and further connections are not answered"
        for queue in full[:MOST]
    ]
    return sentences + ([f"... and {quantities.count(len(full) - MOST, 'more full queue')}"] if len(full) > MOST else [])


def endpoint_text(socket: Socket) -> str:
    """Write a socket's own end."""
    local = socket.local
    if local.text:
        return quantities.printable(local.text)
    address = "*" if local.address is None else str(local.address)
    return f"[{address}]:{local.port}" if ":" in address else f"{address}:{'*' if local.port is None else local.port}"
