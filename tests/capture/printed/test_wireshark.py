"""Packet lists of Wireshark and tshark."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from closewait_pcap import analyze, analyze_text
from closewait_pcap.capture.packets import ACK, FIN, SYN
from closewait_pcap.errors import CaptureError
from tests.capture.printed.printing import SAMPLES, read_text

ROWS = """\
    1   0.000000    192.0.2.1 → 192.0.2.2    TCP 74 40001 → 9000 [SYN] Seq=0 Win=64240 Len=0 MSS=1460 SACK_PERM WS=1024
    2   0.000027    192.0.2.2 → 192.0.2.1    TCP 74 9000 → 40001 [SYN, ACK] Seq=0 Ack=1 Win=65160 Len=0 MSS=1460 WS=512
    3   0.000042    192.0.2.1 → 192.0.2.2    TCP 66 40001 → 9000 [ACK] Seq=1 Ack=1 Win=64512 Len=0 TSval=1 TSecr=2
    4   0.000421    192.0.2.1 → 192.0.2.2    TCP 73 40001 → 9000 [PSH, ACK] Seq=1 Ack=1 Win=64512 Len=7 TSval=1 TSecr=2
    5   0.000437    192.0.2.2 → 192.0.2.1    TCP 66 [TCP Keep-Alive] 9000 → 40001 [ACK] Seq=1 Ack=8 Win=65536 Len=0 TSval=1
    6   2.000000    192.0.2.1 → 192.0.2.2    TCP 66 40001 → 9000 [FIN, ACK] Seq=8 Ack=1 Win=64512 Len=0
    7   2.040000    192.0.2.2 → 192.0.2.1    TCP 66 9000 → 40001 [ACK] Seq=1 Ack=9 Win=65536 Len=0
"""
WHOLE = read_text(ROWS).rows


def test_what_a_row_says() -> None:
    assert [(row.seq, row.ack, row.len) for row in WHOLE] == [
        (0, 0, 0), (0, 1, 0), (1, 1, 0), (1, 1, 7), (1, 8, 0), (8, 1, 0), (1, 9, 0),
    ]  # fmt: skip
    assert [row.flags for row in WHOLE][::5] == [SYN, FIN | ACK]
    assert [row.wscale for row in WHOLE[:3]] == [10, 9, -1]
    assert (WHOLE[0].src, WHOLE[0].srcport, WHOLE[0].dst, WHOLE[0].dstport) == ("192.0.2.1", 40001, "192.0.2.2", 9000)


def test_windows_are_as_in_the_header() -> None:
    """Wireshark shows them scaled, but for those of SYNs."""
    assert [row.window for row in WHOLE[:5]] == [64240, 65160, 63, 63, 128]


@pytest.mark.parametrize(
    ("old", "new"),
    [("→", "->"), (" → 192", "             192"), ("    192.0.2.1 →", "    192.0.2.1\t→"), ("→ 9000", "> 9000")],
    ids=["tshark 1", "copied from the program", "tabs", "ports of Wireshark 1"],
)
def test_other_versions(old: str, new: str) -> None:
    assert read_text(ROWS.replace(old, new)).rows == WHOLE


def test_a_list_with_a_header_and_prose() -> None:
    text = f"No.     Time           Source                Destination           Protocol Length Info\n{ROWS}\nThat is all.\n"
    flow = analyze_text(text).flows.iloc[0]
    assert (flow.verdict, flow.waiting_side, flow.server_port, flow.client_fin_line) == ("close_wait", "server", 9000, 7)


def test_ports_that_are_used_again() -> None:
    """Both connections begin with 0: only Wireshark's own words tell them apart."""
    again = "\n".join(f"{8 + n} {3 + n}.0 {line.split(None, 2)[2]}" for n, line in enumerate(ROWS.splitlines()))
    text = ROWS + again.replace("TCP 74 40001", "TCP 74 [TCP Port numbers reused] 40001", 1)
    flows = analyze_text(text).flows
    assert flows["verdict"].to_list() == ["close_wait", "close_wait"]
    assert flows["client_bytes"].to_list() == [7, 7]


HTTP = """\
    1 0.000 192.0.2.1 → 192.0.2.2 TCP 74 40001 → 8080 [SYN] Seq=0 Win=64240 Len=0 WS=1024
    2 0.001 192.0.2.2 → 192.0.2.1 TCP 74 8080 → 40001 [SYN, ACK] Seq=0 Ack=1 Win=65160 Len=0 WS=1024
    3 0.002 192.0.2.1 → 192.0.2.2 TCP 66 40001 → 8080 [ACK] Seq=1 Ack=1 Win=64512 Len=0
    4 0.003 192.0.2.1 → 192.0.2.2 HTTP 110 GET /report HTTP/1.1
    5 0.004 192.0.2.2 → 192.0.2.1 TCP 66 8080 → 40001 [ACK] Seq=1 Ack=45 Win=65536 Len=0
    6 0.005 192.0.2.2 → 192.0.2.1 HTTP 106 HTTP/1.1 200 OK
    7 0.006 192.0.2.1 → 192.0.2.2 TCP 66 40001 → 8080 [FIN, ACK] Seq=45 Ack=41 Win=64512 Len=0
    8 2.000 192.0.2.2 → 192.0.2.1 TCP 66 8080 → 40001 [ACK] Seq=41 Ack=46 Win=65536 Len=0
    9 4.000 192.0.2.9 → 192.0.2.8 UDP 60 1 → 2 Len=18
"""


def test_rows_without_ports_belong_to_the_only_flow_that_they_fit() -> None:
    analysis = analyze_text(HTTP)
    flow = analysis.flows.iloc[0]
    assert (flow.verdict, flow.cause, flow.confidence) == ("close_wait", "not_closed", "certain")
    assert (flow.client_bytes, flow.server_bytes, flow.history) == (44, 40, "ShADadF")
    assert (analysis.packets(0)["window"] > 0).all()
    assert any("2 belong to the one flow between their hosts" in warning for warning in analysis.warnings)


def test_rows_that_fit_no_flow_or_several_stay_unknown() -> None:
    longer = HTTP.replace("HTTP 106", "HTTP 1106")  # more than the client acknowledges
    assert analyze_text(longer).flows["server_bytes"].to_list() == [0]
    other = HTTP.replace("40001", "40002")
    rows = [row for pair in zip(HTTP.splitlines(), other.splitlines(), strict=True) for row in pair]
    flows = analyze_text("\n".join(rows)).flows
    assert flows["client_bytes"].to_list() == [0, 0]
    assert (flows["verdict"] == "close_wait_possible").all()


def test_rows_belong_to_the_flow_whose_numbers_are_there_before_the_next_such_row() -> None:
    """A pool opens its connections first, and uses one after the other: each could have sent every row."""
    lines = HTTP.splitlines()
    pools = [[line.replace("40001", f"4000{number}") for line in lines] for number in range(3)]
    opened = [line for pool in pools for line in pool[:3]]
    used = [line for pool in pools for line in pool[3:8]]
    analysis = analyze_text("\n".join(opened + used))
    assert analysis.flows["verdict"].to_list() == ["close_wait"] * 3
    assert analysis.flows[["client_bytes", "server_bytes"]].to_numpy().tolist() == [[44, 40]] * 3
    assert [analysis.packets(stream)["line"].to_list()[3:6] for stream in range(3)] == [[10, 11, 12], [15, 16, 17], [20, 21, 22]]


def test_what_goes_without_tcp_hides_nothing() -> None:
    rows = "20 5.0 192.0.2.9 → 224.0.0.251 MDNS 87 Standard query\n21 5.1 192.0.2.9 → 192.0.2.1 NTP 90 NTP Version 4, client\n"
    assert "not_printed" not in str(analyze_text(HTTP + rows).flows["limits"][0])
    assert "not_printed" in str(analyze_text(HTTP + rows.replace("NTP", "MySQL")).flows["limits"][0])


def test_rows_without_ports_are_refused_with_a_reason() -> None:
    with pytest.raises(CaptureError, match="show neither ports nor flags nor numbers"):
        analyze_text("1 0.0 192.0.2.1 → 192.0.2.2 TLSv1.2 583 Client Hello\n2 0.1 192.0.2.2 → 192.0.2.1 TLSv1.2 99 Alert\n")


UNPLACED = re.compile(r"passed over: (\d+) lines? without flags and numbers")


@pytest.mark.parametrize("capture", SAMPLES, ids=lambda path: path.parent.name)
@pytest.mark.parametrize("options", ["-t ad", "-t e", "-t ad --disable-protocol http"])
def test_what_tshark_prints_of_the_samples(capture: Path, options: str) -> None:
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("tshark is not installed")
    if capture.parent.name == "port_reuse":
        pytest.skip("what belongs to the old connection has numbers relative to the new one")
    command = [tshark, "-n", *options.split(), "-r", str(capture)]
    done = subprocess.run(command, capture_output=True, check=True, text=True, env={"TZ": "UTC"})
    columns = ["client", "client_port", "server_port", "verdict", "waiting_side", "since", "cause"]
    text = analyze_text(done.stdout)
    ours, theirs = text.flows, analyze(capture).flows
    assert ours[columns].astype(str).to_dict("records") == theirs[columns].astype(str).to_dict("records")
    missing = theirs[["client_bytes", "server_bytes"]] - ours[["client_bytes", "server_bytes"]]
    assert (missing >= 0).all().all()
    # a row of HTTP names no ports: where two flows are busy at the same time it may be of either, and counts for none
    assert (missing > 0).to_numpy().sum() <= sum(int(match) for match in UNPLACED.findall("\n".join(text.warnings)))
