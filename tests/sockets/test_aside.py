"""Socket tables that stand in one text with printed packets."""

from closewait_pcap import Analysis, analyze_text
from closewait_pcap.sockets.table import TimeFrom
from tests.capture.printed.printing import ACK, DATA, FIN, ITS_ACK, LISTING, SYN, SYN_ACK

HEADER = "Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name\n"
ROW = "tcp        {recv_q}      0 {local:<23} {peer:<23} {state:<11} {process}\n"


def netstat(state: str, process: str = "297/app", recv_q: int = 0) -> str:
    row = ROW.format(recv_q=recv_q, local="10.0.0.2:9000", peer="10.0.0.1:46098", state=state, process=process)
    return f"$ netstat -antp\nActive Internet connections (servers and established)\n{HEADER}{row}"


def times(analysis: Analysis) -> list[tuple[int | None, TimeFrom]]:
    assert analysis.result.matches is not None
    return [(snapshot.time, snapshot.time_from) for snapshot in analysis.result.matches.snapshots]


def of_day(hour: int, minute: int, second: int, us: int = 0) -> int:
    return ((hour * 60 + minute) * 60 + second) * 10**9 + us * 1000


TICKET = (
    f"$ tcpdump -i eth0 -nn port 9000\n{SYN}\n{SYN_ACK}\n{ACK}\n\n{netstat('ESTABLISHED', '292/app')}\n"
    f"Then it closes:\n{DATA}\n{FIN}\n{ITS_ACK}\n{netstat('CLOSE_WAIT', recv_q=6)}"
)


def test_each_table_is_of_its_place_in_time() -> None:
    analysis = analyze_text(TICKET)
    assert times(analysis) == [(of_day(11, 2, 55, 146755), TimeFrom.PLACE), (of_day(11, 2, 57, 40000), TimeFrom.PLACE)]
    flow = analysis.flows.iloc[0]
    assert (flow.verdict, flow.server_kernel_state, flow.server_process, flow.server_pid) == (
        "close_wait",
        "CLOSE_WAIT",
        "app",
        297,
    )
    assert (flow.cause, flow.confidence) == ("not_closed", "certain")
    assert "text line 18: CLOSE_WAIT, Recv-Q 6" in flow.evidence
    assert analysis.agreement["agrees"].all()
    assert analysis.sockets["line"].to_list() == [9, 18]


def test_a_table_before_all_packets_is_of_the_first_one() -> None:
    analysis = analyze_text(netstat("ESTABLISHED") + LISTING)
    assert times(analysis) == [(of_day(11, 2, 55, 146737), TimeFrom.PLACE)]


def test_names_in_packets_and_addresses_in_a_table() -> None:
    named = LISTING.replace("10.0.0.1.46098", "web01.46098").replace("10.0.0.2.9000", "app.9000")
    flow = analyze_text(named + netstat("CLOSE_WAIT")).flows.iloc[0]
    assert (flow.client, flow.server, flow.server_kernel_state, flow.server_pid) == ("web01", "app", "CLOSE_WAIT", 297)


def test_a_table_tells_the_addresses_of_names() -> None:
    analysis = analyze_text(LISTING.replace("10.0.0.1.46098", "web01.46098") + netstat("CLOSE_WAIT"))
    assert "By the sockets of its flows, web01 is 10.0.0.1." in str(analysis.report())
    assert "By the sockets of its flows" not in str(analysis.anonymized(bytes(32)).report())
    assert "By the sockets of its flows" not in str(analyze_text(LISTING + netstat("CLOSE_WAIT")).report())


def test_a_name_that_only_one_end_has() -> None:
    """The other end's address has to be the socket's."""
    named = LISTING.replace("10.0.0.1.46098", "web01.46098")
    assert analyze_text(named + netstat("CLOSE_WAIT")).flows.iloc[0].server_pid == 297
    elsewhere = named.replace("10.0.0.2", "10.0.0.3")
    assert "server_pid" not in analyze_text(elsewhere).flows
    assert analyze_text(elsewhere + netstat("CLOSE_WAIT")).flows["server_pid"].isna().all()


def test_ports_that_two_named_flows_have_join_neither() -> None:
    named = LISTING.replace("10.0.0.1.46098", "web01.46098") + LISTING.replace("10.0.0.1.46098", "web02.46098")
    assert analyze_text(named + netstat("CLOSE_WAIT")).flows["server_pid"].isna().all()


def test_ports_that_are_the_same_at_both_ends_do_not_tell_which_end_it_is() -> None:
    named = LISTING.replace("10.0.0.1.46098", "web01.9000").replace("10.0.0.2.9000", "app.9000")
    table = netstat("CLOSE_WAIT").replace("46098", "9000 ")
    assert analyze_text(named + table).flows["server_pid"].isna().all()


def test_a_table_with_a_date_among_packets_with_dates() -> None:
    """It was taken 20 s after the last packet, which says so: the wait lasts until then."""
    dated = "".join(f"2026-11-21 {line}\n" for line in LISTING.splitlines())
    analysis = analyze_text(f"{dated}Sat Nov 21 11:03:17 UTC 2026\n{netstat('CLOSE_WAIT')}")
    flow = analysis.flows.iloc[0]
    assert flow.held.total_seconds() == 19.96
    assert flow.stuck


def test_a_table_with_a_date_among_packets_without() -> None:
    """Its time of day is that of the packets' day, whatever that is."""
    analysis = analyze_text(f"{LISTING}Sat Nov 21 11:03:17 UTC 2026\n{netstat('CLOSE_WAIT')}")
    assert times(analysis) == [(of_day(11, 3, 17), TimeFrom.CONTENT_AS_UTC)]
    assert analysis.flows["held"].iloc[0].total_seconds() == 19.96


def test_a_table_of_elsewhere_prolongs_no_wait_of_an_unknown_day() -> None:
    analysis = analyze_text(LISTING, sockets=f"Sat Nov 21 11:03:17 UTC 2026\n{netstat('CLOSE_WAIT')}")
    flow = analysis.flows.iloc[0]
    assert (flow.server_kernel_state, flow.held.total_seconds()) == ("CLOSE_WAIT", 0)


def test_tables_among_packets_without_times_are_of_the_end() -> None:
    analysis = analyze_text("\n".join(line.partition(" ")[2] if "Flags" in line else line for line in TICKET.splitlines()))
    assert times(analysis) == [(None, TimeFrom.UNKNOWN)] * 2
    assert analysis.flows["server_kernel_state"].iloc[0] == "CLOSE_WAIT"  # of equals, the one that stands last


def test_text_without_tables_has_none() -> None:
    analysis = analyze_text(LISTING + "The state is CLOSE_WAIT, we think.\n")
    assert analysis.result.matches is None
    assert "server_kernel_state" not in analysis.flows


def test_tables_far_from_each_other_stay_apart() -> None:
    prose = "nothing of interest\n" * 500
    analysis = analyze_text(f"{LISTING}{netstat('ESTABLISHED')}{prose}{netstat('CLOSE_WAIT')}")
    assert len(times(analysis)) == 2
