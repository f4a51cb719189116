"""Every tool spells the states in its own way."""

import pytest

from closewait_pcap.tcp.state import State

SPELLINGS = {
    "RFC 9293": "LISTEN SYN-SENT SYN-RECEIVED ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 CLOSE-WAIT CLOSING LAST-ACK TIME-WAIT CLOSED",
    "ss": "LISTEN SYN-SENT SYN-RECV ESTAB FIN-WAIT-1 FIN-WAIT-2 CLOSE-WAIT CLOSING LAST-ACK TIME-WAIT UNCONN",
    "netstat": "LISTEN SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE_WAIT CLOSING LAST_ACK TIME_WAIT CLOSE",
    "lsof": "(LISTEN) (SYN_SENT) (SYN_RCVD) (ESTABLISHED) (FIN_WAIT1) (FIN_WAIT2) (CLOSE_WAIT) (CLOSING) (LAST_ACK) (TIME_WAIT) "
    "(CLOSED)",
    "Windows": "LISTENING SYN_SENT SYN_RECEIVED ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 CLOSE_WAIT CLOSING LAST_ACK TIME_WAIT CLOSED",
    "macOS": "LISTEN SYN_SENT SYN_RCVD ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 CLOSE_WAIT CLOSING LAST_ACK TIME_WAIT CLOSED",
    "/proc/net/tcp": "0A 02 03 01 04 05 08 0B 09 06 07",
}
ORDER = [*list(State)[1:4], State.ESTABLISHED, State.FIN_WAIT_1, State.FIN_WAIT_2, *list(State)[7:], State.CLOSED]


@pytest.mark.parametrize("tool", SPELLINGS)
def test_spellings_of(tool: str) -> None:
    assert [State.parse(word) for word in SPELLINGS[tool].split()] == ORDER


@pytest.mark.parametrize("state", State)
def test_its_own_spelling(state: State) -> None:
    assert State.parse(str(state)) is state
    assert State.parse(f"  {str(state).lower()}\n") is state
    assert str(state) == state.name


@pytest.mark.parametrize("text", ["", "OPEN", "FF", "CLOSE_WAITING"])
def test_what_no_tool_says(text: str) -> None:
    with pytest.raises(ValueError, match="not a TCP state"):
        State.parse(text)
