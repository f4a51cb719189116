"""Hashes beside the analysis: right, and never waited for in vain."""

import hashlib
import time
from pathlib import Path

import pytest

from closewait_pcap.delivery.hashing import Hashes
from tests.cli.running import run


def test_a_file_is_told_by_what_is_in_it_and_all_else_is_not(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"x" * 3_000_001)
    with Hashes([path, path, tmp_path / "none"]) as hashes:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert hashes.describe(str(path)) == {"file": str(path), "bytes": 3_000_001, "sha256": digest}
        for name in ("<stdin>", str(tmp_path / "none"), str(tmp_path)):
            assert hashes.describe(name) == {"file": name, "bytes": None, "sha256": None}


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """A file that takes minutes to read, and no room."""
    path = tmp_path / "large.pcap"
    with path.open("wb") as file:
        file.truncate(1 << 38)
    return path


def test_leaving_ends_it(endless: Path) -> None:
    begin = time.monotonic()
    with Hashes([endless]) as hashes:
        pass
    hashes._pool.shutdown(wait=True)
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize("more", [(), ("--each",)])
def test_a_command_that_fails_does_not_wait_for_it(more: tuple[str, ...], endless: Path, tmp_path: Path) -> None:
    begin = time.monotonic()
    done = run(str(endless), "--report", str(tmp_path / "r"), *more)
    assert done.returncode == 2
    assert time.monotonic() - begin < 20
