"""What mail, tickets and terminals do to printed packets, and what stands between them."""

import pytest

from tests.capture.printed.printing import ACK, DATA, FIN, ITS_ACK, LISTING, SYN, SYN_ACK, read_text
from tests.capture.reading import Row

LINES = LISTING.splitlines()


def told(text: str | bytes) -> list[Row]:
    return read_text(text).rows


WHOLE = told(LISTING)
AROUND = {
    "quoted": "> {}",
    "quoted twice": "> > {}",
    "quoted without a space": ">{}",
    "a list": "- {}",
    "bullets": "• {}",
    "numbered": "  3. {}",
    "code": "`{}`",
    "a table": "| {} |",
    "indented": "\t    {}",
    "coloured": "\x1b[32m{}\x1b[0m",
    "carriage returns": "{}\r",
    "trailing spaces": "{}   ",
}


@pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)
def test_what_is_put_around_lines(around: str) -> None:
    assert told("\n".join(around.format(line) for line in LINES)) == WHOLE


@pytest.mark.parametrize("space", ["\u00a0", "\u202f", "\t"])
def test_spaces_of_web_pages(space: str) -> None:
    assert told(LISTING.replace(" ", space)) == WHOLE


def test_entities_of_web_pages() -> None:
    assert told(LISTING.replace(">", "&gt;")) == WHOLE


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_encodings(encoding: str) -> None:
    assert told(LISTING.encode(encoding)) == WHOLE


@pytest.mark.parametrize("width", [60, 72, 80, 100])
@pytest.mark.parametrize("mark", ["", "> ", "    "])
def test_lines_that_mail_has_wrapped(width: int, mark: str) -> None:
    """At spaces, to a width."""
    import textwrap

    text = "\n".join(mark + part for line in LINES for part in textwrap.wrap(line, width, break_on_hyphens=False))
    assert told(text) == WHOLE


@pytest.mark.parametrize("width", range(62, 110, 3))
def test_lines_that_a_terminal_has_broken(width: int) -> None:
    """Anywhere, also within a number."""
    text = "\n".join(line[at : at + width] for line in LINES for at in range(0, len(line), width))
    rows = told(text)
    assert [row._replace(wscale=0) for row in rows] == [row._replace(wscale=0) for row in WHOLE]


def test_prose_and_prompts_between_packets() -> None:
    text = (
        "# Connection hangs\n\nroot@web:~# tcpdump -i eth0 -nn port 9000\n"
        "tcpdump: verbose output suppressed, use -v[v]... for full protocol decode\n"
        "listening on eth0, link-type EN10MB (Ethernet), snapshot length 262144 bytes\n```\n"
        f"{SYN}\n{SYN_ACK}\n{ACK}\n```\nThen the client sends its request:\n{DATA}\n\nand closes.\n{FIN}\n{ITS_ACK}\n"
        "^C\n6 packets captured\n9 packets received by filter\n3 packets dropped by kernel\n"
    )
    reading = read_text(text)
    assert [row._replace(interface=0) for row in reading.rows] == [row._replace(interface=0) for row in WHOLE]
    assert {reading.names[row.interface] for row in reading.rows} == {"eth0"}
    assert reading.info.link_types == ["EN10MB"]
    assert reading.info.drops == 3
    assert list(reading.info.printout.lines or []) == [7, 8, 9, 12, 15, 16]
    assert any("no packets: 5 lines of other text" in remark for remark in reading.info.printout.remarks)


def test_more_packets_were_captured_than_are_printed() -> None:
    remarks = read_text(LISTING + "40 packets captured\n").info.printout.remarks
    assert any("captured 40 packets, and 6 are printed" in remark for remark in remarks)
    assert not any("printed here" in remark for remark in read_text(LISTING + "6 packets captured\n").info.printout.remarks)


# ---- listings that are pasted again as they grow


def test_a_growing_listing_counts_once() -> None:
    text = "\n".join(["first:", *LINES[:3], "then:", *LINES[:4], "at last:", *LINES])
    reading = read_text(text)
    assert reading.rows == WHOLE
    assert list(reading.info.printout.lines or []) == [2, 3, 4, 9, 15, 16]
    assert any("printed again, and counted once: 7 packets" in remark for remark in reading.info.printout.remarks)


def test_a_growing_listing_without_times_counts_once() -> None:
    lines = [line.partition(" ")[2] for line in LINES]
    reading = read_text("\n".join([*lines[:3], "then:", *lines[:4], "at last:", *lines]))
    assert [(row.seq, row.ack, row.flags) for row in reading.rows] == [(row.seq, row.ack, row.flags) for row in WHOLE]


def test_a_packet_that_was_captured_twice_is_no_replay() -> None:
    """Of two interfaces, or a mirror port: frames stay what they were."""
    doubled = read_text("\n".join(line for line in LINES for _ in range(2)))
    assert len(doubled.rows) == 12
    assert doubled.info.frames == 12


def test_a_segment_that_is_sent_again_is_no_replay() -> None:
    again = DATA.replace("11:02:56", "11:02:58")
    assert len(told(LISTING + again)) == 7
