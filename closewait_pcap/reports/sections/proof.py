"""The proof: in which frames to look, and when they came."""

import numpy as np

from closewait_pcap import quantities
from closewait_pcap.capture.info import CaptureInfo
from closewait_pcap.evidence.printing import proving_lines
from closewait_pcap.reports import wording
from closewait_pcap.reports.account import MOST, Account
from closewait_pcap.reports.parts import Command, Listing, Part, Section, Sentence
from closewait_pcap.reports.sections.flow_table import closer_of, flow_table, resetter_of
from closewait_pcap.results.flow_values import flow_values
from closewait_pcap.results.values import Category, Values, cell
from closewait_pcap.verdicts.verdict import Verdict

_SHOWN = 3
"""Flows whose packets are shown; `Analysis.to_tcpdump_text` shows all of any."""


def say(account: Account) -> Section | None:
    """Say it of the worst flow in words, of the others in a table; nothing where no flow is to be listed."""
    result, flagged = account.result, account.flagged
    every = account.rows if account.all_flows else flagged
    listed = every[: account.tabled or (None if account.all_flows else MOST)]
    if not len(listed):
        return None
    parts: list[Part] = [Sentence(_worst(account))] if len(flagged) else []
    parts.append(flow_table(result, listed))
    more = len(every) - len(listed)
    if more:
        which = "which other formats list" if account.all_flows else "that wait or waited; --all lists every flow"
        told = f"... and {quantities.count(more, 'more flow')}{',' * account.all_flows} {which}"
        parts.append(Sentence(told, 1))
    parts += _packets(account)
    if len(flagged):
        merged = ", after mergecap -w merged.pcapng FILE..." if len(result.capture.files) > 1 else ""
        parts.append(Command(f"Wireshark filter{merged}", wording.streams_filter(result, flagged[:MOST])))
    parts += map(Sentence, wording.delayed_reconnects(result, account.rows))
    return Section("proof", "Proof", parts)


def _packets(account: Account) -> list[Part]:
    """Show of the first flows the packets that prove it, as far as they were kept: as tcpdump prints them, or printed them."""
    if not len(account.flagged):
        return []
    rows = list(dict.fromkeys([*account.worst.tolist(), *account.flagged[:_SHOWN].tolist()]))[:_SHOWN]
    lines = [line for row in rows for line in proving_lines(account.result, row)]
    streams = ", ".join(map(str, account.result.streams_of(np.array(rows)).tolist()))
    how = (
        "as the text has it, by line"
        if account.result.capture.is_text
        else "as tcpdump --number prints packets, as far as they were kept"
    )
    return [Listing(f"Stream{'s' * (len(rows) > 1)} {streams} {how}", lines)] if lines else []


def _worst(account: Account) -> str:
    """Tell the worst flow's FIN, its acknowledgement, and what followed until the capture's end."""
    result, row = account.result, account.worst
    values = flow_values(result, row)
    files = quantities.short_names(result.capture.files)
    values |= {name: Category.of(codes, files) for name, codes in values.items() if name.endswith("file")}
    closer, waiting = closer_of(values, 0), cell(values, "waiting_side", 0)
    stream = int(result.streams_of(row)[0])
    fin, ack = (_frame(values, f"{closer}_{what}", result.capture) for what in ("fin", "fin_ack"))
    return f"Stream {stream}: the {closer}'s FIN is {fin}, acknowledged in {ack}; {_rest(account, values, waiting)}."


def _rest(account: Account, values: dict[str, Values], waiting: str) -> str:
    info = account.result.capture
    verdict = cell(values, "verdict", 0)
    if verdict == Verdict.closed_late.name:
        later = quantities.span(int(values["held"][0]))
        return f"the {waiting}'s own came {later} later, in {_frame(values, f'{waiting}_fin', info)}"
    if verdict == Verdict.close_wait_reset.name:
        side = resetter_of(values, 0)
        ended = f"the {side}'s RST in {_frame(values, f'{side}_rst', info)}" if side else "a RST"
        return f"no FIN of the {waiting} came until {ended}"
    end = "" if info.end_time is None else f" at {quantities.clock_time(info.end_time, info.dating)}"
    last = f" (last frame: {info.frames:,})" if len(info.files) == 1 else ""
    return f"no FIN of the {waiting} is seen until the capture's end{end}{last}"


def _frame(values: dict[str, Values], name: str, info: CaptureInfo) -> str:
    """Name a frame with its time, and where there are several files with its file."""
    frame = int(values[f"{name}_frame"][0])
    if frame < 0:
        return "a frame not seen"
    file = f" of {cell(values, f'{name}_file', 0)}" if len(info.files) > 1 else ""
    line = int(values[f"{name}_line"][0])
    where = f"line {line:,}, " if line > 0 else ""
    return f"frame {frame}{file} ({where}{quantities.clock_time(int(values[f'{name}_time'][0]), info.dating)})"
