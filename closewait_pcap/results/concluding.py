"""From a timeline that was read to a result: facts, judgement, and what is known of the capture."""

import numpy as np

from closewait_pcap.capture.coverage import Coverage
from closewait_pcap.capture.info import combine
from closewait_pcap.capture.packets import FRAME_BITS
from closewait_pcap.capture.timeline import Timeline
from closewait_pcap.flows.table import FlowTable
from closewait_pcap.results.result import Result
from closewait_pcap.verdicts.judge import judge
from closewait_pcap.verdicts.retirement import Retirement


def conclude(timeline: Timeline, table: FlowTable, retirement: Retirement, stuck_after: int) -> Result:
    """Judge what a table has learned.

    Args:
        timeline: the capture, which was read.
        table: what has learned from it.
        retirement: of the flows that have left the table.
        stuck_after: ns from which a wait counts as stuck.

    Returns:
        The result.
    """
    facts, info, coverage = table.facts(), combine(timeline.infos), Coverage(timeline.infos)
    info.missing_flows, info.gaps = retirement.counts, coverage.gaps
    path = facts.flows["path"]
    interfaces = np.where(path >= 0, facts.paths["interface"][path], 0) if len(facts.paths) else np.zeros(len(path), np.int64)
    ends, in_hole = coverage.ends(facts.flows["last_frame"] >> FRAME_BITS, facts.flows["last_time"], interfaces)
    judgement = judge(facts, stuck_after=stuck_after, end_time=ends, in_hole=in_hole)
    return Result(info, facts, judgement, stuck_after, timeline.names.texts)
