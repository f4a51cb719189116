"""Makes the DataFrames: the only module, and the lowest floor, that may import pandas."""

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from closewait_pcap import columns, quantities
from closewait_pcap.columns import Column, Kind
from closewait_pcap.results.flow_values import display_filter, file_codes, flow_values, frame_numbers, line_numbers
from closewait_pcap.results.result import Result
from closewait_pcap.results.values import Category, Values
from closewait_pcap.verdicts.events import state_changes
from closewait_pcap.views.courses import state_counts
from closewait_pcap.views.endpoints import endpoint_values
from closewait_pcap.views.explanations import Explanations, listener_values

if TYPE_CHECKING:
    import pandas as pd

    from closewait_pcap.sockets.table import Snapshot
    from closewait_pcap.views.holdings import Host

_MOST_INSTANTS = 1_000_000
_MOST_ENDPOINTS = 20
"""Services, and clients that wait, with columns of their own."""


def timeline_frame(result: Result, every: int) -> "pd.DataFrame":
    """Make the table of how many ends are in which state at instants that lie equally far apart.

    Args:
        result: an analysis.
        every: how far, ns.

    Returns:
        One row per instant, index ``time``; columns are pairs of ``endpoint`` and ``state``, int64.

    Raises:
        ValueError: that are too many instants.
    """
    import pandas as pd  # noqa: PLC0415

    info = result.capture
    first, end = info.first_time or 0, info.end_time or 0
    instants = -(-end // every) - first // every + 1
    if not 0 < instants <= _MOST_INSTANTS:
        raise ValueError(
            f"{instants:,} instants every {quantities.span(every)}: choose a longer step ({_MOST_INSTANTS:,} at most)"
        )
    times = (np.arange(instants) + first // every) * every
    counted = state_counts(result, times, _MOST_ENDPOINTS)
    index = pd.DatetimeIndex(times.astype("datetime64[ns]"), name="time", freq=pd.tseries.offsets.Nano(every)).tz_localize("UTC")
    columns_index = pd.MultiIndex.from_tuples([*counted], names=["endpoint", "state"])
    values = np.stack([*counted.values()], axis=1) if counted else np.empty((instants, 0), np.int64)
    frame = pd.DataFrame(values, index=index, columns=columns_index)
    frame.attrs = _attributes(result)
    return frame


def flows_frame(result: Result, rows: Values) -> "pd.DataFrame":
    """Make the table of flows.

    Args:
        result: an analysis.
        rows: of the flows, in the order wanted.

    Returns:
        One row per flow, index ``stream``; columns as in `columns.FLOWS`.
    """
    import pandas as pd  # noqa: PLC0415

    explanations, streams = Explanations(result, rows), result.streams_of(rows)
    values = flow_values(result, rows) | explanations.values()
    values["evidence"] = explanations.evidence()
    values["display_filter"] = np.array([display_filter(stream) for stream in streams.tolist()], object)
    return _frame(columns.FLOWS, values, result, pd.Index(streams, name="stream"))


def events_frame(result: Result, rows: Values) -> "pd.DataFrame":
    """Make the table of state changes; columns as in `columns.EVENT_COLUMNS`, ordered by stream, then time."""
    changes = state_changes(result.facts, result.judgement, rows)
    values: dict[str, Values] = {
        "stream": result.streams_of(changes.row),
        "side": Category.of(changes.side, columns.SIDES),
        "frame": frame_numbers(changes.frame),
        "file": file_codes(result.capture.files, changes.frame),
        "line": line_numbers(result.capture, changes.frame),
        "time": changes.time,
        "event": Category.of(changes.event, columns.EVENTS),
        "from_state": Category.of(changes.from_state, columns.STATES),
        "to_state": Category.of(changes.to_state, columns.STATES),
    }
    return _frame(columns.EVENT_COLUMNS, values, result)


def endpoints_frame(result: Result) -> "pd.DataFrame":
    """Make the table of waiting endpoints; columns as in `columns.ENDPOINTS`, the worst first."""
    return _frame(columns.ENDPOINTS, endpoint_values(result), result)


def listeners_frame(result: Result) -> "pd.DataFrame":
    """Make the table of listeners; columns as in `columns.LISTENERS`."""
    return _frame(columns.LISTENERS, listener_values(result), result)


def sockets_frame(result: Result) -> "pd.DataFrame":
    """Make the table of sockets; columns as in `columns.SOCKETS`; empty where no socket table was given."""
    from closewait_pcap.views.tables import socket_values  # noqa: PLC0415 - only with socket tables

    return _frame(columns.SOCKETS, socket_values(result), result)


def table_frame(snapshots: "Sequence[Snapshot]") -> "pd.DataFrame":
    """Make the table of sockets of which no flow is known; columns as in `columns.SOCKETS` but for the flow's."""
    from closewait_pcap.views.tables import table_values  # noqa: PLC0415

    values = table_values(snapshots, [socket for snapshot in snapshots for socket in snapshot.sockets])
    return _frame(columns.SOCKETS[:-2], values)


def holdings_frame(hosts: "Sequence[Host]") -> "pd.DataFrame":
    """Make the table of endpoints in CLOSE_WAIT; columns as in `columns.HOLDINGS`."""
    from closewait_pcap.views.tables import holding_values  # noqa: PLC0415

    return _frame(columns.HOLDINGS, holding_values(hosts))


def holders_frame(hosts: "Sequence[Host]") -> "pd.DataFrame":
    """Make the table of processes with sockets in CLOSE_WAIT; columns as in `columns.HOLDERS`."""
    from closewait_pcap.views.tables import holder_values  # noqa: PLC0415

    return _frame(columns.HOLDERS, holder_values(hosts))


def queues_frame(hosts: "Sequence[Host]") -> "pd.DataFrame":
    """Make the table of accept queues; columns as in `columns.QUEUES`."""
    from closewait_pcap.views.tables import queue_values  # noqa: PLC0415

    return _frame(columns.QUEUES, queue_values(hosts))


def agreement_frame(result: Result) -> "pd.DataFrame":
    """Make the table of kernel against inferred states; columns as in `columns.AGREEMENT`."""
    from closewait_pcap.views.tables import agreement_values  # noqa: PLC0415

    return _frame(columns.AGREEMENT, agreement_values(result), result)


def packets_frame(values: Mapping[str, Values], result: Result) -> "pd.DataFrame":
    """Make the table of one flow's packets; columns as in `columns.PACKETS`."""
    return _frame(columns.PACKETS, values, result)


def _frame(
    wanted: Sequence[Column], values: Mapping[str, Values], result: Result | None = None, index: "pd.Index | None" = None
) -> "pd.DataFrame":
    import pandas as pd  # noqa: PLC0415

    known = tuple(wanted)
    if result is not None:
        info = result.capture
        known = columns.chosen(known, len(info.files), sockets=result.matches is not None, text=info.is_text)
    frame = pd.DataFrame({column.name: _series(column, values[column.name], index) for column in known}, index=index)
    if result is not None:
        frame.attrs = _attributes(result)
    return frame


def _attributes(result: Result) -> "dict[Hashable | None, Any]":
    """Say of what a table is."""
    return {"file": result.capture.file, "stuck_after_s": result.stuck_after / 1e9}


def _series(column: Column, values: Values, index: "pd.Index | None") -> "pd.Series[Any]":
    """Turn one column's NumPy values into the pandas dtype that its kind names."""
    import pandas as pd  # noqa: PLC0415

    data: Any
    if column.kind is Kind.time:
        data = pd.DatetimeIndex(values.astype("datetime64[ns]")).tz_localize("UTC")
    elif column.kind is Kind.span:
        data = values.astype("timedelta64[ns]")
    elif column.kind is Kind.category:
        assert isinstance(values, Category)  # as results.flow_values promises
        texts = pd.Index(values.texts, dtype="str")
        data = pd.Categorical.from_codes(np.asarray(values), categories=texts)
    elif column.kind is Kind.text:
        data = pd.array(values, dtype="str")
    elif column.kind is Kind.number:
        data = pd.array(values, dtype="Float64")
    elif column.kind is Kind.flag:
        data = pd.arrays.BooleanArray(values == 1, values == -1)
    else:
        dtype = {Kind.frame: np.uint32, Kind.count: np.int64, Kind.port: np.uint16}[column.kind]
        missing = values < 0
        data = pd.arrays.IntegerArray(np.where(missing, 0, values).astype(dtype), missing)
    return pd.Series(data, index=index, name=column.name)
