"""The flow table: grows with the number of flows, never with the number of packets, and no further than it may."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from closewait_pcap.capture.timeline import Batch, Timeline
from closewait_pcap.engine import COMPILED, PLAIN, Mode, Record, Records, Structured, as_array
from closewait_pcap.tcp.kernel import MAX_PATHS, PATH_SLOTS, TABLE_FULL, follow, index_flows, relink_flows
from closewait_pcap.tcp.records import END, FLOW, HOLE, PATH, TABLE

_FIRST_FLOWS = 1024
_FIRST_HOLES = 1024
_FIRST_PATHS = 64
_STEADY = 1 << 18
"""From this many flows on the table grows in place and by an eighth, so that at most that part of it lies idle."""


@dataclass
class Facts:
    """What was learned of all flows: the rows that later floors turn into states and verdicts."""

    flows: Structured
    """FLOW records, shape (flows,); in the order of their stream numbers."""
    ends: Structured
    """END records, shape (flows, 2): the smaller endpoint's first."""
    paths: Structured = field(default_factory=lambda: np.zeros(0, PATH))
    """PATH records that FLOW's ``path`` points to."""


Retire = Callable[[Facts], np.ndarray[Any, np.dtype[np.bool_]]]
"""Chooses what leaves a full table: given all flows, says which of them stay, shape (flows,). Some must leave."""


class FlowTable:
    """Takes batches of packets and learns from them.

    Args:
        mode: how to run the kernel, to begin with.
        most: flows to keep at most; None: as many as there are.
        retire: with ``most``: who chooses what has to leave.
    """

    def __init__(self, mode: Mode = PLAIN, *, most: int | None = None, retire: Retire | None = None) -> None:
        self._mode = mode
        self._most = most
        self._retire = retire
        first = _FIRST_FLOWS if most is None else min(most, _FIRST_FLOWS)
        self._flows: Records = mode.records(FLOW, first)
        self._ends: Records = mode.records(END, 2 * first)
        self._holes: Records = mode.records(HOLE, _FIRST_HOLES)
        self._paths: Records = mode.records(PATH, _FIRST_PATHS)
        self._table: Record = mode.records(TABLE, 1)[0]
        self._table.capacity = first
        self._table.hole_capacity = _FIRST_HOLES
        self._table.path_capacity = _FIRST_PATHS
        self._table.free_hole = -1
        self._table.seed = int.from_bytes(os.urandom(4), "big") & 0x3FFFFFFF
        self._path_index = mode.index(PATH_SLOTS)
        self._index = mode.index(4 * _FIRST_FLOWS)
        self._table.mask = 4 * _FIRST_FLOWS - 1

    def __len__(self) -> int:
        return int(self._table.flows)

    def read(self, timeline: Timeline) -> Iterator[Batch]:
        """Learn from a whole timeline.

        Args:
            timeline: captures, read from their beginning.

        Yields:
            Each batch, once it is learned from; its packets have their stream numbers then.
        """
        with closing(timeline.batches()) as batches:
            for batch, count in batches:
                if timeline.mode is not self._mode:
                    self.compile()
                self.follow(batch, count)
                yield batch, count

    def follow(self, batch: Records, count: int) -> None:
        """Learn from the first ``count`` packets of a batch."""
        kernel = self._mode.kernel(follow)
        while (
            kernel(batch, count, self._flows, self._ends, self._index, self._holes, self._paths, self._path_index, self._table)
            == TABLE_FULL
        ):
            self._grow()

    def compile(self) -> None:
        """Go over to the compiled kernel, between two batches."""
        self._flows = as_array(self._flows, FLOW, len(self._flows))
        self._ends = as_array(self._ends, END, len(self._ends))
        self._holes = as_array(self._holes, HOLE, len(self._holes))
        self._paths = as_array(self._paths, PATH, len(self._paths))
        self._table = as_array([self._table], TABLE, 1)[0]
        self._index = np.array(self._index, np.int32)
        self._path_index = np.array(self._path_index, np.int32)
        self._mode = COMPILED

    def facts(self) -> Facts:
        """Give what has been learned so far."""
        count = len(self)
        return Facts(
            as_array(self._flows, FLOW, count),
            as_array(self._ends, END, 2 * count).reshape(count, 2),
            as_array(self._paths, PATH, int(self._table.paths)),
        )

    def _grow(self) -> None:
        table = self._table
        if table.holes + 2 > table.hole_capacity:
            then = 2 * int(table.hole_capacity)
            self._holes = self._mode.grow(self._holes, HOLE, then)
            table.hole_capacity = then
        elif table.paths >= table.path_capacity:
            then = min(4 * int(table.path_capacity), MAX_PATHS)
            self._paths = self._mode.grow(self._paths, PATH, then)
            table.path_capacity = then if then < MAX_PATHS else MAX_PATHS + 1  # the table is never full: the kernel stops adding
        else:
            self._make_room()

    def _make_room(self) -> None:
        table, now = self._table, int(self._table.capacity)
        then = now * 4 if now < _STEADY else now + now // 8
        if self._most is not None and now >= self._most and self._retire is not None:
            self._keep(self._retire(self.facts()))
            return
        then = then if self._most is None else min(then, self._most)
        self._flows = self._mode.grow(self._flows, FLOW, then)
        self._ends = self._mode.grow(self._ends, END, 2 * then)
        table.capacity = then
        # At most a quarter full: each collision is a look at a flow that nobody fetched ahead (half full: 51 ns, not 45).
        if 4 * then > int(table.mask) + 1:
            self._rebuild_index(1 << (4 * then - 1).bit_length())

    def _keep(self, stays: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
        """Let flows go: those that stay move together, and the holes of the others become free."""
        table, count = self._table, len(self)
        for hole in self.facts().ends["hole"][~stays].reshape(-1).tolist():
            self._free_holes(hole)
        places = self._mode.counters(np.where(stays, np.cumsum(stays) - 1, -1).tolist())
        self._flows = self._mode.keep(self._flows, FLOW, stays, count)
        self._ends = self._mode.keep(self._ends, END, np.repeat(stays, 2), 2 * count)
        table.flows = int(stays.sum())
        self._mode.kernel(relink_flows)(self._flows, places, table)
        self._rebuild_index(int(table.mask) + 1)

    def _free_holes(self, hole: int) -> None:
        while hole >= 0:
            then = int(self._holes[hole].next)
            self._holes[hole].next = self._table.free_hole
            self._table.free_hole = hole
            hole = then

    def _rebuild_index(self, size: int) -> None:
        self._table.mask = size - 1
        self._index = self._mode.index(size)
        kernel = self._mode.kernel(index_flows)
        kernel(self._flows, self._index, self._table)
