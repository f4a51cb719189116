"""What the readers of all formats share: how a table's header is kept, and how a row reports what it could not read."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from closewait_pcap.tcp.state import State

Note = Callable[[str], None]
"""Takes a complaint about a row that is used nevertheless."""

_STATES = "LISTEN ESTAB SYN-SENT SYN-RECV FIN-WAIT-1 FIN-WAIT-2 CLOSE-WAIT CLOSING LAST-ACK TIME-WAIT UNCONN UNKNOWN"
STATE_WORDS = frozenset(_STATES.split())
"""States as ss spells them, at the beginning of a row or after the Netid."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a header tells about the rows under it."""

    format: str
    state: bool = True
    """Whether rows have a state."""
    columns: tuple[str, ...] = ()
    """Names of the columns behind the state (netstat)."""
    width: int = 0
    """Width of an address column, where the tool cuts addresses to it."""
    process: bool = False
    """Whether rows end in a process."""


@lru_cache(256)
def state_of(word: str) -> State:
    """Give the state of a word as any tool spells it.

    Raises:
        ValueError: no tool spells a state like this.
    """
    return State.parse(word)


def number(word: str, what: str) -> int:
    """Read a number of a row.

    Raises:
        ValueError: it is none, or too long to be one; the message says which column it was to be.
    """
    if not (word.isascii() and word.isdecimal() and len(word) <= 20):
        raise ValueError(f"no number in {what}: {word[:40]!r}")
    return int(word)
