"""Mutated captures never do more harm than a CaptureError; what once did is replayed."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.corpus import corpus
from tests.fuzz.mutants import mutant, mutate
from tests.fuzz.outcome import as_one
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS, everything

HERE = Path(__file__).parent
REGRESSIONS = sorted((HERE / "regressions").glob("*"))


@pytest.mark.parametrize("path", REGRESSIONS, ids=lambda path: path.name)
def test_regression(path: Path) -> None:
    TARGETS[path.name.partition("-")[0]](path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_targets(name: str) -> None:
    """Each target with what it begins with, and a few mutants of that: atheris goes on from there."""
    chance, begun = random.Random(1), corpus(name)
    for data in [*begun, *(mutate(chance.choice(begun), chance, begun) for _ in range(100))]:
        TARGETS[name](data)


def test_mutants_uncompiled() -> None:
    chance = random.Random(7)
    for _ in range(1500):
        everything(as_one(mutant(seeds(), chance)))


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
