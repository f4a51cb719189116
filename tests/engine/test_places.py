"""The fast path in unfriendly places: read-only installs, no home, no Numba; always the same answer.

A read-only install is a copy whose ``__pycache__`` is a file: nothing can be written below it, whoever runs the tests (root is
not stopped by permissions). A missing home is a path below a device.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import closewait_pcap
from closewait_pcap import engine
from tests.benchmarks.make_capture import make_capture
from tests.cli.running import environment

COMPILING = b"analyze: compiling the fast path for this machine, once"
Done = subprocess.CompletedProcess[bytes]
NOWHERE = {"HOME": "/dev/null/home", "XDG_CACHE_HOME": "/dev/null/cache", "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture that is worth compiling for, and small enough to be read without."""
    path = tmp_path_factory.mktemp("large") / "large.pcap"
    make_capture(path, kind="headers", packets=46_000, flows=3_000)
    assert engine.WORTH_COMPILING < path.stat().st_size < 2 * engine.WORTH_COMPILING
    return path


def run(capture: Path, changes: dict[str, str], *arguments: str, stdin: Path | None = None) -> Done:
    command = [sys.executable, "-m", "closewait_pcap", "-" if stdin else str(capture), "--format", "json", "--all", *arguments]
    return subprocess.run(
        command, input=stdin.read_bytes() if stdin else b"", capture_output=True, env=environment(**changes), cwd=capture.parent,
        timeout=100, check=False,
    )  # fmt: skip


def read_only_copy(where: Path) -> dict[str, str]:
    """Copy the package; returns what the environment needs to import that one."""
    package = Path(closewait_pcap.__file__).parent
    shutil.copytree(package, where / "closewait_pcap", ignore=shutil.ignore_patterns("__pycache__"))
    (where / "closewait_pcap" / "__pycache__").touch()
    command = [sys.executable, "-c", "import closewait_pcap; print(closewait_pcap.__file__)"]
    changes = {"PYTHONPATH": str(where)}
    found = subprocess.run(command, env=environment(**changes), cwd=where, capture_output=True, text=True, check=True).stdout
    assert Path(found.strip()).is_relative_to(where)
    return changes


class Installed(NamedTuple):
    """A read-only copy of the package that has run once, with a cache for its user."""

    changes: dict[str, str]
    cache: Path
    first: Done
    seconds: float
    """Processor time of that run."""


@pytest.fixture(scope="module")
def installed(large: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A copy of its own: the machine code of the package under test stays as it is."""
    where = tmp_path_factory.mktemp("installed")
    changes = read_only_copy(where / "site") | NOWHERE | {"XDG_CACHE_HOME": str(where / "cache")}
    before = os.times()
    first = run(large, changes)
    return Installed(changes, where / "cache", first, os.times().children_user - before.children_user)


@pytest.fixture(scope="module")
def answer(installed: Installed) -> bytes:
    """What the compiled kernels say."""
    assert installed.first.returncode == 0
    assert b'"close_wait": 60' in installed.first.stdout
    return installed.first.stdout


def test_a_read_only_install_uses_the_users_cache(large: Path, installed: Installed) -> None:
    assert installed.first.stderr.startswith(COMPILING)
    assert installed.first.stderr.count(b"\n") == 1
    assert list((installed.cache / "closewait-pcap").rglob("*.nbi"))
    assert installed.seconds < 20, f"compiling took {installed.seconds:.1f} s of processor time; the aim is 10 s in all"
    second = run(large, installed.changes)
    assert (second.returncode, second.stdout, second.stderr) == (0, installed.first.stdout, b"")


def test_nothing_writable_compiles_in_memory(large: Path, installed: Installed, answer: bytes) -> None:
    """Here through a pipe, where it turns out only midway that compiling is worth it."""
    done = run(large, installed.changes | NOWHERE, stdin=large)
    assert done.stderr.startswith(COMPILING)
    assert done.stderr.count(b"\n") == 1
    assert (done.returncode, done.stdout) == (0, answer.replace(str(large).encode(), b"<stdin>"))


def test_a_cache_that_is_no_absolute_path_is_none(large: Path, installed: Installed, answer: bytes) -> None:
    done = run(large, installed.changes | {"XDG_CACHE_HOME": "relative/path", "NUMBA_DISABLE_JIT": "1"})
    assert (done.returncode, done.stdout) == (0, answer)
    assert not (large.parent / "relative").exists()


@pytest.mark.parametrize("through", ["file", "stdin"])
def test_without_numba_one_warning_and_the_same_answer(
    large: Path, installed: Installed, answer: bytes, tmp_path: Path, through: str
) -> None:
    (tmp_path / "numba").mkdir()
    (tmp_path / "numba" / "__init__.py").write_text("raise ImportError('no numba for\\nthis Python')\n")
    changes = installed.changes | {"PYTHONPATH": os.pathsep.join([str(tmp_path), installed.changes["PYTHONPATH"]])}
    done = run(large, changes, stdin=large if through == "stdin" else None)
    assert done.stderr.count(b"\n") == 1
    assert done.stderr.startswith(b"analyze: Numba cannot be imported (no numba for\\nthis Python); ")
    assert done.returncode == 0
    assert done.stdout == (answer if through == "file" else answer.replace(str(large).encode(), b"<stdin>"))
    assert run(large, changes, "--quiet").stderr == b""


def test_numbas_own_switch_is_obeyed_in_silence(large: Path, installed: Installed, answer: bytes) -> None:
    done = run(large, installed.changes | {"NUMBA_DISABLE_JIT": "1"})
    assert (done.returncode, done.stdout, done.stderr) == (0, answer, b"")


def test_a_pipe_that_turns_out_large_goes_over_to_the_fast_path(large: Path, installed: Installed, answer: bytes) -> None:
    done = run(large, installed.changes, stdin=large)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == answer.replace(str(large).encode(), b"<stdin>")
