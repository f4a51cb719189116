"""The flow table: grows with the number of flows, never with the number of packets."""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from closewait_pcap.capture.timeline import Batch, Timeline
from closewait_pcap.engine import COMPILED, PLAIN, Mode, Record, Records, Structured, as_array
from closewait_pcap.flows.records import END, FLOW, HOLE, TABLE
from closewait_pcap.tcp.kernel import TABLE_FULL, follow, index_flows

_FIRST_FLOWS = 1024
_FIRST_HOLES = 1024
_STEADY = 1 << 18
"""From this many flows on the table grows in place and by an eighth, so that at most that part of it lies idle."""


@dataclass
class Facts:
    """What was learned of all flows: the rows that later floors turn into states and verdicts."""

    flows: Structured
    """FLOW records, shape (flows,); in the order of their stream numbers."""
    ends: Structured
    """END records, shape (flows, 2): the smaller endpoint's first."""


class FlowTable:
    """Takes batches of packets and learns from them.

    Args:
        mode: how to run the kernel, to begin with.
    """

    def __init__(self, mode: Mode = PLAIN) -> None:
        self._mode = mode
        self._flows: Records = mode.records(FLOW, _FIRST_FLOWS)
        self._ends: Records = mode.records(END, 2 * _FIRST_FLOWS)
        self._holes: Records = mode.records(HOLE, _FIRST_HOLES)
        self._table: Record = mode.records(TABLE, 1)[0]
        self._table.capacity = _FIRST_FLOWS
        self._table.hole_capacity = _FIRST_HOLES
        self._table.free_hole = -1
        self._table.seed = int.from_bytes(os.urandom(4), "big") & 0x3FFFFFFF
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
        while kernel(batch, count, self._flows, self._ends, self._index, self._holes, self._table) == TABLE_FULL:
            self._grow()

    def compile(self) -> None:
        """Go over to the compiled kernel, between two batches."""
        self._flows = as_array(self._flows, FLOW, len(self._flows))
        self._ends = as_array(self._ends, END, len(self._ends))
        self._holes = as_array(self._holes, HOLE, len(self._holes))
        self._table = as_array([self._table], TABLE, 1)[0]
        self._index = np.array(self._index, np.int32)
        self._mode = COMPILED

    def facts(self) -> Facts:
        """Give what has been learned so far."""
        count = len(self)
        return Facts(as_array(self._flows, FLOW, count), as_array(self._ends, END, 2 * count).reshape(count, 2))

    def _grow(self) -> None:
        table = self._table
        if table.flows >= table.capacity:
            now = int(table.capacity)
            then = now * 4 if now < _STEADY else now + now // 8
            self._flows = self._mode.grow(self._flows, FLOW, then)
            self._ends = self._mode.grow(self._ends, END, 2 * then)
            table.capacity = then
            # At most a quarter full: each collision is a look at a flow that nobody fetched ahead (half full: 51 ns, not 45).
            if 4 * then > int(table.mask) + 1:
                self._rebuild_index(1 << (4 * then - 1).bit_length())
        if table.holes + 2 > table.hole_capacity:
            then = 2 * int(table.hole_capacity)
            self._holes = self._mode.grow(self._holes, HOLE, then)
            table.hole_capacity = then

    def _rebuild_index(self, size: int) -> None:
        self._table.mask = size - 1
        self._index = self._mode.index(size)
        kernel = self._mode.kernel(index_flows)
        kernel(self._flows, self._index, self._table)
