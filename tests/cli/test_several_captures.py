"""Rings, folders and patterns, as they are given to the command."""

import json
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from tests.capture.test_coverage import chatter, waiting, write
from tests.cli.running import ROOT, run, sample

LEAK = ROOT / sample("healthy_and_leaking")
MERGECAP, EDITCAP = shutil.which("mergecap"), shutil.which("editcap")


@pytest.fixture(name="ring")
def split_capture(tmp_path: Path) -> Path:
    """A capture cut into a ring of ten files, as dumpcap names them."""
    if EDITCAP is None:
        pytest.skip("editcap is not installed")
    (tmp_path / "ring").mkdir()
    subprocess.run([EDITCAP, "-c", "30", LEAK, tmp_path / "ring" / "trace.pcapng"], check=True, capture_output=True)
    assert len(list((tmp_path / "ring").iterdir())) == 10
    return tmp_path / "ring"


@pytest.mark.parametrize("given", ["trace.pcapng", "", "trace_*.pcapng", "tr[a]ce*"])
def test_a_ring_is_found_and_read_as_the_whole(ring: Path, given: str) -> None:
    done = run(str(ring / given) if given else str(ring), "--format", "json")
    assert (done.returncode, done.stderr) == (0, b"")
    (together,) = json.loads(done.stdout)["captures"]
    (whole,) = json.loads(run(str(LEAK), "--format", "json").stdout)["captures"]
    assert together["headline"] == whole["headline"]
    assert together["endpoints"] == whole["endpoints"]
    assert len(together["capture"]["files"]) == 10
    for mine, other in zip(together["flows"], whole["flows"], strict=True):
        place = together["capture"]["files"].index(mine["client_fin_file"])
        assert mine["client_fin_frame"] == other["client_fin_frame"] - 30 * place
        assert {**mine, **other} == {**other, **{name: mine[name] for name in mine if name.endswith("file")}}


def test_the_page_names_the_file_of_each_frame(ring: Path) -> None:
    page = run(str(ring)).stdout.decode()
    lines = [line for line in page.splitlines() if " close_wait " in line]
    assert [line.split()[10].split("_")[1] for line in lines] == ["00002", "00005", "00008"]
    assert "Wireshark filter, after mergecap -w merged.pcapng FILE...: tcp.stream in {6, 16, 26}" in page


@pytest.mark.skipif(MERGECAP is None, reason="mergecap is not installed")
def test_the_filter_fits_the_merged_file(ring: Path) -> None:
    assert MERGECAP
    merged = ring.parent / "merged.pcapng"
    subprocess.run([MERGECAP, "-w", merged, *sorted(ring.iterdir())], check=True, capture_output=True)
    (alone,) = json.loads(run(str(merged), "--format", "json").stdout)["captures"]
    (together,) = json.loads(run(str(ring), "--format", "json").stdout)["captures"]
    assert [flow["stream"] for flow in together["flows"]] == [flow["stream"] for flow in alone["flows"]]


def test_a_missing_file_of_the_ring_is_said(ring: Path) -> None:
    sorted(ring.iterdir())[3].unlink()
    page = run(str(ring)).stdout.decode()
    assert "close_wait_possible" in page
    assert "1 fell silent before a hole in the capture" in page
    assert "whose numbers do not follow each other, a file is missing" in page


def test_a_hole_between_files_is_a_field_of_its_own(ring: Path) -> None:
    files = sorted(ring.iterdir())
    files[3].unlink()
    (report,) = json.loads(run(str(ring), "--format", "json").stdout)["captures"]
    (gap,) = report["capture"]["gaps"]
    assert gap["why"].startswith(f"between {files[2].name} and {files[4].name}, whose numbers do not follow each other")
    before, behind = (json.loads(run(str(file), "--format", "json").stdout)["captures"][0]["capture"] for file in files[2:5:2])
    assert (gap["start"], gap["end"]) == (before["end_time"], behind["first_time"])
    assert before["gaps"] == behind["gaps"] == []


def test_what_cannot_be_read_costs_an_exit_status_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path / "a.pcap", waiting(0), chatter(0, 5))
    done = run(str(tmp_path / "a.pcap"), str(tmp_path / "b.pcap"))
    assert done.returncode == 3
    assert done.stderr.decode() == f"analyze: {tmp_path}/b.pcap: no such file\n"
    assert done.stdout.startswith(b"1 flow in CLOSE_WAIT")
    assert b"Warning: " in done.stdout


def test_a_pipe_beside_a_file(tmp_path: Path) -> None:
    write(tmp_path / "a.pcap", waiting(0), chatter(0, 5))
    done = run("-", str(tmp_path / "a.pcap"), stdin=LEAK.read_bytes())
    assert done.returncode == 0
    assert done.stdout.startswith(b"4 flows in CLOSE_WAIT")


def test_a_bounded_table(tmp_path: Path) -> None:
    write(tmp_path / "a.pcap", *(waiting(number / 10, f"10.0.1.{number}") for number in range(40)), chatter(5, 9))
    done = run(str(tmp_path / "a.pcap"), "--max-flows", "10")
    assert done.returncode == 0
    assert b"Flows: 41 (" in done.stdout
    assert done.stdout.startswith(b"40 flows in CLOSE_WAIT (")
    assert b"flows have left the table, which keeps 10 (--max-flows): " in done.stdout
    assert run(str(tmp_path / "a.pcap"), "--max-flows", "0").returncode == 2


def test_frames_of_time_zero_are_not_of_1970(tmp_path: Path) -> None:
    whole = bytearray((ROOT / sample("late_close")).read_bytes())
    at = 24
    while at < len(whole):
        whole[at : at + 8] = bytes(8)
        at += 16 + struct.unpack_from("<I", whole, at + 8)[0]
    (tmp_path / "zero.pcap").write_bytes(whole)
    done = run(str(tmp_path / "zero.pcap"), "--all")
    assert done.returncode == 0
    assert b"1970" not in done.stdout
    assert b"frames have no time (0)" in done.stdout
