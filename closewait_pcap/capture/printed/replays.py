"""Finds packets that stand in the text again because somebody pasted the growing listing once more."""

from array import array

from closewait_pcap.capture.printed.packets import Packet
from closewait_pcap.capture.printed.summary import SECOND, Form, Stamp

_MOST = 1 << 20
"""Packets that are known again; nobody pastes more of them twice."""
_HOUR = 3600 * SECOND


class Replays:
    """Knows the packets that were seen.

    A packet that is printed twice in a row was captured twice (on two interfaces, say). A replay is a listing that begins anew:
    a line that is known, after something else than packets or with an earlier time than the last one; and those behind it, as
    long as they follow each other as they did before.
    """

    def __init__(self) -> None:
        self.count = 0
        """Replayed packets."""
        self._places: dict[int, int] = {}
        self._order = array("q")
        self._at = -1
        self._latest: Stamp | None = None

    def has(self, packet: Packet) -> bool:
        """Whether this packet is a replay; if not, it is known from now on."""
        told = packet.summary
        key = hash((told.stamp, told.source, told.destination, told.six, told.flags, told.seq, told.ack, told.length, told.kind))
        place = self._places.get(key)
        anew = told.source and (packet.begins or self._goes_back(told.stamp))  # what names no ends may be any packet
        if place is not None and (self._follows(key) or anew):
            self._at = self._at + 1 if self._follows(key) else place
            self.count += 1
            return True
        self._at = -1
        if len(self._order) < _MOST:
            self._places.setdefault(key, len(self._order))
            self._order.append(key)
        if told.stamp is not None and not self._goes_back(told.stamp):
            self._latest = told.stamp
        return False

    def _follows(self, key: int) -> bool:
        return 0 <= self._at < len(self._order) - 1 and self._order[self._at + 1] == key

    def _goes_back(self, stamp: Stamp | None) -> bool:
        """Whether a time lies before the latest one; short ones may count from the packet before, and go back all the time."""
        latest = self._latest
        if stamp is None or latest is None or stamp.form is not latest.form or stamp.form is Form.seconds:
            return False
        return stamp.value < latest.value and (stamp.form is not Form.clock or stamp.value > _HOUR)
