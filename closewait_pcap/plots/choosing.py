"""Which ends a picture is of."""

from typing import TYPE_CHECKING, Protocol

from closewait_pcap.plots import style
from closewait_pcap.results.result import Result
from closewait_pcap.views.courses import Ends, groups
from closewait_pcap.views.endpoints import endpoint_values, flows_of, named

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes


class Analysed(Protocol):
    """An `Analysis`, or what else has its result."""

    @property
    def result(self) -> Result:
        """Facts and judgement."""


def of_endpoint(
    draw: "Callable[[Axes, Ends], Axes]", analysis: Analysed, endpoint: int | None, ax: "Axes | None", size: tuple[float, float]
) -> "Axes":
    """Draw a picture of an endpoint.

    Args:
        draw: what draws it.
        analysis: of a capture.
        endpoint: its row in ``analysis.endpoints``; None: the worst one.
        ax: where to draw; None: in a new figure.
        size: of that, in inches.

    Returns:
        The axes.

    Raises:
        IndexError: there is no such endpoint.
    """
    ends = _choose(analysis, endpoint)
    ax = style.prepare(ax, size)
    if ends is None:
        return style.nothing(ax, "No TCP flows.")
    style.title(ax, ends.name)
    return draw(ax, ends)


def _choose(analysis: Analysed, endpoint: int | None) -> Ends | None:
    """Find an endpoint's ends.

    Args:
        analysis: what was found.
        endpoint: its row in ``analysis.endpoints``; None: the worst one, or where none waits the service with the most flows.

    Returns:
        None where there are no flows.

    Raises:
        IndexError: there is no such row.
    """
    result = analysis.result
    endpoints = endpoint_values(result)
    number = len(endpoints["side"])
    if not number and endpoint is None:
        return next(iter(groups(result, result.rows, 1)), None)
    row = endpoint or 0
    if not 0 <= row < number:
        raise IndexError(f"no endpoint {row}: {number} wait or did (see analysis.endpoints)")
    return Ends(result, named(endpoints, row), int(endpoints["side"][row]), flows_of(result, result.rows, endpoints, row))
