"""Lines that tcpdump prints, of all its versions: what stands before a packet's ends, the ends, and what TCP says.

Source: print-tcp.c of tcpdump 3.4 to 4.99. A line is ``TIME [INTERFACE DIRECTION] [LINK HEADER] IP SOURCE > DESTINATION: WHAT``;
with ``-v`` it goes on on a second one behind the IP header. TCP is ``Flags [P.], seq 1:6, ack 1, win 512, options [...],
length 5`` from 4.1 on, and ``P 1:6(5) ack 1 win 512 <...>`` before.
"""

import re

from closewait_pcap.capture.packets import ACK
from closewait_pcap.capture.printed.summary import SECOND, STAMP, Form, Kind, Stamp, Summary, flags_of, stamp_of

_HEAD = 240
"""Characters in which a packet's time stands: before it are prompts and names that log collectors put there."""
_MAC = r"(?:[0-9a-f]{1,2}:){5}[0-9a-f]{1,2}"
_INTRO = re.compile(
    rf"\s*(?:(?:(?P<interface>[^\s,>()]{{1,40}})\s+)?(?P<direction>In|Out|B|M|P)\s+)?"
    rf"(?P<what>IP6?(?=[\s,(])|(?:ARP|RARP|STP|LLDP|CDP|LLC|EAPOL|PPPoE|Loopback|MPLS|IPX|AARP|ISIS|OSI|ethertype|vlan|802\.)"
    rf"|ifindex \d|(?:MAC )?(?:{_MAC}|Broadcast) |{_MAC},)"
)
_BARE = re.compile(r"(?:IP6?(?= \()|IP6? \S+ > \S+: |ARP, |\S+\.[\w-]+ > \S+\.[\w-]+: Flags \[)")
"""How a line begins that has no time (``-t``)."""
_SINCE = re.compile(r"(?:(\d{1,6})\. ?)?(\d{6})(?= (?:IP6? )?\S{1,300} > )")
"""Seconds and µs since the packet before, as ``-ttt`` printed them before tcpdump 4.1."""
_FLAGS = ": Flags ["
_MODERN = re.compile(
    r": Flags \[(?P<flags>[SFRPUEWe.]{1,9}|none)\]"
    r"(?:, cksum 0x[0-9a-f]{1,4}(?: \([^)]{0,60}\))?)?"
    r"(?:,\s{1,4}seq (?P<seq>\d{1,10})(?::(?P<end>\d{1,10}))?(?=[,\s]|$))?"
    r"(?:,\s{1,4}ack (?P<ack>\d{1,10})(?=[,\s]|$))?"
    r"(?:,\s{1,4}win (?P<window>\d{1,10})(?=[,\s]|$))?"
    r"(?:, urg \d+)?"
    r"(?:, options \[(?P<options>[^\]]{0,400})(?:\[\|tcp\])?\])?"
    r"(?P<rest>,? ?length (?P<length>\d{1,10}))?"
)
_OLD = re.compile(
    r":(?: \[[^\]]{0,80}\])? (?P<flags>[SFRP]{1,4}[WE]{0,2}|[WE]{1,2}|\.)(?: \[[^\]]{0,80}\]){0,2}"
    r"(?: (?P<seq>\d{1,10}):(?P<end>\d{1,10})\((?P<length>\d{1,10})\))?"
    r"(?: ack (?P<ack>\d{1,10}))?(?P<rest> win (?P<window>\d{1,10}))?(?: urg \d+)?(?: <(?P<options>[^>]{0,400})(?P<closed>>)?)?"
)
TUNNEL = re.compile(r"(?:VXLAN|Geneve)\b[^>]{0,80}, vni (?:0x[0-9a-f]+|\d+)[^>]{0,80}$")
"""What stands in a tunnel is printed on the next line, without a time."""
_QUIET = re.compile(r": tcp \d+")
_WSCALE = re.compile(r"\bwscale (\d{1,2})")
_VLAN = re.compile(r"\bvlan (\d{1,4})\b")
_NO_LENGTH = " bad-len 0"
"""All that is printed of a packet that is too long for IP's own length field (BIG TCP)."""
_SIZE = re.compile(r", length (\d{1,8}): ")
_VERBOSE = re.compile(r"\((?:tos|class|flowlabel|hlim) ?0?x?")


def parse(text: str) -> Summary | None:
    """Read a line.

    Args:
        text: the line, cleaned; or several that were put together.

    Returns:
        What it says of its packet; None where it is none that tcpdump prints.
    """
    if ":" not in text and "," not in text and _NO_LENGTH not in text:  # much of prose is looked at no further
        return None
    found = STAMP.search(text, 0, _HEAD)
    if found is None and (since := _SINCE.match(text)):
        return _of_packet(text, Stamp(Form.seconds, int(since[1] or 0) * SECOND + int(since[2]) * 1000), since.end())
    if found is None:
        return _of_packet(text, None, 0) if _BARE.match(text) else None
    stamp = stamp_of(found)
    if stamp is None:
        return None
    return _of_packet(text, stamp, found.end())


def _of_packet(text: str, stamp: Stamp | None, at: int) -> Summary | None:
    """Read what follows the time."""
    flags_at = text.find(_FLAGS, at)
    intro = _INTRO.match(text, at)
    if flags_at >= 0 and (intro or stamp is None or text[at : at + 1].isspace()):
        return _modern(text, stamp, at, flags_at, intro)
    arrow = text.find(" > ", at)
    if arrow >= 0 and (old := _old(text, stamp, at, arrow, intro)):
        return old
    if stamp is None and intro is None:
        return None
    return _other(text, stamp, at, intro) if intro else None


def _modern(text: str, stamp: Stamp | None, at: int, flags_at: int, intro: "re.Match[str] | None") -> Summary | None:
    arrow = text.rfind(" > ", at, flags_at)
    told = _MODERN.match(text, flags_at)
    if arrow < 0:
        return None
    source, destination = _ends(text, at, arrow, flags_at)
    if told is None:
        cut = Summary(Kind.cut, stamp, source, destination, complete=text.find("]", flags_at) >= 0, end_at=flags_at)
        return cut._replace(interface=_interface(intro))
    flags = flags_of(told["flags"])
    seq, end, ack = _number(told["seq"]), _number(told["end"]), _number(told["ack"])
    complete = told["length"] is not None
    usable = flags is not None and (complete or _says_enough(flags, seq, ack, text[told.end() :]))
    return Summary(
        Kind.tcp if usable else Kind.cut, stamp, source, destination,
        six=_is_six(text, at, arrow, source), flags=flags or 0, seq=seq, end=end, ack=ack,
        window=_number(told["window"]), length=_number(told["length"]), wscale=_wscale(told["options"]),
        interface=_interface(intro), vlans=_vlans(text, at, arrow), complete=complete, end_at=told.end(),
    )  # fmt: skip


def _old(text: str, stamp: Stamp | None, at: int, arrow: int, intro: "re.Match[str] | None") -> Summary | None:
    """Read a line of tcpdump 3 or 4.0; older ones have no ``IP``, and ``eth0 <`` or ``eth0 >`` before the ends."""
    if text.startswith(" > ", arrow) and intro is None and text.find(" > ", arrow + 3, arrow + 200) >= 0:
        arrow = text.find(" > ", arrow + 3)  # the first one is the direction
    colon = text.find(": ", arrow)
    if colon < 0 or " " in text[arrow + 3 : colon] or (stamp is None and intro is None):
        return None
    told = _OLD.match(text, colon)
    if told is None or (told["window"] is None and told["seq"] is None and told["ack"] is None):
        return None
    letters = told["flags"] if told["flags"] != "." else ""
    flags = (flags_of(letters) or 0) | (ACK if told["ack"] else 0)
    source, destination = _ends(text, at, arrow, colon)
    complete = told["window"] is not None and (told["options"] is None or told["closed"] is not None)
    return Summary(
        Kind.tcp, stamp, source, destination,
        six=_is_six(text, at, arrow, source), flags=flags, seq=_number(told["seq"]), end=_number(told["end"]),
        ack=_number(told["ack"]), window=_number(told["window"]), length=_number(told["length"]),
        wscale=_wscale(told["options"]), interface=_interface(intro), vlans=_vlans(text, at, arrow),
        complete=complete, end_at=told.end(),
    )  # fmt: skip


def _other(text: str, stamp: Stamp | None, at: int, intro: "re.Match[str]") -> Summary:
    """Read a line that holds no TCP, or not yet: with ``-v`` the ends stand on the next one."""
    arrow = text.rfind(" > ", at)
    is_ip = intro["what"].startswith("IP") or "ethertype IP" in text[at : at + _HEAD]
    verbose = _VERBOSE.search(text, at, at + _HEAD)
    ended = text.find(": ", arrow) if arrow >= 0 else -1
    broken = ended < 0 or "Flags".startswith(text[ended + 2 :]) or TUNNEL.search(text, ended) is not None
    waits = is_ip and ((verbose is not None and text.endswith(")")) or broken)
    if ended >= 0 and _QUIET.match(text, ended):
        source, destination = _ends(text, at, arrow, ended)
        return Summary(Kind.quiet, stamp, source, destination, six=_is_six(text, at, arrow, source), interface=_interface(intro))
    untold = "[|tcp]" in text or _NO_LENGTH in text or (waits and "TCP" in text)
    kind = Kind.cut if untold else Kind.other
    return Summary(kind, stamp, interface=_interface(intro), size=_size(text, at), complete=not waits, end_at=at)


def _ends(text: str, at: int, arrow: int, stop: int) -> tuple[str, str]:
    return text[text.rfind(" ", at, arrow) + 1 : arrow], text[arrow + 3 : stop]


def _says_enough(flags: int | None, seq: int | None, ack: int | None, rest: str) -> bool:
    """Whether a line that is cut behind its numbers says all that is needed: where it begins, or an ACK how far it goes."""
    if flags is None or rest.lstrip(", ").startswith(("seq", "ack")):  # and not one digit of it, or not all
        return False
    return seq is not None or (flags == ACK and ack is not None)


def _is_six(text: str, at: int, arrow: int, source: str) -> bool:
    return source.count(":") > 1 or "IP6 " in text[at:arrow] or "ethertype IPv6" in text[at:arrow]


def _size(text: str, at: int) -> int | None:
    found = _SIZE.search(text, at, at + _HEAD)
    return int(found[1]) if found else None


def _interface(intro: "re.Match[str] | None") -> str:
    name = (intro["interface"] if intro else None) or ""
    return "" if name == "?" else name


def _vlans(text: str, at: int, arrow: int) -> tuple[int, ...]:
    return tuple(int(number) & 0xFFF for number in _VLAN.findall(text, at, arrow)[-2:]) if "vlan" in text else ()


def _number(digits: str | None) -> int | None:
    return None if digits is None else int(digits) & 0xFFFFFFFF


def _wscale(options: str | None) -> int | None:
    found = _WSCALE.search(options) if options else None
    return min(int(found[1]), 14) if found else None
