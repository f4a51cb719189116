"""The bundle: what is in it, that it is whole or not there, and that nothing else is ever overwritten."""

import hashlib
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from closewait_pcap import analyze
from closewait_pcap.delivery.bundle import LIMIT, MANIFEST, MEMBERS, write_bundle
from closewait_pcap.delivery.settings import Settings
from closewait_pcap.delivery.writing import write_files
from closewait_pcap.errors import ReportError
from tests.cli.running import ROOT, environment, run, sample
from tests.conversations import CLIENT, Talk, analyzed

LEAK, LATE = ROOT / sample("healthy_and_leaking"), ROOT / sample("late_close")


def bundle(folder: Path, capture: Path = LEAK, **options: Any) -> dict[str, Any]:
    """Write a bundle and read its manifest."""
    settings = Settings(**options)
    write_bundle(folder, settings.analyze((capture,)), settings)
    return dict(json.loads((folder / MANIFEST).read_text()))


def test_it_has_its_members_and_the_manifest_says_what_they_are_of(tmp_path: Path) -> None:
    manifest = bundle(tmp_path / "r", stuck_after="2s", port=8080)
    assert {path.name for path in (tmp_path / "r").iterdir()} == {*MEMBERS, MANIFEST}
    for member in manifest["members"]:
        data = (tmp_path / "r" / member["name"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (member["bytes"], member["sha256"])
    [read] = manifest["inputs"]
    assert (read["bytes"], read["sha256"]) == (LEAK.stat().st_size, hashlib.sha256(LEAK.read_bytes()).hexdigest())
    assert manifest["options"]["stuck_after"] == "2s"
    assert manifest["options"]["port"] == 8080
    assert manifest["time"]["end"].startswith("2026-11-21T11:56:06.814518")
    assert manifest["left_out"] == {"flows": 0, "endpoints": 0}


def test_the_same_bytes_each_time(tmp_path: Path) -> None:
    bundle(tmp_path / "a")
    bundle(tmp_path / "b")
    for name in (*MEMBERS, MANIFEST):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_an_older_bundle_is_replaced(tmp_path: Path) -> None:
    bundle(tmp_path)
    older = json.loads((tmp_path / MANIFEST).read_text())
    older["members"].append({"name": "report.old"})
    (tmp_path / MANIFEST).write_text(json.dumps(older))
    (tmp_path / "report.old").write_text("of an older version")
    bundle(tmp_path, LATE)
    assert {path.name for path in tmp_path.iterdir()} == {*MEMBERS, MANIFEST}
    assert "closed late" in (tmp_path / "report.md").read_text()


@pytest.mark.parametrize("name", ["notes.txt", "report.md", MANIFEST])
def test_what_is_not_its_own_is_never_overwritten(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("{}")
    done = run(str(LEAK), "--report", str(tmp_path))
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.decode().splitlines() == [
        f"analyze: {tmp_path}: holds {name!r}, which no report of this program lists; name a new folder, and nothing is lost"
    ]
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_foreign_file_in_an_older_bundle_is_kept(tmp_path: Path) -> None:
    bundle(tmp_path)
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(ReportError, match="mine"):
        bundle(tmp_path, LATE)
    assert (tmp_path / "mine.txt").read_text() == "x"
    assert "3 flows" in (tmp_path / "report.md").read_text()


def test_a_manifest_cannot_make_it_delete_what_lies_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("x")
    folder = tmp_path / "r"
    bundle(folder)
    told = json.loads((folder / MANIFEST).read_text())
    told["members"].append({"name": "../precious.txt"})
    (folder / MANIFEST).write_text(json.dumps(told))
    bundle(folder, LATE)
    assert (tmp_path / "precious.txt").exists()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "r").write_text("x")
    done = run(str(LEAK), "--report", str(tmp_path / "r"))
    assert (done.returncode, done.stderr.decode()) == (2, f"analyze: {tmp_path / 'r'}: is a file, not a folder for reports\n")


def test_a_disk_that_is_full_changes_nothing(tmp_path: Path) -> None:
    """No file may become larger than 4 KB, as if there were no more room."""
    bundle(tmp_path, LATE)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    command = [sys.executable, "-m", "closewait_pcap", str(LEAK), "--report", str(tmp_path)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, timeout=60, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.decode() == f"analyze: {tmp_path / 'report.html'}: cannot be written: File too large\n"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ReportError, match="Permission denied"):
        write_files(tmp_path, {"a": "b"})


def test_nothing_is_written_where_one_file_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="cannot be written"):
        write_files(tmp_path, {"a": "x", "no/such/folder": "y"})
    assert list(tmp_path.iterdir()) == []


def test_very_many_flows_are_counted_and_not_all_listed(tmp_path: Path) -> None:
    analysis = analyzed([Talk(n / 100, f"10.0.{n % 200}.1", f"10.1.{n % 199}.1").closes(CLIENT) for n in range(3000)], until=60)
    write_bundle(tmp_path, analysis, Settings(all_flows=True))
    report = json.loads((tmp_path / "report.json").read_text())["captures"][0]
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < LIMIT + 10_000
    assert report["close_wait"]["close_wait"] == 3000
    assert len(report["flows"]) + manifest["left_out"]["flows"] == 3001
    assert report["left_out"] == manifest["left_out"]
    assert len((tmp_path / "flows.csv").read_text().splitlines()) == len(report["flows"]) + 1


def test_a_pipe_has_no_hash(tmp_path: Path) -> None:
    done = run("-", "--report", str(tmp_path / "r"), stdin=LEAK.read_bytes())
    assert done.returncode == 0
    [read] = json.loads((tmp_path / "r" / MANIFEST).read_text())["inputs"]
    assert (read["bytes"], read["sha256"]) == (None, None)


def test_it_is_what_analyze_finds(tmp_path: Path) -> None:
    bundle(tmp_path)
    flows = json.loads((tmp_path / "report.json").read_text())["captures"][0]["flows"]
    assert [flow["stream"] for flow in flows] == analyze(LEAK).close_wait.index.tolist()
