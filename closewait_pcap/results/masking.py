"""A result whose addresses are mapped and whose names are gone: all reports made of it can be shown to anybody.

Mapped at the root, so that no report has to know of it: the addresses of flows, of tunnels' ends, of sockets. Dropped: names of
files, interfaces, processes and users; the numbers of VLANs and tunnels. Left: ports, times, numbers of frames, streams, sockets
and processes, and what is counted.
"""

import ipaddress
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np

from closewait_pcap.anonymizing import Anonymizer
from closewait_pcap.capture.info import CaptureInfo, Gap
from closewait_pcap.engine import Structured
from closewait_pcap.flows.table import Facts
from closewait_pcap.quantities import count
from closewait_pcap.results.addresses import address_text
from closewait_pcap.results.result import Result
from closewait_pcap.results.values import Values
from closewait_pcap.sockets.collecting import table_warnings

if TYPE_CHECKING:
    from closewait_pcap.capture.printout import Printout
    from closewait_pcap.sockets.addresses import Endpoint
    from closewait_pcap.sockets.matching import Matches
    from closewait_pcap.sockets.table import Socket

Rename = Callable[[str], str]
_OF_CLIENT = np.uint16(0x5555)
"""Every second bit: those of end 0 in FLOW's ``letters``."""
_HIDDEN = "(hidden)"


def anonymized(result: Result, anonymizer: Anonymizer) -> tuple[Result, Rename]:
    """Map the addresses of a result, and drop names.

    Args:
        result: an analysis; it is left as it is.
        anonymizer: how to map.

    Returns:
        A result of the same flows in the same rows, which takes as much memory again; and what takes the names out of sentences.
    """
    rename = _renaming(result)
    facts, swapped = _mapped_facts(result.facts, anonymizer)
    judgement = replace(result.judgement, client_end=result.judgement.client_end ^ swapped.astype(np.int8))
    masked = Result(
        _masked_info(result.capture, anonymizer, rename),
        facts,
        judgement,
        result.stuck_after,
        [""] * len(result.names),
        None,
        result.agreement,
    )
    if result.matches is not None:
        masked.matches = _masked_matches(result.matches, swapped, anonymizer, rename)
    return masked, rename


def _mapped_facts(facts: Facts, anonymizer: Anonymizer) -> tuple[Facts, Values]:
    """Map the addresses of flows, and say which flows have their ends the other way round now.

    End 0 is the one with the smaller address, and mapping keeps prefixes, not order: where that differs, all that is told of
    ends by their place changes places.
    """
    flows, ends, paths = facts.flows.copy(), facts.ends.copy(), facts.paths.copy()
    a, b = _map(flows, "a", anonymizer), _map(flows, "b", anonymizer)
    swapped = (a[:, 0] > b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] > b[:, 1]))
    low, high = np.where(swapped[:, None], b, a), np.where(swapped[:, None], a, b)
    for name, words in (("a", low), ("b", high)):
        flows[f"{name}_hi"], flows[f"{name}_lo"] = words[:, 0], words[:, 1]
    ports = flows["ports"][swapped]
    flows["ports"][swapped] = (ports & 0xFFFF) << 16 | ports >> 16
    flows["opener"][swapped] ^= 1
    letters = flows["letters"][swapped]
    flows["letters"][swapped] = (letters & _OF_CLIENT) << 1 | letters >> 1 & _OF_CLIENT
    digits = np.minimum(flows["letter_count"][swapped], 15).astype(np.int64)
    flows["history"][swapped] ^= 0x111111111111111 & ((1 << 4 * digits) - 1)
    ends[swapped] = ends[swapped][:, ::-1]
    for name in ("outer_src", "outer_dst"):
        tunnelled = paths["tunnel"] != 0
        words = _map(paths[tunnelled], name, anonymizer)
        paths[f"{name}_hi"][tunnelled], paths[f"{name}_lo"][tunnelled] = words[:, 0], words[:, 1]
    paths["vlan"] = paths["interface"] = paths["process"] = paths["tunnel_id"] = 0
    return Facts(flows, ends, paths), swapped


def _map(table: Structured, name: str, anonymizer: Anonymizer) -> Values:
    return anonymizer.words(np.stack([table[f"{name}_hi"], table[f"{name}_lo"]], axis=1))


def masked_sentences(result: Result, sentences: Sequence[str], not_of_it: Collection[str], rename: Rename) -> list[str]:
    """Take names out of sentences about an analysis.

    Args:
        result: the analysis, as captured.
        sentences: what limits it.
        not_of_it: those of them that name what is no part of it, or why it could not be read.
        rename: as `anonymized` gives it.

    Returns:
        Sentences; those that quote what stands in a socket table, or name what is no part of it, are counted.
    """
    quoting = set(table_warnings(result.matches.snapshots)) if result.matches is not None else set()
    unnamed = sum(sentence in not_of_it for sentence in sentences)
    unquoted = sum(sentence in quoting for sentence in sentences)
    found = [f"passed over, and not named here: {count(unnamed, 'input')}"] if unnamed else []
    found += [f"not quoted here: {count(unquoted, 'remark')} on lines of socket tables"] if unquoted else []
    return found + [rename(sentence) for sentence in sentences if sentence not in quoting and sentence not in not_of_it]


def _renaming(result: Result) -> Rename:
    """Make what replaces the names of files in sentences."""
    names: dict[str, str] = {}

    def add(files: Sequence[str], kind: str) -> None:
        different = list(dict.fromkeys(files))
        for number, file in enumerate(different, 1):
            alias = f"{kind}-{number}" if len(different) > 1 else kind
            names.update(dict.fromkeys((file, PurePath(file).name, _host(file)), alias))

    if result.matches is not None:
        add([snapshot.source for snapshot in result.matches.snapshots], "sockets")
    add(result.capture.files, "capture")
    longest_first = sorted(filter(None, names), key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)") if longest_first else None

    names_told = {text for printout in result.capture.printouts if printout is not None for text in printout.names}

    def rename(text: str) -> str:
        if text in names_told:
            return "capture: hosts or services are printed by name, and numbers stand for them"
        return text if pattern is None else pattern.sub(lambda found: names[found[0]], text)

    return rename


def _host(file: str) -> str:
    """Name the host of a URL; empty where it is none."""
    return re.sub(r":\d+\Z", "", file.partition("://")[2].partition("/")[0])


def _masked_info(info: CaptureInfo, anonymizer: Anonymizer, rename: Rename) -> CaptureInfo:
    parts = [_masked_info(part, anonymizer, rename) for part in info.parts]
    together = f"{parts[0].file} ... {parts[-1].file} ({len(parts)} files)" if parts else rename(info.file)
    return replace(
        info,
        file=together,
        damages=[rename(sentence) for sentence in info.damages],
        printout=None if info.printout is None else _masked_printout(info.printout, anonymizer, rename),
        joined=[rename(sentence) for sentence in info.joined],
        gaps=[Gap(gap.start, gap.end, rename(gap.why)) for gap in info.gaps],
        parts=parts,
    )


def _masked_printout(printout: "Printout", anonymizer: Anonymizer, rename: Rename) -> "Printout":
    """Keep where packets are printed; what is printed there, and who, is not to be shown."""
    remarks = [rename(sentence) for sentence in printout.remarks]
    stand_ins = anonymizer.words(np.array([*printout.hosts], np.int64).reshape(-1, 2)).tolist()
    hosts = {(hi, lo): address_text(hi, lo) for hi, lo in stand_ins}
    return replace(printout, quotes=None, asides=[], hosts=hosts, names=[], remarks=remarks)


def _masked_matches(matches: "Matches", swapped: Values, anonymizer: Anonymizer, rename: Rename) -> "Matches":
    everybody = chain(matches.sockets, *(snapshot.sockets for snapshot in matches.snapshots))
    names = sorted({user.process for socket in everybody for user in socket.users} - {""})
    aliases = {name: f"process-{number}" for number, name in enumerate(names, 1)} | {"": ""}

    def masked(socket: "Socket") -> "Socket":
        return socket._replace(
            local=_masked_end(socket.local, anonymizer),
            peer=_masked_end(socket.peer, anonymizer),
            users=tuple(user._replace(process=aliases[user.process]) for user in socket.users),
            owner="",
        )

    known = matches.flow_of >= 0
    turned = known & swapped[np.where(known, matches.flow_of, 0)] if len(swapped) else known
    return replace(
        matches,
        sockets=[masked(socket) for socket in matches.sockets],
        snapshots=[
            replace(
                snapshot,
                sockets=[masked(socket) for socket in snapshot.sockets],
                source=rename(snapshot.source),
                complaints=[_HIDDEN for _ in snapshot.complaints],
            )
            for snapshot in matches.snapshots
        ],
        end_of=np.where(turned, 1 - matches.end_of, matches.end_of),
    )


def _masked_end(end: "Endpoint", anonymizer: Anonymizer) -> "Endpoint":
    address = None if end.address is None else ipaddress.ip_address(anonymizer.text(str(end.address)))
    return end._replace(address=address, zone="", text=_HIDDEN if end.text else "")
