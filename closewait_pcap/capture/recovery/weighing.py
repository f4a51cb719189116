"""Weighs what is odd in a capture: whether a doubtful record is to be believed, and where a damaged file goes on."""

import struct
from collections import Counter

from closewait_pcap.capture.headers import MAX_OFFSET, NEAR_NS
from closewait_pcap.capture.packets import FRAME_BITS
from closewait_pcap.capture.recovery.plausible import LONGEST, Blocks, Grammar, Limits, Records, limits_of
from closewait_pcap.capture.recovery.resync import LOOKAHEAD, Found, continues, find, find_majority
from closewait_pcap.capture.sniff import Format
from closewait_pcap.capture.window import Cursor

IMPOSSIBLE_LENGTH = "an impossible length"
HABIT = 16
"""What is odd so often, and yet followed by a sound record, is how this file's writer does it, and no longer looked at."""
_CONTESTS = 8
"""So often it is considered whether a capture's beginning is junk: up to 0.1 s each, and where it is, damage soon follows."""


class Scales:
    """What is plausible in one file, as far as it is read.

    Args:
        cursor: where the reading stands: behind the file's header.
        file: what that header says.
    """

    def __init__(self, cursor: Cursor, file: Format) -> None:
        self._cursor = cursor
        self._file = file
        cursor.begin = cursor.position
        self._frames_before = int(cursor.decoder.frames)
        self._may_be_junk = not file.pcapng and self._frames_before % (1 << FRAME_BITS) == 0  # of a capture, its first file
        self._contests = _CONTESTS
        self._odd: Counter[str] = Counter()
        cursor.decoder.trusted = -1
        if not file.pcapng:
            cursor.decoder.longest, cursor.decoder.excess, cursor.decoder.fractions = limits_of(file)

    def weigh(self) -> str | None:
        """Hold the doubtful pcap record at the cursor against the one behind it.

        Returns:
            What is wrong with it; None where it is believed, or is cut by the input's end: the decoder then trusts it.
        """
        cursor, decoder, size = self._cursor, self._cursor.decoder, self._file.record_header
        order = ">" if decoder.big else "<"
        seconds, fraction, caplen, wirelen = struct.unpack_from(order + "IIII", cursor.window.buffer, int(decoder.at))
        if not cursor.get(size + caplen):
            if self._goes_on():
                return IMPOSSIBLE_LENGTH
            decoder.trusted = decoder.at
            return None
        cursor.get(3 * size + caplen + LONGEST)
        odd = {
            "longest": caplen > decoder.longest,
            "excess": caplen - wirelen > decoder.excess or wirelen == 0,
            "fractions": fraction >= decoder.fractions,
        }
        behind = int(decoder.at) + size + caplen
        if not self._is_followed(behind, seconds * 1_000_000_000, odd):
            return IMPOSSIBLE_LENGTH if any(odd.values()) else "an impossible time"
        decoder.trusted = decoder.at
        self._odd.update(name for name, is_odd in odd.items() if is_odd)
        for name in odd:
            if self._odd[name] == HABIT:
                setattr(decoder, name, MAX_OFFSET)
        return None

    def is_cut(self) -> bool:
        """Whether the record at the cursor is what it claims to be, though the input ends before it does."""
        cursor = self._cursor
        return not (self._grammar().is_doubtful(cursor.data, int(cursor.decoder.at)) and self._goes_on())

    def search(self) -> Found | None:
        """Move the cursor to where the capture goes on behind a damage, or to the input's end.

        Returns:
            What is there; None at the end. It may lie before the damage, where all that was read of the file was junk.
        """
        cursor, window, decoder = self._cursor, self._cursor.window, self._cursor.decoder
        young = cursor.young
        decoder.at = decoder.at + 1
        while True:
            if not window.ended and window.filled - int(decoder.at) < LOOKAHEAD + 1:
                cursor.forget()
                window.fill(2 * LOOKAHEAD)
            found = self._find(int(decoder.at), young=young)
            if isinstance(found, Found):
                decoder.at, decoder.trusted = found.at, -1 if found.format else found.at
                if young and self._may_be_junk and not found.format and self._is_of_another_time(found.at):
                    self._begin_anew()
                return found
            decoder.at = found
            if window.ended and found >= window.filled:
                return None

    def _find(self, begin: int, *, young: bool) -> Found | int:
        """Find where the capture goes on from ``begin`` on.

        What was read of the file says near to which time that is. But while it is young, what was read may be junk itself: it is
        outvoted by a run of records of another time, if they are more than it and what follows of its own time together. They may
        begin before the damage, in what was taken for a frame.
        """
        cursor, grammar = self._cursor, self._grammar()
        data = cursor.data
        found = find(data, begin, grammar, ended=cursor.window.ended)
        follows = found if isinstance(found, Found) else Found(begin, None)
        if grammar.near is None or not (young and self._may_be_junk and self._contests) or follows.certain:
            return found
        self._contests -= 1
        grammar.near = None
        votes = int(cursor.decoder.frames) - self._frames_before + follows.headers
        beginning = cursor.begin - cursor.window.passed
        place = find_majority(data, begin if beginning < 0 else beginning + 1, min(begin + LOOKAHEAD, len(data)), grammar, votes)
        return found if place is None or not self._is_of_another_time(place) else Found(place, None)

    def _is_of_another_time(self, at: int) -> bool:
        """Whether a pcap record is of another time than what was read of the file."""
        decoder = self._cursor.decoder
        (seconds,) = struct.unpack_from(">I" if decoder.big else "<I", self._cursor.window.buffer, at)
        return seconds > 0 and bool(decoder.timed) and abs(seconds * 1_000_000_000 - int(decoder.previous_time)) > NEAR_NS

    def _begin_anew(self) -> None:
        """Let the file begin at the cursor: what was read of it before says nothing of the time."""
        cursor, decoder = self._cursor, self._cursor.decoder
        cursor.begin, self._frames_before, self._may_be_junk = cursor.position, int(decoder.frames), False
        for name in ("timed", "longest_pause", "backwards", "largest_step_back"):
            setattr(decoder, name, 0)

    def _grammar(self) -> Grammar:
        """What plausible headers look like, as things stand."""
        decoder = self._cursor.decoder
        if self._file.pcapng:
            return Blocks(big=bool(decoder.big), interfaces=int(decoder.interfaces))
        limits = Limits(int(decoder.longest), int(decoder.excess), int(decoder.fractions))
        known = decoder.frames - self._frames_before >= 2  # a damaged first record must not say what times are plausible
        near = int(decoder.previous_time) if known else None
        return Records(self._file, limits, near=near, untimed=decoder.untimed > 0)

    def _goes_on(self) -> bool:
        """Whether the capture goes on somewhere in what is left of the input, all of which is in the window."""
        cursor = self._cursor
        return isinstance(self._find(int(cursor.decoder.at) + 1, young=cursor.young), Found)

    def _is_followed(self, behind: int, own: int, odd: dict[str, bool]) -> bool:
        """Whether sound records follow a doubtful one of the time ``own``."""
        data, ended, grammar = self._cursor.data, self._cursor.window.ended, self._grammar()
        assert isinstance(grammar, Records)
        grammar.tolerate(**odd)  # where it is the writer's habit, the next one is as odd
        if continues(data, behind, grammar, int(self._cursor.decoder.previous_time) or None, ended=ended):
            return True
        if any(odd.values()):
            return continues(data, behind, grammar, own, ended=ended)
        # the clock was set, or it is a capture of a frame a month: two must follow, of which the first is no earlier
        grammar.near = own + 1_000_000_000
        if behind + grammar.header > len(data):
            return ended
        then = grammar.next(data, behind, None) if grammar.is_after(data, behind) else -1
        return then >= 0 and continues(data, then, grammar, None, ended=ended)
