"""`analyze` of text: what somebody pasted into a ticket."""

import gzip
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from closewait_pcap import analyze, analyze_sockets
from tests.capture.printed.printing import LISTING, SAMPLES, printed
from tests.cli.running import ROOT, environment, run, sample
from tests.sockets.test_aside import TICKET, netstat

SEEDS = ROOT.parent / "shared" / "seeds"
CAPTURE = next(path for path in SAMPLES if path.parent.name == "healthy_and_leaking")


@pytest.fixture
def ticket(tmp_path: Path) -> Path:
    path = tmp_path / "ticket.txt"
    path.write_text(TICKET)
    return path


def test_a_ticket(ticket: Path) -> None:
    done = run(ticket.name, cwd=ticket.parent)
    said = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b"")
    assert said.startswith(
        "1 flow in CLOSE_WAIT (too young to call): server 10.0.0.2:9000 had not closed when the capture ended."
    )
    assert "ticket.txt line 18: CLOSE_WAIT, Recv-Q 6, held by app[297]" in said
    assert "the client's FIN is frame 5 (line 13, 11:02:57.000000), acknowledged in frame 6 (line 14, 11:02:57.040000)" in said
    assert "of 1 state, 1 agrees with the packets" in said
    assert (
        "Capture: ticket.txt, text (tcpdump), printed; 6 frames, 6 TCP; 11:02:55.146737 UTC to 11:02:57.040000 UTC (1.89 s)"
        in said
    )
    assert "Warning: ticket.txt: no date is printed: times of day are right (taken as UTC, which --tz changes)" in said


def test_a_paste_on_standard_input_and_compressed(ticket: Path) -> None:
    plain = run("-", stdin=TICKET.encode()).stdout.replace(b"<stdin>", b"ticket.txt")
    assert plain == run(ticket.name, cwd=ticket.parent).stdout
    (ticket.parent / "ticket.txt.gz").write_bytes(gzip.compress(TICKET.encode()))
    assert run("ticket.txt.gz", cwd=ticket.parent).stdout.replace(b"ticket.txt.gz", b"ticket.txt") == plain


def test_json_has_lines(ticket: Path) -> None:
    (captured,) = json.loads(run(str(ticket), "--format", "json").stdout)["captures"]
    (flow,) = captured["flows"]
    assert (flow["client_fin_frame"], flow["client_fin_line"], flow["client_fin_ack_line"]) == (5, 13, 14)
    assert captured["capture"]["format"] == "text (tcpdump)"


def test_the_time_zone_of_printed_times(tmp_path: Path) -> None:
    (tmp_path / "berlin.txt").write_text("".join(f"2026-07-01 {line}\n" for line in LISTING.splitlines()))
    said = run("berlin.txt", "--tz", "Europe/Berlin", cwd=tmp_path).stdout.decode()
    assert "Since 2026-07-01 09:02:57.040000 UTC" in said
    assert "no time zone is printed: times are taken as Europe/Berlin" in said
    done = run("berlin.txt", "--tz", "Berlin", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"no time zone is called 'Berlin'" in done.stderr


def test_socket_tables_alone_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "table.txt").write_text(netstat("CLOSE_WAIT"))
    done = run("table.txt", cwd=tmp_path)
    assert done.stdout.startswith(b"1 socket in CLOSE_WAIT: server 10.0.0.2:9000 (app[297]) has not closed.")
    assert run("-", stdin=netstat("CLOSE_WAIT").encode()).stdout.startswith(
        b"1 socket in CLOSE_WAIT: server 10.0.0.2:9000 (app[297])"
    )
    assert run("table.txt", "--fail-on", "close-wait", cwd=tmp_path).returncode == 1
    several = run(str(tmp_path / "table.txt"), sample("busy_worker"))
    assert several.returncode == 0
    assert b"none of the 1 connected socket is an end of a flow" in several.stdout


def test_text_and_capture_are_one_timeline(tmp_path: Path) -> None:
    """The client's side is pasted, the server's is a capture: one flow, frames of both."""
    capture = next(path for path in SAMPLES if path.parent.name == "late_close")
    (tmp_path / "client.txt").write_bytes(printed(capture, "-nn -tttt"))
    both = analyze([tmp_path / "client.txt", capture]).flows
    alone = analyze(capture).flows
    assert both[["verdict", "waiting_side", "client_bytes"]].equals(alone[["verdict", "waiting_side", "client_bytes"]])
    assert (both["client_packets"] == 2 * alone["client_packets"]).all()
    assert set(both.columns) >= {"file", "first_line"}


def test_text_behind_a_socket_table_is_a_capture_where_it_holds_packets(ticket: Path) -> None:
    (ticket.parent / "ss.txt").write_text(netstat("CLOSE_WAIT", "311/other"))
    for order in (["--sockets", "ss.txt", "ticket.txt"], ["ticket.txt", "--sockets", "ss.txt"]):
        said = run(*order, cwd=ticket.parent).stdout.decode()
        assert "1 of 1 flow stands in 3 tables: ticket.txt, ss.txt" in said or "stands in 3 tables: ss.txt, ticket.txt" in said


def test_ctrl_c_reports_what_was_read() -> None:
    """As of ``tcpdump -l | analyze -``; the waiting is long enough for what was written to be read."""
    command = [sys.executable, "-m", "closewait_pcap", "-"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=environment(), **pipes) as process:  # type: ignore[call-overload]
        assert process.stdin is not None
        process.stdin.write(LISTING.encode())
        process.stdin.flush()
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        status = process.wait(20)
        assert process.stdout is not None
        report = process.stdout.read().decode()
    assert status == 130
    assert report.startswith("1 flow in CLOSE_WAIT")
    assert "Warning: <stdin>: interrupted; what was read by then, 6 frames, is analysed" in report


def test_folders_hold_text_only_where_there_is_no_capture(tmp_path: Path) -> None:
    (tmp_path / "README.txt").write_text(
        "Print packets with tcpdump -nn: 11:02:55.1 IP a.1 > b.2: Flags [S], seq 1, win 2, length 0\n"
    )
    (tmp_path / "notes.txt").write_text("nothing\n")
    (tmp_path / "printed.txt").write_text(LISTING)
    done = run(".", "--format", "json", cwd=tmp_path)
    assert json.loads(done.stdout)["captures"][0]["capture"]["files"] == ["printed.txt"]
    (tmp_path / "capture.pcap").write_bytes((ROOT / sample("late_close")).read_bytes())
    done = run(".", "--format", "json", cwd=tmp_path)
    assert json.loads(done.stdout)["captures"][0]["capture"]["files"] == ["capture.pcap"]
    (tmp_path / "capture.pcap").unlink()
    (tmp_path / "printed.txt").unlink()
    assert b"no capture in this folder" in run(".", cwd=tmp_path).stderr


@pytest.mark.usefixtures("ticket")
def test_each_and_reports_and_evidence(tmp_path: Path) -> None:
    (tmp_path / "table.txt").write_text(netstat("CLOSE_WAIT"))
    each = run("ticket.txt", "table.txt", "--each", "--report", "out", cwd=tmp_path)
    assert each.returncode == 3
    assert each.stdout.decode().splitlines()[0].startswith("ticket.txt: 1 flow in CLOSE_WAIT")
    assert (tmp_path / "out" / "ticket.txt" / "report.md").exists()
    (tmp_path / "printed.txt").write_bytes(printed(CAPTURE, "-nn -tttt"))
    done = run("printed.txt", "--evidence", "evidence.pcapng", cwd=tmp_path)
    assert done.returncode == 0
    assert b"3 flows; 27 frames; payload cut, addresses as captured" in done.stderr
    ours, theirs = analyze(tmp_path / "evidence.pcapng").close_wait, analyze(CAPTURE).close_wait
    assert (
        ours[["server", "since", "cause"]]
        .reset_index(drop=True)
        .equals(theirs[["server", "since", "cause"]].reset_index(drop=True))
    )


def test_several_texts_of_tables_are_one_report(tmp_path: Path) -> None:
    for number, state in enumerate(("ESTABLISHED", "CLOSE_WAIT")):
        (tmp_path / f"{number}.txt").write_text(f"Sat Nov 21 11:0{number}:17 UTC 2026\n{netstat(state)}")
    assert run("0.txt", "1.txt", cwd=tmp_path).stdout == run("--sockets", "0.txt", "1.txt", cwd=tmp_path).stdout


@pytest.mark.skipif(not SEEDS.exists(), reason="no shared/seeds beside the checkout")
def test_the_ticket_that_grows() -> None:
    """An article that pastes the listing three times, 9 packets in 19 lines, and netstat between."""
    (seed,) = SEEDS.glob("003_*.txt")
    analysis = analyze(seed)
    assert analysis.capture.frames == 9
    flow = analysis.flows.iloc[0]
    assert (flow.client_port, flow.server_port, flow.verdict, flow.waiting_side) == (46098, 9000, "close_wait", "server")
    assert flow.since.time().isoformat() == "11:25:25.790773"
    assert (flow.client_bytes, flow.server_bytes, flow.client_state) == (5, 5, "FIN_WAIT_2")
    assert analysis.flows["stuck"].isna().all()
    assert (flow.server_process, flow.server_pid) == ("./server_linux.", 297)
    assert (flow.client_kernel_state, flow.server_kernel_state) == ("FIN_WAIT_2", "CLOSE_WAIT")
    assert analysis.agreement["agrees"].all()


@pytest.mark.skipif(not SEEDS.exists(), reason="no shared/seeds beside the checkout")
def test_the_sockets_that_nobody_accepted() -> None:
    (seed,) = SEEDS.glob("001_*.txt")
    block = "\n".join(line for line in seed.read_text().splitlines()[:25] if line.startswith(("Proto", "tcp")))
    assert list(analyze_sockets(block + "\n").close_wait["recv_q"])[:3] == [149, 236, 251]
    said = run("-", stdin=block.encode()).stdout.decode()
    assert said.startswith("8 sockets in CLOSE_WAIT: server 127.0.0.1:8000")
    assert "Never accepted" in said
