"""Who does not close: which side is to be looked at, and how many each endpoint holds."""

from closewait_pcap import quantities
from closewait_pcap.columns import SIDES
from closewait_pcap.reports.account import MOST, Account
from closewait_pcap.reports.parts import Part, Section, Sentence, Table, TableMaker
from closewait_pcap.results.values import Values, cell
from closewait_pcap.verdicts.cause import Cause
from closewait_pcap.views.endpoints import named

ONLY_CLOSING = (
    "CLOSE_WAIT has no timer: settings (keepalive, tcp_fin_timeout) hide it or shorten it; only closing the socket fixes it."
)
_COUNTS = {"CLOSE_WAIT": "close_wait", "stuck": "stuck", "sending": "sending", "too young": "too_young",
           "possible": "possible", "reset": "reset", "late": "closed_late", "closed": "closed"}  # fmt: skip
_BLAMELESS = {Cause.still_sending, Cause.send_blocked, Cause.undetermined}


def say(account: Account) -> Section | None:
    """Say it; nothing where nobody waits or waited."""
    endpoints = account.endpoints
    number = len(endpoints["side"])
    if not number:
        return None
    parts: list[Part] = []
    if endpoints["stuck"][0]:
        parts += [Sentence(text) for text in _culprit(account)]
    for row in range(min(number, MOST)):
        if behind := endpoints["waits_for"][row]:
            name = named(endpoints, row)
            parts.append(Sentence(f"{name[0].upper()}{name[1:]} only passes it on: it waits for {behind}."))
    most = account.tabled or MOST
    parts.append(_table(endpoints, most, account.result.capture.dating))
    if number > most:
        parts.append(Sentence(f"... and {quantities.count(number - most, 'more endpoint')}", 1))
    return Section("who", "Who", parts)


def _culprit(account: Account) -> list[str]:
    """Name the side to look at, as far as the causes allow."""
    endpoints, causes = account.endpoints, account.worst_causes
    side = int(endpoints["side"][0])
    peer = SIDES[1 - side]
    if causes <= _BLAMELESS:
        return [f"Look at the {peer}, which does not take what the {SIDES[side]} sends."] if Cause.send_blocked in causes else []
    return [
        f"Look at {named(endpoints, 0)}: the {peer} has closed, and only the application there can close it. "
        f"On the {peer}'s host the same are in FIN_WAIT_2, for which the {peer} is not to blame.",
        ONLY_CLOSING,
    ]


def _table(endpoints: dict[str, Values], most: int, dating: quantities.Dating) -> Table:
    # a column of zeros only takes room from the ones that say something
    told = {title: name for title, name in _COUNTS.items() if name in ("close_wait", "stuck", "closed") or endpoints[name].any()}
    rows = [
        [
            named(endpoints, row),
            *(f"{int(endpoints[name][row]):,}" for name in told.values()),
            quantities.short_moment(int(endpoints["first_since"][row]), dating),
            quantities.span(int(endpoints["longest_held"][row])),
            cell(endpoints, "trend", row).replace("too_short", ""),
        ]
        for row in range(min(len(endpoints["side"]), most))
    ]
    titles = ["waiting", *told, "since (UTC)", "longest", "trend"]
    return TableMaker(titles, {*told, "longest"}, set(titles[:-1])).make(rows, 1, 0)
