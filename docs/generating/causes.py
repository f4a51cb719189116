"""The reference's page of causes and limits, as their modules explain them."""

from closewait_pcap.verdicts.cause import Cause
from closewait_pcap.verdicts.causes.diagnosis import explain
from closewait_pcap.verdicts.limits import Limit

_TITLES = ("What it means", "What proves it", "What would disprove it", "What to do")


def page() -> str:
    """Write the causes, as their files explain them, and the limits."""
    parts = [
        "# Causes and limits",
        "Made by `docs/generate.py` from `closewait_pcap/verdicts/causes/` and `limits.py`. Every end that waits, or did, has "
        "one cause, with a confidence (`certain`, `probable`: right in at least 88 of 100 cases, `possible`) and evidence; of "
        "all grounds that apply, the surest is named. How often a claim is right was counted on connections whose state the "
        "kernel told.",
    ]
    for cause in Cause:
        explained = explain(cause)
        parts += [f"## `{cause}`", f"**{explained.summary}**"]
        parts += [f"*{title}.* {text}" for title, text in zip(_TITLES, explained[1:], strict=True)]
    parts += [
        "## Limits",
        "What a capture cannot show of a flow, however well it is read; the column `limits` names those that apply.",
    ]
    parts += ["\n".join(f"- `{limit.name}`: {limit.meaning}." for limit in Limit)]
    return "\n\n".join(parts) + "\n"
