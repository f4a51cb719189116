"""Flows for data frames elsewhere: Parquet, with the dtypes of `Analysis.flows`."""

from closewait_pcap.reports.account import Account


def render(account: Account) -> bytes:
    """Write the flows.

    Args:
        account: whose flows.

    Returns:
        A Parquet file; the index is ``stream``.
    """
    from closewait_pcap.frames import flows_frame  # noqa: PLC0415 - pandas: only for this format

    return flows_frame(account.result, account.listed).to_parquet(None, engine="pyarrow")
