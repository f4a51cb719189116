"""The second pass: reads the capture again, and writes the packets of the chosen flows."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from closewait_pcap.anonymizing import Anonymizer
from closewait_pcap.capture.packets import FRAME_BITS, NOT_TCP, NUMBERING_ONLY, PACKET, address_bytes
from closewait_pcap.capture.timeline import Timeline
from closewait_pcap.engine import Structured, as_array
from closewait_pcap.evidence import blocks
from closewait_pcap.evidence.frames import Segment, rewrite
from closewait_pcap.evidence.pairs import Pairs
from closewait_pcap.evidence.remarks import remarks
from closewait_pcap.evidence.selection import Selection, keys_of, select
from closewait_pcap.evidence.taps import Taps
from closewait_pcap.quantities import count
from closewait_pcap.results.result import Result
from closewait_pcap.results.values import Values

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
    with closing(timeline.batches()) as batches:
        for batch, rows_filled in batches:
            for packet, tap in writer.choose(as_array(batch, PACKET, rows_filled)):
                writer.write(timeline.frame(packet.frame, packet.offset, packet.caplen), packet, tap)
            if writer.is_beyond:
                break
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
        rows = selection.rows
        self._taps = Taps(result, rows)
        keys, totals, taps = _keys(result, rows, self._taps.of_rows)
        self._pairs = Pairs(keys, totals, taps, _proving_frames(result, rows))
        self._remarks = remarks(result, selection)
        self._images = _images(keys, anonymizer)
        self._hosts = {} if self._anonymized else _named(keys, result)
        parts = result.capture.parts or [result.capture]
        self._last = np.array([part.frames for part in parts], np.int64)  # later ones are new, or were not waited for
        self._passed = np.zeros(len(parts), np.bool_)

    def begin(self, application: str) -> None:
        """Write what stands before the packets."""
        chosen, capture = self._selection, self._result.capture
        kept = "kept: it may hold names, addresses and secrets" if self._payload else "cut behind the TCP header"
        mapped = "mapped, prefixes kept; time stamp options left out" if self._anonymized else "as captured"
        if self._hosts:
            mapped += "; hosts that were printed by name alone have addresses that stand for the names in this file"
        self._put(
            blocks.section(
                application,
                f"Evidence: {count(len(chosen.flagged), 'flow')} that wait or waited for a close, and "
                f"{len(chosen.supporting):,} more on which their causes rest, of {len(self._result.rows):,} in a capture of "
                f"{count(capture.frames, 'frame')}. Frames are written anew as raw IP, from a list of header fields; lengths "
                f"are those of the wire, checksums are computed anew over what is here. Payload: {kept}. Addresses: {mapped}.",
            )
        )
        if self._hosts:
            self._put(blocks.names(self._hosts))
        for description in self._taps.descriptions():
            self._put(description)

    def choose(self, packets: Structured) -> Iterator[tuple[Segment, int]]:
        """Find the packets of a batch that are to be written, and their taps."""
        usable = packets["quality"] & (NOT_TCP | NUMBERING_ONLY) == 0
        files = packets["frame"] >> FRAME_BITS
        known = packets["frame"] & ((1 << FRAME_BITS) - 1) <= self._last[files]
        self._passed[files[~known]] = True
        usable &= known
        places, taps, trimmed = self._pairs.find(packets, np.flatnonzero(usable))
        self.trimmed += trimmed
        chosen = packets[places]
        columns = (chosen[name].tolist() for name in Segment._fields)
        return zip(map(Segment._make, zip(*columns, strict=True)), taps.tolist(), strict=True)

    @property
    def is_beyond(self) -> bool:
        """Whether what comes was not there, or not waited for, when the capture was analysed."""
        return bool(self._passed.all())

    def write(self, frame: bytes, packet: Segment, tap: int) -> None:
        """Write one packet."""
        source, target = self._images[packet.src_hi, packet.src_lo], self._images[packet.dst_hi, packet.dst_lo]
        is_v6 = packet.ip_at >= 0 and frame[packet.ip_at] >> 4 == 6
        if not is_v6 and source.startswith(_MAPPED) and target.startswith(_MAPPED):
            source, target = source[12:], target[12:]
        data, wirelen = rewrite(frame, packet, source, target, payload=self._payload, stamps=self._stamps)
        interface = self._taps.interface(tap, packet.time)
        comment = self._remarks.get(packet.frame, "")
        self._put(blocks.packet(data, wirelen, max(packet.time, 0), interface, comment))
        self.frames += 1

    def finish(self) -> None:
        """Write what stands behind the packets: from when until when the capture listened, and what it lost."""
        for statistics in self._taps.statistics():
            self._put(statistics)

    def _put(self, block: bytes) -> None:
        self._stream.write(block)
        self.bytes += len(block)


def _keys(result: Result, rows: Values, taps: Values) -> tuple[Structured, Values, Values]:
    """Give the pairs of ends of flows, each once, how many packets each has, and the tap of its last flow."""
    keys, place = np.unique(keys_of(result.facts, rows), return_inverse=True)
    place = place.reshape(-1)
    totals, of_last = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
    np.add.at(totals, place, result.facts.ends["packets"][rows].sum(axis=1))
    of_last[place] = taps  # rows ascend: of several, the last one written stays
    return keys, totals, of_last


def _proving_frames(result: Result, rows: Values) -> Values:
    """Find the frames from which something was learned of flows."""
    flows, ends = result.facts.flows[rows], result.facts.ends[rows]
    return np.unique(np.concatenate([flows["first_frame"], flows["last_frame"], *(ends[name].reshape(-1) for name in _PROVING)]))


def _named(keys: Structured, result: Result) -> dict[bytes, str]:
    """Give the names that are all that is known of some ends, by the addresses that stand for them."""
    used = {words for end in "ab" for words in zip(keys[f"{end}_hi"].tolist(), keys[f"{end}_lo"].tolist(), strict=True)}
    packed = {address_bytes(*words): name for words, name in result.hosts.items() if words in used}
    return {address[12:] if address.startswith(_MAPPED) else address: name for address, name in packed.items()}


def _images(keys: Structured, anonymizer: Anonymizer | None) -> dict[tuple[int, int], bytes]:
    """Give the 16 bytes that are to be written for each address of some ends."""
    words = [np.stack([keys[f"{end}_hi"], keys[f"{end}_lo"]], axis=1) for end in "ab"]
    captured = np.unique(np.concatenate(words), axis=0)
    images = captured if anonymizer is None else anonymizer.words(captured)
    return {(hi, lo): address_bytes(*image) for (hi, lo), image in zip(captured.tolist(), images.tolist(), strict=True)}
