"""What about a capture limits the conclusions, in sentences."""

from closewait_pcap import quantities
from closewait_pcap.capture.info import CaptureInfo
from closewait_pcap.quantities import Dating


def of_capture(info: CaptureInfo) -> list[str]:
    """Say what of a capture itself does: damage, drops, clock steps, frames that could not be looked into.

    Args:
        info: of one file.

    Returns:
        Sentences.
    """
    found = [*info.damages, *info.joined, *(info.printout.remarks if info.printout else ())]
    if info.interrupted:
        found.append(f"{info.file}: interrupted; what was read by then, {info.frames:,} frames, is analysed")
    if info.drops:
        found.append(f"{info.file}: the capturing machine dropped {info.drops:,} packets; a FIN may be among them")
    if info.largest_step_back >= 1_000_000_000:
        found.append(
            f"{info.file}: time goes back {info.steps_back:,} times, by up to {info.largest_step_back / 1e9:,.1f} s; "
            "spans across such a step are lower bounds or unknown (merge captures with mergecap)"
        )
    if info.untimed:
        found.append(
            f"{info.file}: {info.untimed:,} frames have no time (0)"
            + (
                "; how long anything took cannot be said"
                if info.first_time is None
                else ", and are given that of the frame before"
            )
        )
    if info.flannel:
        found.append(
            f"{info.file}: {info.flannel:,} frames are VXLAN on port 8472; for the same stream numbers in Wireshark: "
            "tshark -d udp.port==8472,vxlan"
        )
    if user := info.skipped.get("user_defined_link"):
        found.append(
            f"{info.file}: {user:,} frames are of a user-defined link type, and only who made the capture knows what they hold; "
            "if that is Ethernet: editcap -T ether FILE out.pcap"
        )
    if info.frames and not info.tcp_frames:
        reasons = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in info.skipped.items())
        found.append(f"{info.file}: none of its {info.frames:,} frames holds TCP ({reasons})")
    return found


def of_missing_flows(info: CaptureInfo, max_flows: int | None) -> list[str]:
    """Say how many flows have no row, and why.

    Args:
        info: of all files.
        max_flows: how many the table keeps.

    Returns:
        Sentences.
    """
    if not info.missing_flows:
        return []
    counts = ", ".join(f"{count:,} {verdict}" for verdict, count in info.missing_flows.items())
    return [
        f"{sum(info.missing_flows.values()):,} flows have left the table, which keeps {max_flows:,} (--max-flows): {counts}. "
        "They are counted and not listed; a packet of theirs that came later began a stream that Wireshark does not have"
    ]


def of_dates(info: CaptureInfo) -> list[str]:
    """Say which files cannot be put in order with the others, since no date is printed in them.

    Args:
        info: of all files.

    Returns:
        Sentences.
    """
    undated = [part.file for part in info.parts if part.printout is not None and part.printout.dating is not Dating.FULL]
    if not 0 < len(undated) < len(info.parts):
        return []
    return [
        f"without a date, and so not to be put in order with the other files: {undated[0]}"
        + (f" and {len(undated) - 1:,} more" if len(undated) > 1 else "")
        + "; analyse them apart (--each), or print them with -tttt"
    ]


def of_gaps(info: CaptureInfo) -> list[str]:
    """Say where the files show nothing, and that nothing follows from it.

    Args:
        info: of all files.

    Returns:
        Sentences.
    """
    return [
        f"{gap.why}, for {quantities.span(gap.end - gap.start)} from {quantities.moment(gap.start, info.dating)} on; "
        "what is silent since may have closed unseen"
        for gap in info.gaps
    ]
