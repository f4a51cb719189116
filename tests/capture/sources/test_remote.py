"""URLs: one pass over one stream, from a real server; secrets are not shown, and nothing hangs."""

import contextlib
import gzip
import http.server
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from closewait_pcap import analyze
from closewait_pcap.capture.sources import remote
from closewait_pcap.capture.sources.gathering import gather
from closewait_pcap.capture.sources.opening import is_rereadable
from closewait_pcap.errors import CaptureError, CaptureWarning, MissingExtra
from tests.cli.running import ROOT, run, sample

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed (pip install 'closewait-pcap[remote]')")
pytest.importorskip("aiohttp", reason="aiohttp is not installed (pip install 'closewait-pcap[remote]')")

LEAK = ROOT / sample("healthy_and_leaking")
CAPTURE = LEAK.read_bytes()


class Server(http.server.ThreadingHTTPServer):
    """Serves `files`; the ends of paths steer how."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {"c.pcapng": CAPTURE, "c.gz": gzip.compress(CAPTURE)}
        self.requests: list[tuple[str, str, str | None]] = []
        self.leaving = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers GET, as the server of pre-signed URLs does."""

    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        folder, _, name = self.path.partition("?")[0].strip("/").rpartition("/")
        self.server.requests.append((self.command, self.path, self.headers.get("Range")))
        data = self.server.files.get(name)
        if folder == "forbidden" or data is None:
            self.send_error(403 if folder == "forbidden" else 404)
            return
        if folder == "silent":
            self.server.leaving.wait(20)
            return
        asked = self.headers.get("Range") if folder == "ranges" else None
        first = int(asked.partition("=")[2].partition("-")[0]) if asked else 0
        self.send_response(206 if asked else 200)
        if folder == "ranges":
            self.send_header("Accept-Ranges", "bytes")
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - first))
        self.end_headers()
        part = {"cut": data[: len(data) // 2], "stalls": data[: len(data) // 2]}.get(folder, data[first:])
        with contextlib.suppress(ConnectionError):
            self.wfile.write(part)
            if folder == "stalls":
                self.server.leaving.wait(20)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as serving:
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield serving
        serving.leaving.set()
        serving.shutdown()
        thread.join()


def refused(url: str) -> str:
    with pytest.raises(CaptureError) as caught:
        analyze(url)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("path", ["c.pcapng", "ranges/c.pcapng", "c.gz"])
def test_one_get_and_nothing_else(server: Server, path: str) -> None:
    url = f"{server.url}/{path}"
    analysis = analyze(url)
    assert analysis.capture.file == url
    assert (analysis.capture.frames, len(analysis.close_wait)) == (298, 3)
    assert server.requests == [("GET", f"/{path}", None)]


def test_large_ones_come_as_a_stream(server: Server) -> None:
    """Also larger than any buffer on the way."""
    original = (ROOT / sample("echo_never_closes")).read_bytes()
    server.files["large"] = original[:24] + original[24:] * 10_000
    assert analyze(f"{server.url}/ranges/large").capture.frames == 100_000
    assert len(server.requests) == 1


def test_packets_fetch_it_again(server: Server) -> None:
    url = f"{server.url}/c.pcapng"
    assert is_rereadable(url)
    ours = analyze(url).packets(6)
    assert ours["frame"].tolist() == analyze(LEAK).packets(6)["frame"].tolist()
    assert len(server.requests) == 2


@pytest.mark.skipif(shutil.which("editcap") is None, reason="editcap is not installed (apt install tshark)")
def test_a_foreign_format(server: Server, tmp_path: Path) -> None:
    subprocess.run(["editcap", "-F", "snoop", LEAK, tmp_path / "c"], check=True, timeout=20)
    server.files["c"] = (tmp_path / "c").read_bytes()
    capture = analyze(f"{server.url}/c").capture
    assert (capture.frames, capture.format) == (298, "Solaris snoop (through editcap)")


def test_the_command(server: Server) -> None:
    done = run(f"{server.url}/c.pcapng?sig=hidden")
    assert done.returncode == 0
    assert done.stderr == b""
    assert b"3 flows in CLOSE_WAIT" in done.stdout
    assert b"hidden" not in done.stdout
    bad = run(f"{server.url}/none?sig=hidden")
    assert bad.returncode == 2
    assert bad.stderr == f"analyze: {server.url}/none: cannot be fetched: there is no such file; is the URL right?\n".encode()


def test_other_protocols(tmp_path: Path) -> None:
    (tmp_path / "a b.pcapng").write_bytes(CAPTURE)
    assert analyze(f"file://{tmp_path}/a b.pcapng").capture.frames == 298
    with fsspec.open("memory://folder/c.gz", "wb") as file:
        file.write(gzip.compress(CAPTURE))
    assert analyze("memory://folder/c.gz").capture.frames == 298


# ---- what goes wrong


def test_what_came_before_the_cut_is_kept(server: Server) -> None:
    url = f"{server.url}/cut/c.pcapng"
    with pytest.warns(CaptureWarning, match="the connection was cut"):
        analysis = analyze(url)
    assert 100 < analysis.capture.frames < 200
    with pytest.raises(CaptureError, match="the connection was cut"):
        analyze(url, strict=True)


def test_a_server_that_stalls(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "SILENCE_S", 0.5)
    begin = time.monotonic()
    with pytest.warns(CaptureWarning, match=r"no answer \(waited .* 0.5 s for data\)"):
        analysis = analyze(f"{server.url}/stalls/c.pcapng")
    assert 100 < analysis.capture.frames < 200
    assert "no answer" in refused(f"{server.url}/silent/c.pcapng")
    assert time.monotonic() - begin < 10


def test_a_server_that_never_accepts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its queue is full: the kernel answers no SYN."""
    monkeypatch.setattr(remote, "CONNECT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening, contextlib.ExitStack() as held:
        for _ in range(3):
            client = held.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listening.getsockname())
        assert "no answer (waited 0.5 s" in refused(f"http://127.0.0.1:{listening.getsockname()[1]}/c.pcap")


def test_nothing_there(server: Server) -> None:
    assert refused(f"{server.url}/none").endswith("there is no such file; is the URL right?")
    assert "the server answers 403 Forbidden (is the link still valid" in refused(f"{server.url}/forbidden/c.pcapng")
    assert "nobody answers there" in refused("http://127.0.0.1:1/c.pcap")
    assert refused("http://none.invalid/c.pcap").startswith("http://none.invalid/c.pcap: cannot be fetched: ")
    assert "no such file" in refused("memory://none")
    assert "no such file" in refused("file:///none")
    assert "no such protocol" in refused("foo://bar")


def test_a_page_instead_of_a_capture(server: Server) -> None:
    server.files["c.pcap"] = b"<!DOCTYPE html><title>Please log in</title>"
    assert "this is text" in refused(f"{server.url}/c.pcap")


@pytest.mark.parametrize("path", ["none", "forbidden/c.pcapng", "c.html"])
def test_secrets_are_not_shown(server: Server, path: str) -> None:
    server.files["c.html"] = b"<!DOCTYPE html><title>Please log in</title>"
    url = f"http://user:geheim@127.0.0.1:{server.server_port}/{path}?X-Amz-Signature=geheim#geheim"
    assert "geheim" not in refused(url)
    assert "user" not in refused(url)
    assert "geheim" not in " ".join(gather([url, url]).passed_over)
    for other in (
        "foo://user:geheim@host/x?geheim",
        "http://user:geheim@127.0.0.1:1/?geheim",
        "http://u:geheim@[x/",
        "http:///x?geheim",
    ):
        assert "geheim" not in refused(other)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host/a/b.pcap?sig=geheim", "https://host/a/b.pcap"),
        ("https://me:geheim@host:8080/b.pcap", "https://host:8080/b.pcap"),
        ("https://me:ge?heim@host/b.pcap", "https://host/b.pcap"),
        ("zip://b.pcap::https://me:geheim@host/z.zip?geheim", "zip://b.pcap::https://host/z.zip"),
        ("s3://bucket/a@b.pcap", "s3://bucket/a@b.pcap"),
    ],
)
def test_how_urls_are_shown(url: str, shown: str) -> None:
    assert remote.shown(url) == shown


def test_missing_packages() -> None:
    for protocol, line in {"adl": "adlfs", "smb": "smbprotocol"}.items():
        with pytest.raises(MissingExtra) as caught:
            analyze(f"{protocol}://host/c.pcap")
        assert str(caught.value).endswith(f"needs a package: pip install {line}")


@pytest.mark.parametrize("package", ["fsspec", "aiohttp"])
def test_without_the_extra(package: str) -> None:
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from closewait_pcap import analyze\n"
        "try:\n    analyze('https://host/c.pcap?geheim')\nexcept ImportError as error:\n    print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True, timeout=60)
    assert done.stdout.startswith("MissingExtra https://host/c.pcap: reading ")
    assert done.stdout.endswith("needs a package: pip install 'closewait-pcap[remote]'\n")
