"""Nothing that must not be seen is in the file, and all that is needed."""

import io
import shutil
import subprocess
from pathlib import Path

import pytest

from closewait_pcap import analyze
from closewait_pcap.anonymizing import Anonymizer
from closewait_pcap.capture.packets import ACK, SYN
from closewait_pcap.evidence.frames import Segment, clean_options, rewrite
from tests.capture.writers import A4, B4, ethernet, ipv4, ipv6, packed, tcp
from tests.evidence.leaking import MAC, SECRET, capture, evidence

KEY = bytes(range(32))


def test_the_word_is_everywhere_in_the_capture_and_nowhere_in_the_evidence() -> None:
    pytest.importorskip("cryptography")
    analysis = analyze(io.BytesIO(capture()))
    assert capture().count(SECRET) > 150
    assert len(analysis.close_wait) == 2
    for shown in (analysis, analysis.anonymized(KEY)):
        data, summary = evidence(shown)
        assert (summary.flows, summary.different) == (2, ())
        for part in (SECRET, MAC[3:], SECRET[:3], SECRET[2:]):
            assert part not in data


def test_mapped_addresses_are_the_only_ones() -> None:
    pytest.importorskip("cryptography")
    analysis = analyze(io.BytesIO(capture()))
    plain, mapped = evidence(analysis)[0], evidence(analysis.anonymized(KEY))[0]
    outer = [packed(address) for address in ("192.0.2.1", "192.0.2.2")]  # the tunnel's ends
    assert not any(address in data for address in outer for data in (plain, mapped))
    for address in (A4, B4):
        assert packed(address) in plain
        assert packed(address) not in mapped
        assert address.encode() not in mapped
        assert packed(Anonymizer(KEY).text(address)) in mapped
    assert KEY[:8] not in mapped
    assert bytes.fromhex("080a00000001") in plain  # the time stamps
    assert bytes.fromhex("080a00000001") not in mapped


def test_payload_is_there_where_it_is_asked_for_and_nothing_behind_it() -> None:
    data, summary = evidence(capture(), payload=True)
    assert summary.payload
    assert SECRET * 30 in data
    assert SECRET * 31 not in data  # the trailer
    assert data.count(SECRET * 9) >= 2
    assert MAC + MAC not in data


@pytest.mark.skipif(shutil.which("tshark") is None, reason="no tshark")
@pytest.mark.parametrize("payload", [False, True])
def test_tshark_reads_it_and_finds_checksums_right(payload: bool, tmp_path: Path) -> None:
    """Cut payload counts as zeros, so that only of whole packets the checksum can be looked at."""
    file = tmp_path / "evidence.pcapng"
    file.write_bytes(evidence(capture(), payload=payload)[0])
    fields = [
        "frame.len",
        "frame.cap_len",
        "tcp.len",
        "tcp.checksum.status",
        "ip.checksum.status",
        "frame.comment",
        "_ws.malformed",
    ]
    command = ["tshark", "-r", str(file), "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-T", "fields"]
    done = subprocess.run([*command, *(part for field in fields for part in ("-e", field))], capture_output=True, check=True)
    rows = [line.split("\t") for line in done.stdout.decode().splitlines()]
    assert len(rows) == 12
    whole = [row for row in rows if row[0] == row[1]]
    assert len(whole) == (12 if payload else 6)
    assert {(row[3], row[4]) for row in whole} == {("1", "1")}
    assert {row[4] for row in rows} == {"1"}
    assert [row[2] for row in rows[:6]] == ["20", "0", "45", "150", "0", "0"]
    assert not any(row[6] for row in rows)
    assert "CLOSE_WAIT from here on" in rows[5][5]


@pytest.mark.parametrize("stamps", [True, False])
def test_options_stay_where_they_are_on_the_list_and_are_of_their_size(stamps: bool) -> None:
    known = bytes.fromhex("020405b4 01 030307 0402 050a0000000100000002")
    assert clean_options(known, stamps=stamps) == known
    times = bytes.fromhex("0101080a1234567812345678")
    assert clean_options(times, stamps=stamps) == (times if stamps else b"\x01" * 12)
    for hidden in (
        "2206aabbccdd",
        "0206aabbccdd",
        "0305aabbcc",
        "050caabbccddaabbccddaabb",
        "fd04aabb",
        "00aabbccdd",
        "02",
        "0200aabb",
    ):
        data = bytes.fromhex(hidden)
        assert clean_options(data, stamps=stamps) == b"\x01" * len(data)
    assert clean_options(known[:2], stamps=stamps) == b"\x01\x01"  # cut by the snap length


def _segment(**fields: int) -> Segment:
    known = dict.fromkeys(Segment._fields, 0) | {"wscale": -1, "ip_at": 14, "tcp_at": 34, "flags": ACK}
    return Segment(**known | fields)


def test_what_is_beyond_the_packet_is_not_taken_for_options() -> None:
    """A header that claims to be longer than its packet: what follows in the frame is padding, which may be anything."""
    frame = ethernet(ipv4(tcp(offset=10))) + bytes.fromhex("0204") + SECRET * 4
    data, wirelen = rewrite(frame, _segment(), packed(A4), packed(B4), payload=True, stamps=True)
    assert len(data) == 40
    assert wirelen == 60
    assert SECRET[:2] not in data


@pytest.mark.parametrize(("at", "captured"), [(16, 36), (19, 39), (20, 40)])
def test_a_header_that_was_cut_stays_cut(at: int, captured: int) -> None:
    frame = ethernet(ipv4(tcp(b"payload", flags=SYN)))[: 34 + at]
    data, wirelen = rewrite(frame, _segment(len=7, flags=SYN), packed(A4), packed(B4), payload=True, stamps=True)
    assert (len(data), wirelen) == (captured, 47)


def test_lengths_beyond_16_bits() -> None:
    """IPv4 as Linux writes it (0), IPv6 as a jumbogram."""
    frame = ethernet(ipv4(tcp()))
    data, wirelen = rewrite(frame, _segment(len=100_000), packed(A4), packed(B4), payload=False, stamps=True)
    assert (data[2:4], wirelen) == (bytes(2), 100_040)
    frame, segment = ethernet(ipv6(tcp())), _segment(len=100_000, tcp_at=54)
    data, wirelen = rewrite(frame, segment, packed("2001:db8::1"), packed("2001:db8::2"), payload=False, stamps=True)
    assert (data[4:7], wirelen) == (bytes(3), 100_068)
    assert data[40:48] == bytes.fromhex("0600c204") + (100_028).to_bytes(4, "big")


def test_fragments_put_together_have_no_frame_to_copy_from() -> None:
    segment = _segment(ip_at=-1, tcp_at=-1, len=9, flags=SYN, wscale=7, seq=5)
    data, wirelen = rewrite(SECRET * 9, segment, packed(A4), packed(B4), payload=True, stamps=True)
    assert data[-4:] == bytes.fromhex("01030307")
    assert (len(data), wirelen) == (44, 53)
    assert SECRET not in data
