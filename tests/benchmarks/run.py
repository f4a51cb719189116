"""Time this program beside the tools people use today, as whole processes on the same capture.

Whole processes, because that is what a user waits for: interpreter start, imports and cached compiled code count. The
programs take turns (A B C, A B C, ...), so that a noisy minute hits all of them, and ratios are formed within a round
before their median is taken. Nothing but the standard library is imported here: Linux counts the memory of the process
that spawns a program into the program's own peak, so this process has to stay small.

    python tests/benchmarks/run.py
    python tests/benchmarks/run.py --packets 50000 --flows 1250 --runs 2
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
THIS_PROGRAM = "this program"
HANDSHAKES_AND_CLOSES = "tcp[tcpflags] & (tcp-syn|tcp-fin|tcp-rst) != 0"
COUNT_CLOSE_WAIT = "import sys, closewait_pcap as c; print(len(c.analyze(sys.argv[1]).close_wait))"


@dataclass(frozen=True)
class Program:
    """A command to time; FILE in it stands for the capture."""

    name: str
    command: tuple[str, ...]
    slow: bool = False
    version: tuple[str, ...] = ()
    module: str = ""  # a Python package it cannot do without

    def installed(self) -> bool:
        """Whether there is anything to run."""
        return shutil.which(self.command[0]) is not None and (
            not self.module or importlib.util.find_spec(self.module) is not None
        )

    def version_line(self) -> str:
        """The program's version number, for the line that describes the machine."""
        shown = subprocess.run(self.version, capture_output=True, text=True, check=False)
        number = re.search(r"\d+(\.\d+)+", shown.stdout + shown.stderr)
        return f"{self.name.split()[0]} {number[0] if number else '?'}"


PROGRAMS = (
    Program("cat", ("cat", "FILE"), version=("cat", "--version")),
    Program(
        "tcpdump (BPF filter)",
        ("tcpdump", "-r", "FILE", "-w", "/dev/null", HANDSHAKES_AND_CLOSES),
        version=("tcpdump", "--version"),
    ),
    Program(THIS_PROGRAM, (sys.executable, "-m", "closewait_pcap", "FILE")),
    Program("tshark -z conv,tcp", ("tshark", "-q", "-z", "conv,tcp", "-r", "FILE"), True, ("tshark", "--version")),
    Program("tcptrace -l -n", ("tcptrace", "-l", "-n", "FILE"), version=("tcptrace", "-v")),
    # -X: without it, argus reads the system's configuration, which may make it a daemon or change what it counts.
    Program("argus", ("argus", "-X", "-r", "FILE", "-w", "/dev/null"), version=("argus", "-h")),
    Program(
        "dpkt loop",
        (sys.executable, str(HERE / "dpkt_loop.py"), "FILE"),
        True,
        (sys.executable, "-c", "import dpkt; print(dpkt.__version__)"),
        "dpkt",
    ),
)


@dataclass
class Run:
    """One process: seconds, and KiB at its peak."""

    wall: float
    cpu: float
    peak_kib: int


@dataclass
class Result:
    """What became of one program; runs by the number of their round."""

    program: Program
    runs: dict[int, Run] = field(default_factory=dict)
    failure: str = ""


class ProgramFailedError(Exception):
    """A program that was timed did not end well."""


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def time_once(command: list[str], errors: Path) -> Run:
    """Run a command with its output thrown away; raises with the last line it wrote to stderr if it fails."""
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, str(errors), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
    ]
    start = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - start
    code = os.waitstatus_to_exitcode(status)
    if code:
        raise ProgramFailedError(_last_line(errors.read_text(errors="replace")) or f"exit status {code}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)


def time_all(capture: Path, runs: int, slow_runs: int) -> list[Result]:
    """All programs in turn, round after round; round 0 warms the page cache and is thrown away."""
    results = [Result(program, failure="" if program.installed() else "not installed") for program in PROGRAMS]
    with tempfile.TemporaryDirectory() as scratch:
        for turn in range(runs + 1):
            for result in results:
                skipped = result.program.slow and not 1 <= turn <= slow_runs
                if result.failure or skipped:
                    continue
                print(f"  round {turn} of {runs}: {result.program.name}", file=sys.stderr)
                command = [str(capture) if word == "FILE" else word for word in result.program.command]
                try:
                    result.runs[turn] = time_once(command, Path(scratch, "stderr"))
                except ProgramFailedError as error:
                    result.failure = f"failed: {error}"
                    result.runs.clear()  # no ratio is formed with a program that does not always work
            if turn == 0:
                for result in results:
                    result.runs.clear()
    return results


def ratio(result: Result, ours: Result, measure: str) -> float | None:
    """How many times our time a program took: the median over the rounds in which both ran."""
    shared = result.runs.keys() & ours.runs.keys()
    if not shared:
        return None
    pairs = [(getattr(result.runs[turn], measure), getattr(ours.runs[turn], measure)) for turn in shared]
    return float(median(theirs / own for theirs, own in pairs))


def own_peak_kib() -> int:
    """This process's own peak: no program's peak can be measured below it (see the module's docstring)."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(found[1]) if found else 0


def summarize(result: Result, ours: Result, truth: dict[str, int | str]) -> dict[str, object]:
    """One program's numbers, as they go into the table and into the JSON."""
    summary: dict[str, object] = {"program": result.program.name}
    if result.failure:
        return summary | {"failure": result.failure}
    runs = list(result.runs.values())
    wall = median(run.wall for run in runs)
    return summary | {
        "wall_s": wall,
        "cpu_s": median(run.cpu for run in runs),
        "peak_kib": max(run.peak_kib for run in runs),
        "packets_per_s": int(truth["packets"]) / wall,
        "megabytes_per_s": int(truth["file_bytes"]) / wall / 1e6,
        "wall_ratio": ratio(result, ours, "wall"),
        "cpu_ratio": ratio(result, ours, "cpu"),
        "runs": [asdict(run) for run in runs],
    }


def _row(result: Result, summary: dict[str, object], floor_kib: int) -> str:
    """One line of the Markdown table."""
    name = f"**{result.program.name}**" if result.program.name == THIS_PROGRAM else result.program.name
    if result.failure:
        cells = [name, result.failure.replace("|", "\\|"), *[""] * 6]
        return "| " + " | ".join(cells) + " |"
    walls = [run.wall for run in result.runs.values()]
    wall = f"{median(walls):.2f}" + (f" ({min(walls):.2f} to {max(walls):.2f})" if len(walls) > 1 else " (1 run)")
    peak_kib = max(run.peak_kib for run in result.runs.values())
    peak = f"{peak_kib * 1024 / 1e6:.0f}" if peak_kib > floor_kib else f"under {floor_kib * 1024 / 1e6 + 1:.0f}"
    ratios = [summary["wall_ratio"], summary["cpu_ratio"]]
    cells = [
        name,
        wall,
        f"{summary['cpu_s']:.2f}",
        peak,
        f"{summary['packets_per_s']:,.0f}",
        f"{summary['megabytes_per_s']:,.0f}",
        *("" if value is None else f"{value:.2f}" for value in ratios),
    ]
    return "| " + " | ".join(cells) + " |"


def table(results: list[Result], summaries: list[dict[str, object]], floor_kib: int) -> str:
    """The Markdown table of one capture."""
    heads = ["program", "wall s", "CPU s", "peak MB", "packets/s", "MB/s", "wall ÷ ours", "CPU ÷ ours"]
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) - 1)]
    lines += [_row(result, summary, floor_kib) for result, summary in zip(results, summaries, strict=True)]
    return "\n".join(lines)


def machine() -> str:
    """What it ran on: numbers without this line mean nothing."""
    try:
        model = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        model = None
    versions = [program.version_line() for program in PROGRAMS if program.version and program.installed()]
    name = model[1].strip() if model else platform.machine()
    system = f"{platform.system()} {platform.release()}"
    python = f"Python {platform.python_version()}"
    return f"{os.cpu_count()} cores ({name}), {system}, {python}; " + ", ".join(versions)


def provide_capture(directory: Path, kind: str, packets: int, flows: int) -> tuple[Path, dict[str, int | str]]:
    """The capture to read, made now unless an earlier run left it; NumPy stays in the process that makes it."""
    path = directory / f"{kind}-{packets}-{flows}.pcap"
    facts = path.with_name(path.name + ".truth.json")
    if not (path.exists() and facts.exists()):
        print(f"making {path}", file=sys.stderr)
        sizes = ["--packets", str(packets), "--flows", str(flows)]
        make = [sys.executable, str(HERE / "make_capture.py"), str(path), "--kind", kind, *sizes]
        if subprocess.run(make, stdout=subprocess.DEVNULL, check=False).returncode:
            raise SystemExit(f"could not make {path}")
    truth: dict[str, int | str] = json.loads(facts.read_text(encoding="utf-8"))
    return path, truth


def check_answer(capture: Path, leaked: int) -> str:
    """Speed is worth nothing without the right answer, so ask for it once, untimed."""
    command = [sys.executable, "-c", COUNT_CLOSE_WAIT, str(capture)]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    if asked.returncode:
        return f"Answer not checked: {_last_line(asked.stderr)}"
    return f"This program finds {asked.stdout.strip()} connections in CLOSE_WAIT; the capture was made with {leaked}."


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Time this program beside cat, tcpdump, tshark, tcptrace, argus, dpkt.")
    parser.add_argument("--packets", type=int, default=2_400_000)
    parser.add_argument("--flows", type=int, default=60_000)
    parser.add_argument("--kinds", default="headers,full", help="which captures, comma separated (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=5, help="rounds that count (default: %(default)s)")
    parser.add_argument("--slow-runs", type=int, default=1, help="rounds for tshark and dpkt (default: %(default)s)")
    default = Path(tempfile.gettempdir(), "closewait-pcap-bench")
    parser.add_argument("--directory", type=Path, default=default, help="where the captures are kept")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every run here")
    given = parser.parse_args()
    unknown = set(given.kinds.split(",")) - {"headers", "full"}
    if unknown:
        parser.error(f"--kinds: unknown {', '.join(sorted(unknown))}; there are headers and full")
    if not 1 <= given.slow_runs <= given.runs:
        parser.error("--slow-runs must be at least 1 and at most --runs")
    return given


def main() -> None:
    """Make what is missing, time everything, print."""
    given = arguments()
    directory = given.directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    json_path = given.json.resolve() if given.json else None
    os.chdir(REPOSITORY)  # so that `-m closewait_pcap` is this checkout's, installed or not
    written: dict[str, object] = {"machine": machine()}
    for kind in given.kinds.split(","):
        capture, truth = provide_capture(directory, kind, given.packets, given.flows)
        results = time_all(capture, given.runs, given.slow_runs)
        ours = next(result for result in results if result.program.name == THIS_PROGRAM)
        summaries = [summarize(result, ours, truth) for result in results]
        answer = check_answer(capture, int(truth["leaked"]))
        size = int(truth["file_bytes"]) / 1e6
        print(f"\n`{kind}`: {given.packets:,} packets, {given.flows:,} connections, {size:,.0f} MB\n")
        print(table(results, summaries, own_peak_kib()), f"\n{answer}", sep="\n", flush=True)
        written[kind] = {"truth": truth, "answer": answer, "programs": summaries}
    print(f"\n{written['machine']}")
    if json_path:
        json_path.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
