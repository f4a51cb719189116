"""Every test that reads a capture reads it twice: uncompiled and compiled."""

from functools import partial
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.capture.reading import MODES, Reading, read

if TYPE_CHECKING:
    import io


class Read(Protocol):
    """`reading.read` in one mode."""

    def __call__(self, source: "bytes | io.RawIOBase | io.BufferedIOBase", *, strict: bool = False) -> Reading: ...


@pytest.fixture(params=["plain", "compiled"], name="read")
def read_in_mode(request: pytest.FixtureRequest) -> Read:
    """Read a capture from memory, once in either mode."""
    return partial(read, mode=MODES[request.param])
