"""Bundles with mapped addresses: no byte of any file in them tells an address, a host, a process or a file by its name."""

import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from closewait_pcap import Analysis, CaptureWarning, analyze
from tests.capture.writers import enhanced, interface, section
from tests.cli.running import run
from tests.conversations import CLIENT, Talk, captured

pytest.importorskip("cryptography")

KEY = "ab" * 32
CLIENTS, SERVER = ("10.71.0.1", "10.71.0.2"), "10.72.0.9"
NAMES = ("acme", "db-prod", "eth-acme", "billingd", "root-of-acme", "notes-of-acme")
"""In names of files, folders, interfaces, processes and users, and in lines that are not understood."""


def leaks(data: bytes) -> list[str]:
    """Find what must not be in a file."""
    data = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    words = [word.encode() for word in (*CLIENTS, SERVER, "10.71.", "10.72.", *NAMES)]
    packed = [bytes(map(int, address.split("."))) for address in (*CLIENTS, SERVER)]
    return [str(word) for word in (*words, *packed) if word.lower() in data.lower()]


def files(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder), path.read_bytes()


def capture(client: str) -> bytes:
    """A connection that the server does not close, at an interface with a name."""
    plain = captured([Talk(1, client, SERVER, 5432).is_served().closes(CLIENT)], until=9)
    blocks, at = [section(), interface(name="eth-acme", tsresol=9)], 24
    while at < len(plain):
        seconds, ns, size = (int.from_bytes(plain[at + 4 * n : at + 4 * n + 4], "little") for n in range(3))
        blocks.append(enhanced(plain[at + 16 : at + 16 + size], seconds * 10**9 + ns))
        at += 16 + size
    return b"".join(blocks)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Two captures of a host, its socket table with a bad line, a key, and what is no capture."""
    folder = tmp_path / "acme"
    folder.mkdir()
    for number, client in enumerate(CLIENTS):
        (folder / f"db-prod-{number}.pcapng").write_bytes(capture(client))
    rows = [f'CLOSE-WAIT 11 0 {SERVER}:5432 {client}:20000 users:(("billingd",pid=7,fd=3)) ino:9 sk:1' for client in CLIENTS]
    head = "State Recv-Q Send-Q Local Address:Port Peer Address:Port Process"
    (folder / "root-of-acme.ss.txt").write_text("\n".join([head, *rows, f"ESTAB 0 x {SERVER}:5432 {CLIENTS[0]}"]) + "\n")
    (folder / "notes-of-acme.txt").write_text("of acme")
    (folder / "key").write_text(KEY)
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        ("db-prod-0.pcapng",),
        ("db-prod-0.pcapng", "--sockets", "root-of-acme.ss.txt"),
        (".", "--sockets", "root-of-acme.ss.txt"),
        ("db-prod-*.pcapng", "notes-of-acme.txt", "acme-none.pcap", "--sockets", "root-of-acme.ss.txt"),
        ("db-prod-0.pcapng", "--host", CLIENTS[0], "--payload", "keep"),
        ("--each", ".", "--sockets", "root-of-acme.ss.txt"),
        ("--each", "db-prod-0.pcapng", "db-prod-1.pcapng", "notes-of-acme.txt", "--jobs", "2"),
    ],
    ids=" ".join,
)
def test_nothing_is_in_it(arguments: tuple[str, ...], place: Path) -> None:
    for name, more in (("plain", ()), ("mapped", ("--anonymize", "key"))):
        folder = place.parent / name
        done = run(*arguments, *more, "--report", str(folder), cwd=place)
        assert done.returncode in (0, 3), done.stderr
        found = dict(files(folder))
        assert any(path.name == "evidence.pcapng.gz" for path in found)
        leaking = {str(path): leaks(data) for path, data in found.items()} | {"stdout": leaks(done.stdout)}
        assert any(word in str(path) for path in found for word in NAMES) == ("--each" in arguments and not more)
        if more:
            assert {path: words for path, words in leaking.items() if words} == {}
        else:  # else the test would find nothing anywhere
            assert all(words for path, words in leaking.items() if path.endswith((".json", ".gz")) and "index" not in path)


def test_a_filter_takes_the_address_as_captured_and_tells_the_mapped_one(place: Path) -> None:
    folder = place.parent / "r"
    assert run("db-prod-0.pcapng", "--host", CLIENTS[0], "--anonymize", "key", "--report", str(folder), cwd=place).returncode == 0
    told = json.loads((folder / "manifest.json").read_text())["options"]["host"]
    assert [flow["client"] for flow in json.loads((folder / "report.json").read_text())["captures"][0]["flows"]] == [told]


def test_neither_names_nor_hashes_of_inputs_are_told(place: Path) -> None:
    folder = place.parent / "r"
    (place / "capture-1").write_text("not the capture of that number")
    run("db-prod-0.pcapng", "db-prod-1.pcapng", "--anonymize", "--report", str(folder), cwd=place)
    told = json.loads((folder / "manifest.json").read_text())
    assert told["inputs"] == [{"file": f"capture-{number}", "bytes": None, "sha256": None} for number in (1, 2)]
    assert told["options"]["anonymize"] is True


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("key", [("--anonymize", "key"), ("--anonymize",)])
def test_addresses_agree_from_capture_to_capture(jobs: str, key: tuple[str, ...], place: Path) -> None:
    folder = place.parent / "r"
    done = run(*key, "--each", "db-prod-0.pcapng", "db-prod-1.pcapng", "--jobs", jobs, "--report", str(folder), cwd=place)
    assert done.returncode == 0
    assert done.stderr.decode().splitlines() == [f"analyze: capture-{n + 1} is db-prod-{n}.pcapng" for n in (0, 1)]
    servers = {analyze(folder / f"capture-{number}" / "evidence.pcapng.gz").flows["server"].iloc[0] for number in (1, 2)}
    assert len(servers) == 1


def test_older_bundles_that_may_show_names_are_not_left_beside_new_ones(place: Path) -> None:
    folder = place.parent / "r"
    arguments = ("--each", "db-prod-0.pcapng", "--report", str(folder))
    assert run(*arguments, cwd=place).returncode == 0
    done = run(*arguments, "--anonymize", cwd=place)
    assert done.returncode == 2
    assert done.stderr.decode() == (
        f"analyze: {folder}: holds bundles of an earlier run, which may show addresses and names; name a new folder\n"
    )


def test_why_there_is_no_evidence_is_told_without_names(place: Path) -> None:
    path = place / "db-prod-0.pcapng"
    analysis = analyze(path).anonymized(bytes.fromhex(KEY))
    path.unlink()
    written = analysis.bundle(place.parent / "r")
    assert written.no_evidence == "the capture cannot be read a second time"
    assert not any(leaks(data) for _, data in files(place.parent / "r"))


def test_warnings_neither_quote_nor_name(place: Path) -> None:
    sources = [place / "db-prod-0.pcapng", place / "notes-of-acme.txt"]
    with pytest.warns(CaptureWarning, match="notes-of-acme"):
        analysis = analyze(sources, sockets=place / "root-of-acme.ss.txt")
    mapped = analysis.anonymized(bytes.fromhex(KEY))
    assert any(CLIENTS[0] in warning for warning in analysis.warnings)
    assert not any(leaks(warning.encode()) for warning in mapped.warnings)
    counted = ["passed over, and not named here: 1 input", "not quoted here: 1 remark on lines of socket tables"]
    assert mapped.warnings[:2] == counted


def test_a_short_name_does_not_spoil_sentences(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(capture(CLIENTS[0])[:-50])
    with pytest.warns(CaptureWarning):
        analysis: Analysis = analyze(tmp_path / "a").anonymized(bytes.fromhex(KEY))
    assert analysis.warnings
    assert all(str(tmp_path) not in warning and "ccapture" not in warning for warning in analysis.warnings)
    assert any(warning.startswith("capture: ") for warning in analysis.warnings)


def test_the_mapped_address_is_the_key_s(place: Path) -> None:
    from closewait_pcap.anonymizing import Anonymizer

    folder = place.parent / "r"
    run("db-prod-0.pcapng", "--anonymize", "key", "--report", str(folder), cwd=place)
    image = Anonymizer(bytes.fromhex(KEY)).text(SERVER)
    assert analyze(io.BytesIO((folder / "evidence.pcapng.gz").read_bytes())).flows["server"].tolist() == [image]
    assert image in (folder / "report.md").read_text()
