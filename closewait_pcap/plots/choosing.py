"""Which ends a picture is of."""

from typing import Protocol

from closewait_pcap.courses import Ends, groups
from closewait_pcap.endpoints import endpoint_values, flows_of, named
from closewait_pcap.results import Result


class Analysed(Protocol):
    """An `Analysis`, or what else has its result."""

    @property
    def result(self) -> Result:
        """Facts and judgement."""


def choose(analysis: Analysed, endpoint: int | None) -> Ends | None:
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
