"""Folders, patterns and ring buffers become captures; what does not count is told."""

import bz2
import gzip
import io
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from closewait_pcap.capture.sources.gathering import Gathered, family_of, gather
from closewait_pcap.errors import CaptureError
from tests.capture.writers import conversation, pcap, pcapng

CAPTURE = pcap(conversation())


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(*names: str, data: bytes = CAPTURE) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(data)


def refused(source: str) -> str:
    with pytest.raises(CaptureError) as caught:
        gather(source)
    message = str(caught.value)
    assert "\n" not in message
    return message


# ---- single captures


def test_a_file_is_itself() -> None:
    write("a.pcap")
    assert gather("a.pcap") == Gathered(["a.pcap"], [], True)
    assert gather(Path("a.pcap")).sources == [Path("a.pcap")]
    assert gather("./a.pcap").sources == ["./a.pcap"]


def test_what_is_no_path_is_itself() -> None:
    stream = io.BytesIO(CAPTURE)
    for source in (stream, "-", "https://example.org/[1]*.pcap", "missing.pcap", "a\0b", ""):
        assert gather(source) == Gathered([source], [], True)


def test_several_keep_their_order() -> None:
    write("b.pcap", "a.pcap")
    stream = io.BytesIO(CAPTURE)
    assert gather(["b.pcap", stream, "a.pcap"]).sources == ["b.pcap", stream, "a.pcap"]
    assert gather(("-", "a.pcap")).sources == ["-", "a.pcap"]


def test_no_source_at_all() -> None:
    with pytest.raises(CaptureError, match="no capture given"):
        gather([])


def test_a_pipe_is_not_opened() -> None:
    os.mkfifo("pipe")
    assert gather("pipe").sources == ["pipe"]


# ---- folders


def test_a_folder_by_content() -> None:
    write("in/a.pcap", "in/b", "in/c.txt")
    write("in/d.pcapng", data=pcapng(conversation()))
    write("in/e.gz", data=gzip.compress(CAPTURE))
    write("in/f.bz2", data=bz2.compress(pcapng(conversation())))
    write("in/g.snoop", data=b"snoop\0\0\0\0\0\0\2\0\0\0\4")
    write("in/n.pcap", data=b"text\n")
    write("in/o.gz", data=gzip.compress(b"text\n"))
    write("in/p.gz", data=gzip.compress(CAPTURE)[:12])
    write("in/q.pcap", data=b"")
    write("in/.hidden.pcap", "in/sub/deeper.pcap")
    os.mkfifo("in/pipe")
    gathered = gather("in")
    assert gathered.sources == [f"in/{name}" for name in ("a.pcap", "b", "c.txt", "d.pcapng", "e.gz", "f.bz2", "g.snoop")]
    assert gathered.passed_over == ["in: passed over 7 other entries (.hidden.pcap, n.pcap, o.gz, ...)"]
    assert not gathered.explicit


def test_a_folder_of_one_odd_entry_and_a_trailing_slash() -> None:
    write("in/a.pcap", "in/sub/b.pcap")
    assert gather("in/") == Gathered(["in/a.pcap"], ["in/: passed over 1 other entry (sub)"], False)


def test_numbers_sort_by_value() -> None:
    write(*(f"in/trace.pcap{number}" for number in range(12)))
    assert gather("in").sources == [f"in/trace.pcap{number}" for number in range(12)]


def test_folders_without_captures() -> None:
    Path("empty").mkdir()
    assert refused("empty").startswith("empty: no capture in this folder, it is empty")
    write("in/notes.txt", data=b"notes")
    write("in/sub/a.pcap")
    message = refused("in")
    assert "only 2 other entries (notes.txt, sub)" in message
    assert "subfolders" in message


def test_a_capture_that_may_not_be_read_is_told() -> None:
    """A broken disk, as far as a test can make one: reading /proc/self/mem fails though opening does not."""
    write("in/a.pcap")
    Path("in/broken").symlink_to("/proc/self/mem")
    gathered = gather("in")
    assert gathered.sources == ["in/a.pcap"]
    assert gathered.passed_over == ["in/broken: passed over, for it cannot be read: Input/output error"]


# ---- patterns


def test_patterns() -> None:
    write("t10.pcap", "t9.pcap", "u.pcap", ".t1.pcap", "t.d/x.pcap")
    assert gather("t*") == Gathered(["t9.pcap", "t10.pcap"], [], False)
    assert gather("[tu]?.pcap").sources == ["t9.pcap"]
    assert gather("*/*.pcap").sources == ["t.d/x.pcap"]
    assert "no file matches" in refused("x*.pcap")
    assert "only folders" in refused("t.*")


def test_a_file_whose_name_looks_like_a_pattern() -> None:
    write("a[1].pcap", "a1.pcap")
    assert gather("a[1].pcap").sources == ["a[1].pcap"]


# ---- twice


def test_one_file_under_several_names() -> None:
    write("a.pcap")
    Path("soft").symlink_to("a.pcap")
    os.link("a.pcap", "hard")
    gathered = gather(["a.pcap", "soft", "hard", "./a.pcap", "a.pcap", "-", "-"])
    assert gathered.sources == ["a.pcap", "-"]
    assert gathered.passed_over == [
        "soft: the same file as a.pcap; it counts once",
        "hard: the same file as a.pcap; it counts once",
        "./a.pcap: the same file as a.pcap; it counts once",
        "a.pcap: given twice; it counts once",
        "-: given twice; it counts once",
    ]


def test_a_folder_and_a_file_in_it() -> None:
    write("in/a.pcap", "in/b.pcap")
    gathered = gather(["in/b.pcap", "in"])
    assert gathered.sources == ["in/b.pcap", "in/a.pcap"]
    assert not gathered.explicit


def test_equal_copies_are_two() -> None:
    write("a.pcap", "b.pcap")
    assert gather(["a.pcap", "b.pcap"]).sources == ["a.pcap", "b.pcap"]


# ---- ring buffers


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("trace.pcap", ("trace.pcap", 0)),
        ("trace.pcap0", ("trace.pcap", 0)),
        ("trace.pcap07", ("trace.pcap", 7)),
        ("trace.pcap12", ("trace.pcap", 12)),
        ("trace.pcap3.gz", ("trace.pcap", 3)),
        ("trace.pcap.zst", ("trace.pcap", 0)),
        ("TRACE.CAP2", ("TRACE.CAP", 2)),
        ("both-141812.pcap4", ("both-141812.pcap", 4)),
        ("trace_00001_20261121140000.pcapng", ("trace.pcapng", 1)),
        ("trace_20261121140000_00042.pcapng", ("trace.pcapng", 42)),
        ("a.b_00000_20261121141813.pcapng", ("a.b.pcapng", 0)),
        ("noext_00102_20261121141747", ("noext", 102)),
        ("t_123456_20261121141747.pcapng", ("t.pcapng", 123456)),
        ("x.pcapng_00001_20261121141812.gz.gz", ("x.pcapng", 1)),
        ("capture_20261121.pcap", None),
        ("capture-141812.pcap.gz", None),
        ("x.pcap20261121", None),
        ("trace7", None),
        ("song.mp3", None),
        ("trace_1_20261121140000.pcapng", None),
        (".pcap", None),
        ("", None),
    ],
)
def test_family(name: str, family: tuple[str, int] | None) -> None:
    assert family_of(name) == family


def test_the_name_of_a_family_is_its_files() -> None:
    write(
        *(f"trace.pcap{number:02}" for number in range(11)),
        "trace.pcap11.gz",
        "trace.pcapng",
        "other.pcap1",
        "trace.pcap20261121",
    )
    Path("trace.pcap12").mkdir()
    gathered = gather("trace.pcap")
    assert gathered.sources == [*(f"trace.pcap{number:02}" for number in range(11)), "trace.pcap11.gz"]
    assert not gathered.explicit


def test_an_existing_name_is_that_file_alone() -> None:
    write("trace.pcap", "trace.pcap1")
    assert gather("trace.pcap").sources == ["trace.pcap"]


def test_names_without_a_suffix() -> None:
    write("d/trace0", "d/trace1", "d/tracer")
    assert gather("d/trace").sources == ["d/trace0", "d/trace1"]


@pytest.mark.parametrize("given", ["t-%H%M%S.pcap", "t-%H:%M.pcap", "%Y%m%d%%.pcap", "%s", "%b%d.pcap", "%F_%T.pcap"])
def test_every_conversion_finds_what_it_writes(given: str) -> None:
    name = time.strftime(given)
    write(name, f"{name}1", f"x-{name}")
    assert gather(given).sources == [name, f"{name}1"]


def traffic(port: int, stop: threading.Event) -> None:
    """Send 2 MB a connection over loopback."""
    with socket.create_server(("127.0.0.1", port)) as server:
        while not stop.is_set():
            with socket.create_connection(("127.0.0.1", port)) as client:
                taken, _ = server.accept()
                with taken:
                    for _ in range(32):
                        client.sendall(bytes(65536))
                        left = 65536
                        while left:
                            left -= len(taken.recv(left))
            time.sleep(0.05)


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])
    stop = threading.Event()
    thread = threading.Thread(target=traffic, args=(port, stop))
    thread.start()
    yield port
    stop.set()
    thread.join()


def record(command: list[str], given: str, count: int) -> set[str]:
    """Let a program capture until there are so many files.

    Returns:
        Their names.
    """
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    program = subprocess.Popen([*command, "-w", given], stderr=subprocess.PIPE)
    assert program.stderr is not None
    try:
        until = time.monotonic() + 10
        while len(os.listdir()) < count and time.monotonic() < until and program.poll() is None:  # noqa: PTH208
            time.sleep(0.05)
    finally:
        program.terminate()
        said = program.communicate(timeout=10)[1].decode()
    names = set(os.listdir())  # noqa: PTH208
    if not names and ("ermission" in said or "ermitted" in said):
        pytest.skip(f"{command[0]} may not capture here: {said.splitlines()[-1]}")
    assert len(names) >= count, said
    return names


TCPDUMP = ["tcpdump", "-i", "lo", "-U", "-s", "4000", *(["-Z", "root"] if os.geteuid() == 0 else [])]
DUMPCAP = ["dumpcap", "-q", "-i", "lo", "-b", "filesize:500"]


@pytest.mark.parametrize(
    ("command", "given", "numbers"),
    [
        ([*TCPDUMP, "-C", "1"], "trace.pcap", True),
        ([*TCPDUMP, "-C", "1", "-W", "20"], "trace.pcap", True),
        ([*TCPDUMP, "-C", "1", "-W", "3"], "trace", False),
        ([*TCPDUMP, "-G", "1"], "trace-%H%M%S.pcap", False),
        ([*TCPDUMP, "-G", "20", "-C", "1"], "trace-%Y%m%d-%H.pcap", True),
        (DUMPCAP, "trace.pcapng", True),
        ([*DUMPCAP, "-b", "nametimenum:2"], "trace.pcapng", True),
        (DUMPCAP, "trace", True),
    ],
    ids=["-C", "-C -W", "no suffix", "-G", "-G -C", "dumpcap", "dumpcap nametimenum", "dumpcap no suffix"],
)  # fmt: skip
def test_what_the_programs_write_is_found_by_the_name_they_were_given(
    command: list[str], given: str, numbers: bool, busy_port: int
) -> None:
    by = ["-f", f"port {busy_port}"] if command[0] == "dumpcap" else []
    names = record([*command, *by], given, 3)
    if given in names:  # -C without -W: the first file has the name itself
        Path(given).rename("elsewhere")
        names.remove(given)
    gathered = gather(given)
    assert set(gathered.sources) == names
    if numbers:
        families = [family_of(str(name)) for name in gathered.sources]
        known = [family for family in families if family is not None]
        assert len(known) >= len(families) - 1  # -G -C: the first ends in digits
        assert len({key for key, _ in known}) == 1
        order = [number for _, number in known]
        assert order == list(range(order[0], order[0] + len(order)))


@pytest.mark.parametrize("how", ["-c2", "-i1"])
def test_what_editcap_writes(how: str) -> None:
    if shutil.which("editcap") is None:
        pytest.skip("editcap is not installed")
    write("whole.pcap")
    subprocess.run(["editcap", how, "whole.pcap", "part.pcap"], check=True, timeout=10)
    names = set(os.listdir()) - {"whole.pcap"}  # noqa: PTH208
    assert set(gather("part.pcap").sources) == names
    assert [family_of(name) for name in sorted(names)] == [("part.pcap", number) for number in range(len(names))]
    assert names
