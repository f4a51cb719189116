"""What is to be said of one analysis, gathered once: every format says the same of it, in the same words and numbers."""

from collections import Counter
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from closewait_pcap.columns import FLOWS, Column, chosen
from closewait_pcap.reports import wording
from closewait_pcap.results.flow_values import flow_values
from closewait_pcap.results.result import Result
from closewait_pcap.results.values import Values
from closewait_pcap.verdicts.cause import Cause, Confidence
from closewait_pcap.verdicts.limits import Limit
from closewait_pcap.verdicts.verdict import Verdict
from closewait_pcap.views.endpoints import endpoint_values, flows_of
from closewait_pcap.views.explanations import Explanations, count_causes, find_limits
from closewait_pcap.views.tendencies import Watch, Window, watch

MOST = 10
"""Flows and endpoints listed in tables; the rest is counted."""


@dataclass
class Account:
    """An analysis, and what of it is to be spoken of."""

    result: Result
    warnings: list[str] = field(default_factory=list)
    """What limits it."""
    shown: Values | None = None
    """The flows to speak of; None: all of them."""
    all_flows: bool = False
    """List all of those, not only the ones that wait or waited."""
    window: Window = (None, None)
    """From when to when flows are shown."""
    most: int | None = None
    """Formats for programs list no more flows and endpoints than so many; None: all."""
    tabled: int | None = None
    """Tables for a person list no more flows and endpoints than so many; None: `MOST`, or all flows where `all_flows` asks."""

    def shortened(self, *, most: int | None = None, tabled: int | None = None) -> "Account":
        """Give the same with fewer flows and endpoints, for programs or in tables, without finding all else again."""
        shorter = copy(self)
        shorter.most, shorter.tabled = most or self.most, tabled or self.tabled
        vars(shorter).pop("listed", None)
        return shorter

    @cached_property
    def rows(self) -> Values:
        """The flows to speak of."""
        return self.result.rows if self.shown is None else self.shown

    @cached_property
    def summary(self) -> wording.Summary:
        """The numbers of the headline."""
        return wording.summarize(self.result, self.rows)

    @cached_property
    def endpoints(self) -> dict[str, Values]:
        """The endpoints that wait or did: `columns.ENDPOINTS`, the worst first."""
        return endpoint_values(self.result, self.rows, self.window)

    @cached_property
    def flagged(self) -> Values:
        """The flows that wait or waited: those in CLOSE_WAIT first, the longest wait first."""
        return wording.flagged(self.result, self.rows)

    @property
    def worst(self) -> Values:
        """The flow to begin with, shape (1,): the worst endpoint's, which in a chain is the last one's."""
        mine = self.result.streams_of(self.flagged) == self.endpoints["worst_stream"][0]
        return np.asarray(self.flagged[mine][:1])

    @cached_property
    def listed(self) -> Values:
        """The flows that formats for programs list, one by one."""
        return (self.rows if self.all_flows else self.flagged)[: self.most]

    @property
    def left_out(self) -> dict[str, int]:
        """How many flows and endpoints those formats do not list, because they are more than `most`."""
        flows = len(self.rows if self.all_flows else self.flagged)
        return {"flows": flows - len(self.listed), "endpoints": len(self.endpoints["side"][self.most :]) if self.most else 0}

    @cached_property
    def causes(self) -> dict[Cause, Counter[Confidence]]:
        """How many wait for which cause, and how sure that is."""
        return count_causes(self.result, self.flagged)

    @cached_property
    def worst_causes(self) -> set[Cause]:
        """For which causes the flows of the worst endpoint wait that are in CLOSE_WAIT: who is to be looked at."""
        result, flows = self.result, self.flagged[self.result.judgement.verdict[self.flagged] == Verdict.close_wait]
        flows = flows_of(result, flows, self.endpoints, 0)
        return set(count_causes(result, flows[result.judgement.waiting[flows] == self.endpoints["side"][0]]))

    @cached_property
    def limits(self) -> dict[Limit, Values]:
        """What the capture cannot show, and the flows of which it cannot."""
        return find_limits(self.result, self.rows)

    @cached_property
    def watched(self) -> Watch:
        """The time over which rates and trends are taken."""
        return watch(self.result, self.window)

    @cached_property
    def headline(self) -> str:
        """The verdict: who does not close, how many, since when, how sure that is, and whether they become more."""
        return wording.headline(self.result, self.rows, self.endpoints)

    @property
    def flow_columns(self) -> tuple[Column, ...]:
        """The public columns of this analysis' flows."""
        info = self.result.capture
        return chosen(FLOWS, len(info.files), sockets=self.result.matches is not None, text=info.is_text)

    def flows(self) -> tuple[list[int], dict[str, Values]]:
        """The flows that are listed one by one.

        Returns:
            Their stream numbers, and their public columns without ``display_filter``.
        """
        explanations = Explanations(self.result, self.listed)
        values = flow_values(self.result, self.listed) | explanations.values() | {"evidence": explanations.evidence()}
        return self.result.streams_of(self.listed).tolist(), values
