"""The bundle: what is in it, that it is whole or not there, and that nothing else is ever overwritten."""

import gzip
import hashlib
import io
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from closewait_pcap import analyze
from closewait_pcap.delivery.bundle import EVIDENCE, EVIDENCE_LIMIT, LIMIT, MEMBERS
from closewait_pcap.delivery.folders import MANIFEST
from closewait_pcap.delivery.writing import write_files
from closewait_pcap.errors import ReportError
from tests.cli.running import ROOT, environment, run, sample
from tests.conversations import CLIENT, Talk, analyzed
from tests.evidence.leaking import SECRET, capture

LEAK, LATE = ROOT / sample("healthy_and_leaking"), ROOT / sample("late_close")


def bundle(folder: Path, capture: Path = LEAK, **options: Any) -> dict[str, Any]:
    """Write a bundle and read its manifest."""
    analyze(capture, stuck_after=options.pop("stuck_after", "1s")).bundle(folder, **options)
    return dict(json.loads((folder / MANIFEST).read_text()))


def test_it_has_its_members_and_the_manifest_says_what_they_are_of(tmp_path: Path) -> None:
    manifest = bundle(tmp_path / "r", stuck_after="2s", port=8080)
    assert {path.name for path in (tmp_path / "r").iterdir()} == {*MEMBERS, EVIDENCE, MANIFEST}
    for member in manifest["members"]:
        data = (tmp_path / "r" / member["name"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (member["bytes"], member["sha256"])
    [read] = manifest["inputs"]
    assert (read["bytes"], read["sha256"]) == (LEAK.stat().st_size, hashlib.sha256(LEAK.read_bytes()).hexdigest())
    assert manifest["options"]["stuck_after"] == "2 s"
    assert manifest["options"]["port"] == 8080
    assert manifest["time"]["end"].startswith("2026-11-21T11:56:06.814518")
    assert manifest["left_out"] == {"flows": 0, "endpoints": 0}


def test_the_same_bytes_each_time(tmp_path: Path) -> None:
    bundle(tmp_path / "a")
    bundle(tmp_path / "b")
    for name in (*MEMBERS, EVIDENCE, MANIFEST):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_an_older_bundle_is_replaced(tmp_path: Path) -> None:
    bundle(tmp_path)
    older = json.loads((tmp_path / MANIFEST).read_text())
    older["members"].append({"name": "report.old"})
    (tmp_path / MANIFEST).write_text(json.dumps(older))
    (tmp_path / "report.old").write_text("of an older version")
    bundle(tmp_path, LATE)
    assert {path.name for path in tmp_path.iterdir()} == {*MEMBERS, EVIDENCE, MANIFEST}
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
        command, cwd=ROOT, env=environment(PYTHONDONTWRITEBYTECODE="1"), capture_output=True, timeout=60, check=False,
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
    analysis.bundle(tmp_path, all_flows=True)
    report = json.loads((tmp_path / "report.json").read_text())["captures"][0]
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < LIMIT + 10_000
    assert report["close_wait"]["close_wait"] == 3000
    assert len(report["flows"]) + manifest["left_out"]["flows"] == 3001
    assert report["left_out"] == manifest["left_out"]
    assert len((tmp_path / "flows.csv").read_text().splitlines()) == len(report["flows"]) + 1


def test_a_pipe_has_no_hash_and_its_evidence_all_the_same(tmp_path: Path) -> None:
    done = run("-", "--report", str(tmp_path / "r"), stdin=LEAK.read_bytes())
    assert done.returncode == 0
    manifest = json.loads((tmp_path / "r" / MANIFEST).read_text())
    assert manifest["inputs"] == [{"file": "<stdin>", "bytes": None, "sha256": None}]
    bundle(tmp_path / "file")
    assert (tmp_path / "r" / EVIDENCE).read_bytes() == (tmp_path / "file" / EVIDENCE).read_bytes()


def test_its_evidence_says_the_same_and_the_manifest_what_is_in_it(tmp_path: Path) -> None:
    told = bundle(tmp_path)["evidence"]
    assert told == {
        "member": EVIDENCE,
        "flows": 3,
        "supporting_flows": 0,
        "frames": 27,
        "payload": "cut",
        "addresses": "as captured",
        "left_out": {"flows": 0, "frames": 0},
        "told_otherwise": {"flows": 0, "first": []},
    }
    alone, whole = analyze(tmp_path / EVIDENCE), analyze(LEAK)
    same = ["server", "client", "held", "cause", "confidence"]
    assert alone.close_wait[same].astype(str).to_numpy().tolist() == whole.close_wait[same].astype(str).to_numpy().tolist()


def test_filters_choose_what_evidence_there_is(tmp_path: Path) -> None:
    assert bundle(tmp_path, port=40017)["evidence"]["flows"] == 1
    assert analyze(tmp_path / EVIDENCE).flows["client_port"].tolist() == [40017]


def test_where_nobody_waits_there_is_no_evidence_and_an_older_one_goes(tmp_path: Path) -> None:
    bundle(tmp_path)
    told = bundle(tmp_path, ROOT / sample("close_by_client"))
    assert told["evidence"] == {"member": None, "why": "no flow waits or waited"}
    assert EVIDENCE not in {member["name"] for member in told["members"]}
    assert not (tmp_path / EVIDENCE).exists()
    done = run(sample("close_by_client"), "--report", str(tmp_path / "quiet"))
    assert (done.returncode, done.stderr) == (0, b"")


def test_what_can_be_read_but_once_has_none_and_nothing_fails(tmp_path: Path) -> None:
    class Once(io.BytesIO):
        def seekable(self) -> bool:
            return False

    written = analyze(Once(LEAK.read_bytes())).bundle(tmp_path / "r")
    assert written.evidence is None
    assert set(written.members) == set(MEMBERS)
    why = "evidence takes a second reading, which a pipe does not allow; save it to a file first"
    assert written.no_evidence == f"<stream>: {why}"
    assert written.sentences == [f"{tmp_path / 'r'}: no evidence in it: {written.no_evidence}"]
    assert json.loads((tmp_path / "r" / MANIFEST).read_text())["evidence"] == {"member": None, "why": written.no_evidence}


def test_a_capture_that_has_gone_meanwhile_has_none(tmp_path: Path) -> None:
    (tmp_path / "gone.pcapng").write_bytes(LEAK.read_bytes())
    analysis = analyze(tmp_path / "gone.pcapng")
    (tmp_path / "gone.pcapng").unlink()
    assert "gone.pcapng: " in analysis.bundle(tmp_path / "r").no_evidence
    assert "3 flows" in (tmp_path / "r" / "report.md").read_text()


def test_what_has_no_room_in_the_evidence_is_said(tmp_path: Path) -> None:
    talks = [Talk(n / 1000, f"10.{n % 200}.{n // 200}.1", "10.255.0.1", 8080) for n in range(9000)]
    for talk in talks:
        for _ in range(3):
            talk.is_served()
        talk.closes(CLIENT)
    written = analyzed(talks, until=60).bundle(tmp_path)
    assert written.evidence is not None
    assert written.evidence.left_out > 0
    assert written.evidence.flows + written.evidence.left_out == 9000
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert (tmp_path / EVIDENCE).stat().st_size <= EVIDENCE_LIMIT
    assert size < LIMIT + 10_000
    told = json.loads((tmp_path / MANIFEST).read_text())["evidence"]
    assert told["left_out"]["flows"] == written.evidence.left_out
    assert f"{written.evidence.left_out:,} flows that waited less long found no room" in written.sentences[1]


def test_payload_is_kept_where_it_is_asked_for(tmp_path: Path) -> None:
    source = tmp_path / "source.pcapng"
    source.write_bytes(capture())
    for kept in (False, True):
        arguments = ("--payload", "keep") if kept else ()
        done = run(str(source), "--report", str(tmp_path / "r"), *arguments)
        assert (b"payload kept" in done.stderr, b"payload cut" in done.stderr) == (kept, not kept)
        assert (SECRET * 30 in gzip.decompress((tmp_path / "r" / EVIDENCE).read_bytes())) == kept
        assert json.loads((tmp_path / "r" / MANIFEST).read_text())["options"]["payload"] == ("keep" if kept else "cut")


def test_it_is_what_analyze_finds(tmp_path: Path) -> None:
    bundle(tmp_path)
    flows = json.loads((tmp_path / "report.json").read_text())["captures"][0]["flows"]
    assert [flow["stream"] for flow in flows] == analyze(LEAK).close_wait.index.tolist()
