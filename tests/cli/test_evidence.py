"""--evidence, --payload and --anonymize, through the real command."""

import gzip
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from closewait_pcap import analyze
from tests.cli.running import ROOT, environment, run, sample, until_read
from tests.conversations import CLIENT, SERVER, Talk, captured
from tests.evidence.leaking import SECRET, capture

LEAK, BUSY = sample("healthy_and_leaking"), sample("busy_worker")


def flows(*arguments: str) -> list[dict[str, Any]]:
    done = run(*arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["captures"][0]["flows"]
    return found


def test_report_on_stdout_evidence_in_the_file_and_a_sentence_on_stderr(tmp_path: Path) -> None:
    path = tmp_path / "evidence.pcapng.gz"
    done = run(LEAK, "--evidence", str(path))
    assert done.returncode == 0
    assert done.stdout == run(LEAK).stdout
    assert done.stderr.decode() == f"analyze: {path}: 3 flows; 27 frames; payload cut, addresses as captured\n"
    assert len(analyze(path).close_wait) == 3
    assert run(LEAK, "--evidence", str(path), "-q").stderr == b""


def test_filters_choose_what_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "evidence.pcapng"
    assert run(LEAK, "--evidence", str(path), "--since", "2026-11-21 11:56:06.9").returncode == 0
    assert len(analyze(path).flows) == 0


def test_reports_and_evidence_have_the_same_mapped_addresses(tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    key, path = tmp_path / "key", tmp_path / "evidence.pcapng"
    key.write_text("ab" * 32 + "\n")
    mapped = flows(BUSY, "--anonymize", str(key), "--evidence", str(path))
    plain = flows(BUSY)
    alone = flows(str(path))
    ends = [{(flow["client"], flow["server"]) for flow in some} for some in (mapped, plain, alone)]
    assert ends[0] == ends[2]
    assert ends[0].isdisjoint(ends[1])
    assert flows("--anonymize", str(key), BUSY) == mapped  # the same key before the capture
    assert flows(BUSY, f"--anonymize={key}") == mapped
    assert flows("--anonymize", BUSY) != mapped  # a capture is no key: a random one
    page = run(BUSY, "--anonymize", "--sockets", str(ROOT / "samples/busy_worker/03_end.server.ss.txt")).stdout.decode()
    assert "never_accepted" in page
    assert not any(word in page for word in ("192.0.2.", "busy_worker", "capture.pcap", "ss.txt"))


def test_payload_is_kept_where_it_is_asked_for(tmp_path: Path) -> None:
    source, path = tmp_path / "source.pcapng", tmp_path / "evidence.pcapng.gz"
    source.write_bytes(capture())
    assert run(str(source), "--evidence", str(path)).returncode == 0
    assert SECRET not in gzip.decompress(path.read_bytes())
    done = run(str(source), "--evidence", str(path), "--payload", "keep")
    assert "payload kept" in done.stderr.decode()
    assert SECRET * 30 in gzip.decompress(path.read_bytes())


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_a_pipe_is_kept_for_the_second_reading(name: str, tmp_path: Path) -> None:
    path, same = tmp_path / "pipe.pcapng", tmp_path / "file.pcapng"
    done = run(name, "--evidence", str(path), stdin=(ROOT / LEAK).read_bytes())
    assert done.returncode == 0
    assert done.stdout.decode() == run(LEAK, "--evidence", str(same)).stdout.decode().replace(LEAK, name.replace("-", "<stdin>"))
    assert path.read_bytes() == same.read_bytes()


def test_where_a_pipe_cannot_be_kept_the_report_is_made_and_the_reason_said(tmp_path: Path) -> None:
    """No file may become larger than 200 KB, as if there were no more room: enough for the reports, not for the capture."""
    talks = [Talk(n / 100).is_served().closes(CLIENT).closes(SERVER) for n in range(500)]
    command = [sys.executable, "-m", "closewait_pcap", "-", "--report", str(tmp_path / "r")]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(PYTHONDONTWRITEBYTECODE="1"), capture_output=True, timeout=60, check=False,
        input=captured([*talks, Talk(3).is_served().closes(CLIENT)], until=9),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stdout.startswith(b"1 flow in CLOSE_WAIT")
    assert done.stderr.decode().splitlines() == [
        "analyze: <stdin>: not kept for a second reading, so that there is no evidence: File too large",
        f"analyze: {tmp_path / 'r'}: no evidence in it: <stdin>: evidence takes a second reading, which a pipe does not allow; "
        "save it to a file first",
    ]
    assert not (tmp_path / "r" / "evidence.pcapng.gz").exists()


def test_ctrl_c_ends_an_endless_pipe_and_the_bundle_has_evidence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "closewait_pcap", "-", "--report", str(tmp_path / "r")]
    with subprocess.Popen(
        command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        process.stdin.write((ROOT / LEAK).read_bytes())
        process.stdin.flush()
        until_read(process.stdin)
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stderr is not None
        assert b"3 flows; 27 frames; payload cut" in process.stderr.read()
    assert len(analyze(tmp_path / "r" / "evidence.pcapng.gz").close_wait) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (LEAK, "--payload", "keep"),
            "--payload says what becomes of payload in --evidence FILE or --report DIR: give one of them",
        ),
        (("--sockets", LEAK, "--evidence", "x"), "--evidence is of a capture, and there is none"),
        (("--sockets", LEAK, "--anonymize"), "--anonymize is of a capture, and there is none"),
        (
            ("--each", LEAK, "--evidence", "x"),
            "--evidence is of one analysis of captures; with --each, --report DIR has it in each bundle",
        ),
        ((LEAK, "--anonymize=README.md"), "README.md: no key: it must be 32 bytes, or 64 hexadecimal digits"),
        ((LEAK, "--anonymize=/nowhere/key"), "/nowhere/key: No such file or directory"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_read(arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments, stdin=b"nothing")
    assert done.returncode == 2
    assert done.stdout == b""
    assert message in done.stderr.decode()


def test_a_file_that_cannot_be_written_is_named_in_one_line(tmp_path: Path) -> None:
    done = run(LEAK, "--evidence", str(tmp_path / "nowhere" / "x.pcapng"))
    assert done.returncode == 2
    assert done.stderr.decode().splitlines() == [
        f"analyze: {tmp_path}/nowhere/x.pcapng: writing the evidence failed: No such file or directory"
    ]
    done = run(LEAK, "--evidence", LEAK)
    assert done.stderr.decode() == f"analyze: {LEAK}: that is the capture itself; give the evidence another name\n"
