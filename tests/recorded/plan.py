"""What is played: services that deal with connections in many ways, and who visits them, when, and what they do there.

The first letter of a request says what becomes of the connection, where an application comes to read it: `LETTERS`.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

LASTS = 6.0
"""Seconds from the first visit until everything is frozen."""
LETTERS = {
    "O": "is answered and closed",
    "A": "is answered and kept",
    "L": "is answered and closed late",
    "H": "is read, and then the worker hangs",
    "N": "is read to its end, never answered and never closed",
    "P": "is read in part, and then the worker hangs",
    "B": "is answered bit by bit, for ever",
    "C": "is answered with more than the client takes, and closed",
    "Q": "is answered with more than the client takes, and kept",
}
Step = list[Any]
"""``send`` or ``try`` (letter, bytes), ``receive`` (seconds, bytes), ``sleep`` (seconds), ``shut``, ``close``, ``reset`` or
``hold``."""


@dataclass
class Visit:
    """A connection, and what its client does."""

    at: float
    """Seconds after the first."""
    steps: list[Step]
    source_port: int = 0
    """0: any."""
    receive_buffer: int = 0
    """Bytes; 0: as the system has it."""


@dataclass
class Service:
    """A listener, and what is done with its connections."""

    name: str
    port: int
    behaviour: str
    """A function of `serving`."""
    backlog: int
    visits: list[Visit]
    workers: int = 1
    """Processes; of one that stops accepting: connections that it accepts."""
    options: dict[str, Any] = field(default_factory=dict)
    """``receive_buffer``, ``send_buffer``, ``defer``, ``banner``, ``unread``, ``parent_keeps``."""


def save(services: list[Service], path: Path) -> None:
    """Write a plan for the processes that play it."""
    path.write_text(json.dumps([asdict(service) for service in services]))


def load(path: Path) -> list[Service]:
    """Read a plan."""
    plan = json.loads(path.read_text())
    return [Service(**each | {"visits": [Visit(**visit) for visit in each["visits"]]}) for each in plan]


def services(seed: int) -> list[Service]:
    """Make a plan: the same for the same seed."""
    chance = random.Random(seed)
    found = [*_hanging(chance), *_leaking(chance), *_unread(chance), *_half_closed(chance), *_others(chance)]
    return [Service(port=8001 + number, **each) for number, each in enumerate(found)]


def _times(chance: random.Random, count: int, gap: float = 0.12, begin: float = 0.0) -> list[float]:
    return [begin := begin + chance.uniform(0.3, 1.7) * gap for _ in range(count)]


def _request(chance: random.Random, letter: str) -> list[Step]:
    """Ask, wait in vain or not, and leave."""
    size = chance.choice([3, 20, 200, 1460, 4000])
    return [["send", letter, size], ["receive", chance.uniform(0.3, 1.2), 1 << 30], ["close"]]


def _asking(chance: random.Random, letters: str, gap: float = 0.12) -> list[Visit]:
    return [Visit(at, _request(chance, each)) for at, each in zip(_times(chance, len(letters), gap), letters, strict=True)]


def _hanging(chance: random.Random) -> Iterator[dict[str, Any]]:
    """Workers that hang, one after the other: who comes later is never accepted."""
    for workers in (1, 2, 4):
        letters = "O" * chance.randint(2, 5) + "H" * workers + "O" * chance.randint(2, 5)
        yield {"name": f"{workers} workers hang", "behaviour": "serial", "backlog": 64, "workers": workers,
               "visits": _asking(chance, letters)}  # fmt: skip
    for backlog in (0, 3):
        letters = "OOH" + "O" * (backlog + chance.randint(2, 4))
        yield {"name": f"queue of {backlog} overflows", "behaviour": "serial", "backlog": backlog,
               "visits": _asking(chance, letters, 0.08)}  # fmt: skip
    yield {"name": "one worker of many hangs", "behaviour": "shared_port", "backlog": 64, "workers": 3,
           "visits": _asking(chance, "OOOH" + "O" * 8, 0.08)}  # fmt: skip
    yield {"name": "deferred accept", "behaviour": "serial", "backlog": 16, "options": {"defer": 1},
           "visits": _asking(chance, "OOHOOO")}  # fmt: skip
    yield {"name": "never accepts", "behaviour": "never", "backlog": 16, "visits": _asking(chance, "OOOO")}
    yield {"name": "stops accepting", "behaviour": "stops", "backlog": 64, "workers": 3, "visits": _asking(chance, "OAOOOO")}


def _leaking(chance: random.Random) -> Iterator[dict[str, Any]]:
    """Applications that have the connection, and do not close it."""
    for behaviour in ("threads", "forks"):
        letters = "".join(chance.choice("OOHPNAL") for _ in range(9))
        yield {"name": f"{behaviour} that leak some", "behaviour": behaviour, "backlog": 64, "visits": _asking(chance, letters)}
    yield {"name": "the parent keeps what its child closes", "behaviour": "forks", "backlog": 64,
           "options": {"parent_keeps": True}, "visits": _asking(chance, "OOOO")}  # fmt: skip
    yield {"name": "a banner, and no more", "behaviour": "threads", "backlog": 8, "options": {"banner": True},
           "visits": _asking(chance, "HPHO")}  # fmt: skip
    pool = [["send", "O", 80], ["receive", 2, 300], ["sleep", 0.2]]
    visits = [Visit(at, [*pool, ["hold" if number % 3 else "close"]]) for number, at in enumerate(_times(chance, 8))]
    yield {"name": "a client's pool", "behaviour": "threads", "backlog": 32, "visits": visits}
    yield {"name": "nothing wrong", "behaviour": "threads", "backlog": 64, "visits": _asking(chance, "O" * 12, 0.05)}


def _unread(chance: random.Random) -> Iterator[dict[str, Any]]:
    """Bytes that wait unread, behind receive buffers of all sizes."""
    for name, behaviour, options in (
        ("never accepted, small buffer", "never", {"receive_buffer": 4096}),
        ("never accepted, large buffer", "never", {"receive_buffer": 4 << 20}),
        ("accepted and not read", "threads", {"unread": True}),
        ("accepted and not read, large buffer", "threads", {"unread": True, "receive_buffer": 2 << 20}),
    ):
        sizes = [chance.choice([500, 3000, 60_000, 300_000]) for _ in range(4)]
        visits = [Visit(at, [["try", "O", size], ["close"]]) for at, size in zip(_times(chance, 4), sizes, strict=True)]
        yield {"name": name, "behaviour": behaviour, "backlog": 16, "options": options, "visits": visits}
    visits = [Visit(at, [["try", "N", chance.choice([5000, 50_000, 500_000])], ["close"]]) for at in _times(chance, 4)]
    yield {"name": "much is read and never answered", "behaviour": "threads", "backlog": 16, "visits": visits}


def _half_closed(chance: random.Random) -> Iterator[dict[str, Any]]:
    """Clients that close their direction and go on listening, or do not listen."""
    visits = [Visit(at, [["send", "B", 80], ["shut"], ["receive", 60, 1 << 30]]) for at in _times(chance, 3)]
    yield {"name": "a half-close at work", "behaviour": "threads", "backlog": 8, "visits": visits}
    for letter, name in (("C", "blocked after close()"), ("Q", "blocked, and kept")):
        visits = [Visit(at, [["send", letter, 80], ["shut"], ["sleep", 60]], receive_buffer=8192) for at in _times(chance, 3)]
        yield {"name": name, "behaviour": "threads", "backlog": 8, "options": {"send_buffer": 65_536}, "visits": visits}


def _others(chance: random.Random) -> Iterator[dict[str, Any]]:
    """Resets, and ports that are used again."""
    visits = [
        Visit(at, [["send", "H", 80], ["sleep", 0.3], ["reset" if number % 2 else "close"]])
        for number, at in enumerate(_times(chance, 6))
    ]
    yield {"name": "some reset", "behaviour": "never", "backlog": 16, "visits": visits}
    visits = [Visit(at, [["send", "H", 80], ["shut"], ["sleep", 1.5], ["reset"]]) for at in _times(chance, 3)]
    yield {"name": "reset while it waits", "behaviour": "threads", "backlog": 16, "visits": visits}
    port = 23_000 + chance.randint(0, 900)
    ends = zip((0.1, 0.2, 2.2, 2.4), "AHAO", strict=True)
    visits = [Visit(at, _request(chance, letter), source_port=port + place % 2) for place, (at, letter) in enumerate(ends)]
    yield {"name": "ports used again", "behaviour": "threads", "backlog": 16, "visits": visits}
