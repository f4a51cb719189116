"""The tables of sockets have the columns and dtypes that `columns` names, also where they are empty."""

import pytest

from closewait_pcap import analyze, analyze_sockets, columns
from tests.frames.test_dtypes import assert_as_declared
from tests.sockets.dated import NAMES, capture, last_tables
from tests.sockets.tables import TABLES

EMPTY = "State Recv-Q Send-Q Local Address:Port Peer Address:Port\n"


@pytest.mark.parametrize("name", NAMES)
def test_with_a_capture(name: str) -> None:
    analysis = analyze(capture(name), sockets=last_tables(name))
    assert_as_declared(analysis.flows, columns.chosen(columns.FLOWS, 1, sockets=True))
    assert_as_declared(analysis.sockets, columns.SOCKETS)
    assert_as_declared(analysis.agreement, columns.AGREEMENT)
    joined = analysis.sockets.dropna(subset="stream")
    for row in joined.itertuples():
        flow = analysis.flows.loc[row.stream]
        assert flow[f"{row.side}_port"] == row.local_port
        assert flow[row.side] == row.local
        assert flow[f"{row.side}_kernel_state"] == row.state


@pytest.mark.parametrize("sockets", [None, EMPTY])
def test_without_sockets(sockets: str | None) -> None:
    analysis = analyze(capture("busy_worker"), sockets=sockets)
    assert_as_declared(analysis.flows, columns.chosen(columns.FLOWS, 1, sockets=sockets is not None))
    assert_as_declared(analysis.sockets, columns.SOCKETS)
    assert_as_declared(analysis.agreement, columns.AGREEMENT)
    assert (len(analysis.sockets), len(analysis.agreement)) == (0, 0)


@pytest.mark.parametrize("name", ["ss_tanpe.txt", "lsof.txt", "netstat_wide.txt", "proc_net_tcp.txt", None])
def test_without_a_capture(name: str | None) -> None:
    analysis = analyze_sockets(TABLES / name if name else EMPTY)
    assert_as_declared(analysis.sockets, columns.SOCKETS[:-2])
    assert_as_declared(analysis.close_wait, columns.SOCKETS[:-2])
    assert_as_declared(analysis.endpoints, columns.HOLDINGS)
    assert_as_declared(analysis.processes, columns.HOLDERS)
    assert_as_declared(analysis.queues, columns.QUEUES)
    assert analysis.endpoints["close_wait"].sum() == len(analysis.close_wait)
    assert (len(analysis.close_wait) > 0) == (name is not None)
