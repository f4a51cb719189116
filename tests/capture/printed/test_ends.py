"""Names of hosts and services where addresses and ports are needed."""

import ipaddress

from closewait_pcap import analyze_text
from tests.capture.printed.printing import LISTING, read_text

LINE = "11:02:57.000000 IP {} > {}: Flags [F.], seq 6, ack 1, win 512, length 0\n"


def ends(source: str, destination: str, family: str = "IP") -> tuple[str, int, str, int]:
    row = read_text(LINE.format(source, destination).replace("IP", family)).row
    return row.src, row.srcport, row.dst, row.dstport


def test_the_loopback_address_has_names() -> None:
    assert ends("localhost.46098", "localhost.9000") == ("127.0.0.1", 46098, "127.0.0.1", 9000)
    assert ends("localhost.46098", "ip6-localhost.9000", "IP6") == ("::1", 46098, "::1", 9000)


def test_a_name_has_the_same_address_in_every_text() -> None:
    first = ends("web01.example.com.46098", "db.example.com.postgresql")
    assert first == ends("web01.example.com.46098", "db.example.com.postgresql")
    assert first[0] != first[2]
    assert (first[1], first[3]) == (46098, 5432)
    assert ipaddress.ip_address(first[0]) in ipaddress.ip_network("240.0.0.0/4")
    six = ends("web01.example.com.46098", "db.http", "IP6")
    assert ipaddress.ip_address(six[0]) in ipaddress.ip_network("2001:db8::/32")


def test_names_that_say_what_they_stand_for() -> None:
    found = ends("ip-172-31-15-197.eu-west-1.compute.internal.emcrmirccd", "ip-172-31-24-254.ddi-tcp-1")
    assert found == ("172.31.15.197", 10004, "172.31.24.254", 8888)
    assert ipaddress.ip_address(ends("ip-999-31-15-197.22", "a.22")[0]) in ipaddress.ip_network("240.0.0.0/4")


def test_names_are_the_same_in_capitals() -> None:
    assert ends("Web01.22", "DB.22") == ends("web01.22", "db.22")
    flows = analyze_text(LISTING.replace("10.0.0.1.46098 >", "Web01.46098 >").replace("10.0.0.1.46098:", "web01.46098:")).flows
    assert flows["client"].to_list() == ["web01"]


def test_names_are_said() -> None:
    analysis = analyze_text(LISTING.replace("10.0.0.1.46098", "web01.46098").replace("10.0.0.2.9000", "app.my-service"))
    flow = analysis.flows.iloc[0]
    (hosts,) = (warning for warning in analysis.warnings if "hosts are printed by name" in warning)
    assert "without their addresses: app, web01 " in hosts
    assert (flow.client, flow.server) == ("web01", "app")
    (services,) = (warning for warning in analysis.warnings if "no port is known" in warning)
    assert f"my-service is {flow.server_port}" in services
    assert flow.verdict == "close_wait"


def test_names_do_not_get_into_an_anonymized_report() -> None:
    analysis = analyze_text(LISTING.replace("10.0.0.1.46098", "secret-host.46098"), stuck_after="1ms")
    assert any("secret-host" in warning for warning in analysis.warnings)
    masked = analysis.anonymized(bytes(32))
    assert not any("secret-host" in warning for warning in [*masked.warnings, *masked.capture.printout.remarks])
    assert masked.capture.printout.asides == []


def test_what_is_no_end() -> None:
    reading = read_text(LINE.format("10.0.0.1.99999", "10.0.0.2.9000") + LINE.format("a b.1", "10.0.0.2.9000"))
    assert reading.rows == [] or all(row.dstport == 9000 for row in reading.rows)
    assert reading.info.frames == 2
