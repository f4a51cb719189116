"""Finds the packets between chosen ends in batches of packets, and leaves out the middle of long conversations."""

import numpy as np

from closewait_pcap.engine import Structured
from closewait_pcap.evidence.selection import EVERY, HEAD, TAIL
from closewait_pcap.results.values import Values

_ENDINGS = 1 << 18
"""Of digests, so many endings are told apart by a table, which is faster than to look each digest up."""
_ENDS = "src_hi", "src_lo", "srcport", "dst_hi", "dst_lo", "dstport"


class Pairs:
    """Finds the packets between some pairs of ends, and leaves out the middle of long conversations.

    Args:
        keys: the pairs, each once, see `selection.keys_of`.
        totals: how many packets each has.
        taps: a number for each, which is told with its packets.
        proving: frames that are never left out, ascending.
    """

    def __init__(self, keys: Structured, totals: Values, taps: Values, proving: Values) -> None:
        digests = _digest(keys["a_hi"], keys["a_lo"], keys["ports"] >> 16 & 0xFFFF)
        digests += _digest(keys["b_hi"], keys["b_lo"], keys["ports"] & 0xFFFF)
        order = np.argsort(digests)
        self._digests, self._keys = digests[order], keys[order]
        self._endings = np.zeros(_ENDINGS, np.bool_)
        self._endings[digests & (_ENDINGS - 1)] = True
        self._totals, self._taps = totals[order], taps[order]
        self._seen = np.zeros(len(keys), np.int64)
        self._proving = proving

    def find(self, packets: Structured, places: Values) -> tuple[Values, Values, int]:
        """Find the packets to be written among some of a batch.

        Args:
            packets: the batch.
            places: of the packets to look at, ascending.

        Returns:
            Places of those to be written, their pairs' taps, and how many were left out of long conversations.
        """
        if not len(self._keys):
            return places[:0], places[:0], 0
        digests = _digest(packets["src_hi"], packets["src_lo"], packets["srcport"].astype(np.int64))
        digests += _digest(packets["dst_hi"], packets["dst_lo"], packets["dstport"].astype(np.int64))
        places = places[self._endings[digests[places] & (_ENDINGS - 1)]]
        digests = digests[places]
        pair = np.minimum(np.searchsorted(self._digests, digests), len(self._digests) - 1)
        same = self._digests[pair] == digests
        same &= self._is_of(pair, {name: packets[name][places].astype(np.int64) for name in _ENDS})
        places, pair = places[same], pair[same]
        stays = self._stays(packets["frame"][places], pair)
        return places[stays], self._taps[pair[stays]], int(len(stays) - stays.sum())

    def _is_of(self, pair: Values, ends: dict[str, Values]) -> Values:
        """Whether packets are of those pairs: a digest alone could be met on purpose."""
        key = self._keys[pair]
        a, b = ("a_hi", "a_lo"), ("b_hi", "b_lo")
        a_port, b_port = key["ports"] >> 16 & 0xFFFF, key["ports"] & 0xFFFF
        same = np.zeros(len(pair), np.bool_)
        for one, one_port, other, other_port in ((a, a_port, b, b_port), (b, b_port, a, a_port)):
            from_one = (ends["src_hi"] == key[one[0]]) & (ends["src_lo"] == key[one[1]]) & (ends["srcport"] == one_port)
            to_other = (ends["dst_hi"] == key[other[0]]) & (ends["dst_lo"] == key[other[1]]) & (ends["dstport"] == other_port)
            same |= from_one & to_other
        return same

    def _stays(self, frames: Values, pair: Values) -> Values:
        """Say which packets of long conversations are written."""
        order = np.argsort(pair, kind="stable")
        ordered = pair[order]
        number = np.empty(len(pair), np.int64)
        number[order] = self._seen[ordered] + np.arange(len(pair)) - np.searchsorted(ordered, ordered)
        np.add.at(self._seen, pair, 1)
        total = self._totals[pair]
        stays = (total <= HEAD + TAIL) | (number < HEAD) | (number >= total - TAIL) | (number % EVERY == 0)
        if len(self._proving) and not stays.all():
            place = np.minimum(np.searchsorted(self._proving, frames), len(self._proving) - 1)
            stays |= self._proving[place] == frames
        return np.asarray(stays)


def _digest(hi: Values, lo: Values, port: Values) -> Values:
    """Numbers of ends that are as good as unique; those of both ends of a packet add up to the same either way."""
    mixed = hi * -7046029254386353131 + lo * -4417276706812531889 + port * 1609587929392839161
    return np.asarray((mixed ^ (mixed >> 31)) * -7046029288634856825)
