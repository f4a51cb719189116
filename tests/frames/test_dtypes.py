"""Every table has the columns and dtypes that `columns` names, also when it is empty."""

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from closewait_pcap import Analysis, analyze, analyze_text, columns
from closewait_pcap.columns import Column, Kind
from tests.capture.printed.printing import LISTING

SAMPLES = sorted(path.parent for path in (Path(__file__).parents[2] / "samples").glob("*/expected.json"))
PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
UDP = bytes(12) + b"\x08\x00\x45" + bytes(8) + b"\x11" + bytes(10) + bytes(8)

EMPTY = {
    "no frames": PCAP_HEADER,
    "no TCP": PCAP_HEADER + struct.pack("<IIII", 1, 0, len(UDP), len(UDP)) + UDP,
}
TABLES: dict[str, tuple[tuple[Column, ...], Callable[[Analysis], pd.DataFrame]]] = {
    "flows": (columns.FLOWS, lambda analysis: analysis.flows),
    "close_wait": (columns.FLOWS, lambda analysis: analysis.close_wait),
    "events": (columns.EVENT_COLUMNS, lambda analysis: analysis.events),
    "endpoints": (columns.ENDPOINTS, lambda analysis: analysis.endpoints),
    "packets": (columns.PACKETS, lambda analysis: analysis.packets(stream=0)),
}


def assert_as_declared(frame: pd.DataFrame, wanted: tuple[Column, ...]) -> None:
    assert list(frame.columns) == [column.name for column in wanted]
    for column in wanted:
        series = frame[column.name]
        assert str(series.dtype) == column.kind.value, column.name
        assert series.dtype != object, column.name
        if column.kind is Kind.category:
            assert str(series.cat.categories.dtype) == "str", column.name
            if column.categories is not None:
                assert tuple(series.cat.categories) == column.categories, column.name


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("folder", SAMPLES, ids=lambda folder: folder.name)
def test_dtypes_are_the_declared_ones(folder: Path, table: str) -> None:
    wanted, make = TABLES[table]
    assert_as_declared(make(analyze(next(folder.glob("capture.pcap*")))), columns.chosen(wanted, 1))


@pytest.mark.parametrize("table", TABLES)
def test_dtypes_of_several_files_are_the_declared_ones(table: str) -> None:
    wanted, make = TABLES[table]
    assert_as_declared(make(analyze([next(folder.glob("capture.pcap*")) for folder in SAMPLES[:3]])), columns.chosen(wanted, 3))


@pytest.mark.parametrize("table", ["flows", "close_wait", "events", "endpoints"])
@pytest.mark.parametrize("kind", EMPTY)
def test_dtypes_of_empty_tables_are_the_same(kind: str, table: str) -> None:
    wanted, make = TABLES[table]
    frame = make(analyze(io.BytesIO(EMPTY[kind])))
    assert len(frame) == 0
    assert_as_declared(frame, columns.chosen(wanted, 1))


@pytest.mark.parametrize("table", TABLES)
def test_dtypes_of_printed_packets_are_the_declared_ones(table: str) -> None:
    wanted, make = TABLES[table]
    frame = make(analyze_text(LISTING))
    assert_as_declared(frame, columns.chosen(wanted, 1, text=True))
    assert not any(one.of_text for one in columns.chosen(wanted, 1))
    assert [column for column in frame.columns if "line" in column] == [one.name for one in wanted if one.of_text]


@pytest.mark.parametrize("kind", EMPTY)
def test_an_empty_capture_is_described(kind: str) -> None:
    analysis = analyze(io.BytesIO(EMPTY[kind]))
    info = analysis.capture
    assert (info.frames, info.tcp_frames, info.drops) == (int(kind == "no TCP"), 0, None)
    assert info.first_time == info.last_time == (1_000_000_000 if kind == "no TCP" else None)
    assert bool(analysis.warnings) == (kind == "no TCP")
    with pytest.raises(KeyError):
        analysis.packets(stream=0)


def test_the_index_is_the_stream() -> None:
    for analysis in (analyze(SAMPLES[0] / "capture.pcap"), analyze(io.BytesIO(PCAP_HEADER))):
        for frame in (analysis.flows, analysis.close_wait):
            assert frame.index.name == "stream"
            assert frame.index.dtype == np.int64
            assert frame.index.is_unique
        for frame in (analysis.events, analysis.endpoints):
            assert isinstance(frame.index, pd.RangeIndex)


def test_close_wait_is_a_part_of_flows() -> None:
    for folder in SAMPLES:
        analysis = analyze(next(folder.glob("capture.pcap*")))
        wanted = analysis.flows[analysis.flows["verdict"] == "close_wait"].sort_index()
        # addresses of other flows are no category of the part
        pd.testing.assert_frame_equal(analysis.close_wait.sort_index(), wanted, check_categorical=False)


def test_missing_is_na() -> None:
    flow = analyze(Path(__file__).parents[2] / "samples/fin_unanswered/capture.pcap").flows.loc[0]
    for name in ("server_fin_frame", "client_fin_ack_frame", "client_rst_frame", "stuck"):
        assert flow[name] is pd.NA, name
    for name in ("server_fin_time", "client_fin_ack_time", "since", "held"):
        assert flow[name] is pd.NaT, name
    assert pd.isna(flow["waiting_side"])
    assert flow["client_fin_frame"] > 0


def test_sums_and_filters_survive_missing_values() -> None:
    flows = analyze(Path(__file__).parents[2] / "samples/healthy_and_leaking/capture.pcapng").flows
    assert flows["stuck"].sum() == 3
    assert list(flows[flows["stuck"].fillna(False)].index) == [6, 16, 26]
    assert flows["server_fin_frame"].isna().sum() == 3
    assert flows["held"].max() == flows.loc[6, "held"]
    assert flows.groupby("verdict", observed=True).size().to_dict() == {"closed": 27, "close_wait": 3}


def test_attributes_say_where_it_comes_from() -> None:
    path = SAMPLES[0] / "capture.pcap"
    analysis = analyze(path, stuck_after="2s")
    assert analysis.flows.attrs == {"file": str(path), "stuck_after_s": 2.0}


def test_columns_are_declared_once_and_explained() -> None:
    for wanted, _ in TABLES.values():
        names = [column.name for column in wanted]
        assert len(set(names)) == len(names)
        assert all(column.meaning for column in wanted)
