"""Kernel against packets: on the samples, on captures recorded beside ss, and rule by rule."""

import json
import struct
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from closewait_pcap import analyze
from closewait_pcap.sockets.reading import read_snapshots
from closewait_pcap.verdicts.differences import RULES
from tests.sockets.dated import NAMES, SAMPLES, capture, expected, last_tables

SHARED = Path(__file__).parents[3] / "shared"
RUNS = sorted(path.parent for path in (SHARED / "ktruth").glob("*/truth.json") if (path.parent / "capture.pcap").exists())
HEADER, RECORD = 24, 16

DIFFERENT = {"not_reading": Counter({("client", "ESTABLISHED", "FIN_WAIT_1", "fin_behind_data"): 1})}


@pytest.mark.parametrize("name", NAMES)
def test_samples(name: str) -> None:
    """All states agree, but for those that the sample's own expectation says no packet can show."""
    agreement = analyze(capture(name), sockets=last_tables(name)).agreement
    differs = agreement[~agreement["agrees"]]
    found = Counter(zip(differs["side"], differs["inferred_state"], differs["kernel_state"], differs["reason"], strict=True))
    assert found == DIFFERENT.get(name, Counter())
    both = [flow["kernel"][side] for flow in expected(name)["flows"] for side in ("client", "server")]
    assert agreement["kernel_state"].notna().sum() == sum(state is not None for state in both)


@pytest.mark.skipif(not RUNS, reason="no shared/ktruth beside the checkout")
@pytest.mark.parametrize("timed", [True, False])
def test_every_difference_has_an_explanation(timed: bool) -> None:
    joined, agree, reasons = 0, 0, Counter[str]()
    for run in RUNS:
        time = round(json.loads((run / "truth.json").read_text())["meta"]["t_ss_begin"] * 1e9)
        tables = [read_snapshots(run / f"ss_{side}.txt", time=time if timed else None)[0] for side in ("client", "server")]
        for path in sorted(run.glob("capture*.pcap")):
            agreement = analyze(path, sockets=tables).agreement
            known = agreement[agreement["kernel_state"].notna()]
            joined, agree = joined + len(known), agree + int(known["agrees"].sum())
            reasons.update(agreement["reason"].dropna())
    assert reasons["unexplained"] == 0
    assert (joined, agree) == (2959, 2863 if timed else 2852)


@pytest.mark.parametrize("name", ["busy_worker", "echo_never_closes", "client_pool_leak"])
def test_tables_of_every_step_are_explained(name: str) -> None:
    """Tables older than the capture's end, without a time that can be used: what has changed since is explained."""
    for path in sorted((SAMPLES / name).glob("*.ss.txt")):
        agreement = analyze(capture(name), sockets=path.read_text()).agreement
        assert "unexplained" not in set(agreement["reason"].dropna()), path


def without_first(path: Path, frames: int) -> bytes:
    """A capture that began later."""
    whole, at = path.read_bytes(), HEADER
    for _ in range(frames):
        at += RECORD + struct.unpack_from("<I", whole, at + 8)[0]
    return whole[:HEADER] + whole[at:]


def until(path: Path, frames: int) -> bytes:
    """A capture that ended earlier."""
    return until_frames(path.read_bytes(), frames)


def until_frames(whole: bytes, frames: int) -> bytes:
    at = HEADER
    for _ in range(frames):
        at += RECORD + struct.unpack_from("<I", whole, at + 8)[0]
    return whole[:at]


def reasons(data: bytes, tmp_path: Path, tables: list[str]) -> dict[str, str]:
    (tmp_path / "cut.pcap").write_bytes(data)
    agreement = analyze(tmp_path / "cut.pcap", sockets=tables).agreement
    return {
        f"{row.side} {row.inferred_state} {row.kernel_state}": str(row.reason) for row in agreement.itertuples() if not row.agrees
    }


def test_a_capture_that_ends_before_the_table(tmp_path: Path) -> None:
    """echo_never_closes, frame by frame: what the table shows came after the capture's end."""
    path, tables = capture("echo_never_closes"), last_tables("echo_never_closes")
    fin = int(analyze(path).flows["client_fin_frame"].iloc[0])
    before = reasons(until(path, fin - 1), tmp_path, tables)
    assert before == {"client ESTABLISHED FIN_WAIT_2": "later", "server ESTABLISHED CLOSE_WAIT": "later"}
    without_ack = reasons(until(path, fin), tmp_path, tables)
    assert without_ack == {
        "client FIN_WAIT_1 FIN_WAIT_2": "own_fin_ack_unseen",
        "server ESTABLISHED CLOSE_WAIT": "fin_ack_unseen",
    }


def test_a_capture_that_began_after_the_fin(tmp_path: Path) -> None:
    path = capture("echo_never_closes")
    packets = analyze(path).packets(0)
    data = without_first(path, int(packets[packets["len"] > 0]["frame"].iloc[-1]) - 1)
    again = until_frames(data, 2)  # the last answer and its ACK, and not the FIN behind them
    found = reasons(again, tmp_path, [table.partition("\n")[2] for table in last_tables("echo_never_closes")])
    assert set(found.values()) == {"began_before"}


def test_an_end_that_its_hosts_table_lacks() -> None:
    path, tables = capture("busy_worker"), last_tables("busy_worker")
    lines = tables[1].splitlines(keepends=True)
    gone = "".join(line for line in lines if "CLOSE-WAIT" not in line)
    found = analyze(path, sockets=gone)
    row = found.agreement[found.agreement["kernel_state"].isna()]
    assert row[["side", "inferred_state"]].values.tolist() == [["server", "CLOSE_WAIT"]]
    assert row["reason"].tolist() == ["absent"]
    when = f"{datetime.fromisoformat(tables[1][:26]) + timedelta(seconds=60)}Z"
    younger = analyze(path, sockets=f"{when}\n{gone.partition(chr(10))[2]}").agreement
    assert younger[younger["kernel_state"].isna()]["reason"].tolist() == ["ended_since"]
    only_established = "".join(line for line in lines if "CLOSE-WAIT" not in line and "LISTEN" not in line)
    assert analyze(path, sockets=only_established).agreement["kernel_state"].notna().all(), "a selection: nothing is missing"


def test_rules_have_names_and_sentences_of_their_own() -> None:
    assert len({rule.name for rule in RULES}) == len({rule.sentence for rule in RULES}) == len(RULES)
    assert RULES[-1].name == "unexplained"


def test_an_old_table_without_a_time_is_not_held_against_a_reset() -> None:
    """reset, before its RSTs: the table is older, and nobody ignored anything."""
    tables = [path.read_text() for path in sorted((SAMPLES / "reset").glob("*.ss.txt")) if "_end" not in path.name]
    agreement = analyze(capture("reset"), sockets=tables).agreement
    assert set(agreement["reason"].dropna()) <= {"earlier", "absent"}
