"""Why an end waits, and how sure that is."""

from enum import IntEnum


class Cause(IntEnum):
    """Why an end has not closed, as far as packets and socket tables show. Each is explained in its own file in `causes`."""

    not_closed = 0
    never_accepted = 1
    never_answered = 2
    still_sending = 3
    send_blocked = 4
    undetermined = 5

    def __str__(self) -> str:
        return self.name


class Confidence(IntEnum):
    """How sure a cause is. What a claim of each is worth was measured: see the causes."""

    possible = 0
    """Signs speak for it; other explanations are as good."""
    probable = 1
    """Right in at least 88 of 100 cases."""
    certain = 2
    """Cannot be otherwise."""

    def __str__(self) -> str:
        return self.name
