"""Small inputs to begin fuzzing with, by target; made when they are needed, so that no folder of them must be kept."""

import random
import struct
from pathlib import Path

from tests.capture.printed.printing import LISTING
from tests.capture.printed.test_wireshark import HTTP, ROWS
from tests.capture.writers import pcap
from tests.fuzz.mutants import CODECS
from tests.fuzz.outcome import as_one
from tests.fuzz.seeds import samples, synthetic
from tests.fuzz.targets import LINKS
from tests.sockets.test_aside import TICKET

DUMPED = """\
11:55:48.461476 IP 192.0.2.1.40001 > 192.0.2.2.9000: Flags [S], seq 2742403260, win 64240, length 0
\t0x0000:  4500 003c ec28 4000 4006 ca8f c000 0201  E..<.(@.@.......
\t0x0010:  c000 0202 9c41 2328 a375 c0bc 0000 0000  .....A#(.u......
\t0x0020:  a002 faf0 8432 0000 0204 05b4 0402 080a  .....2..........
\t0x0030:  7bcd 3dba 0000 0000 0103 030a            {.=.........
00:00:00.000000 IP (tos 0x0, ttl 64, id 1, offset 0, flags [DF], proto TCP (6), length 52)
    a.b > c.d: Flags [F.], cksum 0x842a (correct), seq 8, ack 1, win 63, length 0
11/21/2026 00:00:00.000027 eth0 < a.http > b.5: F 6:6(0) ack 5 win 512 <nop,nop,timestamp 1 1> (DF)
"""


def corpus(target: str) -> list[bytes]:
    """Make the inputs that a target begins with."""
    chance = random.Random(1)
    if target in ("everything", "modes"):
        sound = [data[:1500] for data in samples()] + synthetic()
        packed = [compress(sound[3 + number]) for number, compress in enumerate(CODECS.values())]
        several = [as_one([sound[0], sound[1]]), as_one([sound[-1], packed[0], sound[5]]), sound[0] + sound[-3]]
        return [*sound, *packed, *several]
    if target == "frames":
        return [bytes([LINKS.index(link)]) + some for link in LINKS for some in _frames_of(link)]
    if target == "fragments":
        return [bytes.fromhex(text) for text in ("40000300000003040000", "41000300000103040000", "70003fff00300a800010")]
    if target == "text":
        return [ticket.encode() for ticket in (LISTING, TICKET, ROWS, HTTP, DUMPED)]
    return [chance.randbytes(8 * count) for count in (1, 4, 20, 100)]


def _frames_of(link: int) -> list[bytes]:
    """What a seed of this link type has as frames; of a rare one: headers that may be somewhat like it."""
    found = []
    for data in synthetic():
        if data[:4] == pcap([])[:4] and struct.unpack_from("<I", data, 20) == (link,):
            at, some = 24, b""
            while at + 16 <= len(data):
                size = struct.unpack_from("<I", data, at + 8)[0]
                frame = data[at + 16 : at + 16 + min(size, 255)]
                some += bytes([len(frame), 0]) + frame
                at += 16 + size
            found.append(some)
    ip = bytes.fromhex("45000028000700004006000001020304020304050050013800000001000000025010200000000000")
    return found or [b"".join(bytes([at + len(ip), 0]) + bytes(at) + ip for at in (0, 4, 8, 14, 20))]


def write(target: str, folder: Path) -> None:
    """Put them into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(corpus(target)):
        (folder / f"seed-{number}").write_bytes(data)
