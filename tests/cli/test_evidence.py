"""--evidence, --payload and --anonymize, through the real command."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from closewait_pcap import analyze
from tests.cli.running import ROOT, run, sample
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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("-", "--evidence", "x"),
            "--evidence reads the capture twice, which standard input does not allow: save it to a file first",
        ),
        (("/dev/stdin", "--evidence", "x"), "which a pipe (/dev/stdin) does not allow"),
        ((LEAK, "--payload", "keep"), "--payload says what becomes of payload in --evidence FILE, and there is none"),
        (("--sockets", LEAK, "--evidence", "x"), "--evidence is of a capture, and there is none"),
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
