"""Holds what a file of evidence says by itself against what the whole capture said of the same flows."""

from collections import defaultdict

import numpy as np

from closewait_pcap.evidence.selection import keys_of
from closewait_pcap.results.result import Result
from closewait_pcap.results.values import Values
from closewait_pcap.verdicts.cause import Cause, Confidence
from closewait_pcap.verdicts.verdict import Verdict
from closewait_pcap.views.explanations import Explanations

_NAMES = ("verdict", "waiting side", "since", "held", "stuck", "cause", "confidence")


def differences(whole: Result, part: Result, rows: Values) -> tuple[str, ...]:
    """Compare flows by their ends, and by which use of these they are.

    Args:
        whole: what the capture said, with addresses as they stand in the file.
        part: what the file says.
        rows: of the flows to compare, in ``whole``.

    Returns:
        A sentence for each flow that is judged differently.
    """
    theirs = _by_ends(part, part.rows)
    place = {row: (key, ago) for key, found in _by_ends(whole, whole.rows, rows).items() for ago, row in enumerate(found[::-1])}
    pairs = [(row, theirs[key][-1 - ago] if ago < len(theirs[key]) else -1) for row in rows.tolist() for key, ago in [place[row]]]
    found = [(row, other) for row, other in pairs if other >= 0]
    mine = _told(whole, np.array([row for row, _ in found], np.int64))
    others = _told(part, np.array([other for _, other in found], np.int64))
    said = {row: _differ(a, b) for (row, _), a, b in zip(found, mine, others, strict=True)}
    texts = [(row, said[row] if other >= 0 else "is not in the file") for row, other in pairs]
    return tuple(f"stream {whole.facts.flows['stream'][row]} {text}" for row, text in texts if text)


def _by_ends(result: Result, rows: Values, only: Values | None = None) -> dict[tuple[int, ...], list[int]]:
    """Group flows by their ends, each group in the order of time."""
    if only is not None:
        rows = rows[np.isin(result.facts.flows["ports"][rows], result.facts.flows["ports"][only])]
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for row, key in zip(rows.tolist(), keys_of(result.facts, rows).tolist(), strict=True):
        groups[key].append(row)
    return groups


def _told(result: Result, rows: Values) -> list[tuple[int, ...]]:
    judgement, why = result.judgement, Explanations(result, rows).values()
    columns = [
        column[rows] for column in (judgement.verdict, judgement.waiting, judgement.since, judgement.held, judgement.stuck)
    ]
    columns += [np.asarray(why["cause"]), np.asarray(why["confidence"])]
    return list(zip(*(column.tolist() for column in columns), strict=True)) if len(rows) else []


def _differ(mine: tuple[int, ...], other: tuple[int, ...]) -> str:
    words = {"verdict": Verdict, "cause": Cause, "confidence": Confidence}

    def word(name: str, value: int) -> str:
        return str(words[name](value)) if name in words and value >= 0 else str(value)

    told = [f"{name} {word(name, b)}, not {word(name, a)}" for name, a, b in zip(_NAMES, mine, other, strict=True) if a != b]
    return f"is told otherwise: {'; '.join(told)}" if told else ""
