"""Mutated captures never do more harm than a CaptureError; what once did is replayed."""

import io
import os
import random
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from closewait_pcap import CaptureError, CaptureWarning, analyze
from closewait_pcap.reports.json import describe
from tests.fuzz.mutants import mutate, seeds

HERE = Path(__file__).parent
REGRESSIONS = sorted((HERE / "regressions").glob("*"))


def survive(data: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CaptureWarning)
        try:
            analysis = analyze(io.BytesIO(data))
        except CaptureError:
            return
    describe(analysis.result, analysis.warnings, analysis.result.rows, all_flows=True)


@pytest.mark.parametrize("path", REGRESSIONS, ids=lambda path: path.name)
def test_regression(path: Path) -> None:
    survive(path.read_bytes())


def test_mutants_uncompiled() -> None:
    random_, sources = random.Random(7), seeds()
    for _ in range(1500):
        survive(mutate(random_.choice(sources), random_))


def run_soak(count: int) -> None:
    """In a process of its own: bounds checking is chosen when Numba is imported."""
    environment = os.environ | {"NUMBA_BOUNDSCHECK": "1"}
    command = [sys.executable, str(HERE / "soak.py"), str(count)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_mutants_compiled_with_bounds_checking() -> None:
    run_soak(4000)


@pytest.mark.slow
def test_soak() -> None:
    run_soak(200_000)
