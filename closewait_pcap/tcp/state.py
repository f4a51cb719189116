"""The states of RFC 9293, section 3.3.2, and the many ways in which tools spell them."""

from enum import IntEnum

from closewait_pcap.tcp.spellings import SPELLINGS


class State(IntEnum):
    """A TCP state, spelt as operating systems do, with underscores. The numbers order an end's life."""

    CLOSED = 0
    LISTEN = 1
    SYN_SENT = 2
    SYN_RECEIVED = 3
    ESTABLISHED = 4
    FIN_WAIT_1 = 5
    FIN_WAIT_2 = 6
    CLOSE_WAIT = 7
    CLOSING = 8
    LAST_ACK = 9
    TIME_WAIT = 10

    def __str__(self) -> str:
        return self.name

    @classmethod
    def parse(cls, text: str) -> "State":
        """Read a state as RFCs, ss, netstat, lsof, Windows, macOS or /proc/net/tcp spell it.

        Args:
            text: such as ``CLOSE-WAIT``, ``CLOSE_WAIT``, ``ESTAB``, ``FIN_WAIT2``, ``SYN-RECV``, ``(LISTEN)`` or ``08``.

        Returns:
            The state.

        Raises:
            ValueError: no tool known to us spells a state like this.
        """
        key = text.strip().strip("()").upper().replace("-", "_").replace(" ", "_")
        name = SPELLINGS.get(key, key)
        try:
            return cls[name]
        except KeyError:
            raise ValueError(f"not a TCP state: {text!r} (expected one of {', '.join(cls.__members__)})") from None
