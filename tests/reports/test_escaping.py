"""Text out of a capture stays text: in Markdown as a real parser reads it, in spreadsheets, and at the terminal."""

import pytest
from markdown_it import MarkdownIt

from closewait_pcap.quantities import printable
from closewait_pcap.reports.escaping import code, csv_cell, markdown, markdown_cell

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "![x](http://203.0.113.1/x.png)",
    "**bold** _slanted_ ~~struck~~ `code`",
    "``` fence",
    "`tick` ``ticks``",
    "a|b|c",
    "\\`escaped\\` \\<b\\>",
    "&lt;b&gt; &#60;i&#62;",
    "# heading",
    "- list",
    "1. list",
    "> quote",
    "http://203.0.113.1/ www.example.com ftp://x",
    "@channel user@example.com #12 !34 %5 ~label $6",
    ":bee: fe80::1:bee:2",
    "/close",
    "{macro} {color:red}",
    "=cmd|' /C calc'!A0",
    "$x^2$",
    "name\nnext line\r\n\n# heading",
    "\x1b[31mred\x1b]0;title\x07",
    "\u202egpj.exe",
    "a\u200bb\u2066c",
    "東京 Grüße",
]
PARSER = MarkdownIt("gfm-like", {"linkify": False, "html": True})


def inline_kinds(source: str) -> set[str]:
    """What a parser makes of Markdown that stands in a list item, as reports put it."""
    tokens = PARSER.parse(f"- said: {source}\n")
    return {token.type for token in tokens if token.type != "inline"} | {
        child.type for token in tokens for child in token.children or []
    }


def shown(source: str) -> str:
    """What a reader sees of it."""
    tokens = PARSER.parse(f"- said: {source}\n")
    return "".join(child.content for token in tokens for child in token.children or []).removeprefix("said: ")


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_is_text_and_code_and_nothing_else(text: str) -> None:
    kinds = inline_kinds(markdown(text))
    assert kinds <= {"bullet_list_open", "list_item_open", "paragraph_open", "paragraph_close", "list_item_close",
                     "bullet_list_close", "text", "code_inline"}  # fmt: skip
    assert shown(markdown(text)).split() == printable(text).split()


@pytest.mark.parametrize("text", HOSTILE)
def test_what_becomes_lively_where_tickets_are_shown_is_code(text: str) -> None:
    tokens = PARSER.parse(f"- said: {markdown(text)}\n")
    plain = " ".join(child.content for token in tokens for child in token.children or [] if child.type == "text")
    assert not set("@#<>[]{}$~|*\\&") & set(plain)
    assert "://" not in plain
    assert "www." not in plain


@pytest.mark.parametrize("text", HOSTILE)
def test_a_cell_stays_one_cell(text: str) -> None:
    source = f"| a | b |\n|---|---|\n| {markdown_cell(text)} | end |\n"
    cells = [token for token in PARSER.parse(source) if token.type == "td_open"]
    assert len(cells) == 2
    assert "<script" not in PARSER.render(source)
    assert "<img" not in PARSER.render(source)


@pytest.mark.parametrize("text", [text for text in HOSTILE if "\n" not in text])
def test_a_command_is_code_as_a_whole(text: str) -> None:
    tokens = PARSER.parse(f"- run: {code(text)}\n")
    children = [child for token in tokens for child in token.children or []]
    assert [child.type for child in children] == ["text", "code_inline"]


@pytest.mark.parametrize("filter_", ["tcp.stream eq 7", "tcp.stream in {0, 2}", "tcp.stream in {1}", "tcp.stream in {6, 16, 26}"])
def test_a_display_filter_in_a_sentence_is_copied_whole(filter_: str) -> None:
    sentence = f"3 flows: packets of <b> are missing; the first 10: {filter_}."
    tokens = PARSER.parse(f"- {markdown(sentence)}\n")
    spans = [child.content for token in tokens for child in token.children or [] if child.type == "code_inline"]
    assert spans == ["<b>", filter_]
    assert shown(markdown(sentence)) == sentence


def test_what_needs_nothing_is_left_alone() -> None:
    plain = "3 flows in CLOSE_WAIT (3 stuck for 1 s or longer): server 192.0.2.2:8080 does not close. Since 11:56:03.788614 UTC."
    assert markdown(plain) == plain


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1+1", "=cmd|' /C calc'!A0"])
def test_no_cell_of_a_spreadsheet_is_a_formula(text: str) -> None:
    assert csv_cell(text)[0] in "'\\"


def test_other_cells_are_left_alone() -> None:
    assert [csv_cell(text) for text in ("eth0", "a=b", "192.0.2.1", "")] == ["eth0", "a=b", "192.0.2.1", ""]
