"""What a notebook shows: in a real kernel, whose event loop is running."""

from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import ROOT, sample
from tests.jupyter.kernel import run_cells

LEAK = sample("healthy_and_leaking")
SLOW = """
import io, time
class Slow(io.RawIOBase):
    def __init__(self, path): self.file = open(path, "rb")
    def readable(self): return True
    def readinto(self, buffer):
        time.sleep(0.4)
        return self.file.readinto(memoryview(buffer)[:12_000])
"""
CELLS = [
    f"from closewait_pcap import analyze, plots\na = analyze({LEAK!r})\na",
    "a.flow(6)",
    "plots.concurrent(a)",
    "import asyncio\nasync def inside(): return analyze(" + repr(LEAK) + ")\nawait inside()",
    "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(4) as pool:\n"
    f"    found = [*pool.map(analyze, [{LEAK!r}] * 8)]\nlen({{each._repr_html_() for each in found}})",
    f"{SLOW}\nlen(analyze(Slow({LEAK!r})).flows)",
    "a.timeline('1s').plot()",
    "a.close_wait",
]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> list[list[dict[str, Any]]]:
    return run_cells(CELLS, Path(ROOT), tmp_path_factory.mktemp("specs"))


def data(outputs: list[dict[str, Any]]) -> dict[str, Any]:
    return next(output["data"] for output in outputs if output["output_type"] == "execute_result")


def test_an_analysis_is_a_card(shown: list[list[dict[str, Any]]]) -> None:
    assert len(shown[0]) == 1  # no bar, no warning: it takes no time
    card = data(shown[0])["text/html"]
    assert "3 flows in CLOSE_WAIT (3 stuck for 1 s or longer): server 192.0.2.2:8080 does not close." in card
    assert "CLOSE_WAIT over 3.14 s: at most 3 at a time, 3 at the end" in card
    assert "<script" not in card
    assert data(shown[0])["text/plain"].startswith("<Analysis of ")


def test_a_flow_is_a_ladder(shown: list[list[dict[str, Any]]]) -> None:
    assert "<svg" in data(shown[1])["image/svg+xml"]
    assert "seq 45" in data(shown[1])["image/svg+xml"]
    assert "<-- ACK ack 46 -" in data(shown[1])["text/plain"]


def test_a_plot_is_shown_once(shown: list[list[dict[str, Any]]]) -> None:
    assert [set(output["data"]) & {"image/png"} for output in shown[2] if "data" in output] == [set(), {"image/png"}]


def test_a_running_loop_and_threads_are_no_hindrance(shown: list[list[dict[str, Any]]]) -> None:
    assert "3 in CLOSE_WAIT" in data(shown[3])["text/plain"]
    assert data(shown[4])["text/plain"] == "1"


def test_a_slow_reading_shows_a_bar_and_takes_it_away(shown: list[list[dict[str, Any]]]) -> None:
    bar = "".join(output["text"] for output in shown[5] if output["output_type"] == "stream")
    assert "reading" in bar
    assert bar.split("\r")[-1].strip() == ""
    assert data(shown[5])["text/plain"] == "30"


def test_tables_are_tables_of_pandas(shown: list[list[dict[str, Any]]]) -> None:
    assert "image/png" in shown[6][-1]["data"]
    assert "dataframe" in data(shown[7])["text/html"]
