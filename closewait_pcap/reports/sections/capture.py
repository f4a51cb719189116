"""What was read: all flows by verdict, and the capture itself."""

from closewait_pcap import quantities
from closewait_pcap.reports.account import Account
from closewait_pcap.reports.parts import Section, Sentence


def say(account: Account) -> Section:
    """Say it."""
    info, summary = account.result.capture, account.summary
    verdicts = ", ".join(f"{count:,} {name}" for name, count in summary.counts.items())
    lines = [f"Flows: {summary.flows:,}" + (f" ({verdicts})" if verdicts else "")]
    text = f"Capture: {quantities.printable(info.file)}, {info.format}, {', '.join(info.link_types) or 'no interface'}; "
    text += f"{info.frames:,} frames, {info.tcp_frames:,} TCP"
    if info.first_time is not None and info.end_time is not None:
        text += f"; {quantities.moment(info.first_time, info.dating)} to {quantities.moment(info.end_time, info.dating)}"
        if info.end_time >= info.first_time:  # or the clock was set back
            text += f" ({quantities.span(info.end_time - info.first_time)})"
    lines.append(text)
    skipped = {reason: count for reason, count in info.skipped.items() if reason not in ("not_ip", "not_tcp")}
    if skipped:
        told = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in skipped.items())
        lines.append(f"Frames passed over: {told}")
    return Section("capture", "", [*map(Sentence, lines)])
