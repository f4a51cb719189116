"""What becomes of an input, from its bytes to all reports and the evidence; for all that fuzzes."""

import io

from closewait_pcap import CaptureError, analyze
from closewait_pcap.reports.account import Account
from closewait_pcap.reports.formats import csv, json, junit, markdown, text
from closewait_pcap.verdicts.events import state_changes
from tests.fuzz.mutants import Inputs

SEPARATOR = b"\xffNEXT FILE\xff"
"""Between captures that are read as one timeline, where they are written into one file."""


def as_one(inputs: Inputs) -> bytes:
    """Write inputs into one file, for a regression."""
    return SEPARATOR.join(inputs)


def inputs_of(data: bytes) -> Inputs:
    """Take such a file apart; of hostile ones no more than 8 captures."""
    return data.split(SEPARATOR, 7)


def outcome(inputs: Inputs) -> str:
    """Analyse inputs as one timeline, and write all reports and the evidence, which is sound; nothing may be raised.

    Returns:
        ``refused``, ``damaged`` or ``read``.
    """
    streams = [io.BytesIO(part) for part in inputs]
    try:
        analysis = analyze(streams if len(streams) > 1 else streams[0])
    except CaptureError:
        return "refused"
    result = analysis.result
    whole = Account(result, analysis.warnings, all_flows=True)
    json.render(whole)
    for write in (markdown, csv, junit):
        write.render(whole)
    if len(inputs[0]) % 2:
        text.render(Account(result, analysis.warnings))
    else:
        text.render(whole, width=80, color=True)
    state_changes(result.facts, result.judgement, result.rows)
    if len(whole.flagged):
        evidence = io.BytesIO()
        analysis.evidence(evidence, payload=len(inputs[0]) % 2 == 0)
        analyze(io.BytesIO(evidence.getvalue()), strict=True)
    return "damaged" if analysis.capture.damage else "read"
