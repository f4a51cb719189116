"""Every option, through the real command."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from closewait_pcap import __version__
from tests.cli.running import ROOT, SAMPLES, environment, run, sample, until_read

LEAK, PORT_REUSE, HEALTHY, TOO_YOUNG = (
    sample(name) for name in ("healthy_and_leaking", "port_reuse", "close_by_client", "echo_cut_at_fin_ack")
)


def report(*arguments: str) -> dict[str, Any]:
    done = run(*arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    captures = json.loads(done.stdout)["captures"]
    assert len(captures) == 1
    return dict(captures[0])


def streams(*arguments: str) -> list[int]:
    return [flow["stream"] for flow in report(*arguments)["flows"]]


def test_headline_comes_first_and_nothing_is_on_stderr() -> None:
    done = run(LEAK)
    assert done.returncode == 0
    assert done.stderr == b""
    assert done.stdout.decode().splitlines()[0] == (
        "3 flows in CLOSE_WAIT (3 stuck for 1 s or longer): server 192.0.2.2:8080 does not close. "
        + done.stdout.decode().splitlines()[0].partition("close. ")[2]
    )
    assert "Wireshark filter: tcp.stream in {6, 16, 26}" in done.stdout.decode()
    assert b"\x1b" not in done.stdout


def test_all_lists_every_flow() -> None:
    assert streams(LEAK) == [6, 16, 26]
    assert streams(LEAK, "--all") == list(range(30))
    assert run(LEAK, "--all").stdout.count(b" closed ") > 27


def test_counts_do_not_depend_on_all() -> None:
    plain, whole = report(LEAK), report(LEAK, "--all")
    assert {name: value for name, value in plain.items() if name != "flows"} == {n: v for n, v in whole.items() if n != "flows"}
    assert plain["verdicts"] == {"closed": 27, "close_wait": 3}
    assert plain["close_wait"] == {"close_wait": 3, "stuck": 3, "sending": 0, "too_young": 0}


@pytest.mark.parametrize(
    ("span", "stuck", "too_young"), [("1s", 3, 0), ("2750ms", 2, 1), ("2.9", 1, 2), ("1h", 0, 3), ("0s", 3, 0)]
)
def test_stuck_after(span: str, stuck: int, too_young: int) -> None:
    found = report(LEAK, "--stuck-after", span)["close_wait"]
    assert (found["stuck"], found["too_young"]) == (stuck, too_young)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("192.0.2.2", 3), ("192.0.2.1", 3), ("::ffff:192.0.2.2", 3), ("192.0.2.9", 0), ("2001:db8::2", 0)],
)
def test_host_chooses_by_either_end(host: str, expected: int) -> None:
    assert report(LEAK, "--host", host)["close_wait"]["close_wait"] == expected


@pytest.mark.parametrize("host", ["2001:db8::2", "[2001:db8::2]", "2001:0DB8:0:0:0:0:0:2"])
def test_host_takes_ipv6_as_anybody_writes_it(host: str) -> None:
    assert streams(sample("ipv6_never_closes"), "--host", host) == [0, 2]


def test_port_chooses_and_numbers_stay() -> None:
    assert streams(LEAK, "--port", "40017") == [16]
    assert report(LEAK, "--port", "40017")["flows_total"] == 1
    assert report(LEAK, "--port", "8080")["flows_total"] == 30
    assert report(LEAK, "--port", "1")["headline"] == "No TCP flow matches."


def test_since_and_until_choose_by_overlap_and_take_what_the_reports_print() -> None:
    flows = report(LEAK, "--all")["flows"]
    last_start = flows[29]["start"]
    # the three leaked ones are still waiting then, and one flow begins then
    assert streams(LEAK, "--all", "--since", last_start) == [6, 16, 26, 29]
    assert streams(LEAK, "--all", "--until", flows[0]["start"]) == [0]
    assert streams(LEAK, "--all", "--until", flows[4]["start"]) == [0, 1, 2, 3, 4]
    printed = flows[0]["start"].replace("T", " ").replace("000Z", " UTC")
    assert streams(LEAK, "--all", "--until", printed) == [0]
    assert streams(LEAK, "--all", "--since", "2099-01-01") == []
    assert streams(LEAK, "--all", "--until", "1969-12-31T23:59:59.5") == []
    assert len(streams(LEAK, "--all", "--since", "0001-01-01T00:00:00+14:00", "--until", "9999-12-31T23:59:59-14:00")) == 30


@pytest.mark.parametrize(
    "arguments",
    [
        ["--since", "yesterday"],
        ["--until", "2026-13-01"],
        ["--since", "1.5"],
        ["--host", "example.com"],
        ["--host", "192.0.2"],
        ["--host", "[192.0.2.1"],
        ["--port", "65536"],
        ["--port", "http"],
        ["--stuck-after", "soon"],
        ["--stuck-after", "-1s"],
        ["--fail-on", "refused"],
        ["--format", "xml"],
        ["--nonsense"],
    ],
    ids=" ".join,
)
def test_bad_options_say_how_to_do_it_and_exit_with_2(arguments: list[str]) -> None:
    done = run(LEAK, *arguments)
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.startswith(b"Usage: analyze ")
    assert arguments[-1].encode() in done.stderr
    assert b"Traceback" not in done.stderr


def test_no_capture_is_a_usage_error() -> None:
    assert run().returncode == 2


@pytest.mark.parametrize(
    ("capture", "fail_on", "status"),
    [
        (LEAK, "close-wait", 1),
        (LEAK, "stuck", 1),
        (TOO_YOUNG, "close-wait", 1),
        (TOO_YOUNG, "stuck", 0),
        (HEALTHY, "close-wait", 0),
        (PORT_REUSE, "close-wait", 0),
    ],
)
def test_fail_on(capture: str, fail_on: str, status: int) -> None:
    assert run(capture, "--fail-on", fail_on).returncode == status
    assert run(capture).returncode == 0


def test_fail_on_looks_at_what_is_shown() -> None:
    assert run(LEAK, "--fail-on", "stuck", "--port", "40017").returncode == 1
    assert run(LEAK, "--fail-on", "stuck", "--port", "40018").returncode == 0


def test_version_and_help() -> None:
    assert run("--version").stdout.decode() == f"closewait-pcap, version {__version__}\n"
    assert b"CAPTURE..." in run("-h").stdout


def test_several_captures_are_one_timeline() -> None:
    done = run(LEAK, HEALTHY)
    assert done.returncode == 0
    text = done.stdout.decode()
    assert text.startswith("3 flows in CLOSE_WAIT")
    assert text.count("CLOSE_WAIT (") == 1
    (capture,) = json.loads(run(LEAK, HEALTHY, "--format", "json").stdout)["captures"]
    assert capture["capture"]["files"] == [HEALTHY, LEAK], "in the order of time"


def test_stdin_is_the_same_as_the_file() -> None:
    for form in ("text", "json"):
        from_file = run(LEAK, "--format", form).stdout.decode()
        from_pipe = run("-", "--format", form, stdin=(ROOT / LEAK).read_bytes()).stdout.decode()
        assert from_pipe == from_file.replace(LEAK, "<stdin>")


def test_same_input_same_bytes() -> None:
    captures = [sample(name) for name in SAMPLES]
    for form in ("text", "json"):
        assert run(*captures, "--all", "--format", form).stdout == run(*captures, "--all", "--format", form).stdout


def test_head_closes_the_pipe_and_nobody_complains() -> None:
    """The report is larger than a pipe's buffer, so that the command does meet the closed pipe."""
    arguments = " ".join([sample(name) for name in SAMPLES] * 12)
    command = f"{sys.executable} -m closewait_pcap --format json --all --fail-on stuck {arguments}"
    script = f"{command} | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, env=environment(), timeout=60, check=True)
    assert done.stderr == b""
    assert done.stdout == b"{\n1\n"  # the findings count, not who listens


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_one_line() -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "closewait_pcap", LEAK]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, cwd=ROOT, env=environment(), timeout=60, check=False)
    assert done.stderr == b"analyze: writing the report failed: No space left on device\n"
    assert done.returncode == 2


def test_ctrl_c_reports_what_was_read() -> None:
    """An endless capture through a pipe; the waiting is long enough for what was written to be read."""
    command = [sys.executable, "-m", "closewait_pcap", "-"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=environment(), **pipes) as process:  # type: ignore[call-overload]
        assert process.stdin is not None
        process.stdin.write((ROOT / LEAK).read_bytes())
        process.stdin.flush()
        until_read(process.stdin)
        os.kill(process.pid, signal.SIGINT)
        status = process.wait(20)
        assert process.stdout is not None
        assert process.stderr is not None
        report = process.stdout.read().decode()
        assert process.stderr.read() == b""
    assert status == 130
    assert report.startswith("3 flows in CLOSE_WAIT")
    assert "Warning: <stdin>: interrupted; what was read by then, " in report


def test_output_where_the_encoding_is_poor() -> None:
    done = run(LEAK, env=environment(PYTHONIOENCODING="ascii"))
    assert done.returncode == 0
    assert b"-------" in done.stdout
    assert b"\\u" not in done.stdout
