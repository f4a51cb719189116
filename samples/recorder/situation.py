"""What a situation is."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

from .flow import Side
from .network import Network
from .stage import Stage

Play = Callable[[Stage], None]


@dataclass(frozen=True)
class Situation:
    """A play, where it is played, and from which machine it is captured.

    Attributes:
        name: Its name, which is also the folder of its sample.
        text: What happens, in one sentence.
        play: Plays it, and says what must come of it.
        network: Sets up the machines.
        tap: Whose interface is captured.
        needs: Tools that only this situation uses.
        capture_format: The capture's format, which is also its suffix.
    """

    name: str
    text: str
    play: Play
    network: Callable[[], AbstractContextManager[Network]]
    tap: Side
    needs: tuple[str, ...]
    capture_format: Literal["pcap", "pcapng"]


def situation(
    network: Callable[[], AbstractContextManager[Network]],
    *,
    tap: Side = "server",
    needs: tuple[str, ...] = (),
    capture_format: Literal["pcap", "pcapng"] = "pcap",
) -> Callable[[Play], Situation]:
    """Make a situation of a function: its name becomes the situation's, the first line of its docstring the text."""

    def make(play: Play) -> Situation:
        text = (play.__doc__ or "").partition("\n")[0]
        return Situation(play.__name__, text, play, network, tap, needs, capture_format)

    return make
