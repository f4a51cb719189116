"""Keeps account of what is wrong with a capture: a sentence for each damage, and a hole in time for what was skipped."""

import warnings
from typing import NamedTuple

from closewait_pcap.capture.info import SAID, CaptureInfo, Hole
from closewait_pcap.engine import Record
from closewait_pcap.errors import CaptureError, CaptureWarning


class _Clock(NamedTuple):
    """The decoder's clock before a hole."""

    timed: int
    first_time: int
    last_time: int
    previous_time: int


class Damages:
    """The damages of one capture.

    Args:
        info: where they are written down.
        strict: raise at the first.
        quiet: write down, but do not warn.
    """

    def __init__(self, info: CaptureInfo, *, strict: bool, quiet: bool = False) -> None:
        self._info = info
        self._strict = strict
        self._quiet = quiet
        self._count = 0
        self._skipped = 0
        self._clock: _Clock | None = None

    def refuse(self, frames: int, begin: int, what: str) -> None:
        """Raise, where the caller wants no damaged capture.

        Args:
            frames: before the damage.
            begin: the byte where it is.
            what: is wrong.

        Raises:
            CaptureError: with ``strict``.
        """
        if self._strict:
            raise CaptureError(f"{self._place(frames, begin)}: {what}; leave out strict to analyse the rest")

    def say(self, frames: int, begin: int, what: str, after: str) -> None:
        """Write a damage down, and warn of it.

        Args:
            frames: before the damage.
            begin: the byte where it is.
            what: is wrong.
            after: how it goes on.

        Raises:
            CaptureError: with ``strict``.
        """
        self.refuse(frames, begin, what)
        self._count += 1
        if self._count <= SAID:
            self._warn(f"{self._place(frames, begin)}: {what}; {after}")

    def _place(self, frames: int, begin: int) -> str:
        return f"{self._info.file}: damaged after frame {frames:,}, at byte {begin:,}"

    def _warn(self, sentence: str) -> None:
        self._info.damages.append(sentence)
        if not self._quiet:
            warnings.warn(sentence, CaptureWarning, stacklevel=9)

    def begin_hole(self, decoder: Record, skipped: int) -> None:
        """Take note that something was skipped. The decoder's clock begins anew, so that it keeps the time of what comes next."""
        self._skipped += skipped
        if self._clock is None:
            self._clock = _Clock(*(int(getattr(decoder, name)) for name in _Clock._fields))
            decoder.timed = 0

    def end_hole(self, decoder: Record, *, ended: bool = False) -> None:
        """End the hole, once a frame behind it has a time, or where none follows: the decoder's clock is made whole."""
        before = self._clock
        if before is None or not (decoder.timed or ended):
            return
        after = int(decoder.first_time) if decoder.timed else before.previous_time
        self._info.add_hole(Hole(before.previous_time if before.timed else after, after, self._skipped))
        if before.timed:
            if after < before.previous_time:
                decoder.backwards = decoder.backwards + 1
                decoder.largest_step_back = max(int(decoder.largest_step_back), before.previous_time - after)
            decoder.first_time = before.first_time
            decoder.last_time = max(int(decoder.last_time), before.last_time)
            decoder.timed = decoder.timed + before.timed
        self._clock, self._skipped = None, 0

    def finish(self, decoder: Record) -> None:
        """Close the account."""
        self.end_hole(decoder, ended=True)
        if self._count > SAID:
            self._warn(f"{self._info.file}: damaged in {self._count - SAID:,} more places after these")
