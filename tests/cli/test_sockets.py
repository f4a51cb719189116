"""--sockets, with a capture and alone, through the real command."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from closewait_pcap import SnapshotError, analyze, analyze_sockets
from closewait_pcap.command.parameters import each_named
from closewait_pcap.reports.schema import schema
from tests.cli.running import ROOT, environment, run, sample, watch
from tests.engine.test_start import imported
from tests.reports.test_gold import compare
from tests.reports.test_json_report import check
from tests.sockets.dated import capture, last_tables
from tests.sockets.tables import TABLES

LEAK = sample("busy_worker")
MINUTE = """Sat Nov 21 12:0{minute}:00 UTC 2026
State Recv-Q Send-Q Local Address:Port Peer Address:Port Process
LISTEN 129 128 0.0.0.0:80 0.0.0.0:* users:(("nginx",pid=5,fd=3))
"""
ROW = 'CLOSE-WAIT 1 0 10.0.0.1:80 10.0.0.9:{port} users:(("nginx",pid=5,fd=9),("nginx",pid=6,fd=9))\n'


@pytest.fixture(name="folder")
def folder_of_a_sample(tmp_path: Path) -> Path:
    """A capture and the tables of both machines, as a person would have them."""
    return lay_out("busy_worker", tmp_path)


def lay_out(name: str, folder: Path) -> Path:
    shutil.copyfile(capture(name), folder / capture(name).name)
    for place, text in enumerate(last_tables(name)):
        (folder / f"ss{place}.txt").write_text(text)
    return folder


def grown(*counts: int) -> str:
    """A table per minute, with so many in CLOSE_WAIT."""
    return "".join(
        MINUTE.format(minute=minute) + "".join(ROW.format(port=40000 + number) for number in range(count))
        for minute, count in enumerate(counts)
    )


def report(*arguments: str, cwd: Path = ROOT) -> dict[str, Any]:
    done = run(*arguments, "--format", "json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    check(document, schema())
    return dict(document)


@pytest.mark.parametrize("name", ["busy_worker", "backlog_python", "not_reading", "client_pool_leak"])
def test_gold_pages(name: str, tmp_path: Path) -> None:
    lay_out(name, tmp_path)
    tables = sorted(path.name for path in tmp_path.glob("ss*.txt"))
    captured = next(tmp_path.glob("capture*")).name
    done = run(captured, "--sockets", *tables, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    compare(f"{name}.sockets.txt", done.stdout.decode())
    done = run("--sockets", *tables, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    compare(f"{name}.alone.txt", done.stdout.decode())


def test_json_has_the_same(folder: Path) -> None:
    (captured,) = report("capture.pcap", "--sockets", "ss0.txt", "ss1.txt", cwd=folder)["captures"]
    (flow,) = captured["flows"]
    assert (flow["server_kernel_state"], flow["server_inode"], flow["server_recv_q"]) == ("CLOSE_WAIT", 0, 1)
    assert (flow["listener_queue"], flow["listener_limit"]) == (1, 5)
    told = captured["sockets"]
    assert [table["source"] for table in told["tables"]] == ["ss0.txt", "ss1.txt"]
    assert (told["joined"], len(told["agreement"])) == (2, 4)
    assert all(row["agrees"] for row in told["agreement"])
    assert "sockets" not in report("capture.pcap", cwd=folder)["captures"][0]


def test_filters_choose_what_is_said_of_sockets(folder: Path) -> None:
    (captured,) = report("capture.pcap", "--sockets", "ss0.txt", "ss1.txt", "--port", "40001", cwd=folder)["captures"]
    assert (captured["sockets"]["joined"], len(captured["sockets"]["agreement"])) == (1, 2)


def test_captures_and_tables_in_any_order(folder: Path) -> None:
    pages = [
        run(*arguments, cwd=folder)
        for arguments in (
            ("capture.pcap", "--sockets", "ss0.txt", "ss1.txt"),
            ("--sockets", "ss0.txt", "ss1.txt", "capture.pcap"),
            ("--sockets", "ss0.txt", "--sockets", "ss1.txt", "capture.pcap"),
            ("--sockets=ss0.txt", "ss1.txt", "--quiet", "capture.pcap"),
        )
    ]
    assert {done.stdout for done in pages} == {pages[0].stdout}
    assert {done.returncode for done in pages} == {0}


def test_words_behind_the_option(folder: Path) -> None:
    table, captured = str(folder / "ss0.txt"), str(folder / "capture.pcap")
    assert list(each_named(["--sockets", "-", table])) == ["--sockets", "-", "--sockets", table]
    assert list(each_named(["--sockets", table, "-", captured])) == ["--sockets", table, "-", captured]
    assert list(each_named(["--sockets", table, "-q", table])) == ["--sockets", table, "-q", table]
    assert list(each_named(["--sockets", table, "--", table])) == ["--sockets", table, "--", table]
    assert list(each_named([table, "missing", "--sockets"])) == [table, "missing", "--sockets"]


BAD = {
    "missing.txt": (None, "No such file or directory"),
    "capture.pcap": (None, "a capture, not a socket table: give it without --sockets"),
    "empty.txt": (b"", "empty, no socket table; write one with: ss -tanpe > FILE (as root)"),
    "binary.txt": (bytes(range(256)), "binary, no socket table; write one with: ss -tanpe > FILE (as root)"),
    "prose.txt": (b"all is well\n", "no socket table: none of its 1 lines reads like ss, netstat"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_table_is_one_line_and_costs_only_the_exit_status(name: str, folder: Path) -> None:
    data, why = BAD[name]
    if data is not None:
        (folder / name).write_bytes(data)
    done = run("capture.pcap", "--sockets", name, cwd=folder)
    assert done.returncode == 3
    assert done.stdout.startswith(b"1 flow in CLOSE_WAIT")
    assert done.stderr.decode().startswith(f"analyze: {name}: ")
    assert why in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1
    alone = run("--sockets", name, cwd=folder)
    assert (alone.returncode, alone.stdout) == (2, b"")
    assert alone.stderr == done.stderr
    assert run("--sockets", "ss1.txt", "--sockets", name, cwd=folder).returncode == 3
    assert run("capture.pcap", "--strict", "--sockets", name, cwd=folder).returncode == 2


def test_bad_lines_are_told_by_number_and_the_rest_is_used(folder: Path) -> None:
    table = folder / "ss1.txt"
    table.write_text(table.read_text() + "ESTAB 0 0 10.0.0.1:80\n" * 20)
    done = run("capture.pcap", "--sockets", "ss1.txt", cwd=folder)
    assert done.returncode == 0
    first = len(table.read_text().splitlines()) - 19
    assert f"Warning: ss1.txt:{first}: 3 of the columns Recv-Q, Send-Q, local and peer address" in done.stdout.decode()
    assert "Warning: ss1.txt: and 10 more" in done.stdout.decode()
    assert "nobody: never accepted" in done.stdout.decode()


def test_a_table_of_another_host_says_so(folder: Path) -> None:
    (folder / "other.txt").write_text(grown(1))
    page = run("capture.pcap", "--sockets", "other.txt", cwd=folder).stdout.decode()
    assert "none of the 1 connected socket is an end of a flow of this capture" in page
    assert "Sockets:\n  0 of 2 flows stand in other.txt." in page


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("2026-11-21T09:00:00Z", "before the capture's begin): it shows only what was there before the capture"),
        ("2026-11-21T20:00:00Z", "after the capture's end): connections may have ended in between"),
        ("2026-11-21 20:00:00", "no zone is told, and UTC cannot be, so taken to be of the capture's end"),
        ("", "that is the file's last change, perhaps a copy's, so taken to be of the capture's end"),
    ],
)
def test_a_table_of_another_time_says_so(line: str, said: str, folder: Path) -> None:
    text = (folder / "ss1.txt").read_text().partition("\n")[2]
    (folder / "odd.txt").write_text(f"{line}\n{text}")
    os.utime(folder / "odd.txt", (1_900_000_000, 1_900_000_000))
    assert said in run("capture.pcap", "--sockets", "odd.txt", cwd=folder).stdout.decode()


def test_tables_alone_that_grow(tmp_path: Path) -> None:
    (tmp_path / "ss.txt").write_text(grown(1, 2, 4))
    done = run("--sockets", "ss.txt", cwd=tmp_path)
    assert done.stdout.decode().splitlines()[0] == (
        "4 sockets in CLOSE_WAIT: server 10.0.0.1:80 (nginx[5]) has not closed. 1 stood so in the first table, too, "
        "2 min 00 s before: stuck. At server 10.0.0.1:80 the number grew by 3 in 2 min 00 s."
    )
    assert "Accept queue full: *:80 (nginx[5] fd 3) has 129 waiting, 128 is its limit" in done.stdout.decode()
    assert "nginx[5] fd 9 and 1 more" in done.stdout.decode()
    alone = report("--sockets", "ss.txt", cwd=tmp_path)["sockets"]
    assert (alone["close_wait"], alone["lasting"], alone["span_s"]) == (4, 1, 120.0)
    (endpoint,) = alone["endpoints"]
    assert (endpoint["side"], endpoint["close_wait"], endpoint["before"], endpoint["queue"]) == ("server", 4, 1, 129)
    assert [row["pid"] for row in alone["processes"]] == [5, 6]
    assert alone["queues"][0]["full"] is True


def test_tables_without_times_keep_their_order(tmp_path: Path) -> None:
    for number, count in enumerate((1, 3)):
        (tmp_path / f"ss{number}.txt").write_text(grown(count).partition("\n")[2])
        os.utime(tmp_path / f"ss{number}.txt", (1_800_000_000, 1_800_000_000))
    page = run("--sockets", "ss0.txt", "ss1.txt", cwd=tmp_path).stdout.decode()
    assert page.startswith("3 sockets in CLOSE_WAIT")
    assert "the number grew by 2." in page
    assert "tables without times do not tell.\nNext, with the time before each: (date -u; ss -tanpe) >> ss.txt" in page


@pytest.mark.parametrize(
    ("counts", "fail_on", "status"),
    [((1,), "close-wait", 1), ((0,), "close-wait", 0), ((1,), "stuck", 0), ((1, 1), "stuck", 1), ((1, 0), "stuck", 0)],
)
def test_fail_on_without_a_capture(counts: tuple[int, ...], fail_on: str, status: int, tmp_path: Path) -> None:
    (tmp_path / "ss.txt").write_text(grown(*counts))
    assert run("--sockets", "ss.txt", "--fail-on", fail_on, cwd=tmp_path).returncode == status


def test_filters_without_a_capture() -> None:
    table = str(TABLES / "ss_tanpe.txt")
    assert report("--sockets", table)["sockets"]["close_wait"] == 5
    assert report("--sockets", table, "--port", "8080")["sockets"]["close_wait"] == 2
    assert report("--sockets", table, "--host", "fe80::1234")["sockets"]["close_wait"] == 1
    assert run("--sockets", table, "--since", "2026-11-21").returncode == 2
    assert run("--sockets", table, "--host", "10.9.9.9").stdout.startswith(b"No socket is in CLOSE_WAIT (0 sockets).")
    assert run("--sockets", table, "--all").stdout.count(b"python3[") > run("--sockets", table).stdout.count(b"more endpoint")


def test_a_reader_without_rights_is_named() -> None:
    page = run("--sockets", str(TABLES / "netstat_not_root.txt")).stdout.decode()
    assert "some processes were hidden from the reader" in page
    page = run("--sockets", str(TABLES / "ss_tan.txt")).stdout.decode()
    assert "no processes are shown. Next: sudo ss -tanpe" in page
    assert "Never accepted, or held by a process that the reader may not see" in page


def test_rows_without_a_state_are_not_called_healthy(tmp_path: Path) -> None:
    rows = (TABLES / "ss_close_wait.txt").read_text()
    (tmp_path / "ss.txt").write_text(rows[rows.index("Recv-Q") :])
    page = run("--sockets", "ss.txt", cwd=tmp_path).stdout.decode()
    assert page.startswith("No socket is known to be in CLOSE_WAIT: of 5 of 5 sockets no state is told.")
    assert "no State column" in page


def test_numbers_that_no_kernel_prints(folder: Path) -> None:
    rows = (folder / "ss1.txt").read_text().replace("ESTAB  0      0", f"ESTAB  {2**64 - 1} {2**64 - 1}")
    (folder / "huge.txt").write_text(rows)
    assert run("capture.pcap", "--all", "--format", "json", "--sockets", "huge.txt", cwd=folder).returncode == 0
    assert run("capture.pcap", "--all", "--sockets", "huge.txt", cwd=folder).returncode == 0


def test_tables_from_stdin(folder: Path) -> None:
    data = (folder / "ss1.txt").read_bytes()
    assert b"nobody: never accepted" in run("capture.pcap", "--sockets", "-", stdin=data, cwd=folder).stdout
    assert run("--sockets", "-", stdin=data, cwd=folder).stdout.startswith(b"1 socket in CLOSE_WAIT")
    assert run("-", "--sockets", "-", stdin=data, cwd=folder).returncode == 2


def test_hostile_process_names_never_reach_the_terminal_raw(tmp_path: Path) -> None:
    (tmp_path / "ss.txt").write_text(grown(1).replace('"nginx"', '"\x1b[31mng\u202einx"'))
    shown = run("--sockets", "ss.txt", cwd=tmp_path).stdout.decode()
    assert all(character.isprintable() or character == "\n" for character in shown)


def test_a_narrow_terminal(folder: Path) -> None:
    arguments = (str(folder / "capture.pcap"), "--sockets", str(folder / "ss1.txt"))
    shown = watch(*arguments, columns=60, env=environment(TERM="dumb")).stdout
    assert "held by nobody: never accepted" in shown
    assert max(len(line) for line in shown.splitlines() if "/" not in line) <= 60


def test_tables_are_not_imported_without_the_option() -> None:
    code = f"""
from closewait_pcap.cli import command
try: command.main([{LEAK!r}], standalone_mode=False)
except SystemExit: pass
import sys
assert not [name for name in sys.modules if name.startswith(("closewait_pcap.sockets", "closewait_pcap.views.holdings"))]
"""
    assert "pandas" not in imported(code)
    table = str(TABLES / "ss_tanpe.txt")
    code = f"from closewait_pcap.cli import command; command.main([{LEAK!r}, '--sockets', {table!r}], standalone_mode=False)"
    assert "pandas" not in imported(code)


def test_in_python() -> None:
    analysis = analyze_sockets(grown(1, 2))
    assert repr(analysis) == "<SocketAnalysis of 2 tables: 2 sockets in CLOSE_WAIT>"
    assert len(analysis.sockets) == 5
    assert len(analysis.close_wait) == 3
    assert analysis.endpoints["before"].tolist() == [1]
    assert analysis.processes["close_wait"].tolist() == [2, 2]
    assert analysis.queues["full"].tolist() == [True]
    with pytest.raises(SnapshotError, match="nofile: No such file"):
        analyze_sockets("nofile")
    with pytest.raises(SnapshotError, match="nofile: No such file"):
        analyze(capture("busy_worker"), sockets="nofile", strict=True)
    without = analyze(capture("busy_worker"))
    assert (len(without.sockets), len(without.agreement)) == (0, 0)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("tcpdump"), reason="needs root and tcpdump")
def test_this_host_beside_a_capture_of_it(tmp_path: Path) -> None:
    """Real sockets on loopback, captured while they leak; the command asks the kernel when it has read the capture."""
    path = tmp_path / "capture.pcap"
    dump = ["tcpdump", "-i", "lo", "-U", "--immediate-mode", "-Z", "root", "-w", str(path), "host 127.77.4.1"]
    with (
        subprocess.Popen(dump, stderr=subprocess.PIPE, text=True) as tcpdump,
        socket.socket() as listener,
        socket.socket() as client,
    ):
        assert tcpdump.stderr is not None
        if not any("listening on" in line for line in tcpdump.stderr):
            pytest.skip("tcpdump may not capture here")
        listener.bind(("127.77.4.1", 0))
        listener.listen()
        client.bind(("127.77.4.1", 0))
        client.connect(listener.getsockname())
        accepted, _ = listener.accept()
        with accepted:
            client.shutdown(socket.SHUT_WR)
            time.sleep(0.3)
            tcpdump.send_signal(signal.SIGINT)
            tcpdump.wait(10)
            command = [sys.executable, "-m", "closewait_pcap", str(path), "--sockets", "live", "--format", "json"]
            done = subprocess.run(command, capture_output=True, cwd=ROOT, env=environment(), timeout=60, check=True)
            (flow,) = json.loads(done.stdout)["captures"][0]["flows"]
            assert (flow["server_kernel_state"], flow["client_kernel_state"]) == ("CLOSE_WAIT", "FIN_WAIT_2")
            assert (flow["server_pid"], flow["server_fd"]) == (os.getpid(), accepted.fileno())
            assert flow["held_s"] > 0.3
            assert flow["close_wait_last"] is not None


def test_tables_alone_as_markdown_for_a_ticket(tmp_path: Path) -> None:
    (tmp_path / "ss.txt").write_text(grown(12))
    page = run("--sockets", "ss.txt", "--format", "markdown", cwd=tmp_path).stdout.decode()
    text = run("--sockets", "ss.txt", cwd=tmp_path).stdout.decode()
    headline = text.splitlines()[0]
    assert page.splitlines()[0].replace("`", "") == f"**{headline}**"
    assert "| CLOSE_WAIT | peer | Recv-Q | Send-Q | held by |" in page
    assert "\n- Next, the same again a minute later: `analyze --sockets FIRST SECOND`\n" in page
    assert "... and 2 more sockets; `--all` lists every one" in page
    assert len(page.encode()) < 32_000
    written = run("--sockets", "ss.txt", "--format", "html", cwd=tmp_path).stdout.decode()
    assert f'<h1 class="waits">{headline}</h1>' in written
    assert "... and 2 more sockets; --all lists every one" in written
    done = run("--sockets", "ss.txt", "--format", "csv", cwd=tmp_path)
    assert done.returncode == 2
    assert b"--format csv is of a capture; of socket tables alone: text, markdown, html, json" in done.stderr
