"""Names in packet columns: an interface, a process. A column holds a number, and a table says what it stands for."""

MOST = 65_536
"""Names kept. No capture has as many interfaces; processes come and go."""
LONGEST = 256
"""Characters kept of a name: interfaces have 15 on Linux, and some 50 on Windows; a hostile file may say 65,535."""


class Names:
    """Numbers names in the order in which they are first seen; number 0 is the empty name."""

    def __init__(self) -> None:
        self._numbers = {"": 0}

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, number: int) -> str:
        return self.texts[number]

    @property
    def texts(self) -> list[str]:
        """All names by number."""
        return list(self._numbers)

    def number(self, name: str) -> int:
        """Give a name's number: a new one, or its own; 0 where the table is full."""
        name = name[:LONGEST]
        if name not in self._numbers and len(self._numbers) >= MOST:
            return 0
        return self._numbers.setdefault(name, len(self._numbers))
