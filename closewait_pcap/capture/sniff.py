"""Tells a capture's format from its first bytes, and says clearly what it is where it is no capture."""

from typing import Literal, NamedTuple

from closewait_pcap.errors import CaptureError

HEAD = 28
"""How many bytes `sniff` wants to see: a pcapng section header is the longest of what it reads."""


class Format(NamedTuple):
    """What the first bytes say."""

    name: str
    pcapng: bool
    big_endian: bool
    header: int
    """Bytes before the first record or block."""
    record_header: int
    nanoseconds: int
    """ns per unit of a record's fraction (pcap)."""
    link: int
    """Link type of all frames (pcap)."""
    snaplen: int
    """Bytes kept of a frame, as the header says (pcap)."""


_PCAP = {  # magic in the file's own order: (name, record header, ns per unit)
    0xA1B2C3D4: ("pcap", 16, 1000),
    0xA1B23C4D: ("pcap (nanoseconds)", 16, 1),
    0xA1B2CD34: ("pcap (Kuznetzov's, patched)", 24, 1000),
}
_PCAPNG = b"\x0a\x0d\x0d\x0a"
_OTHERS = {
    b"PK\x03\x04": ("a ZIP archive", "unzip -p FILE | analyze -"),
    b"\x7fELF": ("a program", "give it a pcap or pcapng file"),
}
_FOREIGN = {
    b"snoop\0\0\0": "Solaris snoop",
    b"GMBU": "Microsoft Network Monitor 2",
    b"RTSS": "Microsoft Network Monitor 1",
    b"iptrace 1.0": "AIX iptrace 1",
    b"iptrace 2.0": "AIX iptrace 2",
    b"TRSNIFF data    \x1a": "Sniffer (DOS)",
    b"XCP\0": "Sniffer (Windows)",
    b"btsnoop\0": "btsnoop",
    b"ObserverPktBuffe": "Network Instruments Observer",
    b"\x05VNF": "Visual Networks",
    b"\xaa\xaa\xaa\xaa\x20\0\0\0": "InfoVista 5View",
    b"\x01\x10\x4c\0": "Novell LANalyzer",
    b"TR\0\x64\0": "HP-UX nettl",
    b"\x7fver": "Savvius/WildPackets Peek (tagged)",
}
"""Captures that Wireshark's programs read, by first bytes."""


def is_capture(head: bytes) -> bool:
    """Whether data that begins with ``head`` is pcap or pcapng."""
    return head[:4] == _PCAPNG or any(int.from_bytes(head[:4], order) in _PCAP for order in ("big", "little"))


def foreign(head: bytes) -> str | None:
    """Name the format of a capture that is not ours to read; None where the first bytes tell none."""
    return next((name for magic, name in _FOREIGN.items() if head.startswith(magic)), None)


def is_convertible(head: bytes) -> bool:
    """Whether data that begins with ``head`` may be a capture in another binary format."""
    if foreign(head) is not None:
        return True
    return len(head) >= HEAD and not (is_capture(head) or any(map(head.startswith, _OTHERS)) or is_text(head))


def sniff(head: bytes, name: str) -> Format:
    """Tell the capture format from the first bytes.

    Args:
        head: the first `HEAD` bytes, or all there are.
        name: of the file, for the error.

    Returns:
        What the header says.

    Raises:
        CaptureError: it is no pcap or pcapng; the message says what it looks like instead and what to do.
    """
    if not head:
        raise CaptureError(f"{name}: the file is empty (0 bytes); was the capture stopped before its first packet?")
    if head[:4] == _PCAPNG:
        return _pcapng(head, name)
    for order in ("big", "little"):
        magic = int.from_bytes(head[:4], order)
        if magic in _PCAP:
            if len(head) < 24:
                raise CaptureError(f"{name}: the file ends inside the pcap header, at byte {len(head)} of 24")
            label, record_header, unit = _PCAP[magic]
            link = int.from_bytes(head[20:24], order) & 0xFFFF  # above: length of the FCS
            snaplen = int.from_bytes(head[16:20], order)
            return Format(label, False, order == "big", 24, record_header, unit, link, snaplen)
    for magic_bytes, (what, remedy) in _OTHERS.items():
        if head.startswith(magic_bytes):
            raise CaptureError(f"{name}: this is {what}, not a pcap or pcapng capture; try: {remedy}")
    if (kind := foreign(head)) is not None:
        raise CaptureError(
            f"{name}: this is a capture in {kind} format, not pcap or pcapng; "
            "install tshark (apt install tshark), and its editcap converts it on the way"
        )
    if is_text(head):
        raise CaptureError(f"{name}: this is text, not a pcap or pcapng capture; write one with: tcpdump -w FILE")
    import shutil  # noqa: PLC0415 - for this error alone

    message = f"{name}: not a pcap or pcapng capture (it begins with {head[:4].hex(' ')})"
    if shutil.which("editcap") is None:
        message += "; more formats can be read where tshark is installed (apt install tshark)"
    raise CaptureError(message)


def header_of(head: bytes) -> Format | None:
    """Tell whether a capture file begins here, inside of another one, where chance and payload also write the magic number.

    Args:
        head: `HEAD` bytes, or all there are.

    Returns:
        What the header says; None where there is none.
    """
    try:
        found = sniff(head, "")
    except CaptureError:
        return None
    if found.pcapng:
        return found
    order: Literal["big", "little"] = "big" if found.big_endian else "little"
    major, minor = int.from_bytes(head[4:6], order), int.from_bytes(head[6:8], order)
    return found if (major, minor) in ((2, 3), (2, 4)) else None


def _pcapng(head: bytes, name: str) -> Format:
    magic = head[8:12]
    if len(head) < 28:
        raise CaptureError(f"{name}: the file ends inside the pcapng section header, at byte {len(head)} of 28")
    if magic not in (b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a"):
        raise CaptureError(f"{name}: damaged pcapng section header (byte-order magic {magic.hex(' ')})")
    return Format("pcapng", True, magic == b"\x1a\x2b\x3c\x4d", 0, 0, 0, -1, 0)


def is_text(head: bytes) -> bool:
    """Whether data that begins with ``head`` is text: UTF-8 or the like, or UTF-16 with its mark."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return len(head) > 3 and 0 in head[2:4]
    return bool(head) and all(byte in b"\t\n\r\f\x1b" or 32 <= byte < 127 or byte >= 128 for byte in head)
