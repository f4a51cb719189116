"""Packets written as tcpdump prints them: the same lines, and the same conclusions when they are read again."""

import re
from pathlib import Path

import pytest

from closewait_pcap import analyze, analyze_text
from closewait_pcap.evidence.printing import proving_lines
from closewait_pcap.verdicts.verdict import WAITED
from tests.capture.printed.printing import LISTING, SAMPLES, printed

OPTIONS = re.compile(r", options \[[^\]]*\]")
DECODED = re.compile(r"(, length \d+): .*")
FIELDS = ["client", "client_port", "server", "server_port", "verdict", "waiting_side", "since", "client_bytes", "server_bytes"]


def plain(line: str) -> str:
    """A line without what is not known here: options, and what tcpdump says of payload."""
    return DECODED.sub(r"\1", OPTIONS.sub("", line))


@pytest.mark.parametrize("capture", SAMPLES, ids=lambda path: path.parent.name)
def test_lines_are_those_of_tcpdump(capture: Path) -> None:
    analysis = analyze(capture)
    ours = [line for stream in analysis.flows.index for line in analysis.to_tcpdump_text(stream).splitlines()]
    theirs = [line for line in printed(capture, "-nn -tttt").decode().splitlines() if "Flags" in line]
    if capture.parent.name == "port_reuse":  # one line of the new connection counts from the old one, which is another stream
        challenge = next(line for line in theirs if "11:55:56.315508" in line)
        theirs.remove(challenge)
        ours = [line for line in ours if "11:55:56.315508" not in line]
    assert sorted(map(plain, ours)) == sorted(map(plain, theirs))


@pytest.mark.parametrize("capture", SAMPLES, ids=lambda path: path.parent.name)
def test_lines_read_again_give_the_same_flow(capture: Path) -> None:
    analysis = analyze(capture)
    for stream, flow in analysis.flows.iterrows():
        if capture.parent.name == "port_reuse" and stream == 0:
            continue  # what ended it came after the SYN that opened stream 1
        again = analyze_text(analysis.to_tcpdump_text(stream)).flows
        assert len(again) == 1
        assert again[FIELDS].astype(str).iloc[0].to_dict() == flow[FIELDS].astype(str).to_dict()


def test_a_flow_that_is_not_there() -> None:
    with pytest.raises(KeyError, match="no flow 99"):
        analyze(SAMPLES[0]).to_tcpdump_text(99)


def test_addresses_of_an_anonymized_analysis_are_mapped() -> None:
    capture = next(path for path in SAMPLES if path.parent.name == "late_close")
    masked = analyze(capture).anonymized(bytes(32))
    text = masked.to_tcpdump_text(0)
    flow = masked.flows.iloc[0]
    assert "192.0.2." not in text
    assert f"{flow.client}.{flow.client_port} > {flow.server}.{flow.server_port}: Flags [S]" in text


@pytest.mark.parametrize("capture", SAMPLES, ids=lambda path: path.parent.name)
def test_what_proves_a_wait_is_a_proof(capture: Path) -> None:
    """The few lines that a report shows, read again, show the same end waiting since the same time of day."""
    analysis = analyze(capture)
    lines = printed(capture, "-nn -#").decode().splitlines()
    times = {int(line.split()[0]): line.split()[1] for line in lines}
    waited = analysis.result.with_verdict(*WAITED)
    for row, flow in zip(waited.tolist(), analysis.flows.loc[analysis.result.streams_of(waited)].itertuples(), strict=True):
        proof = proving_lines(analysis.result, row)
        assert all(times[int(line.split()[0])] == line.split()[1] for line in proof)
        if flow.verdict == "close_wait":
            again = analyze_text("\n".join(proof)).flows.iloc[0]
            assert (again.verdict, again.waiting_side) == ("close_wait", flow.waiting_side)
            assert again.since.time() == flow.since.time()


@pytest.mark.parametrize("family", ["IP", "IP6"])
def test_what_text_does_not_tell_is_not_written(family: str) -> None:
    """Neither a date nor an address; and what is written reads as it did."""
    named = LISTING.replace("10.0.0.1.46098", "web01.46098").replace("10.0.0.2.9000", "db.9000").replace(" IP ", f" {family} ")
    analysis = analyze_text(named)
    written = analysis.to_tcpdump_text(0)
    assert written.splitlines() == [
        OPTIONS.sub(lambda found: re.sub(r"mss \d+,(nop,)?", "", found[0]), line) for line in named.splitlines()
    ]
    again = analyze_text(written).flows
    assert again[FIELDS].astype(str).to_dict("records") == analysis.flows[FIELDS].astype(str).to_dict("records")


def test_a_name_of_both_families() -> None:
    named = LISTING.replace("10.0.0.1.46098", "web01.46098").replace("10.0.0.2.9000", "db.9000")
    analysis = analyze_text(named + named.replace(" IP ", " IP6 "))
    assert analysis.flows["client"].to_list() == ["web01", "web01 (IPv6)"]
    assert [analysis.to_tcpdump_text(stream).splitlines()[0].split()[1:3] for stream in (0, 1)] == [
        ["IP", "web01.46098"],
        ["IP6", "web01.46098"],
    ]
