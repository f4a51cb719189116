"""What is not counted as CLOSE_WAIT, and what this capture cannot show."""

from closewait_pcap import quantities
from closewait_pcap.reports import wording
from closewait_pcap.reports.account import Account
from closewait_pcap.reports.parts import Section, Sentence


def say_not_counted(account: Account) -> Section | None:
    """Say what could not be judged, or is no application's fault."""
    sentences = wording.unjudged(account.result, account.rows)
    return Section("not_counted", "Not counted as CLOSE_WAIT", [*map(Sentence, sentences)]) if sentences else None


def say_limits(account: Account) -> Section | None:
    """Say what the capture cannot show, and of which flows."""
    sentences = []
    for limit, rows in account.limits.items():
        named = wording.streams_filter(account.result, rows[: wording.EXAMPLES])
        first = f"the first {wording.EXAMPLES}: " if len(rows) > wording.EXAMPLES else ""
        sentences.append(f"{quantities.count(len(rows), 'flow')}: {limit.meaning}; {first}{named}")
    return Section("limits", "What this capture cannot show", [*map(Sentence, sentences)]) if sentences else None
