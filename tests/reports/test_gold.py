"""Every report on every sample, word for word. On a mismatch the new text is written beside the old one, as NAME.new."""

import difflib
from pathlib import Path

import pytest

from tests.cli.running import SAMPLES, run, sample, watch

GOLD = Path(__file__).parent / "gold"


def compare(name: str, text: str) -> None:
    gold = GOLD / name
    old = gold.read_bytes().decode() if gold.exists() else ""
    new = gold.with_name(name + ".new")
    if text == old:
        new.unlink(missing_ok=True)
        return
    new.write_bytes(text.encode())
    diff = "".join(difflib.unified_diff(old.splitlines(True), text.splitlines(True), str(gold.name), new.name))
    pytest.fail(f"{diff}\nIf that is what it should say: mv {new} {gold}")


@pytest.mark.parametrize("name", SAMPLES)
def test_text(name: str) -> None:
    done = run(sample(name), "--all")
    assert (done.returncode, done.stderr) == (0, b"")
    compare(f"{name}.txt", done.stdout.decode())


@pytest.mark.parametrize("name", ["ipv6_never_closes", "client_pool_leak", "half_close_sending", "port_reuse"])
def test_text_at_80_columns(name: str) -> None:
    compare(f"{name}.80.txt", watch(sample(name)).stdout)


@pytest.mark.parametrize("name", ["backlog_python", "ipv6_never_closes", "port_reuse"])
def test_json(name: str) -> None:
    compare(f"{name}.json", run(sample(name), "--format", "json").stdout.decode())


@pytest.mark.parametrize("name", ["client_pool_leak", "healthy_and_leaking", "late_close"])
def test_markdown(name: str) -> None:
    compare(f"{name}.md", run(sample(name), "--format", "markdown").stdout.decode())


@pytest.mark.parametrize(("name", "format_"), [("client_pool_leak", "junit"), ("port_reuse", "csv"), ("port_reuse", "jsonl")])
def test_formats_for_programs(name: str, format_: str) -> None:
    compare(f"{name}.{format_}", run(sample(name), "--format", format_).stdout.decode())


def test_no_gold_is_left_over() -> None:
    files = {path.name for path in GOLD.iterdir() if path.suffix != ".new"}
    assert {name.split(".")[0] for name in files} <= set(SAMPLES)
    assert not any("/tmp" in (GOLD / name).read_text() or "/home" in (GOLD / name).read_text() for name in files)
