"""When printed packets came: times of day, dates, and time since the first packet or the one before.

What is not printed is not known, and is said: the day (shown as 1970-01-01), the time zone (UTC unless told), and what a time
counts from (shown as 1970-01-02).
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from closewait_pcap.capture.printed.ahead import Ahead
from closewait_pcap.capture.printed.packets import Packet
from closewait_pcap.capture.printed.summary import DAY, SECOND, Form, Stamp
from closewait_pcap.quantities import NO_CLOCK_FROM, Dating

HALF_DAY = DAY // 2
"""A time of day that goes back by more is past midnight; by less, it is disorder, or another listing."""
_LONG_PAUSE = DAY // 4
"""A listing that goes on after other text, with a time that counts from its first packet, does so sooner."""
_LOOK = 1000
"""Packets looked at to tell whether times count from the first packet or from the one before."""
_MOST_LOOKS = 100
"""Listings that are looked at; whoever pastes more of them has them all alike."""
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d\d))?$")
_LATEST = 7_000_000_000 * SECOND
"""In 2191: more does not fit into 63 bits for much longer."""
_HOUR = 3600 * SECOND
_EPOCH = datetime(1970, 1, 1)
_SEASONS = (datetime(2024, 1, 1), datetime(2024, 7, 1))


def zone_of(name: str) -> tzinfo:
    """Give a time zone.

    Args:
        name: ``UTC``, an offset such as ``+02:00``, or a name of the tz database such as ``Europe/Berlin``.

    Raises:
        ValueError: there is no such zone.
    """
    if found := _OFFSET.match(name.strip()):
        minutes = int(found[2]) * 60 + int(found[3] or 0)
        if minutes < 24 * 60:
            return timezone(timedelta(minutes=-minutes if found[1] == "-" else minutes))
    try:
        return ZoneInfo(name.strip())
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"no time zone is called {name!r}; write UTC, +02:00 or Europe/Berlin") from error


class Times:
    """Turns printed times into ns since the epoch.

    Args:
        zone: of printed dates and times of day.
    """

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._offsets: dict[int, int] = {}
        self._standard_offset = min(_ns(zone.utcoffset(season)) for season in _SEASONS)
        """The zone's offset on a day that is not known: without summer time."""
        self._day = 0
        self._clock: int | None = None
        self._counting = False
        """Whether times of day are none: they count from a packet."""
        self._delta = False
        self._begin = NO_CLOCK_FROM
        self._elapsed = 0
        self._looks = 0
        self.forms: set[Form] = set()
        """What was seen."""
        self.untimed = 0
        """Packets without a time."""
        self.nights = 0
        """How often midnight passed."""
        self.counted_from: set[str] = set()
        """What times count from that are no times of day."""

    @property
    def dating(self) -> Dating:
        """What the times tell of when that was; of several listings the most that one does."""
        if not self.forms or self.forms & {Form.dated, Form.epoch}:
            return Dating.FULL
        return Dating.NO_CLOCK if self._clock is None else Dating.NO_DATE

    def resolve(self, packets: Ahead[Packet]) -> Iterator[Packet]:
        """Give each packet its time."""
        for packet in packets:
            stamp = packet.summary.stamp
            if stamp is None:
                self.untimed += 1
            else:
                if self._starts_over(stamp, packet):
                    self._look_ahead(stamp, packets)
                elif packet.begins and stamp.form is Form.clock and stamp.value - self._elapsed > _LONG_PAUSE:
                    self._counting = False  # another listing, of times of day
                packet.time = min(max(self._time(stamp), 1), _LATEST)
            yield packet

    def _starts_over(self, stamp: Stamp, packet: Packet) -> bool:
        """Whether times may count from here on: the first one is zero then."""
        if self._looks == _MOST_LOOKS:
            return False
        if stamp.form is Form.seconds:
            return Form.seconds not in self.forms
        return stamp.form is Form.clock and stamp.value == 0 and packet.begins

    def _look_ahead(self, stamp: Stamp, packets: Ahead[Packet]) -> None:
        """Tell whether times count from the first packet, and grow, or from the one before, and do not."""
        values = [stamp.value]
        for packet in packets.peek(_LOOK):
            then = packet.summary.stamp
            if then is None or then.form is not stamp.form:
                break
            values.append(then.value)
        back = sum(later < sooner for sooner, later in pairwise(values))
        self._counting = self._counting or stamp.form is Form.clock
        self._delta = 5 * back >= len(values) - 1 > 0 and back > 0
        self._begin, self._elapsed = self._begin + self._elapsed, 0  # no sooner than the listing before has ended
        self._looks += 1
        self.counted_from.add("the packet before" if self._delta else "the first packet")

    def _time(self, stamp: Stamp) -> int:
        self.forms.add(stamp.form)
        if stamp.form is Form.epoch:
            return stamp.value
        if stamp.form is Form.dated:
            return stamp.value - self._offset(stamp.value // _HOUR)
        if stamp.form is Form.seconds or self._counting:
            self._elapsed = self._elapsed + stamp.value if self._delta else stamp.value
            return self._begin + self._elapsed
        if self._clock is not None and self._clock - stamp.value > HALF_DAY:
            self._day += 1
            self.nights += 1
        elif self._clock is not None and self.nights and stamp.value - self._clock > HALF_DAY:
            self._day -= 1  # one of the last packets before midnight
        if self._clock is None:  # the first one is of the first day, whatever its zone
            self._day = -((stamp.value - self._standard_offset) // DAY)
        self._clock = stamp.value
        return self._day * DAY + stamp.value - self._standard_offset

    def _offset(self, hour: int) -> int:
        """The zone's offset in a local hour, in ns."""
        if hour not in self._offsets:
            local = _EPOCH + timedelta(hours=hour)
            self._offsets[hour] = _ns(self._zone.utcoffset(local))
        return self._offsets[hour]


def _ns(offset: timedelta | None) -> int:
    return round((offset or timedelta()).total_seconds()) * SECOND
