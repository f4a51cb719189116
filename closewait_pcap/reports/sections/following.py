"""The next command to run, to be pasted as it is."""

from closewait_pcap import quantities
from closewait_pcap.reports.account import Account
from closewait_pcap.reports.parts import Command, Part, Section, Sentence
from closewait_pcap.results.values import cell
from closewait_pcap.verdicts.cause import Cause
from closewait_pcap.verdicts.judge import SERVER


def say(account: Account) -> Section | None:
    """Say what tells more than this capture does; nothing where nobody waits."""
    endpoints = account.endpoints
    if not len(endpoints["side"]) or not (endpoints["close_wait"][0] or endpoints["possible"][0]):
        return None
    parts: list[Part] = []
    host = quantities.printable(cell(endpoints, "address", 0))
    if not endpoints["stuck"][0]:
        parts.append(Command("Capture longer, as root", f"tcpdump -i any -s 128 -w longer.pcap {_expression(account)}"))
        if not endpoints["possible"][0]:
            return Section("next", "Next", parts)
    if account.result.matches is None:
        parts += [
            Command(f"Who holds them, as root on {host}", "(date -u; ss -tanpe) > ss.txt"),
            Command("Then", "analyze CAPTURE --sockets ss.txt"),
            Sentence("Without ss: lsof -nP -iTCP (macOS, BSD) or netstat -ano (Windows) in its place."),
        ]
    elif set(account.causes) & {Cause.never_accepted, Cause.never_answered}:
        port = int(endpoints["service_port"][0])
        parts.append(Command(f"The queue they wait in, on {host}", f"ss -tlne '( sport = :{port} )'"))
    parts += _holder(account)
    return Section("next", "Next", parts) if parts else None


def _expression(account: Account) -> str:
    endpoints = account.endpoints
    service, port = cell(endpoints, "service", 0), int(endpoints["service_port"][0])
    own = "" if endpoints["side"][0] == SERVER else f" and host {cell(endpoints, 'address', 0)}"
    return f"tcp port {port} and host {service}{own}"


def _holder(account: Account) -> list[Part]:
    """Say how to look at the process that holds the worst flow's socket."""
    matches = account.result.matches
    if matches is None or not len(account.flagged):
        return []
    row = int(account.worst[0])
    place = int(matches.of_side(int(account.result.judgement.waiting[row]))[row])
    users = matches.sockets[place].users if place >= 0 else ()
    if not users or users[0].pid is None:
        return []
    name = quantities.printable(users[0].process)
    port = int(account.endpoints["service_port"][0])
    return [Command(f"All that {name} holds of it", f"lsof -nP -a -p {users[0].pid} -iTCP:{port} -sTCP:CLOSE_WAIT")]
