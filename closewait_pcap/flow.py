"""One flow to be looked at: drawn as a ladder in a notebook, written as one elsewhere."""

from closewait_pcap.columns import SIDES
from closewait_pcap.quantities import clock_time, moment, printable, span
from closewait_pcap.results.result import Result
from closewait_pcap.tcp.state import State
from closewait_pcap.verdicts.judge import CLIENT
from closewait_pcap.views.ladder import Ladder, Step, ending, ladder_of

_STATE, _PACKET = 12, 36
"""Letters: of the longest state, and of what is said of a packet."""


class Flow:
    """One flow, which shows itself as a ladder.

    Args:
        result: an analysis.
        row: of the flow in it.
    """

    def __init__(self, result: Result, row: int) -> None:
        self.ladder: Ladder = ladder_of(result, row)
        """The packets that changed a state, and the states."""
        self._of_several = len(result.capture.files) > 1

    def _repr_svg_(self) -> str:
        from closewait_pcap.plots import ladders  # noqa: PLC0415 - matplotlib
        from closewait_pcap.plots.svg import file  # noqa: PLC0415

        found = self.ladder
        return file(lambda ax: ladders.draw(ax, found), ladders.size(found), margins=(0, 0, 0, 0))

    def __repr__(self) -> str:
        found = self.ladder
        client, server = (f"{side} {name}" for side, name in zip(SIDES, found.ends, strict=True))
        lines = [f"stream {found.stream}: {client}, {server}", "", _line("frame", "time", *SIDES), _line(states=found.before)]
        previous = 0
        for at, step in enumerate([*found.steps, None]):
            if at == found.payload_at:
                lines.append(_line(packet=f"{found.payload:^{_PACKET}}"))
            if step is not None:
                lines.append(self._rung(step, previous))
                previous = step.time or previous
        end = "" if found.end_time is None else f" (capture's end: {moment(found.end_time, found.dating)})"
        return "\n".join([*lines, "", ending(found) + end])

    def _rung(self, step: Step, previous: int) -> str:
        name = printable(f"{step.file} {step.frame}") if self._of_several else str(step.frame)
        follows = previous and step.time >= previous
        when = f"+{span(step.time - previous)}" if follows else clock_time(step.time, self.ladder.dating)
        line = f"-- {step.label} {step.numbers}".rstrip() + " "
        packet = line.ljust(_PACKET - 1, "-") + ">" if step.sender == CLIENT else "<" + line.ljust(_PACKET - 1, "-")
        return _line(name, when if step.time else "", states=step.states, packet=packet)


def _line(
    frame: str = "",
    when: str = "",
    left: str = "",
    right: str = "",
    *,
    states: tuple[State | None, State | None] = (None, None),
    packet: str = "",
) -> str:
    client, server = (state.name if state is not None else told for state, told in zip(states, (left, right), strict=True))
    return f"{frame:>6}  {when:<16}{client:>{_STATE}}  {packet:{_PACKET}}  {server}".rstrip()
