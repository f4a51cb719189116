"""What cannot be analysed is one line on stderr, never a traceback; what is damaged is analysed as far as it goes."""

import json
import os
import struct
from pathlib import Path

import pytest

from tests.cli.running import ROOT, run, sample

LEAK = sample("echo_never_closes")
WHOLE = (ROOT / LEAK).read_bytes()
PCAPNG = (ROOT / sample("healthy_and_leaking")).read_bytes()

BAD = {
    "empty": b"",
    "one byte": b"\xd4",
    "pcap header cut": WHOLE[:20],
    "pcapng header cut": PCAPNG[:20],
    "pcapng byte order": PCAPNG[:8] + b"\1\2\3\4" + PCAPNG[12:],
    "text": b"12:00:00.0 IP 192.0.2.1.1 > 192.0.2.2.2: Flags [S]\n",
    "zip": b"PK\x03\x04" + bytes(40),
    "program": b"\x7fELF" + bytes(40),
    "snoop": b"snoop\0\0\0" + bytes(40),
    "zeros": bytes(100),
    "escape": b"\x1b]0;title\x07\x1b[31m" + bytes(10),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("through", ["file", "stdin"])
def test_one_line_and_2(kind: str, through: str, tmp_path: Path) -> None:
    (tmp_path / "bad.pcap").write_bytes(BAD[kind])
    done = run("bad.pcap", cwd=tmp_path) if through == "file" else run("-", stdin=BAD[kind])
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.count(b"\n") == 1
    assert done.stderr.startswith(b"analyze: bad.pcap: " if through == "file" else b"analyze: <stdin>: ")
    assert b"Traceback" not in done.stderr
    assert b"\x1b" not in done.stderr


@pytest.mark.parametrize("name", ["missing.pcap", ".", "missing/x.pcap", "bad.pcap/x", "x" * 5000])
def test_what_cannot_be_opened(name: str, tmp_path: Path) -> None:
    (tmp_path / "bad.pcap").touch()
    done = run(name, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.count(b"\n") == 1
    assert b"Traceback" not in done.stderr


def test_quiet_still_says_the_error() -> None:
    assert run("missing.pcap", "--quiet").stderr == b"analyze: missing.pcap: no such file\n"


def test_one_bad_among_good_ones_is_3_and_wins_over_1(tmp_path: Path) -> None:
    bad = tmp_path / "bad.pcap"
    bad.touch()
    for form in ("text", "json"):
        done = run(str(bad), LEAK, "--fail-on", "stuck", "--format", form)
        assert done.returncode == 3
        assert done.stderr.count(b"\n") == 1
        assert b"1 flow in CLOSE_WAIT" in done.stdout
    assert len(json.loads(done.stdout)["captures"]) == 1


def test_all_bad_is_2() -> None:
    for form in ("text", "json"):
        done = run("missing.pcap", "absent.pcap", "--format", form)
        assert done.returncode == 2
        assert done.stdout == b""
        assert done.stderr.decode() == "analyze: missing.pcap: no such file; absent.pcap: no such file\n"


@pytest.mark.parametrize("cut", [24, 30, 40, 500, len(WHOLE) - 1])
def test_a_cut_capture_is_analysed_with_a_warning(cut: int, tmp_path: Path) -> None:
    (tmp_path / "cut.pcap").write_bytes(WHOLE[:cut])
    done = run("cut.pcap", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr == b""
    warned = b"Warning: cut.pcap: damaged after frame " in done.stdout
    assert warned == (cut != 24)
    if cut == len(WHOLE) - 1:
        assert b"damaged after frame 9, at byte " in done.stdout
        assert b"1 flow in CLOSE_WAIT" in done.stdout


def test_strict_refuses_a_cut_capture(tmp_path: Path) -> None:
    (tmp_path / "cut.pcap").write_bytes(WHOLE[:-1])
    done = run("cut.pcap", "--strict", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert b"damaged after frame 9" in done.stderr


def test_a_broken_record_length_says_where(tmp_path: Path) -> None:
    (tmp_path / "odd.pcap").write_bytes(WHOLE + struct.pack("<IIII", 0, 0, 0xFFFFFFF0, 60))
    done = run("odd.pcap", cwd=tmp_path)
    assert done.returncode == 0
    assert f"damaged after frame 10, at byte {len(WHOLE):,}: an impossible length".encode() in done.stdout


HOSTILE = {
    "escape": b"a\x1b[31m\x1b]0;owned\x07.pcap",
    "newline": b"a\nanalyze: all is well\n.pcap",
    "carriage return": b"a\r\x08\x7f.pcap",
    "bidi": "a\u202egpj.pcap".encode(),
    "c1": "a\x9b31m.pcap".encode(),
    "bytes": b"a\xff\xfe.pcap",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_file_names_never_reach_the_terminal_raw(kind: str, tmp_path: Path) -> None:
    name = HOSTILE[kind]
    (tmp_path / "good.pcap").write_bytes(WHOLE[:-1])
    os.rename(os.fsencode(tmp_path / "good.pcap"), os.fsencode(tmp_path) + b"/" + name)  # noqa: PTH104 - bytes
    bad = run(b"no-" + name, cwd=tmp_path)
    good = run(name, name, cwd=tmp_path)  # twice: the name is also in the headline
    assert (bad.returncode, good.returncode) == (2, 0)
    assert bad.stderr.count(b"\n") == 1
    shown = (bad.stderr + good.stdout + good.stderr).decode()  # strictly UTF-8
    assert all(character.isprintable() or character == "\n" for character in shown)
    assert "all is well" not in "".join(line for line in shown.splitlines() if line.startswith("analyze: all"))
    assert json.loads(run(name, "--format", "json", cwd=tmp_path).stdout)["captures"][0]["flows_total"] == 1
