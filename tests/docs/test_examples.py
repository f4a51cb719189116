"""What the documentation shows is what happens."""

import doctest
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from closewait_pcap import cli
from tests.cli.running import run as run_command
from tests.docs.examples import COLUMNS, PAGES, ROOT, blocks, examples, fits, run, workshop

README = ROOT / "README.md"
TOOLS = ("tcpdump", "editcap", "jq", "tshark", "openssl")
"""What examples use that not every machine has."""
VALUES = set("BcCEFGijmMQrsTVwWyzZ")
"""Options of tcpdump that take a value."""


def with_blocks(*languages: str) -> list[Path]:
    return [page for page in [README, *PAGES] if blocks(page, *languages)]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", with_blocks("console"), ids=name)
def test_console(page: Path, tmp_path: Path) -> None:
    """A page's commands, in one folder, from its first to its last."""
    workshop(tmp_path)
    for block in blocks(page, "console"):
        for tool in TOOLS:
            if re.search(rf"\b{tool}\b", block.text) and shutil.which(tool) is None:
                pytest.skip(f"{tool} is not installed")
        status = 0
        for command, output in examples(block):
            assert status == 0 or command == "echo $?", f"{block}: exit status {status} is not shown"
            shown, status = run(command, tmp_path, status)
            assert fits(shown, output), f"{block}: $ {command}\nshows\n{shown}"
        assert status == 0, f"{block}: exit status {status} is not shown"


@pytest.mark.parametrize("page", with_blocks("pycon"), ids=name)
def test_python_sessions(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workshop(tmp_path))
    names: dict[str, object] = {}
    for block in blocks(page, "pycon"):
        test = doctest.DocTestParser().get_doctest(block.text, names, str(block), str(block.page), block.line)
        assert test.examples
        told: list[str] = []
        doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE).run(
            test, out=told.append, clear_globs=False
        )
        names = test.globs
        assert not told, "".join(told)


def test_readme_shows_what_a_pipe_gets() -> None:
    """A ``text`` block below a ``sh`` block is its last command's output."""
    shown = 0
    for block, below in zip(blocks(README, "sh", "text"), blocks(README, "sh", "text")[1:], strict=False):
        if (block.language, below.language) != ("sh", "text"):
            continue
        *before, program, arguments = re.split(r"(\banalyze )", block.text.strip())
        assert program == "analyze "
        words = [word for word in shlex.split(arguments) if not word.startswith(">")]
        if "--evidence" in words:  # it would be written into the checkout
            continue
        expanded = [str(path) for word in words for path in (sorted(map(str, ROOT.glob(word))) if "*" in word else [word])]
        expanded = [word.removeprefix(f"{ROOT}/") for word in expanded]
        feed, _, rest = "".join(before).rpartition("|")
        if feed and not rest.strip() and shutil.which(feed.split()[0]) is None:
            continue
        stdin = subprocess.run(shlex.split(feed), capture_output=True, cwd=ROOT, check=True).stdout if feed else b""
        assert fits(run_command(*expanded, stdin=stdin).stdout.decode(), below.text), str(below)
        shown += 1
    assert shown == 2 + (shutil.which("tcpdump") is not None)


def filters(script: str) -> list[str]:
    """The filters of a script's tcpdump commands, also of those in quotes for another shell."""
    found = []
    for line in script.replace("\\\n> ", " ").replace("\\\n", " ").splitlines():
        if "tcpdump " in line:
            words = list(shlex.shlex(line, posix=True, punctuation_chars=True))
            found += [" ".join(expression(words[at + 1 :])) for at, word in enumerate(words) if word == "tcpdump"]
            found += [inner for word in words if "tcpdump " in word for inner in filters(word)]
    return found


def expression(words: list[str]) -> list[str]:
    """What is left of a tcpdump command without its options, up to what ends it."""
    left: list[str] = []
    waiting = False
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if set(word) <= set("|;&<>") or (word.isdigit() and following == ">"):
            break
        if waiting:
            waiting = False
        elif word.startswith("-") and not left:
            waiting = not word.startswith("--") and word[-1] in VALUES and word[1] in VALUES | set("npqSUevtA")
        else:
            left.append(word)
    return left


@pytest.mark.skipif(shutil.which("tcpdump") is None, reason="tcpdump is not installed")
def test_capture_filters_compile() -> None:
    found = [
        (block, line) for page in [README, *PAGES] for block in blocks(page, "sh", "console") for line in filters(block.text)
    ]
    assert sum(bool(line) for _, line in found) >= 5
    for block, line in found:
        compiled = subprocess.run(["tcpdump", "-y", "EN10MB", "-d", line], capture_output=True, text=True, check=False)
        assert compiled.returncode == 0, f"{block}: {line}: {compiled.stderr}"


def test_links_of_the_readme_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", README.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("page", [page for page in with_blocks("python") if page != README], ids=name)
def test_python_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workshop(tmp_path))
    for block in blocks(page, "python"):
        exec(compile(block.text, str(block), "exec"), {})


def test_options_that_are_shown_exist() -> None:
    known = {name for option in cli.command.params for name in option.opts}
    shown = set()
    for page in [README, *PAGES]:
        for block in blocks(page, "sh", "console", "powershell"):
            for arguments in re.findall(r"\banalyze ([^|\n]*(?:\\\n[^|\n]*)*)", block.text):
                shown |= set(re.findall(r"(?<=\s)--[a-z-]+", f" {arguments}"))
    assert len(shown) >= 8
    assert shown - known == set()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_examples_fit_the_page(page: Path) -> None:
    """A line that is cut off is not read, and a command that is cut off not copied."""
    shown = [(block, line) for block in blocks(page, "sh", "console", "powershell", "yaml") for line in block.text.splitlines()]
    assert [f"{block}: {line}" for block, line in shown if len(line) > COLUMNS + len("$ ")] == []
