"""One line of tcpdump, of whatever version and with whatever options, and what it says."""

import pytest

from closewait_pcap.capture.packets import ACK, FIN, PSH, RST, SYN
from closewait_pcap.capture.printed.packets import parse
from closewait_pcap.capture.printed.summary import Kind
from tests.capture.printed.printing import FIN as FIN_LINE
from tests.capture.printed.printing import SYN as SYN_LINE
from tests.capture.printed.printing import read_text

ENDS = "192.0.2.1.40001 > 192.0.2.2.9000"
MACS = "00:00:5e:00:53:01 > 00:00:5e:00:53:02"
IP_HEADER = "(tos 0x0, ttl 64, id 60456, offset 0, flags [DF], proto TCP (6), length 52)"
HEADS = {
    "default": "11:55:48.461476 IP ",
    "-t": "IP ",
    "-tt": "1795262148.461476 IP ",
    "-ttt": " 00:00:00.000027 IP ",
    "-tttt": "2026-11-21 11:55:48.461476 IP ",
    "-tttt of tcpdump 3": "11/21/2026 11:55:48.461476 IP ",
    "--nano": "11:55:48.461476123 IP ",
    "--number": "   12  11:55:48.461476 IP ",
    "-e": f"11:55:48.461476 {MACS}, ethertype IPv4 (0x0800), length 66: ",
    "-e with makers": "11:55:48.461476 00:00:5e:00:53:01 (oui IANA) > 00:00:5e:00:53:02 (oui IANA), ethertype IPv4, length 66: ",
    "-e of SLL2": "11:55:48.461476 eth0  In  ifindex 2 00:00:5e:00:53:01 ethertype IPv4 (0x0800), length 72: ",
    "-e of SLL": "11:55:48.461476  In 00:00:5e:00:53:01 ethertype IPv4 (0x0800), length 68: ",
    "-i any": "11:55:48.461476 eth0  In  IP ",
    "-i any, unknown": "11:55:48.461476 ?     Out IP ",
    "a log collector": "ip-10-0-0-1 tcpdump[312]: 11:55:48.461476 IP ",
    "a container's": "web_1  | 11:55:48.461476 IP ",
    "in a tunnel": "11:55:48.461476 IP 10.0.0.1 > 10.0.0.2: GREv0, length 64: IP ",
}
TOLD = {
    "[S], seq 7, win 64240, options [mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 10], length 0": (SYN, 7, 0, 0, 64240, 10),
    "[P.], seq 1:8, ack 5, win 63, options [nop,nop,TS val 1 ecr 2], length 7": (PSH | ACK, 1, 5, 7, 63, -1),
    "[P.], cksum 0x842a (incorrect -> 0x1a89), seq 1:8, ack 5, win 63, length 7: HTTP: GET / HTTP/1.1": (
        PSH | ACK,
        1,
        5,
        7,
        63,
        -1,
    ),
    "[F.], cksum 0x842a (correct), seq 8, ack 5, win 63, length 0": (FIN | ACK, 8, 5, 0, 63, -1),
    "[FP.], seq 1:8, ack 5, win 63, length 7": (FIN | PSH | ACK, 1, 5, 7, 63, -1),
    "[R], seq 8, win 0, length 0": (RST, 8, 0, 0, 0, -1),
    "[S.E], seq 8, ack 5, win 63, length 0": (SYN | ACK | 64, 8, 5, 0, 63, -1),
    "[P.U], seq 1:8, ack 5, win 63, urg 3, length 7": (PSH | ACK | 32, 1, 5, 7, 63, -1),
}
OLD = {
    "S 1471646537:1471646537(0) win 65495 <mss 1460,sackOK,timestamp 1 0,nop,wscale 7> (DF)": (SYN, 1471646537, 0, 0, 65495, 7),
    "S 9:9(0) ack 8 win 65495 <mss 1460> (DF) [tos 0x10]": (SYN | ACK, 9, 8, 0, 65495, -1),
    "P 1:6(5) ack 5 win 512 <nop,nop,timestamp 1 1>": (PSH | ACK, 1, 5, 5, 512, -1),
    "F 6:6(0) ack 5 win 512": (FIN | ACK, 6, 5, 0, 512, -1),
    "FP 1:6(5) ack 5 win 512 (DF)": (FIN | PSH | ACK, 1, 5, 5, 512, -1),
    "R 6:6(0) win 0": (RST, 6, 0, 0, 0, -1),
    "[tcp sum ok] F 6:6(0) ack 5 win 512 (ttl 64, id 1, len 40)": (FIN | ACK, 6, 5, 0, 512, -1),
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_what_stands_before_the_ends(head: str) -> None:
    row = read_text(f"{head}{ENDS}: Flags [F.], seq 77, ack 55, win 63, length 0\n").row
    assert (row.src, row.srcport, row.dst, row.dstport) == ("192.0.2.1", 40001, "192.0.2.2", 9000)
    assert (row.flags, row.seq, row.ack, row.window) == (FIN | ACK, 77, 55, 63)


@pytest.mark.parametrize("told", TOLD)
def test_what_tcp_says(told: str) -> None:
    row = read_text(f"11:55:48.461476 IP {ENDS}: Flags {told}\n").row
    assert (row.flags, row.seq, row.ack, row.len, row.window, row.wscale) == TOLD[told]


@pytest.mark.parametrize("head", ["11:55:48.461476 ", "11:55:48.461476 IP ", "11:55:48.461476 eth0 < ", "IP "])
@pytest.mark.parametrize("told", OLD)
def test_what_tcpdump_3_says(head: str, told: str) -> None:
    row = read_text(f"{head}{ENDS}: {told}\n").row
    assert (row.src, row.srcport, row.dst, row.dstport) == ("192.0.2.1", 40001, "192.0.2.2", 9000)
    assert (row.flags, row.seq, row.ack, row.len, row.window, row.wscale) == OLD[told]


def test_lines_that_somebody_has_shortened() -> None:
    """As people do for an article: fields left out, columns aligned, comments behind."""
    text = (
        "18:22:34.449 IP6 ::1.59868 > ::1.8080: Flags [S],  seq 3000, win 65535                # hello\n"
        "18:22:34.450 IP6 ::1.8080 > ::1.59868: Flags [S.], seq 7000, ack 3001                 # hello\n"
        "18:22:34.451 IP6 ::1.8080 > ::1.59868: Flags [P.], seq 1:203, length 202              # the reply\n"
        "    HTTP/1.1 201 Created\n"
        "18:22:34.452 IP6 ::1.59868 > ::1.8080: Flags [F.], seq 1, ack 203                     # it closes\n"
        "18:22:34.453 IP6 ::1.8080 > ::1.59868: Flags [.],  ack 2                              # seen\n"
    )
    rows = read_text(text).rows
    assert [(row.seq, row.ack, row.len) for row in rows] == [
        (3000, 0, 0), (7000, 3001, 0), (7001, 3001, 202), (3001, 7203, 0), (7203, 3002, 0),
    ]  # fmt: skip
    assert all(row.window for row in rows)


def test_an_acknowledgement_of_tcpdump_3() -> None:
    row = read_text(f"11:55:48.461476 {ENDS}: . ack 5 win 512 <nop,nop,timestamp 1 1> (DF)\n").row
    assert (row.flags, row.ack, row.len, row.window) == (ACK, 5, 0, 512)


@pytest.mark.parametrize("middle", [" ", "\n    "])
def test_verbose_packets_have_two_lines(middle: str) -> None:
    text = f"11:55:48.461476 IP {IP_HEADER}{middle}{ENDS}: Flags [F.], cksum 0x1 (correct), seq 7, ack 5, win 63, length 0\n"
    reading = read_text(text * 2)
    assert [(row.seq, row.ack, row.flags) for row in reading.rows] == [(7, 5, FIN | ACK)] * 2
    assert reading.info.frames == 2
    untimed = read_text("\n".join(line.removeprefix("11:55:48.461476 ") for line in text.splitlines()))
    assert (untimed.row.seq, untimed.row.time) == (7, 0)


def test_vlans_and_interfaces() -> None:
    tagged = f"11:55:48.461476 {MACS}, ethertype 802.1Q (0x8100), length 70: vlan 100, p 0, ethertype IPv4 (0x0800), {ENDS}: "
    twice = tagged.replace("vlan 100, p 0,", "vlan 7, p 0, ethertype 802.1Q (0x8100), vlan 100, p 0,")
    told = "Flags [F.], seq 77, ack 55, win 63, length 9\n"
    reading = read_text(tagged + told + twice + told + f"11:55:49.000000 eth1  In  IP {ENDS}: {told}")
    assert [row.vlan for row in reading.rows] == [100, 7 << 12 | 100, 0]
    assert [row.len for row in reading.rows] == [9] * 3
    assert [reading.names[row.interface] for row in reading.rows] == ["", "", "eth1"]


def test_what_stands_in_a_tunnel_is_on_the_next_line() -> None:
    for tunnel in ("VXLAN, flags [I] (0x08), vni 5001", "Geneve, Flags [none], vni 0x1, proto TEB (0x6558)"):
        for outer, inner in (
            ("IP ", "IP "),
            (f"{MACS}, ethertype IPv4 (0x0800), length 124: ", f"{MACS}, ethertype IPv4 (0x0800), length 74: "),
        ):
            packet = (
                f"11:55:48.461476 {outer}10.0.0.1.35971 > 10.0.0.2.4789: {tunnel}\n"
                f"{inner}{ENDS}: Flags [F.], seq 77, ack 55, win 63, length 0\n"
            )
            reading = read_text(packet * 2)
            assert reading.info.frames == 2
            assert [(row.src, row.seq, row.time > 0) for row in reading.rows] == [("192.0.2.1", 77, True)] * 2
            assert read_text(packet.splitlines()[0] + "\n" + packet).info.frames == 2


def test_ipv6() -> None:
    line = "11:55:56.643971 IP6 2001:db8::1.40001 > 2001:db8::2.9000: Flags [F.], seq 5, ack 6, win 1, length 0"
    verbose = line.replace("IP6 ", "IP6 (flowlabel 0xf39e0, hlim 64, next-header TCP (6) payload length: 40) ")
    for text in (line, verbose):
        row = read_text(text).row
        assert (row.src, row.srcport, row.dst, row.dstport) == ("2001:db8::1", 40001, "2001:db8::2", 9000)


def test_packets_of_other_protocols_count_as_frames_alone() -> None:
    others = [
        "11:55:48.1 ARP, Request who-has 192.0.2.2 tell 192.0.2.1, length 28",
        "11:55:48.2 IP 192.0.2.1.53 > 192.0.2.2.5353: 4711 1/0/0 A 192.0.2.3 (50)",
        "11:55:48.3 IP 192.0.2.1 > 192.0.2.2: ICMP echo request, id 1, seq 1, length 64",
        "11:55:48.4 IP6 fe80::1 > ff02::1: ICMP6, router advertisement, length 64",
    ]
    reading = read_text("\n".join([*others, FIN_LINE.replace("11:02:57.0", "11:55:48.5")]))
    assert (reading.info.frames, reading.info.tcp_frames, reading.row.frame) == (5, 1, 5)
    assert list(reading.info.printout.lines or []) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21 11:55:48,461 INFO IP address of a > b: Flags",
        "11:55:48.461476 the server said: Flags [S]",
        "11:55:48.461476 GET /a > b: 200",
        "if a > b: S 1:1(0) win 0",
        "The IP of the server > that of the client",
        "25:99:99.000000 IP 192.0.2.1.1 > 192.0.2.2.2: Flags [S], seq 1, win 2, length 0",
    ],
)
def test_prose_is_no_packet(text: str) -> None:
    told = parse(text)
    assert told is None or told.kind is not Kind.tcp


def test_a_cut_line_is_used_as_far_as_it_says_enough() -> None:
    """A terminal has cut the lines; an acknowledgement that is missing is the last one."""
    whole = read_text(SYN_LINE + "\n" + FIN_LINE).rows[1]
    for length in range(len(FIN_LINE) - len(", win 512, length 0"), len(FIN_LINE)):
        row = read_text(f"{SYN_LINE}\n{FIN_LINE[:length]}\n").rows[1]
        assert (row.flags, row.seq, row.ack) == (whole.flags, whole.seq, whole.ack)
    cut = read_text(f"{SYN_LINE}\n{FIN_LINE[: FIN_LINE.index(' seq')]}\n")
    assert (len(cut.rows), cut.info.frames) == (1, 2)
    assert any("passed over: 1 line of TCP cut" in remark for remark in cut.info.printout.remarks)


@pytest.mark.parametrize("stamp", ["2026-11-21 09:39:28.164328", "1795253968.164328", "09:39:28.164328"])
def test_a_packet_too_long_for_ips_own_length_field_is_counted(stamp: str) -> None:
    """BIG TCP: nothing else is printed of it."""
    info = read_text(f"{SYN_LINE}\n{stamp} IP bad-len 0\n{FIN_LINE}\n").info
    assert (info.frames, info.tcp_frames) == (3, 2)
    assert info.printout is not None
    assert not info.printout.is_whole
    twice = f"{SYN_LINE}\n{stamp} IP bad-len 0\nE..4..@.@.\n{stamp} IP bad-len 0\nE..4..@.@.\n{FIN_LINE}\n"
    assert read_text(twice).info.frames == 4  # at the same time, and not the same
