"""Many captures, each on its own: lines, bundles and an index, and the bad ones among them."""

import json
from pathlib import Path

import pytest

from closewait_pcap.command.batch import Outcome, folder_names
from closewait_pcap.command.index import index_markdown
from closewait_pcap.command.settings import Settings
from closewait_pcap.delivery.bundle import MEMBERS
from tests.cli.running import ROOT, run, sample

NAMES = ("healthy_and_leaking", "close_by_client", "echo_never_closes")
CAPTURES = [sample(name) for name in NAMES]


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_a_line_and_a_bundle_each_and_an_index(jobs: str, tmp_path: Path) -> None:
    done = run("--each", *CAPTURES, "--report", str(tmp_path / "r"), "--jobs", jobs)
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode().splitlines()
    assert [line.partition(": ")[0] for line in lines] == CAPTURES
    assert lines[1].endswith(": No flow is in CLOSE_WAIT (3 TCP flows).")
    folders = sorted(path.name for path in (tmp_path / "r").iterdir() if path.is_dir())
    assert folders == ["close_by_client_capture.pcap", "echo_never_closes_capture.pcap", "healthy_and_leaking_capture.pcapng"]
    for folder in folders:
        assert (tmp_path / "r" / folder / "report.md").exists()
    index = json.loads((tmp_path / "r" / "index.json").read_text())
    assert [each["capture"] for each in index["captures"]] == [CAPTURES[0], CAPTURES[2], CAPTURES[1]]  # the worst first
    assert index["headline"] == "3 captures read: 4 flows in CLOSE_WAIT (4 stuck) in 2 of them."
    assert "[report](healthy_and_leaking_capture.pcapng/report.md)" in (tmp_path / "r" / "index.md").read_text()


def test_jobs_change_nothing(tmp_path: Path) -> None:
    pages = []
    for jobs in ("1", "2"):
        run("--each", *CAPTURES, "--report", str(tmp_path / jobs), "--jobs", jobs)
        files = (path for path in (tmp_path / jobs).rglob("*") if path.is_file())
        pages.append({path.relative_to(tmp_path / jobs): path.read_bytes() for path in files})
    assert pages[0] == pages[1]
    assert len(pages[0]) == 4 + 3 * (len(MEMBERS) + 1) + 2  # a manifest each, and evidence but of one


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_bad_ones_do_not_stop_the_others_and_are_listed(jobs: str, tmp_path: Path) -> None:
    (tmp_path / "bad.pcap").write_bytes(b"no capture at all")
    arguments = ["--each", str(tmp_path / "bad.pcap"), str(tmp_path / "none.pcap"), CAPTURES[0], "--jobs", jobs]
    done = run(*arguments, "--report", str(tmp_path / "r"), "--fail-on", "stuck")
    assert done.returncode == 3  # wins over 1
    lines = done.stdout.decode().splitlines()
    assert lines[0].startswith(f"{tmp_path / 'bad.pcap'}: not read: this is text")
    assert lines[1].startswith(f"{tmp_path / 'none.pcap'}: not read: ")
    assert "3 flows in CLOSE_WAIT" in lines[2]
    page = (tmp_path / "r" / "index.md").read_text()
    assert page.startswith("**1 capture read: 3 flows in CLOSE_WAIT (3 stuck) in 1 of them. 2 captures could not be read.**")
    assert "**Not read**" in page
    index = json.loads((tmp_path / "r" / "index.json").read_text())
    assert [each["read"] for each in index["captures"]] == [True, False, False]


@pytest.mark.parametrize(
    ("arguments", "status"),
    [([CAPTURES[1]], 0), ([CAPTURES[0]], 1), (["pyproject.toml"], 2), ([CAPTURES[0], "pyproject.toml"], 3)],
)
def test_exit_status(arguments: list[str], status: int) -> None:
    assert run("--each", *arguments, "--fail-on", "close-wait").returncode == status


def test_a_folder_and_json(tmp_path: Path) -> None:
    for name, capture in zip(NAMES, CAPTURES, strict=True):
        (tmp_path / f"{name}.pcap").write_bytes((ROOT / capture).read_bytes())
    (tmp_path / "notes.txt").write_text("x")
    done = run("--each", str(tmp_path), "--format", "json")
    assert done.returncode == 0
    assert len(json.loads(done.stdout)["captures"]) == 3


def test_again_into_the_same_folder(tmp_path: Path) -> None:
    for captures in (CAPTURES, CAPTURES[:2]):
        assert run("--each", *captures, "--report", str(tmp_path)).returncode == 0
    assert run(CAPTURES[0], "--report", str(tmp_path)).returncode == 2  # not a place for a single bundle
    (tmp_path / "mine.txt").write_text("x")
    done = run("--each", *CAPTURES, "--report", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, b"")


def test_folders_have_names_of_their_own_that_are_safe() -> None:
    captures = ["a/x.pcap", "b/x.pcap", "b/X.pcap", "../../etc/passwd", "a/<b>|`$(id)`\n.pcap", "a/" + "x" * 300]
    names = folder_names(captures, Settings())
    assert len({name.lower() for name in names}) == 6
    assert all(name[0] not in ".-" and len(name) <= 110 for name in names)
    assert not any(set(name) & set("/<>|`$()\n ") for name in names)
    assert folder_names(["some/where/x.pcap"], Settings()) == ["x.pcap"]


def test_the_index_escapes_what_captures_are_called() -> None:
    page = index_markdown([Outcome("<b>|@all.pcap", headline="No flow."), Outcome("[x](y)", reason="`no`")])
    assert "| `<b>\\|@all.pcap` | 0 | 0 | 0 | No flow. |" in page
    assert "- `[x](y)`: `` `no` ``" in page
