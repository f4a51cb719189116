"""``--format``, ``-o`` and ``--report`` as a user meets them."""

import json
import os
from importlib.util import find_spec
from pathlib import Path

import pytest

from closewait_pcap.reports.formats import FORMATS
from tests.cli.running import ROOT, environment, run, sample, watch

LEAK = sample("healthy_and_leaking")
WITH_PARQUET = pytest.mark.skipif(find_spec("pyarrow") is None, reason="pyarrow is not installed")


@pytest.mark.parametrize("format_", sorted(set(FORMATS) - {"parquet"}))
def test_a_file_holds_what_stdout_would(format_: str, tmp_path: Path) -> None:
    (tmp_path / "report").write_text("of last week")
    done = run(LEAK, "--format", format_, "-o", str(tmp_path / "report"))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert (tmp_path / "report").read_bytes() == run(LEAK, "--format", format_).stdout
    assert len(list(tmp_path.iterdir())) == 1


@WITH_PARQUET
def test_parquet_goes_to_files_and_pipes(tmp_path: Path) -> None:
    assert run(LEAK, "--format", "parquet", "-o", str(tmp_path / "f")).returncode == 0
    assert (tmp_path / "f").read_bytes()[:4] == b"PAR1" == run(LEAK, "--format", "parquet").stdout[:4]


@WITH_PARQUET
def test_parquet_does_not_go_to_a_terminal() -> None:
    shown = watch(LEAK, "--format", "parquet")
    assert shown.status == 2
    assert shown.stderr.splitlines()[-1] == (
        "Error: --format parquet is binary, which no terminal shows: write it to a file with -o."
    )


def test_without_pyarrow_the_pip_line_is_said_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "pyarrow.py").write_text("raise ImportError")
    code = "import sys; sys.modules['pyarrow'] = None; from closewait_pcap.cli import main; sys.exit(main())"
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-c", code, "no-such-file", "--format", "parquet"],
        cwd=ROOT, env=environment(), capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.decode() == "analyze: parquet needs pyarrow: pip install 'closewait-pcap[parquet]'\n"


def test_a_device_is_written_to_as_it_is() -> None:
    assert run(LEAK, "-o", "/dev/stdout").stdout.startswith(b"3 flows in CLOSE_WAIT")


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for _ in range(2):
        assert run(LEAK, "-o", str(tmp_path / "link")).returncode == 0
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "file").read_bytes().startswith(b"3 flows in CLOSE_WAIT")


@pytest.mark.parametrize(("path", "said"), [("no/such/folder/x", "No such file or directory"), (".", "Is a directory")])
def test_where_nothing_can_be_written_one_line_says_so(path: str, said: str, tmp_path: Path) -> None:
    done = run(str(ROOT / LEAK), "-o", path, cwd=tmp_path, env=environment(PYTHONPATH=os.environ.get("PYTHONPATH", str(ROOT))))
    assert done.returncode == 2
    assert done.stderr.decode() == f"analyze: {Path(path)}: cannot be written: {said}\n"


def test_the_capture_is_not_overwritten(tmp_path: Path) -> None:
    capture = tmp_path / "c.pcapng"
    capture.write_bytes((ROOT / LEAK).read_bytes())
    done = run(str(capture), "-o", str(tmp_path / "." / "c.pcapng"))
    assert done.returncode == 2
    assert b"would overwrite what is to be read" in done.stderr
    assert capture.read_bytes() == (ROOT / LEAK).read_bytes()


def test_the_report_goes_to_stdout_beside_the_bundle(tmp_path: Path) -> None:
    done = run(LEAK, "--report", str(tmp_path / "r"), "--format", "json", "--fail-on", "stuck")
    assert done.returncode == 1
    assert json.loads(done.stdout) == json.loads((tmp_path / "r" / "report.json").read_text())


@pytest.mark.parametrize(
    "arguments",
    [
        ["--each", "-"],
        ["--each", LEAK, "--format", "junit"],
        ["--each", LEAK, "--jobs", "0"],
        ["--sockets", "README.md", "--report", "r"],
        ["--sockets", "README.md", "--format", "csv"],
    ],
    ids=" ".join,
)
def test_what_does_not_go_together_is_refused(arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode().splitlines()[-1].startswith("Error: ")
