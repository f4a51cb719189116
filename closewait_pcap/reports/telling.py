"""The order in which everything is told: the verdict, then whose it is, why, how fast, what proves it, and what to do next."""

from closewait_pcap.reports.account import Account
from closewait_pcap.reports.parts import Section
from closewait_pcap.reports.sections import capture, following, limits, proof, shared, trend, who, why


def tell(account: Account) -> list[Section]:
    """Give what follows the headline, in the order of telling, without what there is nothing to say of.

    Source: what the threads of seventy incidents asked, in this order.
    """
    sections = [who.say(account), why.say(account), trend.say(account), shared.say(account), proof.say(account)]
    if account.result.matches is not None:
        from closewait_pcap.reports.sections import sockets  # noqa: PLC0415 - only with socket tables

        sections.append(sockets.say(account))
    sections += [limits.say_not_counted(account), limits.say_limits(account), following.say(account), capture.say(account)]
    return [section for section in sections if section is not None]
