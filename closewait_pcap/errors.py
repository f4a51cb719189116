"""Every error and warning of the program, drawn as one tree.

::

    ClosewaitError
    ├── CaptureError (ValueError)      the input is no capture, or cannot be read
    │   └── NoPackets                  the input is text without packets; perhaps a socket table
    ├── SnapshotError (ValueError)     the input is no socket table, or cannot be read
    ├── MissingExtra (ImportError)     an optional package is needed; the message has the pip line
    ├── ReportError (OSError)          a report cannot be written where it is to go
    └── TsharkError (RuntimeError)     tshark is missing or failed

    CaptureWarning (UserWarning)       a damaged or cut capture, read as far as it goes

A message says what is wrong, where (file, frame, byte offset) and what to do about it.
"""


class ClosewaitError(Exception):
    """The root of everything this package raises on purpose."""


class CaptureError(ClosewaitError, ValueError):
    """The input is not a capture this program can read."""


class NoPackets(CaptureError):  # noqa: N818 - says what is missing
    """The input is text, and no line of it is a packet.

    Args:
        message: as of any error.
        texts: by name of the text, its lines among which rows of socket tables may be, with their numbers.
    """

    def __init__(self, message: str, texts: dict[str, list[tuple[int, str]]]) -> None:
        super().__init__(message)
        self.texts = texts


class SnapshotError(ClosewaitError, ValueError):
    """The input is no socket table this program can read, or this host does not show its own."""


class MissingExtra(ClosewaitError, ImportError):  # noqa: N818 - says what is missing, as ImportError does
    """An optional package is needed; the message carries the exact pip command."""


class ReportError(ClosewaitError, OSError):
    """A report cannot be written: no room, no permission, or something else is there."""


class TsharkError(ClosewaitError, RuntimeError):
    """tshark is not installed, or it failed."""


class CaptureWarning(UserWarning):
    """Something about the capture that limits what may be concluded from it."""
