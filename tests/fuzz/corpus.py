"""Small inputs to begin fuzzing with, by target; made when they are needed, so that no folder of them must be kept."""

import random
import struct
from pathlib import Path

from tests.capture.writers import pcap
from tests.fuzz.mutants import CODECS
from tests.fuzz.outcome import as_one
from tests.fuzz.seeds import samples, synthetic
from tests.fuzz.targets import LINKS


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
