"""TCP in tunnels: what is in front of it, what the path columns say, and that tshark finds the same."""

import os
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from closewait_pcap import analyze
from closewait_pcap.capture.packets import TUNNELS
from tests.capture.conftest import Read
from tests.capture.writers import (
    A4,
    A6,
    OUTER4,
    OUTER6,
    TIME,
    Frame,
    conversation,
    erspan2,
    erspan3,
    ethernet,
    geneve,
    gre,
    gtp,
    ipv4,
    ipv6,
    l2tp,
    outer4,
    outer6,
    pcap,
    tcp,
    udp,
    vxlan,
)
from tests.numbering.agreement import TSHARK, differences, ours, theirs

T4, T6 = ipv4(tcp(b"abc")), ipv6(tcp(b"abc"))
E4, E6 = ethernet(T4), ethernet(T6)
PPP4 = b"\xff\x03\0\x21" + T4
LABEL = struct.pack("!I", 0x00064140)
PPTP = len(PPP4) << 16 | 77
AUTHENTICATION, ORIGIN = struct.pack("!HBB", 1, 2, 3) + bytes(14), bytes(8)
CONTAINER = b"\0\0\0\x85\x01\0\1"  # of GTP-U: sequence number, N-PDU number, the first extension's kind, that extension
TAG = b"\0\x05\x08\0"
INTEL4 = bytes.fromhex("001b21000001001b21000002") + E4[12:]
"""Below MPLS, tshark tells Ethernet by the manufacturers of its addresses."""

CASES = [
    ("IPv4 in IPv4", outer4(T4, 4), "IP in IP", 0),
    ("IPv6 in IPv4", outer4(T6, 41), "6in4", 0),
    ("IPv4 in IPv6", outer6(T4, 4), "IP in IP", 0),
    ("IPv6 in IPv6", outer6(T6, 41), "IP in IP", 0),
    ("GRE", outer4(gre(T4, 0x0800), 47), "GRE", 0),
    ("GRE over IPv6", outer6(gre(T6, 0x86DD), 47), "GRE", 0),
    ("GRE, key", outer4(gre(T4, 0x0800, key=0x80000007), 47), "GRE", 0x80000007),
    ("GRE, all fields", outer4(gre(T6, 0x86DD, key=7, checksum=True, sequence=9), 47), "GRE", 7),
    ("GRE, Ethernet", outer4(gre(E4, 0x6558, key=3), 47), "GRE", 3),
    ("GRE, Ethernet by another number", outer4(gre(E4, 0x6400), 47), "GRE", 0),
    ("GRE, MPLS", outer4(gre(LABEL + T4, 0x8847, key=3), 47), "GRE", 3),
    ("GRE, WCCP", outer4(gre(bytes(4) + T4, 0x883E), 47), "GRE", 0),
    ("GRE, WCCP without its own header", outer4(gre(T4, 0x883E), 47), "GRE", 0),
    ("GRE in UDP", outer4(udp(gre(T4, 0x0800, key=5), 4754)), "GRE", 5),
    ("PPTP", outer4(gre(PPP4, 0x880B, key=PPTP, sequence=1, flags=1), 47), "GRE", 77),
    ("PPTP, acknowledging", outer4(gre(PPP4, 0x880B, key=PPTP, sequence=1, flags=0x81, more=bytes(4)), 47), "GRE", 77),
    ("PPTP, compressed", outer4(gre(b"\x21" + T4, 0x880B, key=PPTP, flags=1), 47), "GRE", 77),
    ("ERSPAN I", outer4(gre(E4, 0x88BE), 47), "ERSPAN", 0),
    ("ERSPAN II", outer4(gre(erspan2(E4), 0x88BE, sequence=1), 47), "ERSPAN", 7),
    ("ERSPAN III", outer4(gre(erspan3(E4, 1023), 0x22EB, sequence=1), 47), "ERSPAN", 1023),
    ("ERSPAN III without a sequence number", outer6(gre(erspan3(E4), 0x22EB), 47), "ERSPAN", 7),
    ("ERSPAN III, platform", outer4(gre(erspan3(E6, more=bytes(8)), 0x22EB, sequence=1), 47), "ERSPAN", 7),
    ("ERSPAN III by II's number", outer4(gre(erspan3(E4), 0x88BE, sequence=1), 47), "ERSPAN", 7),
    ("VXLAN", outer4(udp(vxlan(E4), 4789)), "VXLAN", 42),
    ("VXLAN over IPv6", outer6(udp(vxlan(E6, 0xFFFFFF), 4789)), "VXLAN", 0xFFFFFF),
    ("VXLAN, the answer", outer4(udp(vxlan(E4), 50000, source=4789)), "VXLAN", 42),
    ("VXLAN, group policy", outer4(udp(vxlan(E4, flags=0x88, reserved=5), 4789)), "VXLAN", 42),
    ("VXLAN, UDP of no length", outer6(udp(vxlan(E4), 4789, length=0)), "VXLAN", 42),
    ("VXLAN-GPE, IPv4", outer4(udp(vxlan(T4, flags=12, reserved=1), 4790)), "VXLAN", 42),
    ("VXLAN-GPE, IPv6", outer4(udp(vxlan(T6, flags=12, reserved=2), 4790)), "VXLAN", 42),
    ("VXLAN-GPE, Ethernet", outer4(udp(vxlan(E4, flags=12, reserved=3), 4790)), "VXLAN", 42),
    ("VXLAN, MPLS", outer4(udp(vxlan(ethernet(LABEL + T4, 0x8847)), 4789)), "VXLAN", 42),
    ("VXLAN, SNAP", outer4(udp(vxlan(ethernet(b"\xaa\xaa\3\0\0\0\x08\0" + T4, 8 + len(T4))), 4789)), "VXLAN", 42),
    ("VXLAN, PPPoE", outer4(udp(vxlan(ethernet(b"\x11\0\0\1\0\x2d\0\x21" + T4, 0x8864)), 4789)), "VXLAN", 42),
    ("Geneve", outer4(udp(geneve(E4), 6081)), "Geneve", 42),
    ("Geneve, options", outer4(udp(geneve(E4, options=bytes(124)), 6081)), "Geneve", 42),
    ("Geneve, IPv4", outer6(udp(geneve(T4, 0x0800), 6081)), "Geneve", 42),
    ("Geneve, IPv6", outer4(udp(geneve(T6, 0x86DD), 6081)), "Geneve", 42),
    ("Geneve, MPLS", outer4(udp(geneve(LABEL + T4, 0x8847), 6081)), "Geneve", 42),
    ("Geneve, a VLAN tag alone", outer4(udp(geneve(TAG + T4, 0x8100), 6081)), "Geneve", 42),
    ("GTP-U", outer4(udp(gtp(T4), 2152)), "GTP-U", 0x1234),
    ("GTP-U, IPv6", outer6(udp(gtp(T6, 0xFFFFFFFF), 2152)), "GTP-U", 0xFFFFFFFF),
    ("GTP-U, Ethernet", outer4(udp(gtp(E4), 2152)), "GTP-U", 0x1234),
    ("GTP-U, sequence number", outer4(udp(gtp(T4, flags=0x32, more=b"\0\1\0\x85"), 2152)), "GTP-U", 0x1234),
    ("GTP-U, N-PDU number", outer4(udp(gtp(T4, flags=0x31, more=bytes(4)), 2152)), "GTP-U", 0x1234),
    ("GTP-U, extension", outer4(udp(gtp(T4, flags=0x34, more=CONTAINER + b"\0"), 2152)), "GTP-U", 0x1234),
    ("GTP-U, extensions", outer4(udp(gtp(T4, flags=0x36, more=CONTAINER + b"\x40\1\0\0\0"), 2152)), "GTP-U", 0x1234),
    ("Teredo", outer4(udp(T6, 3544)), "Teredo", 0),
    ("Teredo, from the server", outer4(udp(ORIGIN + T6, 50000, source=3544)), "Teredo", 0),
    ("Teredo, authentication", outer4(udp(AUTHENTICATION + T6, 3544)), "Teredo", 0),
    ("Teredo, both", outer4(udp(AUTHENTICATION + ORIGIN + T6, 3544)), "Teredo", 0),
    ("L2TP", outer4(udp(l2tp(PPP4), 1701)), "L2TP", 0x50006),
    ("L2TP, no address", outer4(udp(l2tp(b"\0\x57" + T6), 1701)), "L2TP", 0x50006),
    ("L2TP, compressed", outer4(udp(l2tp(b"\x57" + T6), 1701)), "L2TP", 0x50006),
    ("L2TP, length", outer4(udp(l2tp(PPP4, flags=0x4002), 1701)), "L2TP", 0x50006),
    ("L2TP, all fields", outer6(udp(l2tp(PPP4, flags=0x4B02, more=b"\0\1\0\2\0\3abc"), 1701)), "L2TP", 0x50006),
    ("L2TP, Cisco's framing", outer4(udp(l2tp(b"\x0f\0\x08\0" + T4), 1701)), "L2TP", 0x50006),
    ("L2TP, MPLS", outer4(udp(l2tp(b"\xff\3\2\x81" + LABEL + T4), 1701)), "L2TP", 0x50006),
    ("MPLS in IP", outer4(LABEL + T4, 137), "MPLS", 0),
    ("MPLS in UDP", outer6(udp(LABEL + T6, 6635)), "MPLS", 0),
    ("EtherIP", outer4(b"\x30\0" + E4, 97), "EtherIP", 0),
    ("Ethernet in IP", outer6(E6, 143), "EtherIP", 0),
    ("VXLAN in GTP-U", outer4(udp(gtp(outer6(udp(vxlan(E4), 4789))[14:]), 2152)), "GTP-U", 0x1234),
    ("Ethernet in MPLS in GRE", outer4(gre(LABEL + bytes(4) + INTEL4, 0x8847, key=1), 47), "GRE", 1),
    ("VXLAN in MPLS", ethernet(LABEL + outer4(udp(vxlan(E4), 4789))[14:], 0x8847), "VXLAN", 42),
    ("no tunnel: provider backbone", ethernet(bytes(4) + E4, 0x88E7), "", 0),
]  # fmt: skip
NAMED = pytest.mark.parametrize(("frame", "kind", "number"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])

NOTHING = {
    "GRE, ARP": (outer4(gre(T4, 0x0806), 47), "not_tcp"),
    "GRE, a VLAN tag alone": (outer4(gre(TAG + T4, 0x8100), 47), "not_tcp"),
    "GRE, keepalive": (outer4(gre(b"", 0x0800), 47), "not_tcp"),
    "ERSPAN II without a sequence number": (outer4(gre(erspan2(E4), 0x88BE), 47), "not_ip"),
    "ERSPAN 0": (outer4(gre(bytes(8) + E4, 0x88BE, sequence=1), 47), "not_tcp"),
    "ERSPAN III, IP": (outer4(gre(erspan3(T4, kind=2), 0x22EB, sequence=1), 47), "not_tcp"),
    "VXLAN, ARP": (outer4(udp(vxlan(ethernet(bytes(28), 0x0806)), 4789)), "not_ip"),
    "UDP of no length": (outer4(udp(vxlan(E4), 4789, length=0)), "not_tcp"),
    "UDP of an impossible length": (outer4(udp(vxlan(E4), 4789, length=7)), "not_tcp"),
    "the TCP header is no longer UDP's": (outer4(udp(vxlan(E4), 4789, length=8 + 8 + 14 + 20 + 15)), "header_cut"),
    "VXLAN-GPE, nothing": (outer4(udp(vxlan(E4, flags=8), 4790)), "not_tcp"),
    "GTP'": (outer4(udp(gtp(T4, flags=0x20), 2152)), "not_tcp"),
    "GTP, version 0": (outer4(udp(gtp(T4, flags=0x10), 2152)), "not_tcp"),
    "GTP-U, extension of no length": (outer4(udp(gtp(T4, flags=0x34, more=b"\0\0\0\x85\0\0\1\0"), 2152)), "malformed"),
    "GTP-U, supported extensions": (outer4(udp(gtp(T4, kind=31), 2152)), "not_tcp"),
    "GTP-U, PPP": (outer4(udp(gtp(PPP4), 2152)), "not_ip"),
    "GTP-U, IPv4 with all options": (outer4(udp(gtp(ipv4(tcp(), options=b"\1" * 40)), 2152)), "not_ip"),
    "Teredo, IPv4": (outer4(udp(T4, 3544)), "malformed"),
    "Teredo, wrong order": (outer4(udp(ORIGIN + AUTHENTICATION + T6, 3544)), "malformed"),
    "L2TP, control": (outer4(udp(l2tp(PPP4, flags=0xC802, more=bytes(4)), 1701)), "not_tcp"),
    "L2TP, version 3": (outer4(udp(struct.pack("!HHI", 3, 0, 5) + E4, 1701)), "not_tcp"),
    "L2TP, version 3 over IP": (outer4(struct.pack("!I", 5) + E4, 115), "not_tcp"),
    "L2TP, link control": (outer4(udp(l2tp(b"\xff\3\xc0\x21" + T4), 1701)), "not_ip"),
    "another port": (outer4(udp(vxlan(E4), 4788)), "not_tcp"),
}


@NAMED
def test_found(read: Read, frame: bytes, kind: str, number: int) -> None:
    row = read(pcap([frame])).row
    assert row.src in (A4, A6)
    assert (row.srcport, row.dstport, row.seq, row.ack, row.len, row.quality) == (40000, 80, 1000, 5000, 3, 0)
    assert (TUNNELS[row.tunnel], row.tunnel_id) == (kind, number)
    assert not kind or row.outer in (OUTER4, OUTER6)


@NAMED
def test_cut_at_every_byte(read: Read, frame: bytes, kind: str, number: int) -> None:  # noqa: ARG001
    whole = read(pcap([frame])).row
    reading = read(pcap([Frame(frame[:size], TIME, wirelen=len(frame)) for size in range(len(frame))]))
    for row in reading.rows:
        assert row._replace(frame=1, quality=0) == whole
    assert reading.info.tcp_frames + sum(reading.info.skipped.values()) == len(frame)
    assert len(reading.rows) >= 3 + 4  # the payload, and all of the header but its last four bytes


@pytest.mark.parametrize(("frame", "reason"), NOTHING.values(), ids=NOTHING.keys())
def test_not_found(read: Read, frame: bytes, reason: str) -> None:
    reading = read(pcap([frame]))
    assert (reading.rows, reading.info.skipped) == ([], {reason: 1})


@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
def test_tshark_finds_the_same(tmp_path: Path) -> None:
    path = tmp_path / "tunnels.pcap"
    path.write_bytes(pcap([*(case[1] for case in CASES), *(frame for frame, _ in NOTHING.values())]))
    mine = ours(path)
    assert differences(mine, theirs(path)) == []
    assert len(mine) == len(CASES)


def test_dpkt_finds_the_same_in_gre(read: Read) -> None:
    """It knows GRE's header and no other of these."""
    from dpkt.ethernet import Ethernet

    for name, frame, _, _ in CASES:
        if name in ("GRE", "GRE, key", "GRE, all fields", "IPv4 in IPv4", "IPv6 in IPv4"):
            segment = Ethernet(frame).data
            while hasattr(segment, "data") and not hasattr(segment, "sport"):
                segment = segment.data
            row = read(pcap([frame])).row
            assert (segment.sport, segment.dport, segment.seq, len(segment.data)) == (row.srcport, row.dstport, row.seq, row.len)


def test_a_whole_conversation_in_a_tunnel(read: Read) -> None:
    plain = read(pcap(conversation())).rows
    inside = read(pcap([outer4(udp(vxlan(frame), 4789)) for frame in conversation()])).rows
    bare = {"tunnel": 0, "tunnel_id": 0, "outer_src_hi": 0, "outer_src_lo": 0, "outer_dst_hi": 0, "outer_dst_lo": 0}
    assert [row._replace(**bare) for row in inside] == plain
    assert {(row.tunnel, row.outer) for row in inside} == {(TUNNELS.index("VXLAN"), OUTER4)}


def test_a_row_forgets_the_tunnel_of_the_one_before(read: Read) -> None:
    rows = read(pcap([outer4(udp(vxlan(ethernet(bytes(28), 0x0806, tags=[0x8100])), 4789)), *conversation()])).rows
    assert {(row.vlan, row.tunnel, row.process, row.interface) for row in rows} == {(0, 0, 0, 0)}


def test_tunnels_in_tunnels_end(read: Read) -> None:
    frame = E4
    for _ in range(30):
        frame = outer4(udp(vxlan(frame), 4789))
    assert read(pcap([frame])).info.skipped == {"nested_too_deep": 1}
    frame = T4
    for _ in range(300):
        frame = outer4(gre(LABEL + frame, 0x8847), 47)[14:]
    assert read(pcap([ethernet(frame)])).info.skipped == {"nested_too_deep": 1}


def test_what_an_icmp_error_quotes_is_not_looked_into(read: Read) -> None:
    quote = struct.pack("!BBHI", 3, 1, 0, 0) + outer4(udp(vxlan(E4), 4789))[14:]
    assert read(pcap([ethernet(ipv4(quote, protocol=1))])).info.skipped == {"not_tcp": 1}


# ---- VLANs


@pytest.mark.parametrize(
    ("ids", "vlan"),
    [([], 0), ([7], 7), ([4095], 4095), ([5, 7], 5 * 4096 + 7), ([4, 5, 7], 5 * 4096 + 7), ([0], 0), ([5, 0], 5), ([0, 5], 5)],
)
def test_vlans(read: Read, ids: list[int], vlan: int) -> None:
    tags = b"".join(struct.pack("!HH", 0x8100, 0xE000 | number) for number in ids)
    frame = E4[:12] + tags + E4[12:]
    assert read(pcap([frame])).row.vlan == vlan
    assert read(pcap([outer4(udp(vxlan(frame), 4789))])).row.vlan == vlan
    outside = outer4(udp(vxlan(frame), 4789))
    outside = outside[:12] + struct.pack("!HH", 0x8100, 100) + outside[12:]
    assert read(pcap([outside])).row.vlan == 100


def test_vlan_above_mpls(read: Read) -> None:
    assert read(pcap([ethernet(LABEL + T4, 0x8847, tags=[0x8100])])).row.vlan == 100


# ---- VXLAN on the port it had before


def test_flannel(read: Read, tmp_path: Path) -> None:
    frames = [outer4(udp(vxlan(frame), 8472)) for frame in conversation()]
    arp = outer4(udp(vxlan(ethernet(bytes(28), 0x0806)), 8472))
    tail = outer4(udp(vxlan(ethernet(LABEL + T4, 0x8847)), 8472))
    reading = read(pcap([*frames, arp, tail, *conversation()]))
    assert (len(reading.rows), reading.info.flannel, reading.info.tcp_frames) == (19, 10, 19)
    path = tmp_path / "flannel.pcap"
    path.write_bytes(pcap(frames))
    (warning,) = analyze(path).warnings
    assert "9 frames are VXLAN on port 8472" in warning
    assert "tshark -d udp.port==8472,vxlan" in warning
    if TSHARK:
        assert theirs(path) == {}
        assert differences(ours(path), theirs(path, "-d", "udp.port==8472,vxlan")) == []


@pytest.mark.parametrize(
    "changed", [vxlan(E4, flags=0), vxlan(E4, flags=0x88), vxlan(E4, reserved=1), vxlan(E4)[:7] + b"\1" + E4]
)
def test_something_else_on_that_port(read: Read, changed: bytes) -> None:
    reading = read(pcap([outer4(udp(changed, 8472))]))
    assert (reading.rows, reading.info.flannel) == ([], 0)


# ---- the kernel's own

SERVE = "import socket; s = socket.create_server(('10.42.0.2', 80)); c = s.accept()[0]; c.recv(100000, socket.MSG_WAITALL)"
ASK = "import socket; s = socket.create_connection(('10.42.0.2', 80)); s.sendall(bytes(100000)); s.close()"


@pytest.fixture(name="overlay", params=[4789, 8472])
def record_overlay(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[int, Path]:
    """A capture of a cable on which Linux speaks VXLAN, in datagrams that are longer than the cable allows."""
    near, far, path = f"cw-near-{os.getpid()}", f"cw-far-{os.getpid()}", tmp_path / "overlay.pcap"
    setup = [
        f"ip netns add {near}",
        f"ip netns add {far}",
        f"ip link add eth0 mtu 1400 netns {near} type veth peer eth0 netns {far}",
    ]
    for name, me, you in ((near, 1, 2), (far, 2, 1)):
        setup += [
            f"ip -n {name} link set eth0 mtu 1400 up",
            f"ip -n {name} addr add 192.0.2.{me}/24 dev eth0",
            f"ip -n {name} link add vx type vxlan id 42 local 192.0.2.{me} remote 192.0.2.{you} dstport {request.param} df unset",
            f"ip -n {name} link set vx mtu 1500 up",
            f"ip -n {name} addr add 10.42.0.{me}/24 dev vx",
            f"ip -n {name} route replace 10.42.0.0/24 dev vx src 10.42.0.{me} mtu lock 1500",  # or TCP adapts to the cable
        ]
    try:
        for command in setup:
            if subprocess.run(command.split(), capture_output=True, check=False).returncode:
                pytest.skip(f"cannot be made here: {command}")
        dump = [
            "ip",
            "netns",
            "exec",
            near,
            "tcpdump",
            "-Z",
            "root",
            "--immediate-mode",
            "-i",
            "eth0",
            "-U",
            "-w",
            str(path),
            "udp or ip[6:2] & 0x1fff != 0",
        ]
        with (
            subprocess.Popen(dump, stderr=subprocess.PIPE) as recorder,
            subprocess.Popen(["ip", "netns", "exec", far, sys.executable, "-c", SERVE]) as server,
        ):
            assert recorder.stderr
            recorder.stderr.readline()
            for _ in range(50):
                if not subprocess.run(
                    ["ip", "netns", "exec", near, sys.executable, "-c", ASK], capture_output=True, check=False
                ).returncode:
                    break
            server.wait(timeout=20)
            time.sleep(0.5)
            recorder.terminate()
    finally:
        for name in (near, far):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
    return request.param, path


@pytest.mark.skipif(TSHARK is None or shutil.which("tcpdump") is None, reason="tshark or tcpdump is not installed")
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="network namespaces need root")
def test_linux_speaks_vxlan_in_fragments(overlay: tuple[int, Path]) -> None:
    port, path = overlay
    mine = ours(path)
    assert differences(mine, theirs(path, "-d", f"udp.port=={port},vxlan")) == []
    capture = analyze(path).capture
    assert capture.skipped["fragment"] > 10
    assert capture.fragments_incomplete <= 2  # where the recording ends, in either direction
    assert len({seen.stream for seen in mine.values() if seen.len > 1400}) == 1
    assert (capture.flannel > 0) == (port == 8472)
