"""Where a flow was captured, in which VLAN, of which process, through which tunnel."""

import ipaddress
import struct
from pathlib import Path

import pytest

from closewait_pcap import analyze, engine
from closewait_pcap.reports.account import Account
from closewait_pcap.reports.formats import text
from tests.capture.writers import (
    enhanced,
    ethernet,
    interface,
    ipv4,
    option,
    outer4,
    outer6,
    pcap,
    pcapng,
    section,
    tcp,
    udp,
    vxlan,
)

PATH = ["vlan", "interface", "process", "tunnel", "outer_client", "outer_server"]
T4 = ipv4(tcp())


@pytest.fixture(params=["plain", "compiled"], autouse=True)
def mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "WORTH_COMPILING", -1 if request.param == "compiled" else 1 << 40)


def paths(folder: Path, data: bytes) -> list[list[object]]:
    """The path columns of each flow; missing as None."""
    path = folder / "c.pcapng"
    path.write_bytes(data)
    flows = analyze(path).flows[PATH].astype(object)
    return [list(row) for row in flows.where(flows.notna(), None).itertuples(index=False)]


def pair(number: int, *, from_server: bool = False) -> bytes:
    """A segment of flow ``number``: a SYN, or the SYN-ACK to it."""
    ports = (40000 + number, 80)
    addresses = ("10.0.0.1", "10.0.0.2")
    if from_server:
        return ethernet(ipv4(tcp(ports=ports[::-1], flags=0x12, seq=9, ack=6), addresses=addresses[::-1]))
    return ethernet(ipv4(tcp(ports=ports, flags=2, seq=5), addresses=addresses))


def test_nothing_to_say(tmp_path: Path) -> None:
    assert paths(tmp_path, pcap([pair(0), pair(1)])) == [[None] * 6] * 2


def test_vlan_tags(tmp_path: Path) -> None:
    frames = [ethernet(T4, tags=[0x8100] * count) for count in (1, 2, 3)]
    frames.append(frames[0][:14] + bytes(2) + frames[0][16:])  # a priority, and no VLAN
    assert [paths(tmp_path, pcap([frame]))[0][0] for frame in frames] == ["100", "100.101", "101.102", None]


def test_the_tunnel_s_ends_are_on_the_flow_s_sides(tmp_path: Path) -> None:
    """Whoever is seen first: node 1 is the client's."""
    there, back = (udp(vxlan(pair(0, from_server=side), 77), 4789) for side in (False, True))
    out = ipaddress.ip_address(outer4(b"")[26:30]), ipaddress.ip_address(outer4(b"")[30:34])
    turned = outer4(back)[:26] + out[1].packed + out[0].packed + outer4(back)[34:]
    expected = [[None, None, None, "VXLAN 77", str(out[0]), str(out[1])]]
    assert paths(tmp_path, pcap([outer4(there), turned])) == expected
    assert paths(tmp_path, pcap([turned, outer4(there)])) == expected


def test_flows_share_paths_and_many_are_told_apart(tmp_path: Path) -> None:
    frames = [outer4(udp(vxlan(pair(number), 1 + number % 300), 4789)) for number in range(900)]
    found = paths(tmp_path, pcap(frames))
    assert [path[3] for path in found] == [f"VXLAN {1 + number % 300}" for number in range(900)]
    assert len({tuple(path) for path in found}) == 300
    assert len(analyze(tmp_path / "c.pcapng").result.facts.paths) == 300, "each is kept once"


def test_an_ipv6_tunnel_beside_plain_flows(tmp_path: Path) -> None:
    found = paths(tmp_path, pcap([pair(0), outer6(udp(vxlan(pair(1), 3), 4789)), pair(2)]))
    assert found[0] == found[2] == [None] * 6
    assert found[1][3] == "VXLAN 3"
    assert ":" in str(found[1][4])


def test_interfaces_of_a_pcapng(tmp_path: Path) -> None:
    named = struct.pack("<HHI", 1, 0, 0) + option(2, b"eth0") + option(0, b"")
    described = struct.pack("<HHI", 1, 0, 0) + option(3, b"the uplink") + option(0, b"")
    data = section() + b"".join(
        struct.pack("<II", 1, len(body) + 12) + body + struct.pack("<I", len(body) + 12) for body in (named, described)
    )
    data += interface() + b"".join(enhanced(pair(number), 1000 + number, interface=number) for number in range(3))
    assert [path[1] for path in paths(tmp_path, data)] == ["eth0", "the uplink", None]


def test_names_are_shared_by_the_files_of_a_timeline(tmp_path: Path) -> None:
    for number, name in enumerate((b"eth1", b"eth0", b"eth1")):
        body = struct.pack("<HHI", 1, 0, 0) + option(2, name) + option(0, b"")
        block = struct.pack("<II", 1, len(body) + 12) + body + struct.pack("<I", len(body) + 12)
        (tmp_path / f"{number}.pcapng").write_bytes(section() + block + enhanced(pair(number), 1000 + number))
    assert analyze(tmp_path).flows["interface"].tolist() == ["eth1", "eth0", "eth1"]


def test_the_report_tells_the_way(tmp_path: Path) -> None:
    (tmp_path / "c.pcap").write_bytes(pcap([outer4(udp(vxlan(pair(0), 9), 4789))]))
    analysis = analyze(tmp_path / "c.pcap")
    page = text.render(Account(analysis.result, all_flows=True))
    assert "VXLAN 9 " in page
    assert "via" in page[page.index("Proof:") :].splitlines()[1]
    (tmp_path / "plain.pcapng").write_bytes(pcapng([pair(0)]))
    plain = analyze(tmp_path / "plain.pcapng")
    assert "via" not in text.render(Account(plain.result, all_flows=True))


def test_a_hostile_number_of_paths_is_bounded(tmp_path: Path) -> None:
    """65,536 are kept; who comes later has none, and everything else is as it was."""
    if engine.WORTH_COMPILING > 0:
        pytest.skip("too slow uncompiled")
    count = (1 << 16) + 100
    frames = []
    for number in range(count):
        inner = ethernet(ipv4(tcp(ports=(1 + number % 60_000, 80 + number // 60_000), flags=2)))
        frames.append(outer4(udp(vxlan(inner, 1 + number), 4789)))
    (tmp_path / "c.pcap").write_bytes(pcap(frames))
    tunnels = analyze(tmp_path / "c.pcap").flows["tunnel"]
    assert len(tunnels) == count
    assert tunnels.tolist()[: 1 << 16] == [f"VXLAN {number}" for number in range(1, (1 << 16) + 1)]
    assert tunnels[1 << 16 :].isna().all()
