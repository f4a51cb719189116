"""The second pass: reads the capture again, and writes the packets of the chosen flows."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from closewait_pcap.anonymizing import Anonymizer
from closewait_pcap.capture.coverage import Coverage
from closewait_pcap.capture.packets import FRAME_BITS, NOT_TCP, NUMBERING_ONLY, PACKET, address_bytes
from closewait_pcap.capture.timeline import Timeline
from closewait_pcap.engine import Structured, as_array
from closewait_pcap.evidence import blocks
from closewait_pcap.evidence.frames import Segment, rewrite
from closewait_pcap.evidence.pairs import Pairs
from closewait_pcap.evidence.remarks import remarks
from closewait_pcap.evidence.selection import Selection, keys_of, select
from closewait_pcap.quantities import NO_TIME, count
from closewait_pcap.results import Result, Values

_LEAST_HOLE = 1_000_000_001
"""ns. A shorter pause between interfaces is no hole for who reads the file: see `pcapng.LEAST_PAUSE`."""
_MAPPED = bytes(10) + b"\xff\xff"
_PROVING = ("syn_frame", "syn_acked_frame", "fin_frame", "ack_frame", "rst_frame", "first_data_frame")


@dataclass(frozen=True)
class EvidenceSummary:
    """What is in the file, and what is not."""

    flows: int
    """Flagged flows in it."""
    supporting: int
    """Other flows in it, on which the causes of these rest."""
    left_out: int
    """Flagged flows for which there was no room: those that wait shortest."""
    frames: int
    trimmed: int
    """Frames of these flows that were left out of their middle."""
    bytes: int
    """Of the file, before compression."""
    payload: bool
    """Whether payload was kept."""
    anonymized: bool
    """Whether addresses were mapped."""
    different: tuple[str, ...] = ()
    """Flows of which the file alone says something else than the capture, and what; see `comparing`."""


def write_evidence(
    result: Result,
    timeline: Timeline,
    stream: BinaryIO,
    rows: Values,
    *,
    application: str,
    payload: bool = False,
    anonymizer: Anonymizer | None = None,
    most_bytes: int,
) -> EvidenceSummary:
    """Write the packets of flagged flows, and of those on which their causes rest, as pcapng.

    Args:
        result: an analysis, with the addresses as captured.
        timeline: the capture, which must be readable a second time.
        stream: where to write.
        rows: of the flagged flows, those that matter most first.
        application: what the file is to say it was written by.
        payload: keep payload.
        anonymizer: how to map addresses; None: leave them.
        most_bytes: how large the file may be, before compression; an estimate.

    Returns:
        What was written.
    """
    selection = select(result, rows, most_bytes, payload=payload)
    writer = _Writer(result, selection, stream, payload=payload, anonymizer=anonymizer)
    writer.begin(application)
    for batch, rows_filled in timeline.batches():
        for packet in writer.choose(as_array(batch, PACKET, rows_filled)):
            writer.write(timeline.frame(packet.frame, packet.offset, packet.caplen), packet)
    writer.finish()
    return EvidenceSummary(
        flows=len(selection.flagged),
        supporting=len(selection.supporting),
        left_out=selection.left_out,
        frames=writer.frames,
        trimmed=writer.trimmed,
        bytes=writer.bytes,
        payload=payload,
        anonymized=anonymizer is not None,
    )


class _Writer:
    """Writes the packets of some flows.

    Args:
        result: an analysis.
        selection: the flows.
        stream: where to write.
        payload: keep payload.
        anonymizer: how to map addresses; None: leave them.
    """

    def __init__(
        self, result: Result, selection: Selection, stream: BinaryIO, *, payload: bool, anonymizer: Anonymizer | None
    ) -> None:
        self._result, self._selection, self._stream = result, selection, stream
        self._payload, self._stamps = payload, anonymizer is None
        self._anonymized = anonymizer is not None
        self.frames = self.trimmed = self.bytes = 0
        self._keys, totals = _keys(result, selection.rows)
        self._pairs = Pairs(self._keys, totals, _proving_frames(result, selection.rows))
        self._remarks = remarks(result, selection)
        self._images = _images(self._keys, anonymizer)
        parts = result.capture.parts or [result.capture]
        self._last = np.array([part.frames for part in parts], np.int64)  # later ones are new, or were not waited for
        coverage = Coverage(parts)
        self._end = _end(coverage, result, selection.flagged)
        self._holes = _holes(coverage, result, selection.flagged)
        self._hole_starts = [start for start, _ in self._holes]

    def begin(self, application: str) -> None:
        """Write what stands before the packets."""
        chosen, capture = self._selection, self._result.capture
        kept = "kept: it may hold names, addresses and secrets" if self._payload else "cut behind the TCP header"
        mapped = "mapped, prefixes kept; time stamp options left out" if self._anonymized else "as captured"
        self._put(
            blocks.section(
                application,
                f"Evidence: {count(len(chosen.flagged), 'flow')} that wait or waited for a close, and "
                f"{len(chosen.supporting):,} more on which their causes rest, of {len(self._result.rows):,} in a capture of "
                f"{count(capture.frames, 'frame')}. Frames are written anew as raw IP, from a list of header fields; lengths "
                f"are those of the wire, checksums are computed anew over what is here. Payload: {kept}. Addresses: {mapped}.",
            )
        )
        for _ in range(len(self._holes) + 1):
            self._put(blocks.interface())

    def choose(self, packets: Structured) -> Iterator[Segment]:
        """Find the packets of a batch that are to be written."""
        usable = packets["quality"] & (NOT_TCP | NUMBERING_ONLY) == 0
        usable &= packets["frame"] & ((1 << FRAME_BITS) - 1) <= self._last[packets["frame"] >> FRAME_BITS]
        places, trimmed = self._pairs.find(packets, np.flatnonzero(usable))
        self.trimmed += trimmed
        chosen = packets[places]
        return map(Segment._make, zip(*(chosen[name].tolist() for name in Segment._fields), strict=True))

    def write(self, frame: bytes, packet: Segment) -> None:
        """Write one packet."""
        source, target = self._images[packet.src_hi, packet.src_lo], self._images[packet.dst_hi, packet.dst_lo]
        is_v6 = packet.ip_at >= 0 and frame[packet.ip_at] >> 4 == 6
        if not is_v6 and source.startswith(_MAPPED) and target.startswith(_MAPPED):
            source, target = source[12:], target[12:]
        data, wirelen = rewrite(frame, packet, source, target, payload=self._payload, stamps=self._stamps)
        interface = bisect_left(self._hole_starts, packet.time)
        comment = self._remarks.get(packet.frame, "")
        self._put(blocks.packet(data, wirelen, max(packet.time, 0), interface, comment))
        self.frames += 1

    def finish(self) -> None:
        """Write what stands behind the packets: from when until when the capture listened, and what it lost."""
        started = max(self._result.capture.first_time or 0, 0)
        for number in range(len(self._holes) + 1):
            ended, following = self._holes[number] if number < len(self._holes) else (self._end, 0)
            drops = self._result.capture.drops if number == 0 else None
            self._put(blocks.statistics(number, started, max(ended, 0), drops))
            started = max(following, ended + _LEAST_HOLE)

    def _put(self, block: bytes) -> None:
        self._stream.write(block)
        self.bytes += len(block)


def _keys(result: Result, rows: Values) -> tuple[Structured, Values]:
    """Give the pairs of ends of flows, each once, and how many packets each has."""
    keys, place = np.unique(keys_of(result.facts, rows), return_inverse=True)
    totals = np.zeros(len(keys), np.int64)
    np.add.at(totals, place.reshape(-1), result.facts.ends["packets"][rows].sum(axis=1))
    return keys, totals


def _proving_frames(result: Result, rows: Values) -> Values:
    """Find the frames from which something was learned of flows."""
    flows, ends = result.facts.flows[rows], result.facts.ends[rows]
    return np.unique(np.concatenate([flows["first_frame"], flows["last_frame"], *(ends[name].reshape(-1) for name in _PROVING)]))


def _images(keys: Structured, anonymizer: Anonymizer | None) -> dict[tuple[int, int], bytes]:
    """Give the 16 bytes that are to be written for each address of some ends."""
    words = [np.stack([keys[f"{end}_hi"], keys[f"{end}_lo"]], axis=1) for end in "ab"]
    captured = np.unique(np.concatenate(words), axis=0)
    images = captured if anonymizer is None else anonymizer.words(captured)
    return {(hi, lo): address_bytes(*image) for (hi, lo), image in zip(captured.tolist(), images.tolist(), strict=True)}


def _end(coverage: Coverage, result: Result, flagged: Values) -> int:
    """Find until when the flagged flows were watched; where captures side by side end at several times, the last of these."""
    last = result.facts.flows[flagged]
    ends, in_hole = coverage.ends(last["last_frame"] >> FRAME_BITS, last["last_time"])
    return int(ends[~in_hole].max(initial=0)) or coverage.end


def _holes(coverage: Coverage, result: Result, flagged: Values) -> list[tuple[int, int]]:
    """Find the holes in the capture: of taps side by side, those before which a flagged flow fell silent."""
    taps = coverage.holes
    holes = [hole for tap in taps for hole in tap]
    if len(taps) > 1:
        judgement = result.judgement
        silent = flagged[judgement.in_hole[flagged] & (judgement.held[flagged] != NO_TIME)]
        starts = set((judgement.since[silent] + judgement.held[silent]).tolist())
        holes = [hole for hole in holes if hole[0] in starts]
    return sorted(dict(sorted(holes, reverse=True)).items())
