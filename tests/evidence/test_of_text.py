"""Evidence of packets that were printed: hosts that are known by name alone keep their names."""

import shutil
import subprocess
from pathlib import Path

import pytest

from closewait_pcap import Analysis, analyze, analyze_text
from tests.capture.printed.printing import LISTING

NAMED = LISTING.replace("10.0.0.1.46098", "web01.example.com.46098").replace("10.0.0.2.9000", "db.9000")
TABLE = "tcp        6      0 10.0.0.2:9000           10.0.0.1:46098          CLOSE_WAIT  297/app\n"


@pytest.fixture
def analysis() -> Analysis:
    return analyze_text(NAMED + TABLE)


def test_the_file_names_the_hosts(analysis: Analysis, tmp_path: Path) -> None:
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("tshark is not installed")
    target = tmp_path / "evidence.pcapng"
    analysis.evidence(target)
    done = subprocess.run([tshark, "-r", str(target), "-N", "n"], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == 6
    assert all("web01.example.com" in line and " db " in line for line in lines)


def test_the_file_alone_tells_the_same(analysis: Analysis, tmp_path: Path) -> None:
    """With the socket table, which is joined by the ports there, too."""
    assert analysis.flows["cause"].to_list() == ["not_closed"]
    summary = analysis.evidence(tmp_path / "evidence.pcapng")
    assert (summary.flows, summary.different) == (1, ())
    again = analyze(tmp_path / "evidence.pcapng").close_wait
    assert again["since"].to_list() == analysis.close_wait["since"].to_list()


def test_mapped_addresses_have_no_names(analysis: Analysis, tmp_path: Path) -> None:
    target = tmp_path / "evidence.pcapng"
    masked = analysis.anonymized(bytes(32))
    assert masked.evidence(target).different == ()
    assert b"web01" not in target.read_bytes()
    assert "web01" not in str(masked.report("json"))
    assert masked.flows["limits"].str.contains("named").all()
    assert masked.flows["client"].to_list() == analyze(target).flows["client"].to_list()


def test_a_capture_names_nobody(tmp_path: Path) -> None:
    target = tmp_path / "evidence.pcapng"
    analyze_text(LISTING).evidence(target)
    assert b"names in this file" not in target.read_bytes()
