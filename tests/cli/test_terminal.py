"""At a terminal: colours, widths, and a progress bar for what takes longer than a second."""

import re
from pathlib import Path

from closewait_pcap.capture.packets import ACK, FIN, SYN
from closewait_pcap.tcp.sequence import Segment
from tests.cli.running import ROOT, SAMPLES, environment, run, sample, watch
from tests.tcp.wire import packet_records, pcap

LEAK = sample("healthy_and_leaking")
LONG_LEFT, LONG_RIGHT = "2001:db8:1111:2222:3333:4444:5555:6666", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"


def without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_colours_only_at_a_terminal_that_wants_them() -> None:
    shown = watch(LEAK)
    assert shown.status == 0
    assert shown.stdout.startswith("\x1b[1;31m3 flows in CLOSE_WAIT")
    assert shown.stderr == ""
    assert "\x1b[1;32mNo flow" in watch(sample("close_by_client")).stdout
    assert "\x1b[1;33m1 flow" in watch(sample("echo_cut_at_fin_ack")).stdout
    for plain in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in watch(LEAK, env=environment(**plain)).stdout


def test_a_wide_terminal_shows_what_a_pipe_gets() -> None:
    shown = watch(LEAK, columns=500)
    assert without_colours(shown.stdout) == run(LEAK).stdout.decode()


def test_nothing_is_wider_than_80_columns() -> None:
    lines = [line for name in SAMPLES for line in without_colours(watch(sample(name)).stdout).splitlines()]
    lines += without_colours(watch("samples/port_reuse", "samples/late_close").stdout).splitlines()
    assert sum("CLOSE_WAIT" in line for line in lines) > len(SAMPLES)
    assert [line for line in lines if len(line) > 80] == []


def test_long_ipv6_addresses_stay_whole_at_80_columns(tmp_path: Path) -> None:
    segments = [
        (True, Segment(1, 0, 0, 0, 0, 501, -1, SYN)),
        (False, Segment(2, 10**6, 0, 1, 0, 501, -1, SYN | ACK)),
        (True, Segment(3, 2 * 10**6, 1, 1, 0, 501, -1, ACK)),
        (True, Segment(4, 3 * 10**6, 1, 1, 0, 501, -1, FIN | ACK)),
        (False, Segment(5, 4 * 10**6, 1, 2, 0, 501, -1, ACK)),
        (True, Segment(6, 5 * 10**9, 2, 1, 0, 501, -1, ACK)),
    ]
    (tmp_path / "c.pcap").write_bytes(pcap(packet_records(segments, LONG_LEFT, LONG_RIGHT)))
    lines = without_colours(watch(str(tmp_path / "c.pcap")).stdout).splitlines()
    whole = [f"client [{LONG_LEFT}]:40000", f"server [{LONG_RIGHT}]:8080"]
    for address in whole:
        assert any(address in line for line in lines), lines
    assert max(len(line) for line in lines if "Capture" not in line and str(tmp_path)[:6] not in line) <= 80


def test_a_bar_for_a_slow_pipe_and_none_for_a_fast_file() -> None:
    whole = (ROOT / LEAK).read_bytes()
    slow = watch("-", stdin=[whole[:5000], whole[5000:]], pause=3.0)
    assert slow.status == 0
    assert "reading" in slow.stderr
    assert "3 flows in CLOSE_WAIT" in slow.stdout
    assert "reading" not in slow.stdout
    assert watch("-", stdin=[whole]).stderr == ""
    assert watch("-", "--quiet", stdin=[whole[:5000], whole[5000:]], pause=3.0).stderr == ""


def test_no_bar_where_stderr_is_no_terminal() -> None:
    assert run(LEAK).stderr == b""
