"""An iterator that can be looked into ahead."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Ahead(Generic[Item]):
    """Gives the items of another iterator.

    Args:
        items: the other one.
    """

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = iter(items)
        self._next: deque[Item] = deque()

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        return self._next.popleft() if self._next else next(self._items)

    def peek(self, count: int) -> list[Item]:
        """Look at the next items, at most so many; they are given again."""
        if len(self._next) < count:
            self._next.extend(islice(self._items, count - len(self._next)))
        return list(islice(self._next, count))
