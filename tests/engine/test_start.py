"""What a run imports: nothing that a small capture does not need."""

import json
import subprocess
import sys

import pytest

from tests.cli.running import ROOT, environment, sample

HEAVY = ("pandas", "numba", "dpkt", "pyshark", "matplotlib", "jinja2", "pyarrow", "fsspec", "aiohttp")
LEAK = sample("healthy_and_leaking")
SAY = """
import atexit, json, sys
atexit.register(lambda: print(json.dumps(sorted(name for name in sys.modules if "." not in name)), file=sys.stderr))
"""


def imported(code: str) -> set[str]:
    command = [sys.executable, "-c", f"{SAY}\n{code}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment(), timeout=60, check=True)
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import closewait_pcap",
        "import closewait_pcap.cli",
        f"import closewait_pcap; repr(closewait_pcap.analyze({LEAK!r}))",
        f"from closewait_pcap.cli import command; command.main([{LEAK!r}], standalone_mode=False)",
        *(
            f"from closewait_pcap.cli import command; command.main([{LEAK!r}, '--format', {format_!r}], standalone_mode=False)"
            for format_ in ("json", "markdown", "csv", "junit")
        ),
    ],
    ids=["import", "import cli", "analyze", "text", "json", "markdown", "csv", "junit"],
)
def test_nothing_heavy_is_imported(code: str) -> None:
    assert not imported(code) & set(HEAVY)


def test_the_check_can_fail() -> None:
    assert "pandas" in imported(f"import closewait_pcap; closewait_pcap.analyze({LEAK!r}).flows")
